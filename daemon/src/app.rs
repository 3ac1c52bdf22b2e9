//! `sightline run`: makes the channels, starts the tasks, reloads, and stops in order. Knows everybody.

mod incidents;
mod sockets;

use std::sync::Arc;
use std::time::Duration;

use sightline_model::Verdict;
use sightline_model::incident::Moment;
use sightline_model::snapshot::Snapshot;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinError;

use crate::appliance::Displays;
use crate::check;
use crate::engine::{Clock, Command, Engine, Probes, SystemClock};
use crate::plan::{Appliance, Plan};
use crate::store::{Opened, Store};
use crate::surface;
use crate::systemd::Manager;
use crate::web::{self, Doors, Security};

pub use sockets::Sockets;

/// Without a configured domain the search list is tried so often.
const SEARCH_EVERY: Duration = Duration::from_secs(60);

/// The manager hears of the state so often, whether it has changed or not.
const TELL_EVERY: Duration = Duration::from_secs(5);

/// The last minutes may take the disk so long when it stops.
const STORE_PATIENCE: Duration = Duration::from_millis(500);

/// Commands that may wait.
const MOST_COMMANDS: usize = 16;

/// The signals that are obeyed.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hang_up: Signal,
}

impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }
}

/// Runs until it is told to stop. `load` reads the configuration and the web file anew.
///
/// # Errors
/// A sentence, where the system does not give what is needed.
pub async fn run(
    plan: Plan,
    (sockets, security): (Sockets, Security),
    load: &dyn Fn() -> Result<Plan, String>,
) -> Result<(), String> {
    let listeners = sockets::listen(sockets, &plan, &security).await?;
    let mut signals =
        Signals::new().map_err(|error| format!("signals cannot be received: {error}"))?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::default());
    let plan = Arc::new(plan);
    let (store, opened) = open(&plan, clock.now()).await;
    let (engine, outlets) = Engine::new(
        Arc::clone(&plan),
        opened.past,
        Arc::new(Probes),
        Arc::clone(&clock),
    );
    let (commands, orders) = mpsc::channel(MOST_COMMANDS);
    let engine = tokio::spawn(engine.run(orders));
    if plan.domain.is_none() {
        tokio::spawn(search(Arc::clone(&plan), commands.clone()));
    }
    let mut told = tokio::spawn(incidents::tell_events(
        outlets.events,
        outlets.snapshots.clone(),
        (store.clone(), Arc::clone(&clock)),
    ));
    let (reload_wanted, mut wanted) = mpsc::channel(1);
    let (stop, stopped) = oneshot::channel::<()>();
    let doors = Doors {
        snapshots: outlets.snapshots.clone(),
        store: store.clone(),
        clock: Arc::clone(&clock),
        commands: commands.clone(),
        reload: reload_wanted,
        security,
    };
    let mut web = tokio::spawn(web::serve(listeners, doors, async {
        let _stopped = stopped.await;
    }));
    let Appliance { led, console } = &plan.appliance;
    let displays = Displays::new(led.as_deref(), console.as_deref());
    let shown = tokio::spawn(displays.show(outlets.snapshots.clone(), Arc::clone(&clock)));
    let mut manager = Manager::new();
    tracing::info!(
        site = plan.site,
        version = env!("CARGO_PKG_VERSION"),
        "started; the first verdict comes when everything has been asked once"
    );
    manager.ready();
    let mut snapshots = outlets.snapshots;
    let mut remembered = Arc::clone(&snapshots.borrow().memory);
    let mut verdict = Said::default();
    let mut trouble = Trouble::default();
    let mut ticks = tokio::time::interval(TELL_EVERY);
    loop {
        tokio::select! {
            _ = signals.terminate.recv() => break,
            _ = signals.interrupt.recv() => break,
            _ = signals.hang_up.recv() => {
                let _said = reload(&manager, &commands, (&plan, load)).await;
            }
            Some(wanted) = wanted.recv() => {
                let done = reload(&manager, &commands, (&plan, load)).await;
                // Whoever asked may be gone.
                let _gone = wanted.send(done);
            }
            // Neither ends by itself: a fault in one must not look like a daemon that lives.
            ended = &mut web => return Err(stopped_early("the web surface", ended)),
            ended = &mut told => return Err(stopped_early("the log of incidents", ended)),
            changed = snapshots.changed() => {
                if changed.is_err() {
                    return Err(stopped_early("the engine", engine.await));
                }
                show(&mut manager, &mut verdict, &snapshots, &*clock);
                let memory = Arc::clone(&snapshots.borrow().memory);
                if !Arc::ptr_eq(&memory, &remembered) {
                    store.remember(&memory);
                    remembered = memory;
                }
            }
            _ = ticks.tick() => {
                show(&mut manager, &mut verdict, &snapshots, &*clock);
                let snapshot = Arc::clone(&snapshots.borrow());
                store.sample(clock.now(), &snapshot);
                trouble.follow(&store);
            }
        }
    }
    manager.stopping();
    drop(stop);
    // What is being answered is answered, within the second that the web surface gives itself.
    let _ended = web.await;
    // What has happened until now is told and kept before the store closes.
    engine.abort();
    // The displays show that nobody looks any more.
    let rest = async { tokio::join!(told, shown) };
    let _ended = tokio::time::timeout(STORE_PATIENCE, rest).await;
    if !store.close(STORE_PATIENCE).await {
        tracing::warn!("the store did not take the last minutes in time");
    }
    tracing::info!("stopped");
    Ok(())
}

fn stopped_early(what: &str, ended: Result<(), JoinError>) -> String {
    match ended {
        Ok(()) => format!("{what} has stopped by itself"),
        Err(error) => format!("{what} has stopped: {error}"),
    }
}

fn show(
    manager: &mut Manager,
    said: &mut Said,
    snapshots: &watch::Receiver<Arc<Snapshot>>,
    clock: &dyn Clock,
) {
    let snapshot = Arc::clone(&snapshots.borrow());
    manager.follow(&snapshot, clock.now());
    said.follow(&snapshot, clock);
}

/// The verdict that was logged last: a change is one line, a steady state is silent.
#[derive(Debug, Default)]
struct Said(Option<Verdict>);

impl Said {
    fn follow(&mut self, snapshot: &Snapshot, clock: &dyn Clock) {
        let now = clock.now();
        let verdict = snapshot.verdict(now);
        if !snapshot.is_warm || self.0.replace(verdict) == Some(verdict) {
            return;
        }
        let sentence = surface::line(snapshot, now);
        let site = &snapshot.status.site;
        if verdict == Verdict::Ready {
            tracing::info!(site, verdict = verdict.id(), "{sentence}");
        } else {
            tracing::warn!(site, verdict = verdict.id(), "{sentence}");
        }
    }
}

async fn reload(
    manager: &Manager,
    commands: &mpsc::Sender<Command>,
    (before, load): (&Plan, &dyn Fn() -> Result<Plan, String>),
) -> Result<(), String> {
    manager.reloading();
    let mut done = Ok(());
    let command = match load() {
        Ok(plan) => {
            tracing::info!("the configuration was read anew");
            let lasting = |plan: &Plan| {
                let Plan {
                    listen,
                    control_socket,
                    web_file,
                    store,
                    appliance,
                    ..
                } = plan;
                (
                    listen.clone(),
                    control_socket.clone(),
                    web_file.clone(),
                    store.clone(),
                    appliance.clone(),
                )
            };
            if lasting(&plan) != lasting(before) {
                tracing::warn!(
                    "another key in `[web]`, `[store]` or `[appliance]` counts from the next start on"
                );
            }
            Command::Reload(Box::new(plan))
        }
        Err(error) => {
            tracing::error!(
                "the configuration is not good, and the one before stays in force: {error}"
            );
            done = Err(error.clone());
            Command::Refused(error)
        }
    };
    // The engine is gone only while everything ends.
    let _ending = commands.send(command).await;
    manager.ready();
    done
}

/// Looks for the domain that the search list leads to, until it is found.
async fn search(plan: Arc<Plan>, commands: mpsc::Sender<Command>) {
    loop {
        if let Some(domain) = check::domain_of(&plan).await {
            tracing::info!(domain, "the search list leads to a domain");
            let _ending = commands.send(Command::Domain(domain)).await;
            return;
        }
        tokio::time::sleep(SEARCH_EVERY).await;
    }
}

/// Opens the store, which may wait for a disk.
async fn open(plan: &Arc<Plan>, now: Moment) -> (Store, Opened) {
    let place = plan.store.clone();
    let opened = tokio::task::spawn_blocking(move || Store::open(&place, Store::QUOTA, now.wall));
    let (store, opened) = match opened.await {
        Ok(opened) => opened,
        // A fault of ours in there is one of the whole daemon.
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    };
    if let Some(note) = &opened.note {
        tracing::warn!("{note}");
    }
    (store, opened)
}

/// What is wrong with the store, as it was said last.
#[derive(Debug, Default)]
struct Trouble(Option<String>);

impl Trouble {
    fn follow(&mut self, store: &Store) {
        let now = store.health().trouble;
        if now == self.0 {
            return;
        }
        match &now {
            Some(why) => tracing::warn!("history is at risk, and nothing else: {why}"),
            None => tracing::info!("the store keeps history again"),
        }
        self.0 = now;
    }
}
