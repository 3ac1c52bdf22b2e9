//! What is known, what is believed, and what follows. Knows no timers and starts no runs.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use sightline_model::circumstances::Circumstances;
use sightline_model::incident::{Event, Incident, Incidents, Moment, Past, Patience};
use sightline_model::silence::Silence;
use sightline_model::snapshot::{
    CheckView, Configuration, Durations, DurationsKey, Schedule, Snapshot,
};
use sightline_model::steady::{Belief, CheckState, Rules};
use sightline_model::{
    Check, CheckKey, NetworkScene, Observation, Reason, Scene, Stage, State as Ended, Status, judge,
};
use tokio::time::Instant;

use super::SilenceOrder;
use super::known::Known;
use super::memory::Memories;
use super::pace;
use super::wide::{self, Brake, News};
use crate::plan::{Network, Plan};
use crate::run::Task;
use crate::survey::{self, Wanted};
use crate::timetable::{Pace, Timetable};

/// A check that has not run for as many of its intervals is not known any more.
const STALE_INTERVALS: u32 = 3;

/// What is not wanted any more is remembered for so long: a controller that DNS forgets for a moment keeps
/// its history.
const REMEMBERED: Duration = Duration::from_secs(3600);

/// As much of it is remembered, the latest: whoever answers with other names each time must not fill the
/// memory.
const MOST_REMEMBERED: usize = 1000;

/// A doubt is looked into after so long, by how often it was before.
const CONFIRM_AFTER: [Duration; 3] = [
    Duration::from_secs(1),
    Duration::from_secs(3),
    Duration::from_secs(5),
];

#[derive(Debug)]
pub(super) struct State {
    plan: Arc<Plan>,
    /// Its networks, as they are left now.
    networks: Arc<Vec<Network>>,
    /// The domain that the search list leads to.
    found_domain: Option<String>,
    started: Moment,
    table: Timetable<CheckKey>,
    known: BTreeMap<CheckKey, Known>,
    incidents: Incidents,
    closed: Arc<Vec<Incident>>,
    incidents_total: Arc<BTreeMap<(String, &'static str), u64>>,
    durations: Arc<BTreeMap<DurationsKey, Durations>>,
    schedule: Schedule,
    configuration: Configuration,
    memories: Memories,
    brake: Brake,
    status: Arc<Status>,
    is_warm: bool,
}

impl State {
    pub(super) fn new(plan: Arc<Plan>, past: Past, now: Moment) -> Self {
        let status = Arc::new(judge(&Scene {
            site: plan.site.clone(),
            now: now.wall,
            stages: Vec::new(),
            limits: plan.limits,
            networks: Vec::new(),
        }));
        Self {
            found_domain: None,
            started: now,
            table: Timetable::default(),
            known: BTreeMap::new(),
            incidents: Incidents::resumed(Patience::default(), &past, now),
            closed: Arc::new(past.closed),
            memories: Memories::resumed(past.memory),
            brake: Brake::default(),
            incidents_total: Arc::default(),
            durations: Arc::default(),
            schedule: Schedule::default(),
            configuration: Configuration {
                loaded: now.wall,
                shown: Arc::clone(&plan.shown),
                ..Configuration::default()
            },
            status,
            is_warm: false,
            networks: Arc::new(plan.networks.clone()),
            plan,
        }
    }

    pub(super) fn next_due(&self) -> Option<Instant> {
        self.table.next()
    }

    /// What is due now, at most `room`.
    pub(super) fn take_due(&mut self, now: Instant, room: usize) -> Vec<(CheckKey, Arc<Task>)> {
        let due = self.table.take(now, room);
        self.schedule.skipped = self.table.skipped();
        due.into_iter()
            .filter_map(|due| {
                self.schedule.lag.observe(due.lag);
                let task = self.known.get(&due.key)?.task.clone()?;
                Some((due.key, task))
            })
            .collect()
    }

    /// Takes a run. Whether something is to be judged anew.
    pub(super) fn ended(
        &mut self,
        key: &CheckKey,
        seen: Observation,
        now: Instant,
        moment: Moment,
    ) -> bool {
        self.table.ended(key);
        self.schedule.progress = Some(moment);
        let Some(known) = self.known.get_mut(key) else {
            return false;
        };
        known.touched = now;
        if seen.outcome.state() != Ended::Unknown {
            let place = (known.network.clone(), seen.path.clone(), seen.check.probe);
            let durations = Arc::make_mut(&mut self.durations);
            durations.entry(place).or_default().observe(seen.took);
        }
        if seen.outcome.state() == Ended::Fail
            && let Some(worst) = seen.outcome.worst()
        {
            *known.failures.entry(worst.reason).or_default() += 1;
        }
        let Some(state) = &mut known.state else {
            let is_good = seen.outcome.state() <= Ended::Pass;
            known.state = Some(CheckState::first(seen));
            known.note(now);
            if !is_good {
                // Nothing is known that a first answer could be held against: a lost packet would stand until
                // the next run, and after a restart be an incident.
                self.table.soon(key, now + CONFIRM_AFTER[0]);
                self.spread(key, News::Doubt, now);
            }
            return true;
        };
        let said = state.believed().clone();
        let is_worse = seen.outcome.state() > state.state();
        match state.take(seen, Rules::default()) {
            Belief::Doubted => {
                let place = usize::try_from(state.doubts().saturating_sub(1)).unwrap_or(usize::MAX);
                let wait = CONFIRM_AFTER.get(place).or(CONFIRM_AFTER.last());
                self.table
                    .soon(key, now + wait.copied().unwrap_or_default());
                if is_worse {
                    self.spread(key, News::Doubt, now);
                }
                false
            }
            Belief::Changed => {
                known.note(now);
                let news = if is_worse { News::Worse } else { News::Better };
                self.spread(key, news, now);
                true
            }
            Belief::Same => !state.believed().says_the_same(&said),
        }
    }

    /// Has others asked out of turn, where the news of a check may be about them too.
    fn spread(&mut self, key: &CheckKey, news: News, now: Instant) {
        let Some(known) = self.known.get(key) else {
            return;
        };
        let (Some(task), network) = (&known.task, known.network.clone()) else {
            return;
        };
        let Some(whom) = self.brake.whom(&network, &task.check, news, now) else {
            return;
        };
        let others = self.known.iter().filter(|(other, known)| {
            let Some(task) = known.task.as_ref().filter(|_| *other != key) else {
                return false;
            };
            let is_well = known.believed().is_none_or(|state| state <= Ended::Pass);
            let is_slow = known.every > self.plan.schedule.path;
            known.network == network && whom.takes(&task.check, is_well, is_slow)
        });
        let others: Vec<CheckKey> = others.map(|(other, _)| other.clone()).collect();
        self.table.these(&others, now, wide::SPREAD);
    }

    /// Works out what is wanted, and how it stands.
    pub(super) fn judge(&mut self, moment: Moment, now: Instant) -> Vec<Event> {
        let plan = Arc::clone(&self.plan);
        let domain = plan.domain.clone().or_else(|| self.found_domain.clone());
        let looked_for = Wanted {
            domain: domain.as_deref(),
            stages: &Stage::ALL,
        };
        let mut paces: BTreeMap<CheckKey, Pace> = BTreeMap::new();
        let mut tasks: BTreeMap<CheckKey, (String, Arc<Task>)> = BTreeMap::new();
        let mut scenes: Vec<NetworkScene> = Vec::new();
        let mut circumstances: Vec<Circumstances> = Vec::new();
        let networks = Arc::clone(&self.networks);
        for network in networks.iter() {
            let latest = |check: &Check, path: &str| {
                let known = self.known.get(&check.key(&network.name, path))?;
                known.state.as_ref().map(CheckState::believed)
            };
            let mut current = survey::wanted(&plan, network, looked_for, &latest);
            for task in current.tasks {
                let key = task.check.key(&network.name, &task.path.name);
                let known = self.known.get(&key);
                let failing = known.and_then(|known| known.failing_for(now));
                let pace = Pace {
                    every: pace::now(&task.check, &plan.schedule, failing),
                    address: task.check.target.address,
                };
                paces.insert(key.clone(), pace);
                tasks.insert(key, (network.name.clone(), Arc::new(task)));
            }
            for seen in &mut current.scene.observations {
                self.doubt_the_stale(&network.name, seen, now);
            }
            circumstances.push(Circumstances::of(&current.scene));
            scenes.push(current.scene);
        }
        self.want(&paces, tasks, now);
        let all_ran = self
            .known
            .values()
            .all(|known| known.task.is_none() || known.state.is_some());
        self.is_warm |= all_ran && domain.is_some() && !self.known.is_empty();
        let mut status = judge(&Scene {
            site: plan.site.clone(),
            now: moment.wall,
            stages: Vec::new(),
            limits: plan.limits,
            networks: scenes,
        });
        let events = if self.is_warm {
            self.compare(&mut status, &circumstances, all_ran, moment);
            self.incidents.follow(&status, moment)
        } else {
            Vec::new()
        };
        self.remember(&events);
        for network in &mut status.networks {
            for cause in &mut network.root_causes {
                if let Some(since) = self.incidents.since(&network.network, &cause.key) {
                    cause.since = since;
                }
            }
        }
        self.status = Arc::new(status);
        events
    }

    /// Says what is different since the flow could last succeed.
    fn compare(
        &mut self,
        status: &mut Status,
        circumstances: &[Circumstances],
        all_ran: bool,
        now: Moment,
    ) {
        let schedule = self.plan.schedule;
        // By then everything without which the flow fails has been asked again, and believed.
        let patience = schedule.hosts + schedule.path * 2;
        for (network, current) in status.networks.iter_mut().zip(circumstances) {
            let known = self.known.values();
            let mut of_it = known.filter(|known| known.network == network.network);
            let is_doubted =
                of_it.any(|known| known.state.as_ref().is_some_and(|state| state.doubts() > 0));
            let settled = (all_ran && !is_doubted, patience);
            self.memories.follow(network, current, settled, now);
        }
        let networks = &self.plan.networks;
        self.memories.forget(
            |name| networks.iter().any(|network| network.name == name),
            now.wall,
        );
    }

    /// What has not run for long says nothing any more.
    fn doubt_the_stale(&self, network: &str, seen: &mut Observation, now: Instant) {
        let Some(known) = self.known.get(&seen.check.key(network, &seen.path)) else {
            return;
        };
        // What is wanted again runs at once; nobody was to ask it meanwhile.
        if known.task.is_none() {
            return;
        }
        let age = now.saturating_duration_since(known.touched);
        if age > known.every * STALE_INTERVALS + known.timeout() {
            let detail = format!(
                "it has not run for {}, and should every {}",
                crate::text::duration(age),
                crate::text::duration(known.every)
            );
            *seen = Observation::blind(
                seen.check.clone(),
                &seen.path,
                (seen.started, seen.took),
                Reason::NotRun,
                detail,
            );
        }
    }

    fn want(
        &mut self,
        paces: &BTreeMap<CheckKey, Pace>,
        tasks: BTreeMap<CheckKey, (String, Arc<Task>)>,
        now: Instant,
    ) {
        for key in self.table.set(paces, now) {
            if let Some(known) = self.known.get_mut(&key) {
                known.task = None;
            }
        }
        for (key, (network, task)) in tasks {
            let every = paces.get(&key).map_or(Duration::MAX, |pace| pace.every);
            let known = self
                .known
                .entry(key)
                .or_insert_with(|| Known::wanted(network, every, now));
            if known.task.is_none() {
                known.touched = now;
            }
            known.every = every;
            known.task = Some(task);
        }
        self.forget(now);
    }

    /// Forgets what has not been wanted for long, and what is too much.
    fn forget(&mut self, now: Instant) {
        let unwanted = self.known.values().filter(|known| known.task.is_none());
        let mut times: Vec<Instant> = unwanted.map(|known| known.touched).collect();
        times.sort_unstable_by(|one, other| other.cmp(one));
        let oldest = times.get(MOST_REMEMBERED).copied();
        self.known.retain(|_, known| {
            known.task.is_some()
                || now.saturating_duration_since(known.touched) < REMEMBERED
                    && oldest.is_none_or(|oldest| known.touched > oldest)
        });
    }

    /// How many checks are known, wanted or not.
    #[cfg(test)]
    pub(super) fn known(&self) -> usize {
        self.known.len()
    }

    /// Whether nothing is wrong, nor was until now.
    pub(super) fn is_quiet(&self) -> bool {
        let causes = self.status.networks.iter();
        let mut causes = causes.flat_map(|network| &network.root_causes);
        self.is_warm && causes.next().is_none() && self.incidents.open().next().is_none()
    }

    fn remember(&mut self, events: &[Event]) {
        for event in events {
            match event {
                Event::Opened(incident) => {
                    let place = (incident.network.clone(), incident.stage.id());
                    *Arc::make_mut(&mut self.incidents_total)
                        .entry(place)
                        .or_default() += 1;
                }
                Event::Changed(_) => {}
                Event::Closed(incident) => {
                    let closed = Arc::make_mut(&mut self.closed);
                    closed.insert(0, incident.clone());
                    closed.truncate(Snapshot::MOST_CLOSED);
                }
            }
        }
    }

    /// The plan, where tunnels end on this box: the link beside them has to be looked for.
    pub(super) fn with_tunnels(&self) -> Option<Arc<Plan>> {
        let has_tunnel = self.plan.vpns.iter().any(|vpn| vpn.interface.is_some());
        has_tunnel.then(|| Arc::clone(&self.plan))
    }

    /// The networks as they are left now.
    pub(super) fn leave_by(&mut self, networks: Vec<Network>) {
        self.networks = Arc::new(networks);
    }

    pub(super) fn check_now(&mut self, now: Instant, within: Duration) {
        self.table.all(now, within);
    }

    pub(super) fn reload(&mut self, plan: Arc<Plan>, now: Moment) {
        self.networks = Arc::new(plan.networks.clone());
        self.configuration.loaded = now.wall;
        self.configuration.refused = None;
        // The web file was read with it.
        self.configuration.refused_web = None;
        self.configuration.shown = Arc::clone(&plan.shown);
        self.plan = plan;
    }

    pub(super) fn refused(&mut self, why: String) {
        self.configuration.refused = Some(why);
    }

    pub(super) fn web_file(&mut self, trouble: Option<String>) {
        self.configuration.refused_web = trouble;
    }

    pub(super) fn silence(&mut self, order: SilenceOrder, now: Moment) -> Result<Silence, String> {
        let unknown = order.matching.network.as_ref().filter(|name| {
            let mut networks = self.plan.networks.iter();
            !networks.any(|network| network.name == **name)
        });
        if let Some(name) = unknown {
            return Err(format!("there is no network {name} in the configuration"));
        }
        self.memories.silence(order, now.wall)
    }

    pub(super) fn end_silence(&mut self, id: &str) -> bool {
        self.memories.end_silence(id)
    }

    pub(super) fn found_domain(&mut self, domain: String) {
        self.found_domain = Some(domain);
    }

    pub(super) fn snapshot(&self, now: Moment, running: usize) -> Snapshot {
        let wanted = self.known.values();
        let checks = wanted.filter_map(|known| {
            let task = known.task.as_ref()?;
            Some(CheckView {
                network: known.network.clone(),
                path: task.path.name.clone(),
                probe: task.check.probe,
                target: task.check.target.to_string(),
                every: known.every,
                state: known.state.clone(),
                failures: known.failures.clone(),
            })
        });
        Snapshot {
            status: Arc::clone(&self.status),
            at: now,
            started: self.started.wall,
            is_warm: self.is_warm,
            checks: Arc::new(checks.collect()),
            open: self.incidents.open().cloned().collect(),
            closed: Arc::clone(&self.closed),
            incidents_total: Arc::clone(&self.incidents_total),
            memory: Arc::clone(self.memories.kept()),
            durations: Arc::clone(&self.durations),
            schedule: Schedule {
                running,
                ..self.schedule.clone()
            },
            configuration: self.configuration.clone(),
        }
    }
}
