//! Root causes over time: opened, changed, closed.
//!
//! A cause is an incident once it has stood for a while, so that what explains it has been seen too; it
//! is over once it has been gone for a while, and only where somebody could look. One that comes and goes
//! stays open until it has stopped doing so. Durations are monotonic: a clock that is set opens and closes
//! nothing.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::circumstances::{Baseline, Change};
use crate::outcome::Severity;
use crate::reason::{Fixer, Reason};
use crate::silence::Silence;
use crate::stage::{Stage, Verdict};
use crate::status::{NetworkStatus, RootCause, Status};
use crate::time::Timestamp;

/// One moment by both clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// By the wall clock, for people.
    pub wall: Timestamp,
    /// Since some moment in the past that stays the same, by the monotonic clock.
    pub steady: Duration,
}

/// How long it takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// A cause stands for so long before it is an incident.
    pub open: Duration,
    /// A cause is gone for so long before its incident is over.
    pub close: Duration,
    /// As many openings within [`Patience::flap_window`] make a flapping one.
    pub flap_count: usize,
    /// See there.
    pub flap_window: Duration,
    /// A flapping cause is gone for so long before its incident is over.
    pub flap_close: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            open: Duration::from_secs(20),
            close: Duration::from_secs(45),
            flap_count: 3,
            flap_window: Duration::from_secs(3600),
            flap_close: Duration::from_secs(900),
        }
    }
}

/// A root cause over time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Incident {
    /// The same from its opening to its close, and never again: the time of its opening and the number of
    /// its kind, as `19ab3c4d5e6-1`.
    pub id: String,
    /// The network.
    pub network: String,
    /// What stays the same while subjects come and go.
    pub key: String,
    /// The earliest stage that it touches.
    pub stage: Stage,
    /// Why.
    pub reason: Reason,
    /// Where.
    pub subject: String,
    /// How bad.
    pub severity: Severity,
    /// One sentence.
    pub summary: String,
    /// What the person at the device sees.
    pub seen_by_user: String,
    /// What to do.
    pub fix: String,
    /// Who has to do it.
    pub fixer: Fixer,
    /// What was tried and what came back.
    pub evidence: Vec<String>,
    /// The other stages that it touches.
    pub also_affected: Vec<Stage>,
    /// When the cause was first seen.
    pub since: Timestamp,
    /// When it was gone for good.
    pub closed: Option<Timestamp>,
    /// It comes and goes.
    pub flapping: bool,
    /// What was different then from how it stood when the flow could last succeed.
    #[serde(default)]
    pub changes: Vec<Change>,
}

/// What happened to an incident.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// It is new.
    Opened(Incident),
    /// Its subject, severity or stage is another one.
    Changed(Incident),
    /// It is over.
    Closed(Incident),
}

/// What is known from before a restart.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Past {
    /// Incidents that were open.
    pub open: Vec<Incident>,
    /// Incidents that were over, the last one first.
    pub closed: Vec<Incident>,
    /// What else is remembered.
    pub memory: Memory,
}

/// What is remembered over a restart beside incidents and history.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// How each network stood when the flow could last succeed there.
    pub baselines: BTreeMap<String, Baseline>,
    /// Silences that are not over.
    pub silences: Vec<Silence>,
}

/// The incidents that are open, and causes that may become some.
#[derive(Clone, Debug, Default)]
pub struct Incidents {
    patience: Patience,
    tracked: BTreeMap<(String, String), Tracked>,
    /// When causes opened, for those that come and go.
    openings: BTreeMap<(String, String), VecDeque<Duration>>,
    opened: u64,
}

#[derive(Clone, Debug)]
struct Tracked {
    /// Empty while it is no incident yet.
    incident: Option<Incident>,
    first: Moment,
    /// Since when it is gone.
    gone: Option<Moment>,
}

/// As many causes are kept; a network with more has one that is not understood.
const MOST: usize = 256;

impl Incidents {
    /// None yet.
    #[must_use]
    pub fn new(patience: Patience) -> Self {
        Self {
            patience,
            ..Self::default()
        }
    }

    /// Goes on after a restart: what was open closes if its cause is gone, and what came and went before
    /// is still known to do so.
    #[must_use]
    pub fn resumed(patience: Patience, past: &Past, now: Moment) -> Self {
        let mut openings: BTreeMap<_, VecDeque<Duration>> = BTreeMap::new();
        let mut all: Vec<&Incident> = past.open.iter().chain(&past.closed).collect();
        all.sort_by_key(|incident| incident.since);
        for incident in all {
            let age = now.wall.unix_millis() - incident.since.unix_millis();
            let Ok(age) = u64::try_from(age).map(Duration::from_millis) else {
                continue;
            };
            if age <= patience.flap_window {
                let key = (incident.network.clone(), incident.key.clone());
                let times = openings.entry(key).or_default();
                // The monotonic clock may be younger than the opening, which then counts for longer.
                times.push_back(now.steady.saturating_sub(age));
                if times.len() > patience.flap_count {
                    times.pop_front();
                }
            }
        }
        let tracked = past.open.iter().map(|incident| {
            let known = Tracked {
                first: Moment {
                    wall: incident.since,
                    steady: now.steady,
                },
                gone: None,
                incident: Some(incident.clone()),
            };
            ((incident.network.clone(), incident.key.clone()), known)
        });
        Self {
            patience,
            tracked: tracked.take(MOST).collect(),
            openings,
            opened: 0,
        }
    }

    /// The incidents that are open, in the order of networks and causes.
    pub fn open(&self) -> impl Iterator<Item = &Incident> {
        self.tracked
            .values()
            .filter_map(|tracked| tracked.incident.as_ref())
    }

    /// When a cause was first seen, whether it is an incident already or not.
    #[must_use]
    pub fn since(&self, network: &str, key: &str) -> Option<Timestamp> {
        let known = self.tracked.get(&(network.to_owned(), key.to_owned()))?;
        Some(known.first.wall)
    }

    /// Follows a judgement. Calling it with the same one again only lets time pass.
    pub fn follow(&mut self, status: &Status, now: Moment) -> Vec<Event> {
        let mut events = Vec::new();
        for network in &status.networks {
            for cause in &network.root_causes {
                events.extend(self.present(network, cause, now));
            }
        }
        events.extend(self.absent(status, now));
        events
    }

    fn present(
        &mut self,
        network: &NetworkStatus,
        cause: &RootCause,
        now: Moment,
    ) -> Option<Event> {
        let key = (network.network.clone(), cause.key.clone());
        if self.tracked.len() >= MOST && !self.tracked.contains_key(&key) {
            return None;
        }
        let tracked = self.tracked.entry(key.clone()).or_insert(Tracked {
            incident: None,
            first: now,
            gone: None,
        });
        tracked.gone = None;
        if let Some(known) = &mut tracked.incident {
            let before = (known.severity, known.stage, known.subject.clone());
            let same = before == (cause.severity, cause.stage, cause.subject.clone());
            known.take(cause, &network.changes);
            return (!same).then(|| Event::Changed(known.clone()));
        }
        if now.steady.saturating_sub(tracked.first.steady) < self.patience.open {
            return None;
        }
        let openings = self.openings.entry(key).or_default();
        openings.push_back(now.steady);
        while openings.len() > self.patience.flap_count {
            openings.pop_front();
        }
        let oldest = openings.front().copied().unwrap_or_default();
        let flapping = openings.len() >= self.patience.flap_count
            && now.steady.saturating_sub(oldest) <= self.patience.flap_window;
        self.opened += 1;
        let incident = Incident {
            id: format!("{:x}-{}", now.wall.unix_millis(), self.opened),
            network: network.network.clone(),
            key: cause.key.clone(),
            stage: cause.stage,
            reason: cause.reason,
            subject: String::new(),
            severity: cause.severity,
            summary: String::new(),
            seen_by_user: String::new(),
            fix: String::new(),
            fixer: cause.fixer,
            evidence: Vec::new(),
            also_affected: Vec::new(),
            since: tracked.first.wall,
            closed: None,
            flapping,
            changes: Vec::new(),
        };
        let incident = tracked.incident.insert(incident);
        incident.take(cause, &network.changes);
        Some(Event::Opened(incident.clone()))
    }

    fn absent(&mut self, status: &Status, now: Moment) -> Vec<Event> {
        let mut closed = Vec::new();
        let patience = self.patience;
        self.tracked.retain(|(name, key), tracked| {
            let network = status.networks.iter().find(|one| one.network == *name);
            let is_there = network
                .is_some_and(|network| network.root_causes.iter().any(|cause| cause.key == *key));
            if is_there {
                return true;
            }
            let Some(incident) = &mut tracked.incident else {
                return false;
            };
            // Whoever cannot look does not know that it is over.
            let is_blind = network.is_some_and(|network| {
                let mut stages = network.stages.iter();
                stages
                    .any(|known| known.stage == incident.stage && known.verdict == Verdict::Unknown)
            });
            if is_blind {
                tracked.gone = None;
                return true;
            }
            let gone = *tracked.gone.get_or_insert(now);
            let wait = if incident.flapping {
                patience.flap_close
            } else {
                patience.close
            };
            // A network that is not watched any more has no incidents.
            if network.is_some() && now.steady.saturating_sub(gone.steady) < wait {
                return true;
            }
            incident.closed = Some(gone.wall);
            closed.push(Event::Closed(incident.clone()));
            false
        });
        let window = patience.flap_window;
        self.openings.retain(|_, times| {
            times.retain(|time| now.steady.saturating_sub(*time) <= window);
            !times.is_empty()
        });
        closed
    }
}

impl Incident {
    /// Takes how the cause looks now.
    fn take(&mut self, cause: &RootCause, changes: &[Change]) {
        self.stage = cause.stage;
        self.severity = cause.severity;
        self.fixer = cause.fixer;
        self.subject.clone_from(&cause.subject);
        self.summary.clone_from(&cause.summary);
        self.seen_by_user.clone_from(&cause.seen_by_user);
        self.fix.clone_from(&cause.fix);
        self.evidence.clone_from(&cause.evidence);
        self.also_affected.clone_from(&cause.also_affected);
        // What was different stays known when it is as it was, or taken for usual.
        if !changes.is_empty() {
            self.changes = changes.to_vec();
        }
    }
}

#[cfg(test)]
mod tests;
