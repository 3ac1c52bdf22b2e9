//! One line as monitoring plugins print it, with performance data.

use std::fmt::Write as _;

use sightline_model::incident::Moment;
use sightline_model::snapshot::Snapshot;
use sightline_model::{Status, Verdict};

use super::sentence;
use crate::check::Checked;
use crate::text::harmless;

/// The line; the exit status is the caller's.
#[must_use]
pub fn render(checked: &Checked) -> String {
    let took = format!("duration={:.3}s", checked.took.as_secs_f64());
    written(&checked.status, None, &took)
}

/// The line of what the daemon knows, with how old that is.
#[must_use]
pub fn live(snapshot: &Snapshot, now: Moment) -> String {
    let age = now.steady.saturating_sub(snapshot.at.steady);
    let age = format!("age={:.0}s", age.as_secs_f64());
    written(&snapshot.shown(now), snapshot.blindness(now), &age)
}

fn written(status: &Status, blindness: Option<String>, first: &str) -> String {
    let mut line = format!("SIGHTLINE {} - ", word(status.verdict));
    let said = || {
        let texts = worst(status).map(|network| {
            if status.networks.len() > 1 {
                format!("{}: {}", network.network, sentence(network))
            } else {
                sentence(network)
            }
        });
        texts.collect::<Vec<_>>().join("; ")
    };
    line.push_str(&blindness.unwrap_or_else(said).replace('|', "/"));
    let _infallible = write!(line, " | {first}");
    for network in &status.networks {
        let suffix = if status.networks.len() > 1 {
            format!("_{}", network.network)
        } else {
            String::new()
        };
        let usable = network.domain_controllers.iter().filter(|dc| dc.usable);
        let _infallible = write!(
            line,
            " dcs_usable{suffix}={};;;0;{}",
            usable.count(),
            network.domain_controllers.len()
        );
    }
    line
}

/// The line where there is no status: the first problem, and how many more there are.
#[must_use]
pub fn error(problems: &[String]) -> String {
    let first = problems.first().map(|problem| harmless(problem));
    let more = match problems.len().saturating_sub(1) {
        0 => String::new(),
        1 => " (1 more problem)".to_owned(),
        more => format!(" ({more} more problems)"),
    };
    let line = format!(
        "SIGHTLINE {} - {}{more}",
        word(Verdict::Unknown),
        first.unwrap_or_default()
    );
    // What follows a bar is performance data.
    line.replace('|', "/")
}

fn worst(status: &Status) -> impl Iterator<Item = &sightline_model::NetworkStatus> {
    status
        .networks
        .iter()
        .filter(|network| network.verdict == status.verdict)
}

const fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Ready => "OK",
        Verdict::Degraded => "WARNING",
        Verdict::NotReady => "CRITICAL",
        Verdict::Unknown => "UNKNOWN",
    }
}
