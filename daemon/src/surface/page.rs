//! The status page: what somebody at the site looks at first. One request, readable without scripts; with
//! them it renews itself.

pub(crate) mod checks;
pub(crate) mod strip;

use std::time::Duration;

use askama::Template;
use sightline_model::incident::{Incident, Moment};
use sightline_model::silence::Silence;
use sightline_model::snapshot::Snapshot;
use sightline_model::{
    ControllerStatus, NetworkStatus, RootCause, Severity, Stage, StageFinding, StageStatus, State,
    Timestamp, Verdict,
};

use super::history::Book;

/// The style of the page. Its hash is what the browser allows.
pub const STYLE: &str = include_str!("../../templates/page.css");

/// The script of the page; see [`STYLE`].
pub const SCRIPT: &str = include_str!("../../templates/page.js");

/// As many controllers are shown, those that are probed first.
pub(crate) const MOST_CONTROLLERS: usize = 32;

/// As many incidents that are open are shown, and as many that are over.
const MOST_INCIDENTS: usize = 25;

#[derive(Debug, Template)]
#[template(path = "page.html")]
struct Page<'a> {
    site: &'a str,
    verdict: Verdict,
    word: &'static str,
    sign: &'static str,
    /// Of the icon, as six hexadecimal digits.
    colour: &'static str,
    /// Why nothing is known.
    blindness: Option<String>,
    /// Whether the rest is how it was, and not how it is.
    is_old: bool,
    cause: Option<&'a RootCause>,
    sentence: String,
    time: Timestamp,
    judged_ago: String,
    refused: Option<&'a str>,
    networks: Vec<Part<'a>>,
    silences: &'a [Silence],
    open: Vec<&'a Incident>,
    closed: Vec<&'a Incident>,
    started: Timestamp,
    may_command: bool,
    version: &'static str,
    style: &'static str,
    script: &'static str,
}

/// One network on the page.
#[derive(Debug)]
struct Part<'a> {
    network: &'a NetworkStatus,
    history: Vec<strip::Shown>,
    stages: Vec<StagePart<'a>>,
    resolvers: Vec<checks::Resolver>,
    vpns: Vec<checks::Vpn>,
    failing: Vec<checks::Failing>,
    /// As many more fail.
    more_failing: usize,
}

/// One stage on the page.
#[derive(Debug)]
struct StagePart<'a> {
    stage: &'a StageStatus,
    strip: Option<strip::Shown>,
    runs: Option<checks::Runs>,
}

impl<'a> Part<'a> {
    fn new(
        (snapshot, book): (&Snapshot, &Book),
        (network, networks): (&'a NetworkStatus, usize),
        now: Timestamp,
    ) -> Self {
        let one = (network, networks);
        let (failing, more_failing) = if snapshot.is_warm {
            checks::failing(snapshot, network)
        } else {
            // What explains it may not have been seen yet.
            (Vec::new(), 0)
        };
        Self {
            network,
            history: strip::whole(book, network),
            stages: network
                .stages
                .iter()
                .map(|stage| StagePart {
                    stage,
                    strip: strip::stage(book, one, stage.stage).filter(|_| stage.applicable),
                    runs: checks::runs(snapshot, one, stage.stage, now),
                })
                .collect(),
            resolvers: checks::resolvers(snapshot, network),
            vpns: checks::vpns(snapshot, network),
            failing,
            more_failing,
        }
    }
}

/// Whether the person who looks may have everything asked now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reader {
    /// He may.
    Commands,
    /// He may not.
    Looks,
}

/// The page of a snapshot, with the history that is at hand.
///
/// # Errors
/// None in practice: the text is written into memory.
pub fn render(
    (snapshot, book): (&Snapshot, &Book),
    now: Moment,
    reader: Reader,
) -> askama::Result<String> {
    let status = snapshot.shown(now);
    let network = super::worst(&status);
    let (sign, colour) = match status.verdict {
        Verdict::Ready => ("✓", "2e9e54"),
        Verdict::Degraded => ("!", "e09b00"),
        Verdict::NotReady => ("✕", "d03b35"),
        Verdict::Unknown => ("?", "7d8794"),
    };
    let age = now.steady.saturating_sub(snapshot.at.steady);
    Page {
        site: &status.site,
        verdict: status.verdict,
        word: word(status.verdict),
        sign,
        colour,
        blindness: snapshot.blindness(now),
        is_old: snapshot.is_stalled(now),
        cause: network.and_then(super::first_cause),
        sentence: network.map(super::sentence).unwrap_or_default(),
        time: status.time,
        judged_ago: crate::text::duration(Duration::from_secs(age.as_secs())),
        refused: snapshot.configuration.refusal(),
        networks: status
            .networks
            .iter()
            .map(|network| Part::new((snapshot, book), (network, status.networks.len()), now.wall))
            .collect(),
        silences: &snapshot.memory.silences,
        open: snapshot.open.iter().take(MOST_INCIDENTS).collect(),
        closed: snapshot.closed.iter().take(MOST_INCIDENTS).collect(),
        started: snapshot.started,
        may_command: reader == Reader::Commands,
        version: env!("CARGO_PKG_VERSION"),
        style: STYLE,
        script: SCRIPT,
    }
    .render()
}

/// A verdict for people.
pub(crate) fn word(verdict: impl std::borrow::Borrow<Verdict>) -> &'static str {
    match verdict.borrow() {
        Verdict::Ready => "Ready",
        Verdict::Degraded => "Degraded",
        Verdict::NotReady => "Not ready",
        Verdict::Unknown => "Unknown",
    }
}

/// The finding by which a stage is as it is.
pub(crate) fn shown(stage: &StageStatus) -> Option<&StageFinding> {
    let above_info = stage
        .findings
        .iter()
        .filter(|finding| finding.severity > Severity::Info);
    above_info.rev().max_by_key(|finding| finding.severity)
}

/// Stages for people.
pub(crate) fn titles(stages: &[Stage]) -> String {
    let titles: Vec<_> = stages.iter().map(|stage| stage.title()).collect();
    titles.join(", ")
}

/// The controllers that are shown.
pub(crate) fn controllers(network: &NetworkStatus) -> Vec<&ControllerStatus> {
    let mut all: Vec<_> = network.domain_controllers.iter().collect();
    all.sort_by_key(|dc| !dc.probed);
    all.truncate(MOST_CONTROLLERS);
    all
}

/// Services of a controller that do not answer as they should.
pub(crate) fn failing(dc: &ControllerStatus) -> String {
    let services = dc.services.iter();
    let failing: Vec<_> = services
        .filter(|(_, state)| matches!(state, State::Fail | State::Warn | State::Unknown))
        .map(|(service, state)| match state {
            State::Fail => (*service).to_owned(),
            other => format!("{service} ({})", other.id()),
        })
        .collect();
    failing.join(", ")
}
