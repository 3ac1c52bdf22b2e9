//! Everything that a surface of the daemon may show, at one moment.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::incident::{Incident, Memory, Moment};
use crate::outcome::State;
use crate::reason::Reason;
use crate::silence::Silence;
use crate::stage::Verdict;
use crate::status::Status;
use crate::steady::CheckState;
use crate::time::Timestamp;

/// How it stands, and how the daemon itself is.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// What is judged; probes in it are as of the judgement.
    pub status: Arc<Status>,
    /// When it was made.
    pub at: Moment,
    /// When the daemon started.
    pub started: Timestamp,
    /// Whether everything that is known to be asked has been asked once.
    pub is_warm: bool,
    /// Every check that is wanted.
    pub checks: Arc<Vec<CheckView>>,
    /// Incidents that are open.
    pub open: Vec<Incident>,
    /// Incidents that are over, the last one first; at most [`Snapshot::MOST_CLOSED`].
    pub closed: Arc<Vec<Incident>>,
    /// How many incidents there were since the start, by network and stage.
    pub incidents_total: Arc<BTreeMap<(String, &'static str), u64>>,
    /// How long runs took, by network, path and probe. It outlives the checks, so that it only grows.
    pub durations: Arc<BTreeMap<DurationsKey, Durations>>,
    /// What is remembered over a restart beside incidents; another one only where it has changed.
    pub memory: Arc<Memory>,
    /// How the schedule keeps its time.
    pub schedule: Schedule,
    /// The configuration that it runs on.
    pub configuration: Configuration,
}

/// How the schedule keeps its time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Schedule {
    /// When a run last ended; `None` before the first.
    pub progress: Option<Moment>,
    /// How late runs began, by upper bounds in seconds; what is later than all of them counts in the last.
    pub lag: Lag,
    /// Runs under way.
    pub running: usize,
    /// Runs that were left out because the one before had not ended.
    pub skipped: u64,
}

/// A histogram of seconds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Lag {
    /// How many were at most as late as the bound of the same place in [`Lag::BOUNDS`].
    pub counts: [u64; 6],
    /// The sum of all, in seconds.
    pub sum: f64,
}

impl Lag {
    /// Upper bounds, in seconds.
    pub const BOUNDS: [f64; 6] = [0.01, 0.1, 1.0, 5.0, 30.0, f64::INFINITY];

    /// Takes one more.
    pub fn observe(&mut self, lag: Duration) {
        count(&Self::BOUNDS, &mut self.counts, lag);
        self.sum += lag.as_secs_f64();
    }
}

/// Network, path and probe.
pub type DurationsKey = (String, String, &'static str);

/// A histogram of how long runs took.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Durations {
    /// How many took at most as long as the bound of the same place in [`Durations::BOUNDS`].
    pub counts: [u64; 12],
    /// The sum of all, in seconds.
    pub sum: f64,
}

impl Durations {
    /// Upper bounds, in seconds. Windows waits 400 ms for the LDAP ping.
    pub const BOUNDS: [f64; 12] = [
        0.001,
        0.0025,
        0.005,
        0.01,
        0.025,
        0.1,
        0.4,
        1.0,
        2.5,
        5.0,
        10.0,
        f64::INFINITY,
    ];

    /// Takes one more.
    pub fn observe(&mut self, took: Duration) {
        count(&Self::BOUNDS, &mut self.counts, took);
        self.sum += took.as_secs_f64();
    }
}

/// Counts a value below the first bound that it does not exceed.
fn count(bounds: &[f64], counts: &mut [u64], value: Duration) {
    let seconds = value.as_secs_f64();
    let place = bounds.iter().position(|bound| seconds <= *bound);
    if let Some(count) = place.and_then(|place| counts.get_mut(place)) {
        *count += 1;
    }
}

/// The configuration that the daemon runs on.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Configuration {
    /// When it was last loaded with success.
    pub loaded: Timestamp,
    /// Why the last attempt to load another one failed, if it did.
    pub refused: Option<String>,
    /// Why the web file that is there now is not in use, if it is not.
    pub refused_web: Option<String>,
    /// All of it as text, with every default; secrets are never in it.
    pub shown: Arc<str>,
}

impl Configuration {
    /// Why what is written now is not what is in use, if it is not.
    #[must_use]
    pub fn refusal(&self) -> Option<&str> {
        self.refused.as_deref().or(self.refused_web.as_deref())
    }
}

/// One check, for metrics and the page.
#[derive(Clone, Debug)]
pub struct CheckView {
    /// The network.
    pub network: String,
    /// The path: `direct`, or a VPN by its name.
    pub path: String,
    /// The kind of probe.
    pub probe: &'static str,
    /// Whom it asks: `host:port`, or a host alone.
    pub target: String,
    /// How often it runs.
    pub every: Duration,
    /// Everything that is known of it; `None` before the first run.
    pub state: Option<CheckState>,
    /// How often it failed for which reason.
    pub failures: BTreeMap<Reason, u64>,
}

impl Snapshot {
    /// As many incidents that are over are kept at hand.
    pub const MOST_CLOSED: usize = 100;

    /// Nothing that a run may take is longer; a schedule without progress for so long stands still.
    pub const STALLED_AFTER: Duration = Duration::from_secs(90);

    /// Whether the schedule stands still: what is shown is not how it is.
    #[must_use]
    pub fn is_stalled(&self, now: Moment) -> bool {
        let last = self.schedule.progress.unwrap_or(self.at);
        now.steady.saturating_sub(last.steady) > Self::STALLED_AFTER
    }

    /// The verdict that may be said now: of a box that has not looked yet, or not for long, it is unknown.
    #[must_use]
    pub fn verdict(&self, now: Moment) -> Verdict {
        if !self.is_warm || self.is_stalled(now) {
            Verdict::Unknown
        } else {
            self.status.verdict
        }
    }

    /// The status that may be shown now. A box that has not looked at everything yet knows no causes and
    /// no stage: what would explain one may not have been seen. One whose schedule stands still tells what it knew last, and
    /// that it does not know how it is.
    #[must_use]
    pub fn shown(&self, now: Moment) -> Arc<Status> {
        let is_stalled = self.is_stalled(now);
        if self.is_warm && !is_stalled {
            return Arc::clone(&self.status);
        }
        let mut status = Status::clone(&self.status);
        status.verdict = Verdict::Unknown;
        for network in &mut status.networks {
            network.verdict = Verdict::Unknown;
            for stage in &mut network.stages {
                stage.verdict = Verdict::Unknown;
                if !self.is_warm {
                    stage.findings.clear();
                    stage.blocked_by.clear();
                }
            }
            if !self.is_warm {
                network.root_causes.clear();
            }
        }
        Arc::new(status)
    }

    /// The silence by which nobody is told of an incident; the one that ends last.
    #[must_use]
    pub fn silence_of(&self, incident: &Incident, now: Timestamp) -> Option<&Silence> {
        let silences = self.memory.silences.iter();
        silences
            .filter(|silence| silence.covers(incident, now))
            .max_by_key(|silence| silence.until)
    }

    /// Why nothing is known of how it is now, for people; `None` where it is known.
    #[must_use]
    pub fn blindness(&self, now: Moment) -> Option<String> {
        if self.is_stalled(now) {
            let last = self.schedule.progress.unwrap_or(self.at);
            let seconds = now.steady.saturating_sub(last.steady).as_secs();
            return Some(format!(
                "The schedule stands still: no run has ended for {seconds} s, and what was seen before is old."
            ));
        }
        (!self.is_warm).then(|| "Not everything has been asked once yet.".to_owned())
    }
}

impl CheckView {
    /// The state that is believed; unknown before the first run.
    #[must_use]
    pub fn believed(&self) -> State {
        self.state
            .as_ref()
            .map_or(State::Unknown, CheckState::state)
    }
}
