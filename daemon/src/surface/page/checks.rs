//! Single checks on the page: resolvers, VPNs, what was run for a stage, what fails.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use sightline_model::snapshot::{CheckView, Snapshot};
use sightline_model::steady::CheckState;
use sightline_model::{Evidence, NetworkStatus, Observation, Stage, State, Subject, Timestamp};

/// As many checks are shown at a stage, those first that do not pass.
const MOST_AT_A_STAGE: usize = 4;

/// As many checks that fail are shown.
const MOST_FAILING: usize = 12;

/// As many resolvers, and as many VPNs.
const MOST_THINGS: usize = 12;

/// As much is said of one check, in characters.
const MOST_SAID: usize = 140;

/// The class in the style, and a word for people.
type Tag = (&'static str, &'static str);

/// A resolver.
#[derive(Debug)]
pub(crate) struct Resolver {
    pub(crate) server: String,
    pub(crate) paths: String,
    /// The class in the style, and a word.
    pub(crate) tag: Tag,
    /// What it does not answer for.
    pub(crate) failing: String,
}

/// A VPN, with the state of what is known of it.
#[derive(Debug)]
pub(crate) struct Vpn {
    pub(crate) name: String,
    gateway: Option<State>,
    tunnel: Option<State>,
    /// What came back, a line for each check.
    pub(crate) said: Vec<String>,
}

impl Vpn {
    /// Of its gateway, and of its tunnel on this box.
    pub(crate) fn tags(&self) -> [Option<Tag>; 2] {
        [self.gateway, self.tunnel].map(|state| state.map(tag))
    }
}

/// What was run for a stage.
#[derive(Debug)]
pub(crate) struct Runs {
    /// `14 checks, the oldest 25 s ago`.
    pub(crate) summary: String,
    pub(crate) lines: Vec<Line>,
    pub(crate) more: usize,
}

/// One check.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) tag: Tag,
    pub(crate) what: String,
    /// How long ago, and how long it took.
    pub(crate) when: String,
    pub(crate) said: String,
}

/// A check that fails.
#[derive(Debug)]
pub(crate) struct Failing {
    pub(crate) since: Timestamp,
    pub(crate) what: String,
    pub(crate) reason: &'static str,
    pub(crate) said: String,
}

const fn tag(state: State) -> Tag {
    match state {
        State::Pass => ("ready", "works"),
        State::Warn => ("degraded", "warns"),
        State::Fail => ("not_ready", "fails"),
        State::Unknown => ("unknown", "not known"),
        State::Skipped => ("unknown", "not needed"),
    }
}

fn of<'a>(
    snapshot: &'a Snapshot,
    network: &NetworkStatus,
) -> impl Iterator<Item = (&'a CheckView, &'a CheckState)> {
    let name = network.network.clone();
    let checks = snapshot.checks.iter();
    let checks = checks.filter(move |check| check.network == name);
    checks.filter_map(|check| Some((check, check.state.as_ref()?)))
}

/// The resolvers of a network.
pub(crate) fn resolvers(snapshot: &Snapshot, network: &NetworkStatus) -> Vec<Resolver> {
    type Known<'a> = (BTreeSet<&'a str>, State, BTreeSet<&'a str>);
    let mut all: BTreeMap<_, Known<'_>> = BTreeMap::new();
    for (check, state) in of(snapshot, network) {
        let seen = state.believed();
        let Some((server, _topic)) = seen.check.subject.resolver() else {
            continue;
        };
        let known = all
            .entry(server)
            .or_insert((BTreeSet::new(), State::Skipped, BTreeSet::new()));
        known.0.insert(&check.path);
        known.1 = known.1.max(state.state());
        if matches!(state.state(), State::Warn | State::Unknown | State::Fail) {
            known.2.insert(seen.check.service);
        }
    }
    let rows = all
        .into_iter()
        .map(|(server, (paths, state, failing))| Resolver {
            server: server.to_string(),
            paths: joined(paths),
            tag: tag(state),
            failing: joined(failing),
        });
    rows.take(MOST_THINGS).collect()
}

/// The VPNs of a network.
pub(crate) fn vpns(snapshot: &Snapshot, network: &NetworkStatus) -> Vec<Vpn> {
    let mut all: BTreeMap<String, Vpn> = BTreeMap::new();
    for (_, state) in of(snapshot, network) {
        let seen = state.believed();
        let (name, is_gateway) = match &seen.check.subject {
            Subject::VpnGateway { name } => (name, true),
            Subject::Tunnel { name } => (name, false),
            _ => continue,
        };
        let vpn = all.entry(name.clone()).or_insert_with(|| Vpn {
            name: name.clone(),
            gateway: None,
            tunnel: None,
            said: Vec::new(),
        });
        let known = if is_gateway {
            &mut vpn.gateway
        } else {
            &mut vpn.tunnel
        };
        *known = (*known).max(Some(state.state()));
        let said = said(seen);
        if !said.is_empty() {
            vpn.said.push(format!("{}: {said}", seen.check.probe));
        }
    }
    all.into_values().take(MOST_THINGS).collect()
}

/// What was run for a stage; with several networks fewer of them are shown.
pub(crate) fn runs(
    snapshot: &Snapshot,
    (network, networks): (&NetworkStatus, usize),
    stage: Stage,
    now: Timestamp,
) -> Option<Runs> {
    let is_of_it = |state: &CheckState| {
        let check = &state.believed().check;
        check.stage == stage || check.also.contains(&stage)
    };
    let mut all: Vec<_> = of(snapshot, network)
        .filter(|(_, state)| is_of_it(state))
        .collect();
    let oldest = all.iter().map(|(_, state)| state.last_run()).min()?;
    all.sort_by_key(|(_, state)| Reverse(state.state()));
    let count = all.len();
    let most = (MOST_AT_A_STAGE / networks.max(1)).max(1);
    Some(Runs {
        summary: match count {
            1 => format!("1 check, {} ago", age(oldest, now)),
            _ => format!("{count} checks, the oldest {} ago", age(oldest, now)),
        },
        lines: all
            .into_iter()
            .take(most)
            .map(|(check, state)| Line {
                tag: tag(state.state()),
                what: what(check, state),
                when: format!(
                    "{} ago, {}",
                    age(state.last_run(), now),
                    crate::text::duration(state.believed().took)
                ),
                said: said(state.believed()),
            })
            .collect(),
        more: count.saturating_sub(most),
    })
}

/// What fails, the last one first, and how much more.
pub(crate) fn failing(snapshot: &Snapshot, network: &NetworkStatus) -> (Vec<Failing>, usize) {
    let mut all: Vec<_> = of(snapshot, network)
        .filter(|(_, state)| state.state() == State::Fail)
        .collect();
    all.sort_by_key(|(_, state)| Reverse(state.since()));
    let more = all.len().saturating_sub(MOST_FAILING);
    let shown = all
        .into_iter()
        .take(MOST_FAILING)
        .map(|(check, state)| Failing {
            since: state.since(),
            what: what(check, state),
            reason: state
                .believed()
                .outcome
                .worst()
                .map_or("", |worst| worst.reason.code()),
            said: said(state.believed()),
        });
    (shown.collect(), more)
}

fn what(check: &CheckView, state: &CheckState) -> String {
    let service = state.believed().check.service;
    let mut text = check.probe.to_owned();
    if service != check.probe && !service.is_empty() {
        text.push_str(&format!(" {service}"));
    }
    text.push_str(&format!(" {}", check.target));
    if check.path != sightline_model::DIRECT {
        text.push_str(&format!(" through {}", check.path));
    }
    text
}

/// What came back: the worst finding, or the evidence.
fn said(seen: &Observation) -> String {
    let said = match seen.outcome.worst() {
        Some(worst) => worst.detail.clone(),
        None => {
            let evidence = seen.outcome.evidence.iter();
            let evidence: Vec<_> = evidence
                .map(|(key, value)| format!("{key} {}", value_of(value)))
                .collect();
            evidence.join("; ")
        }
    };
    match said.char_indices().nth(MOST_SAID) {
        Some((end, _)) => format!("{}…", said.get(..end).unwrap_or_default()),
        None => said,
    }
}

fn value_of(value: &Evidence) -> String {
    match value {
        Evidence::Text(text) => text.clone(),
        Evidence::Number(number) => number.to_string(),
        Evidence::Flag(true) => "yes".to_owned(),
        Evidence::Flag(false) => "no".to_owned(),
        Evidence::List(list) => list.join(", "),
    }
}

fn joined(words: BTreeSet<&str>) -> String {
    words.into_iter().collect::<Vec<_>>().join(", ")
}

/// How long ago, in a word; of a clock that was set back nothing.
fn age(then: Timestamp, now: Timestamp) -> String {
    let millis = now.unix_millis().saturating_sub(then.unix_millis());
    let seconds = u64::try_from(millis / 1000).unwrap_or_default();
    match seconds {
        0..120 => crate::text::duration(Duration::from_secs(seconds)),
        120..7200 => format!("{} min", seconds / 60),
        _ => format!("{} h", seconds / 3600),
    }
}
