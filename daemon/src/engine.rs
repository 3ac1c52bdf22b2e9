//! The heart of the daemon: asks everything again and again, believes what is steady, judges, and publishes
//! one snapshot that all surfaces read. The only writer of state.
//!
//! Time comes from a [`Clock`] and the timers of tokio, runs from a [`Runner`], so that a year of a site runs
//! in seconds in tests.

mod known;
mod memory;
mod pace;
mod state;
mod wide;

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use sightline_model::incident::{Event, Moment, Past};
use sightline_model::silence::{Matching, Silence};
use sightline_model::snapshot::Snapshot;
use sightline_model::{CheckKey, Observation, Reason};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::plan::Plan;
use crate::run::{self, Task};
use crate::survey;
use state::State;

/// As many runs may be under way.
const MOST_RUNNING: usize = 96;

/// A run that does not keep its own deadline is given up so long after it.
const GRACE: Duration = Duration::from_secs(2);

/// What has changed is judged so soon, together with what changes meanwhile.
const SETTLE: Duration = Duration::from_millis(250);

/// Without a change it is judged so often: ages grow.
const REFRESH: Duration = Duration::from_secs(30);

/// The same while something is wrong: incidents open and close by time.
const REFRESH_SOON: Duration = Duration::from_secs(5);

/// Everything that is asked on demand is spread over so long.
const ALL_WITHIN: Duration = Duration::from_secs(2);

/// Both clocks.
pub trait Clock: fmt::Debug + Send + Sync {
    /// This moment.
    fn now(&self) -> Moment;
}

/// The clocks of this box.
#[derive(Debug)]
pub struct SystemClock {
    begun: Instant,
}

impl Default for SystemClock {
    fn default() -> Self {
        Self {
            begun: Instant::now(),
        }
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Moment {
        Moment {
            wall: run::now(),
            steady: self.begun.elapsed(),
        }
    }
}

/// Who runs a task.
pub trait Runner: fmt::Debug + Send + Sync {
    /// Runs it once. What it yields is about the check of the task.
    fn run(&self, task: Arc<Task>) -> Pin<Box<dyn Future<Output = Observation> + Send>>;
}

/// Runs tasks against the network.
#[derive(Debug, Default)]
pub struct Probes;

impl Runner for Probes {
    fn run(&self, task: Arc<Task>) -> Pin<Box<dyn Future<Output = Observation> + Send>> {
        Box::pin(async move {
            let _turn = match task.probe.turn() {
                Some(turn) => turn.acquire_owned().await.ok(),
                None => None,
            };
            run::once(&task).await
        })
    }
}

/// What the engine is told.
#[derive(Debug)]
pub enum Command {
    /// Asks everything now: somebody has just mended something.
    CheckNow,
    /// Another configuration.
    Reload(Box<Plan>),
    /// Another configuration that is not good, and why.
    Refused(String),
    /// Why the web file that is there now is not in use, or that it is.
    WebFile(Option<String>),
    /// The domain that the search list leads to.
    Domain(String),
    /// Nobody is to be told for a while. What came of it goes back.
    Silence(SilenceOrder, oneshot::Sender<Result<Silence, String>>),
    /// A silence, by its id, ends early. Whether there was one goes back.
    EndSilence(String, oneshot::Sender<bool>),
}

/// What a silence is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SilenceOrder {
    /// How long, within [`Silence::SHORTEST`] and [`Silence::LONGEST`].
    pub lasts: Duration,
    /// Why, for people.
    pub why: String,
    /// What it is about.
    pub matching: Matching,
}

/// The engine.
#[derive(Debug)]
pub struct Engine {
    state: State,
    runner: Arc<dyn Runner>,
    clock: Arc<dyn Clock>,
    running: JoinSet<(CheckKey, Observation)>,
    snapshots: watch::Sender<Arc<Snapshot>>,
    events: mpsc::UnboundedSender<Event>,
    /// When it is judged next.
    judge_at: Instant,
    /// When the way out is looked for next.
    look_at: Instant,
}

/// What the engine tells.
#[derive(Debug)]
pub struct Outlets {
    /// The latest snapshot.
    pub snapshots: watch::Receiver<Arc<Snapshot>>,
    /// What happened to incidents, in order.
    pub events: mpsc::UnboundedReceiver<Event>,
}

impl Engine {
    /// An engine that has asked nothing yet, and goes on with what was before it.
    #[must_use]
    pub fn new(
        plan: Arc<Plan>,
        past: Past,
        runner: Arc<dyn Runner>,
        clock: Arc<dyn Clock>,
    ) -> (Self, Outlets) {
        let state = State::new(plan, past, clock.now());
        let (snapshots, receiver) = watch::channel(Arc::new(state.snapshot(clock.now(), 0)));
        let (events, happened) = mpsc::unbounded_channel();
        let engine = Self {
            state,
            runner,
            clock,
            running: JoinSet::new(),
            snapshots,
            events,
            judge_at: Instant::now(),
            look_at: Instant::now(),
        };
        let outlets = Outlets {
            snapshots: receiver,
            events: happened,
        };
        (engine, outlets)
    }

    /// Works until nobody can command it any more.
    pub async fn run(mut self, mut commands: mpsc::Receiver<Command>) {
        loop {
            let now = Instant::now();
            if now >= self.judge_at {
                self.look_for_the_way_out(now).await;
                self.judge();
            }
            self.start_due();
            let wake = self
                .state
                .next_due()
                .filter(|_| self.running.len() < MOST_RUNNING)
                .map_or(self.judge_at, |due| due.min(self.judge_at));
            tokio::select! {
                command = commands.recv() => match command {
                    Some(command) => self.obey(command),
                    None => return,
                },
                Some(ended) = self.running.join_next(), if !self.running.is_empty() => {
                    // A run catches its own panics; nothing here cancels one.
                    if let Ok((key, seen)) = ended {
                        self.ended(&key, seen);
                    }
                }
                () = tokio::time::sleep_until(wake) => {}
            }
        }
    }

    /// Links come and go, and with them the one that leads out beside the tunnels.
    async fn look_for_the_way_out(&mut self, now: Instant) {
        let Some(plan) = self.state.with_tunnels() else {
            return;
        };
        if now >= self.look_at {
            self.look_at = now + REFRESH;
            self.state.leave_by(survey::bound(&plan).await);
        }
    }

    fn start_due(&mut self) {
        let room = MOST_RUNNING.saturating_sub(self.running.len());
        for (key, task) in self.state.take_due(Instant::now(), room) {
            let runner = Arc::clone(&self.runner);
            let clock = Arc::clone(&self.clock);
            self.running.spawn(async move {
                let started = clock.now().wall;
                let begun = Instant::now();
                let limit = task.timeout + GRACE;
                let seen = match tokio::time::timeout(limit, runner.run(Arc::clone(&task))).await {
                    Ok(seen) => seen,
                    Err(_elapsed) => Observation::blind(
                        task.check.clone(),
                        &task.path.name,
                        (started, begun.elapsed()),
                        Reason::Overloaded,
                        format!(
                            "the run did not end within {}: this box is overloaded, or the probe hangs",
                            crate::text::duration(limit)
                        ),
                    ),
                };
                (key, seen)
            });
        }
    }

    fn ended(&mut self, key: &CheckKey, seen: Observation) {
        let now = Instant::now();
        if self.state.ended(key, seen, now, self.clock.now()) {
            self.judge_at = self.judge_at.min(now + SETTLE);
        }
    }

    fn judge(&mut self) {
        for event in self.state.judge(self.clock.now(), Instant::now()) {
            // Nobody may be listening any more while everything stops.
            let _unheard = self.events.send(event);
        }
        let snapshot = self.state.snapshot(self.clock.now(), self.running.len());
        self.snapshots.send_replace(Arc::new(snapshot));
        let wait = if self.state.is_quiet() {
            REFRESH
        } else {
            REFRESH_SOON
        };
        self.judge_at = Instant::now() + wait;
    }

    fn obey(&mut self, command: Command) {
        match command {
            Command::CheckNow => self.state.check_now(Instant::now(), ALL_WITHIN),
            Command::Reload(plan) => {
                self.state.reload(Arc::from(plan), self.clock.now());
                self.look_at = Instant::now();
                self.judge_at = Instant::now();
            }
            Command::Refused(why) => {
                self.state.refused(why);
                self.judge_at = Instant::now();
            }
            Command::WebFile(trouble) => {
                self.state.web_file(trouble);
                self.judge_at = Instant::now();
            }
            Command::Silence(order, reply) => {
                // Who has asked may be gone.
                let _gone = reply.send(self.state.silence(order, self.clock.now()));
                self.judge_at = Instant::now();
            }
            Command::EndSilence(id, reply) => {
                let _gone = reply.send(self.state.end_silence(&id));
                self.judge_at = Instant::now();
            }
            Command::Domain(domain) => {
                self.state.found_domain(domain);
                self.judge_at = Instant::now();
            }
        }
    }
}

#[cfg(test)]
mod tests;
