//! What the daemon knows, for a person at a terminal: as a check, with since when, what is different, and what
//! is open.

use std::time::Duration;

use sightline_model::Timestamp;
use sightline_model::incident::Moment;
use sightline_model::silence::Silence;
use sightline_model::snapshot::Snapshot;

use super::super::worst_first;
use super::{BOLD, DIM, Standing, cause, controllers, line, pair, stages, throughput};
use super::{detail, headline, reminders};
use crate::text;

/// The whole text; see [`super::render`].
#[must_use]
pub fn render(snapshot: &Snapshot, now: Moment, is_verbose: bool) -> String {
    let mut out = String::new();
    let status = snapshot.shown(now);
    let age = now.steady.saturating_sub(snapshot.at.steady);
    let age = text::duration(Duration::from_secs(age.as_secs()));
    if let Some(why) = snapshot.blindness(now) {
        line(&mut out, format_args!("{BOLD}UNKNOWN{BOLD:#}  {why}"));
        out.push('\n');
    }
    if let Some(why) = snapshot.configuration.refusal() {
        pair(
            &mut out,
            "configuration",
            &format!("the last one was refused: {why}"),
        );
        out.push('\n');
    }
    for silence in &snapshot.memory.silences {
        pair(&mut out, "silence", &silence_line(silence));
    }
    for (index, network) in status.networks.iter().enumerate() {
        if index > 0 {
            out.push('\n');
        }
        headline(
            &mut out,
            network,
            format_args!(
                "site {}, network {}; judged {age} ago",
                status.site, network.network
            ),
        );
        let standing = Standing {
            is_only: network.root_causes.len() == 1,
            is_verbose,
            has_memory: true,
        };
        for cause in worst_first(network) {
            cause::explain(&mut out, network, cause, standing);
        }
        if !network.changes.is_empty()
            && let Some(good) = network.last_good
        {
            line(
                &mut out,
                format_args!(
                    "  {BOLD}Different{BOLD:#} since the flow could last succeed, at {good}"
                ),
            );
            for change in &network.changes {
                pair(&mut out, "", &change.to_string());
            }
            out.push('\n');
        }
        stages(&mut out, network);
        throughput(&mut out, network);
        controllers(&mut out, network);
        if is_verbose {
            detail::probes(&mut out, network);
            reminders::render(&mut out, network);
        }
    }
    incidents(&mut out, snapshot, now.wall);
    out
}

fn incidents(out: &mut String, snapshot: &Snapshot, now: Timestamp) {
    if snapshot.open.is_empty() {
        return;
    }
    out.push('\n');
    line(out, format_args!("  {BOLD}Open incidents{BOLD:#}"));
    for incident in &snapshot.open {
        let comes_and_goes = if incident.flapping {
            ", comes and goes"
        } else {
            ""
        };
        let silence = snapshot.silence_of(incident, now);
        let silence = silence.map_or_else(String::new, |silence| {
            format!(", silent until {}", silence.until)
        });
        line(
            out,
            format_args!(
                "    {} at {}, since {}{comes_and_goes}{silence} {DIM}({}){DIM:#}",
                incident.reason, incident.stage, incident.since, incident.id
            ),
        );
    }
}

/// The silences that are not over, a line each.
#[must_use]
pub fn silences(snapshot: &Snapshot) -> String {
    let silences = snapshot.memory.silences.iter();
    let lines: String = silences
        .flat_map(|silence| [silence_line(silence), "\n".to_owned()])
        .collect();
    if lines.is_empty() {
        "There is no silence.\n".to_owned()
    } else {
        lines
    }
}

/// A silence in a line: `until 2026-11-22T10:00:00Z (19ab3c4d5e6): the switch is changed`.
#[must_use]
pub fn silence_line(silence: &Silence) -> String {
    let matching = &silence.matching;
    let parts = [
        matching
            .network
            .as_ref()
            .map(|name| format!("network {name}")),
        matching.stage.map(|stage| format!("stage {stage}")),
        matching.reason.map(|reason| format!("reason {reason}")),
    ];
    let about: Vec<String> = parts.into_iter().flatten().collect();
    let about = if about.is_empty() {
        String::new()
    } else {
        format!(", {}", about.join(", "))
    };
    format!(
        "until {}{about} ({}): {}",
        silence.until, silence.id, silence.why
    )
}
