//! Checks that have one series: those of one probe and one target, and what is known of a thing by all of
//! its checks.

use std::collections::BTreeMap;
use std::time::Duration;

use sightline_model::snapshot::CheckView;
use sightline_model::steady::Runs;
use sightline_model::{Evidence, Observation, Phase, Reason, State, Subject, Timestamp};

/// Network, path, probe and target.
pub(super) type Key<'a> = (&'a str, &'a str, &'a str, &'a str);

/// All groups.
#[derive(Debug, Default)]
pub(super) struct Groups<'a> {
    pub(super) probes: BTreeMap<Key<'a>, Group>,
    /// Of each service of each controller, by network, path, controller and service.
    pub(super) services: BTreeMap<Key<'a>, bool>,
    /// Clocks by network and source: how much the reading is trusted, and seconds that it is ahead.
    pub(super) clocks: BTreeMap<(&'a str, &'a str), (u8, f64)>,
    /// Gateways by network and VPN.
    pub(super) gateways: BTreeMap<(&'a str, &'a str), bool>,
    /// Tunnels by network and VPN.
    pub(super) tunnels: BTreeMap<(&'a str, &'a str), bool>,
    /// Octets by network and path.
    pub(super) packets: BTreeMap<(&'a str, &'a str), f64>,
    /// When the certificate of a target ends, by network and target; seconds since 1970.
    pub(super) certificates: BTreeMap<(&'a str, &'a str), f64>,
    /// Whether somebody else signed for a target, by network and target.
    pub(super) interceptions: BTreeMap<(&'a str, &'a str), bool>,
}

/// Checks of one probe and one target.
#[derive(Debug, Default)]
pub(super) struct Group {
    /// Whether all of them are believed to work; `None` while nobody could look.
    pub(super) is_good: Option<bool>,
    pub(super) runs: Runs,
    pub(super) failures: BTreeMap<Reason, u64>,
    /// The longest of each.
    pub(super) phases: BTreeMap<Phase, Duration>,
    /// The oldest last run; `None` while one of them has not run.
    pub(super) last_run: Option<Timestamp>,
    /// The oldest last success; `None` while one of them has had none.
    pub(super) last_success: Option<Timestamp>,
    members: usize,
}

impl<'a> Groups<'a> {
    /// The groups of all checks.
    pub(super) fn new(checks: &'a [CheckView]) -> Self {
        let mut groups = Self::default();
        for view in checks {
            let key = (
                view.network.as_str(),
                view.path.as_str(),
                view.probe,
                view.target.as_str(),
            );
            groups.probes.entry(key).or_default().take(view);
            if let Some(state) = &view.state {
                groups.thing(view, state.believed());
            }
        }
        groups
    }

    fn thing(&mut self, view: &'a CheckView, seen: &'a Observation) {
        let network = view.network.as_str();
        let path = view.path.as_str();
        let state = seen.outcome.state();
        match &seen.check.subject {
            Subject::Controller { name, .. } => {
                let key = (network, path, name.as_str(), seen.check.service);
                all(&mut self.services, key, is_good(state));
                self.clock((network, name), seen);
            }
            Subject::TimeSource { name } => self.clock((network, name), seen),
            Subject::VpnGateway { name } => {
                all(&mut self.gateways, (network, name), is_good(state));
            }
            Subject::Tunnel { name } => {
                let is_up = seen.outcome.facts.tunnel.is_some();
                if is_up || state == State::Fail {
                    *self.tunnels.entry((network, name)).or_default() |= is_up;
                }
            }
            _ => {}
        }
        if let Some(Evidence::Number(size)) = seen.outcome.evidence.get("path_mtu_bytes") {
            least(&mut self.packets, (network, path), *size);
        }
        let target = (network, view.target.as_str());
        if let Some(Evidence::Text(end)) = seen.outcome.evidence.get("certificate_not_after")
            && let Ok(end) = end.parse::<jiff::Timestamp>()
        {
            least(
                &mut self.certificates,
                target,
                end.as_duration().as_secs_f64(),
            );
            let findings = seen.outcome.findings.iter();
            let mut reasons = findings.map(|finding| finding.reason);
            let is_intercepted = reasons.any(|reason| reason == Reason::TlsIntercepted);
            *self.interceptions.entry(target).or_default() |= is_intercepted;
        }
    }

    fn clock(&mut self, key: (&'a str, &'a str), seen: &Observation) {
        if let Some(clock) = seen.outcome.facts.clock {
            let known = self.clocks.entry(key).or_insert((clock.rank, clock.offset));
            if clock.rank > known.0 {
                *known = (clock.rank, clock.offset);
            }
        }
    }
}

impl Group {
    fn take(&mut self, view: &CheckView) {
        for (reason, count) in &view.failures {
            *self.failures.entry(*reason).or_default() += count;
        }
        let is_first = self.members == 0;
        self.members += 1;
        let (run, success) = match &view.state {
            None => (None, None),
            Some(state) => {
                let runs = state.runs();
                self.runs.pass += runs.pass;
                self.runs.warn += runs.warn;
                self.runs.fail += runs.fail;
                self.runs.unknown += runs.unknown;
                if let Some(good) = is_good(state.state()) {
                    self.is_good = Some(self.is_good.unwrap_or(true) && good);
                }
                for (phase, took) in &state.believed().outcome.timings {
                    let known = self.phases.entry(*phase).or_default();
                    *known = (*known).max(*took);
                }
                (Some(state.last_run()), state.last_success())
            }
        };
        let oldest = |known: Option<Timestamp>, one: Option<Timestamp>| {
            if is_first { one } else { known.min(one) }
        };
        self.last_run = oldest(self.last_run, run);
        self.last_success = oldest(self.last_success, success);
    }
}

/// Whether it works; `None` where nobody could look.
fn is_good(state: State) -> Option<bool> {
    match state {
        State::Pass | State::Warn => Some(true),
        State::Fail => Some(false),
        State::Unknown | State::Skipped => None,
    }
}

fn all<K: Ord>(known: &mut BTreeMap<K, bool>, key: K, good: Option<bool>) {
    if let Some(good) = good {
        *known.entry(key).or_insert(true) &= good;
    }
}

fn least<K: Ord>(known: &mut BTreeMap<K, f64>, key: K, value: f64) {
    let entry = known.entry(key).or_insert(value);
    *entry = entry.min(value);
}
