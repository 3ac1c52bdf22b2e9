//! What `--verbose` adds: every run with its phases and evidence, and the slowest chain.

use std::collections::HashSet;
use std::hash::Hash;
use std::time::Duration;

use sightline_model::{Evidence, NetworkStatus, ProbeStatus, State};

use super::{BOLD, DIM, line, pair, state_style};
use crate::survey::Link;
use crate::text;

/// Every run at its earliest stage; later ones that need the same thing only count it.
pub(super) fn probes(out: &mut String, network: &NetworkStatus) {
    let mut shown = HashSet::new();
    for status in &network.stages {
        if status.probes.is_empty() {
            continue;
        }
        out.push('\n');
        line(
            out,
            format_args!(
                "  {BOLD}{}{BOLD:#}: {}",
                status.stage,
                status.stage.question()
            ),
        );
        let mut again = 0;
        for probe in &status.probes {
            if shown.insert(identity(probe)) {
                one(out, probe);
            } else {
                again += 1;
            }
        }
        if again > 0 {
            line(
                out,
                format_args!("    {DIM}and {again} of the checks above{DIM:#}"),
            );
        }
    }
}

/// What tells one run from all others of a check.
fn identity(probe: &ProbeStatus) -> impl Eq + Hash {
    (
        (probe.probe, probe.service),
        (probe.target.to_string(), probe.address),
        probe.duration_seconds.to_bits(),
    )
}

fn one(out: &mut String, probe: &ProbeStatus) {
    let style = state_style(probe.state);
    let name = if probe.service == probe.probe {
        probe.probe.to_owned()
    } else {
        format!("{} {}", probe.probe, probe.service)
    };
    let phases: Vec<String> = probe
        .phases
        .iter()
        .map(|(phase, seconds)| {
            format!(
                "{} {}",
                phase.id(),
                text::duration(Duration::from_secs_f64(*seconds))
            )
        })
        .collect();
    let address = probe
        .address
        .map(|address| address.to_string())
        .filter(|address| !probe.target.to_string().contains(address))
        .map(|address| format!(" ({address})"))
        .unwrap_or_default();
    line(
        out,
        format_args!(
            "    {style}{:<7}{style:#} {name:<20} {}{address}  {DIM}{} [{}]{DIM:#}",
            probe.state.id(),
            probe.target,
            text::duration(Duration::from_secs_f64(probe.duration_seconds)),
            phases.join(", ")
        ),
    );
    if probe.state != State::Pass
        && let (Some(reason), Some(detail)) = (probe.reason, &probe.detail)
    {
        pair(out, reason.code(), detail);
    }
    for (key, value) in &probe.evidence {
        let value = match value {
            Evidence::Text(text) => text.clone(),
            Evidence::Number(number) => number.to_string(),
            Evidence::Flag(true) => "yes".to_owned(),
            Evidence::Flag(false) => "no".to_owned(),
            Evidence::List(list) => list.join(", "),
        };
        line(out, format_args!("            {DIM}{key}: {value}{DIM:#}"));
    }
}

/// The slowest chain of dependent exchanges, and how the whole check compares with it.
pub(super) fn chain(out: &mut String, chain: &[Link], took: Duration) {
    let total: Duration = chain.iter().map(|link| link.took).sum();
    out.push('\n');
    line(
        out,
        format_args!(
            "  {BOLD}Slowest chain{BOLD:#} of dependent exchanges: {}; the whole check took {}{}",
            text::duration(total),
            text::duration(took),
            if total.is_zero() {
                String::new()
            } else {
                format!(
                    ", {:.2} times that",
                    took.as_secs_f64() / total.as_secs_f64()
                )
            }
        ),
    );
    for link in chain {
        line(
            out,
            format_args!("    {:>8}  {}", text::duration(link.took), link.what),
        );
    }
}
