//! The status page: what somebody at the site looks at first. One request, readable without scripts; with
//! them it renews itself.

use std::time::Duration;

use askama::Template;
use sightline_model::incident::{Incident, Moment};
use sightline_model::silence::Silence;
use sightline_model::snapshot::Snapshot;
use sightline_model::{
    ControllerStatus, NetworkStatus, ProbeStatus, RootCause, Severity, Stage, StageFinding,
    StageStatus, State, Timestamp, Verdict,
};

use super::history::Course;

/// The style of the page. Its hash is what the browser allows.
pub const STYLE: &str = include_str!("../../templates/page.css");

/// The script of the page; see [`STYLE`].
pub const SCRIPT: &str = include_str!("../../templates/page.js");

/// As many controllers are shown, those that are probed first.
pub(crate) const MOST_CONTROLLERS: usize = 32;

/// As many runs of a stage are shown.
const MOST_RUNS: usize = 12;

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
    networks: &'a [NetworkStatus],
    open: Vec<&'a Incident>,
    closed: Vec<&'a Incident>,
    started: Timestamp,
    courses: &'a [Course],
    silences: &'a [Silence],
    may_command: bool,
    version: &'static str,
    style: &'static str,
    script: &'static str,
}

/// Whether the person who looks may have everything asked now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reader {
    /// He may.
    Commands,
    /// He may not.
    Looks,
}

/// The page of a snapshot.
///
/// # Errors
/// None in practice: the text is written into memory.
pub fn render(
    snapshot: &Snapshot,
    now: Moment,
    (reader, courses): (Reader, &[Course]),
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
        refused: snapshot.configuration.refused.as_deref(),
        networks: &status.networks,
        open: snapshot.open.iter().take(MOST_INCIDENTS).collect(),
        closed: snapshot.closed.iter().take(MOST_INCIDENTS).collect(),
        started: snapshot.started,
        courses,
        silences: &snapshot.memory.silences,
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

/// The courses of a network.
pub(crate) fn courses_of<'a>(courses: &'a [Course], network: &NetworkStatus) -> Vec<&'a Course> {
    let mut found: Vec<_> = courses.iter().collect();
    found.retain(|course| course.question.network == network.network);
    found
}

/// The probes of a stage that are shown: first those that are not as they should be.
pub(crate) fn runs(stage: &StageStatus) -> Vec<&ProbeStatus> {
    let mut all: Vec<_> = stage.probes.iter().collect();
    all.sort_by_key(|probe| std::cmp::Reverse(probe.state));
    all.truncate(MOST_RUNS);
    all
}

/// The course of a stage as a picture.
pub(crate) fn stage_picture(course: &Course, stage: &StageStatus) -> String {
    course.picture(Some(stage.stage))
}

/// How long a run took, for people.
pub(crate) fn took(probe: &ProbeStatus) -> String {
    crate::text::duration(Duration::from_secs_f64(probe.duration_seconds.max(0.0)))
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
