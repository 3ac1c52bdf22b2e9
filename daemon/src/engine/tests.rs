//! A site in simulated time: every run takes a moment, and gives what the script of the world says.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Mutex;

use sightline_model::{
    ClockReading, ControllerFacts, Facts, Finding, Outcome, Phase, Severity, SrvRecord,
    State as Ended, Subject, Topic, Verdict,
};

use super::*;
use crate::config::Config;
use crate::plan::SystemResolvers;

/// What it remembers.
mod memory;
/// A wide fault that is seen first at one host.
mod wide;

const DOMAIN: &str = "corp.example.com";

/// What is wrong, by a word that the name of a check contains: the reason, and how often it is left.
#[derive(Debug, Default)]
struct World {
    faults: Mutex<BTreeMap<&'static str, (Reason, usize)>>,
    /// How often which probe ran.
    runs: Mutex<BTreeMap<&'static str, u64>>,
    /// Runs whose name contains this never end.
    hangs: Mutex<Option<&'static str>>,
}

impl World {
    fn breaks(&self, word: &'static str, reason: Reason) {
        self.fails_times(word, reason, usize::MAX);
    }

    fn fails_times(&self, word: &'static str, reason: Reason, times: usize) {
        let mut faults = self.faults.lock().expect("not poisoned");
        faults.insert(word, (reason, times));
    }

    fn heals(&self) {
        self.faults.lock().expect("not poisoned").clear();
    }

    fn finding(&self, name: &str) -> Option<Finding> {
        let mut faults = self.faults.lock().expect("not poisoned");
        let (word, (reason, left)) = faults.iter_mut().find(|(word, _)| name.contains(**word))?;
        let (reason, word) = (*reason, *word);
        *left -= 1;
        if *left == 0 {
            faults.remove(word);
        }
        Some(Finding {
            reason,
            severity: Severity::Blocking,
            phase: Phase::Connect,
            detail: format!("{name}: {reason}"),
        })
    }
}

impl Runner for Arc<World> {
    fn run(&self, task: Arc<Task>) -> Pin<Box<dyn Future<Output = Observation> + Send>> {
        let world = Self::clone(self);
        Box::pin(async move {
            let check = task.check.clone();
            *world
                .runs
                .lock()
                .expect("not poisoned")
                .entry(check.probe)
                .or_default() += 1;
            let name = format!("{} {} {:?}", check.probe, check.service, check.subject);
            let hangs = *world.hangs.lock().expect("not poisoned");
            if hangs.is_some_and(|word| name.contains(word)) {
                std::future::pending::<()>().await;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
            let finding = world.finding(&name);
            let outcome = Outcome {
                facts: if finding.is_none() {
                    facts(&check.subject, check.service)
                } else {
                    Facts::default()
                },
                findings: finding.into_iter().collect(),
                ..Outcome::default()
            };
            Observation {
                path: task.path.name.clone(),
                started: run::now(),
                took: Duration::from_millis(20),
                outcome,
                check,
            }
        })
    }
}

/// What a healthy thing says.
fn facts(subject: &Subject, service: &str) -> Facts {
    let mut facts = Facts::default();
    match subject {
        Subject::Resolver {
            topic: Topic::Locator,
            ..
        } => {
            facts.records = ["dc1", "dc2"]
                .map(|name| SrvRecord {
                    priority: 0,
                    weight: 100,
                    port: 389,
                    target: format!("{name}.{DOMAIN}"),
                })
                .to_vec();
        }
        Subject::ControllerName { name, .. } => {
            let last = if name.starts_with("dc1") { 10 } else { 20 };
            facts.addresses = vec![IpAddr::from([127, 2, 0, last])];
        }
        Subject::Host { .. } if service.ends_with("lookup") || service == "address" => {
            facts.addresses = vec![IpAddr::from([127, 3, 0, 1])];
        }
        Subject::Controller { name, .. } if service == "cldap" => {
            facts.controller = Some(ControllerFacts {
                host: name.clone(),
                domain: DOMAIN.to_owned(),
                forest: DOMAIN.to_owned(),
                dc_site: "Berlin".to_owned(),
                client_site: "Berlin".to_owned(),
                flags: vec!["GC".to_owned(), "KDC".to_owned(), "TIMESERV".to_owned()],
                ..ControllerFacts::default()
            });
        }
        Subject::Controller { .. } if service == "kerberos" => {
            facts.clock = Some(ClockReading {
                offset: 0.1,
                uncertainty: 0.01,
                rank: 3,
            });
        }
        Subject::TimeSource { .. } => {
            facts.addresses = vec![IpAddr::from([127, 4, 0, 1])];
            facts.clock = Some(ClockReading {
                offset: 0.0,
                uncertainty: 0.01,
                rank: 3,
            });
        }
        _ => {}
    }
    facts
}

#[derive(Debug)]
struct Simulated {
    begun: Instant,
    /// How far the wall clock was set, in milliseconds.
    set: Mutex<i64>,
}

impl Clock for Simulated {
    fn now(&self) -> Moment {
        let steady = self.begun.elapsed();
        let millis = i64::try_from(steady.as_millis()).expect("a short time");
        let set = *self.set.lock().expect("not poisoned");
        Moment {
            wall: sightline_model::Timestamp::from_unix_millis(1_800_000_000_000 + millis + set),
            steady,
        }
    }
}

struct Site {
    world: Arc<World>,
    clock: Arc<Simulated>,
    outlets: Outlets,
    commands: mpsc::Sender<Command>,
}

fn plan(change: impl FnOnce(&mut Config)) -> Plan {
    plan_with([127, 1, 0, 53], change)
}

/// A plan for a box that uses a resolver.
fn plan_with(resolver: [u8; 4], change: impl FnOnce(&mut Config)) -> Plan {
    let mut config = Config::default();
    config.site.name = "berlin-02".into();
    config.domain.name = Some(DOMAIN.parse().expect("a name"));
    change(&mut config);
    let system = SystemResolvers {
        servers: vec![(resolver, 53).into()],
        ..SystemResolvers::default()
    };
    Plan::new(&config, &system).expect("a plan")
}

impl Site {
    fn new() -> Self {
        Self::after(Past::default(), Arc::default())
    }

    /// A daemon that starts on what one before has left.
    fn after(past: Past, world: Arc<World>) -> Self {
        let clock = Arc::new(Simulated {
            begun: Instant::now(),
            set: Mutex::new(0),
        });
        let (engine, outlets) = Engine::new(
            Arc::new(plan(|_| {})),
            past,
            Arc::new(Arc::clone(&world)),
            Arc::<Simulated>::clone(&clock),
        );
        let (commands, orders) = mpsc::channel(4);
        tokio::spawn(engine.run(orders));
        Self {
            world,
            clock,
            outlets,
            commands,
        }
    }

    async fn passes(&self, seconds: u64) {
        tokio::time::sleep(Duration::from_secs(seconds)).await;
    }

    fn snapshot(&self) -> Arc<Snapshot> {
        Arc::clone(&self.outlets.snapshots.borrow())
    }

    fn verdict(&self) -> Verdict {
        self.snapshot().verdict(self.clock.now())
    }

    /// What happened since it was last asked, as `opened REASON`.
    fn events(&mut self) -> Vec<String> {
        let mut said = Vec::new();
        while let Ok(event) = self.outlets.events.try_recv() {
            said.push(match event {
                Event::Opened(incident) => format!("opened {}", incident.reason),
                Event::Changed(incident) => format!("changed {}", incident.reason),
                Event::Closed(incident) => format!("closed {}", incident.reason),
            });
        }
        said
    }
}

#[tokio::test(start_paused = true)]
async fn a_healthy_site_is_ready_after_its_first_round_and_nothing_opens_all_day() {
    let mut site = Site::new();
    assert_eq!(site.verdict(), Verdict::Unknown);
    site.passes(10).await;
    let causes: Vec<_> = site.snapshot().status.networks[0]
        .root_causes
        .iter()
        .map(|cause| (cause.reason, cause.subject.clone()))
        .collect();
    assert_eq!(site.verdict(), Verdict::Ready, "{causes:?}");
    site.passes(24 * 3600).await;
    assert_eq!(site.verdict(), Verdict::Ready);
    assert!(site.events().is_empty());
    let snapshot = site.snapshot();
    assert_eq!(snapshot.schedule.skipped, 0);
    // 24 hours of an interval of 30 s, twice in the first one.
    let runs = site.world.runs.lock().expect("not poisoned")["link"];
    assert!((2880..=2884).contains(&runs), "{runs}");
}

#[tokio::test(start_paused = true)]
async fn a_fault_that_stays_is_one_incident_within_three_minutes_and_over_within_two() {
    let mut site = Site::new();
    site.passes(60).await;
    site.world
        .breaks("smb smb Controller", Reason::ConnectTimeout);
    site.passes(180).await;
    assert_eq!(site.events(), ["opened port_blocked"]);
    assert_eq!(site.verdict(), Verdict::NotReady);
    let open = site.snapshot().open.clone();
    assert_eq!(open.len(), 1);
    assert_eq!(
        open[0].subject,
        "tcp/445 on dc1.corp.example.com, dc2.corp.example.com"
    );
    site.passes(3600).await;
    assert!(site.events().is_empty());
    site.world.heals();
    site.passes(120).await;
    // The first of the two to be back makes it a smaller one.
    let events = site.events();
    assert_eq!(
        events.last().map(String::as_str),
        Some("closed port_blocked")
    );
    assert!(
        events.iter().all(|event| !event.starts_with("opened")),
        "{events:?}"
    );
    assert_eq!(site.verdict(), Verdict::Ready);
    assert_eq!(site.snapshot().closed.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn one_lost_packet_and_one_slow_answer_change_nothing() {
    let mut site = Site::new();
    site.passes(60).await;
    for word in [
        "cldap cldap Controller",
        "dns locator",
        "link link",
        "ldap ldap Controller",
    ] {
        site.world.fails_times(word, Reason::ReadTimeout, 1);
        site.passes(90).await;
        assert_eq!(site.verdict(), Verdict::Ready, "{word}");
    }
    assert!(site.events().is_empty());
    let failed: u64 = site
        .snapshot()
        .checks
        .iter()
        .flat_map(|check| check.failures.values())
        .sum();
    assert_eq!(failed, 4, "what was not believed is counted all the same");
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_set_by_an_hour_changes_nothing() {
    let mut site = Site::new();
    site.passes(60).await;
    for set in [3_600_000, -3_600_000, 0] {
        *site.clock.set.lock().expect("not poisoned") = set;
        site.passes(300).await;
        assert_eq!(site.verdict(), Verdict::Ready);
    }
    assert!(site.events().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_reload_keeps_what_is_known_of_unchanged_checks_and_a_bad_file_changes_nothing() {
    let mut site = Site::new();
    site.passes(100).await;
    let since = |site: &Site, probe: &str| {
        let snapshot = site.snapshot();
        let states = snapshot
            .checks
            .iter()
            .filter_map(|check| check.state.clone());
        states
            .filter(|state| state.believed().check.probe == probe)
            .map(|state| (state.since(), state.runs().total()))
            .min()
    };
    let before = since(&site, "link");
    let changed = plan(|config| config.probe.slow_ping = Duration::from_millis(200));
    site.commands
        .send(Command::Reload(Box::new(changed)))
        .await
        .expect("it listens");
    site.commands
        .send(Command::Refused("line 3: no key `foo`".into()))
        .await
        .expect("it listens");
    site.passes(1).await;
    assert_eq!(since(&site, "link"), before);
    assert_eq!(
        site.snapshot().configuration.refused.as_deref(),
        Some("line 3: no key `foo`")
    );
    site.passes(300).await;
    assert_eq!(site.verdict(), Verdict::Ready);
    assert!(site.events().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_hangs_is_our_own_fault_and_blames_nobody() {
    let mut site = Site::new();
    site.passes(60).await;
    *site.world.hangs.lock().expect("not poisoned") = Some("link link");
    site.passes(300).await;
    assert_eq!(site.verdict(), Verdict::Unknown);
    let snapshot = site.snapshot();
    let link = snapshot.checks.iter().find_map(|check| {
        let state = check.state.as_ref()?;
        (state.believed().check.probe == "link").then(|| state.state())
    });
    assert_eq!(link, Some(Ended::Unknown));
    assert_eq!(site.events(), ["opened overloaded"]);
}

#[tokio::test(start_paused = true)]
async fn somebody_who_has_mended_something_can_have_it_looked_at_now() {
    let site = Site::new();
    site.passes(100).await;
    let runs = |site: &Site| {
        site.world
            .runs
            .lock()
            .expect("not poisoned")
            .values()
            .sum::<u64>()
    };
    let before = runs(&site);
    site.commands
        .send(Command::CheckNow)
        .await
        .expect("it listens");
    site.passes(4).await;
    let checks = u64::try_from(site.snapshot().checks.len()).expect("few");
    assert!(
        runs(&site) - before >= checks,
        "{} of {checks}",
        runs(&site) - before
    );
}

#[tokio::test(start_paused = true)]
async fn an_engine_that_nobody_drives_is_seen_to_stand_still() {
    let site = Site::new();
    site.passes(60).await;
    let snapshot = site.snapshot();
    assert_eq!(snapshot.verdict(site.clock.now()), Verdict::Ready);
    drop(site.commands);
    tokio::time::sleep(Duration::from_secs(100)).await;
    assert!(snapshot.is_stalled(site.clock.now()));
    assert_eq!(snapshot.verdict(site.clock.now()), Verdict::Unknown);
}

/// A site with one open incident, as one that is started again finds it.
async fn left_with_an_incident() -> (Past, Arc<World>) {
    let site = Site::new();
    site.passes(60).await;
    site.world
        .breaks("smb smb Controller", Reason::ConnectTimeout);
    site.passes(180).await;
    let past = Past {
        memory: sightline_model::incident::Memory::default(),
        open: site.snapshot().open.clone(),
        closed: Vec::new(),
    };
    assert_eq!(past.open.len(), 1);
    (past, Arc::clone(&site.world))
}

#[tokio::test(start_paused = true)]
async fn an_incident_goes_on_over_a_restart_and_closes_when_its_cause_is_gone() {
    let (past, world) = left_with_an_incident().await;
    let id = past.open[0].id.clone();
    let mut site = Site::after(past.clone(), world);
    assert_eq!(site.snapshot().open, past.open);
    site.passes(600).await;
    assert!(site.events().is_empty(), "it is known already");
    assert_eq!(site.snapshot().open[0].id, id);
    let since = site.snapshot().status.networks[0].root_causes[0].since;
    assert_eq!(since, past.open[0].since);
    site.world.heals();
    site.passes(120).await;
    let closed = site.snapshot().closed.clone();
    assert_eq!(closed.len(), 1);
    assert_eq!(closed[0].id, id);
    assert!(site.snapshot().open.is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_was_mended_while_nobody_looked_closes_once_somebody_has_looked() {
    let (past, world) = left_with_an_incident().await;
    world.heals();
    *world.hangs.lock().expect("not poisoned") = Some("link link");
    let mut site = Site::after(past, world);
    site.passes(3).await;
    assert!(!site.snapshot().is_warm);
    assert!(site.events().is_empty());
    *site.world.hangs.lock().expect("not poisoned") = None;
    site.passes(180).await;
    let closed = "closed port_blocked".to_owned();
    assert!(site.events().contains(&closed));
    assert!(site.snapshot().open.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_packet_that_is_lost_right_after_a_start_is_no_incident() {
    for word in ["link link", "dns locator", "ntp", "smb smb Controller"] {
        let world = Arc::new(World::default());
        world.fails_times(word, Reason::ReadTimeout, 1);
        let mut site = Site::after(Past::default(), world);
        site.passes(300).await;
        assert_eq!(site.events(), Vec::<String>::new(), "{word}");
        assert_eq!(site.verdict(), Verdict::Ready, "{word}");
    }
}
