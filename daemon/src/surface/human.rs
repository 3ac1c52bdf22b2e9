//! The check for a person at a terminal: the cause first, then the stages in the order of the
//! flow, then the domain controllers in the words of `nltest /dsgetdc`.

mod cause;
mod detail;
pub mod live;
mod paths;
mod reminders;

use std::cmp::Reverse;
use std::fmt::{self, Write as _};

use anstyle::{AnsiColor, Style};
use sightline_model::{
    ControllerStatus, Evidence, NetworkStatus, Reason, Severity, Stage, StageStatus, State, Verdict,
};

use super::{few, sentence, worst_first};
use crate::check::Checked;
use crate::text;

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
const WIDTH: usize = 96;

/// The whole text. Styles are in it; whoever prints it to something else than a terminal strips
/// them.
#[must_use]
pub fn render(checked: &Checked, is_verbose: bool) -> String {
    let mut out = String::new();
    for (index, network) in checked.status.networks.iter().enumerate() {
        if index > 0 {
            out.push('\n');
        }
        banner(&mut out, checked, network);
        let standing = Standing {
            is_only: network.root_causes.len() == 1,
            is_verbose,
            has_memory: false,
        };
        for cause in worst_first(network) {
            cause::explain(&mut out, network, cause, standing);
        }
        stages(&mut out, network);
        throughput(&mut out, network);
        controllers(&mut out, network);
        if is_verbose {
            detail::probes(&mut out, network);
            if let Some(chain) = checked.slowest.get(index) {
                detail::chain(&mut out, chain, checked.took);
            }
            reminders::render(&mut out, network);
        }
    }
    out
}

/// How a cause is explained.
#[derive(Clone, Copy, Debug)]
struct Standing {
    /// The banner has said its sentence already.
    is_only: bool,
    /// With all of its evidence.
    is_verbose: bool,
    /// Whoever tells it knows since when it is there.
    has_memory: bool,
}

fn banner(out: &mut String, checked: &Checked, network: &NetworkStatus) {
    let domain = match (&network.domain, &checked.found_domain) {
        (Some(domain), Some(_)) => format!(", domain {domain} (from the resolver's search list)"),
        (Some(domain), None) => format!(", domain {domain}"),
        (None, _) => String::new(),
    };
    headline(
        out,
        network,
        format_args!(
            "site {}, network {}{domain}; checked in {}",
            checked.status.site,
            network.network,
            text::duration(checked.took)
        ),
    );
}

/// The verdict in a sentence, and below it who and when.
fn headline(out: &mut String, network: &NetworkStatus, below: fmt::Arguments<'_>) {
    let style = verdict_style(network.verdict);
    line(
        out,
        format_args!(
            "{style}{}{style:#}  {BOLD}{}{BOLD:#}",
            verdict_word(network.verdict),
            sentence(network)
        ),
    );
    line(out, format_args!("{DIM}{below}{DIM:#}"));
    out.push('\n');
}

fn stages(out: &mut String, network: &NetworkStatus) {
    for status in network
        .stages
        .iter()
        .filter(|status| is_shown(network, status))
    {
        let (mark, style) = mark(status.verdict);
        let said = said(network, status);
        line(
            out,
            format_args!(
                "  {style}{mark}{style:#} {:<3} {:<20} {style}{:<9}{style:#} {said}",
                status.stage.step(),
                status.stage.title(),
                verdict_word(status.verdict).to_lowercase(),
            ),
        );
        // What another finding explains is in --verbose, and "because of" is said above.
        let own = status.findings.iter().filter(|finding| {
            finding.explained_by.is_none()
                && !matches!(finding.reason, Reason::Upstream | Reason::NotTested)
        });
        for finding in own {
            let style = severity_style(finding.severity);
            line(
                out,
                format_args!(
                    "        {style}{}{style:#} {}",
                    finding.reason,
                    few(&finding.subject)
                ),
            );
        }
        for detail in untested(status) {
            let reason = Reason::NotTested;
            line(out, format_args!("        {DIM}{reason}{DIM:#} {detail}"));
        }
    }
    let without_runs: Vec<_> = network
        .stages
        .iter()
        .filter(|status| !is_shown(network, status) && !is_configurable(status.stage))
        .filter(|status| network.judged.contains(&status.stage))
        .map(|status| status.stage.id())
        .collect();
    if !without_runs.is_empty() {
        line(
            out,
            format_args!("  {DIM}- not tested: {}{DIM:#}", without_runs.join(", ")),
        );
    }
}

/// How fast content comes, where that was measured.
fn throughput(out: &mut String, network: &NetworkStatus) {
    let probes = network.stages.iter().flat_map(|status| &status.probes);
    for probe in probes.filter(|probe| probe.probe == "throughput") {
        out.push('\n');
        line(out, format_args!("  {BOLD}Throughput{BOLD:#}"));
        match (probe.evidence.get("estimate"), &probe.detail) {
            (Some(Evidence::Text(said)), _) => pair(out, "estimate", said),
            (_, Some(detail)) => pair(out, "not measured", detail),
            _ => pair(out, "not measured", "nothing was said"),
        }
    }
}

/// What the runs of a stage left out, each in its own words: the subject alone would not tell.
fn untested(status: &StageStatus) -> impl Iterator<Item = &str> {
    status
        .probes
        .iter()
        .filter(|probe| probe.reason == Some(Reason::NotTested))
        .filter_map(|probe| probe.detail.as_deref())
}

/// A stage is shown when something was asked for it or something stops it.
fn is_shown(network: &NetworkStatus, status: &StageStatus) -> bool {
    let is_wanted = network.judged.contains(&status.stage)
        || network
            .judged
            .iter()
            .any(|judged| judged.with_needs().contains(&status.stage));
    is_wanted && (status.applicable || status.verdict != Verdict::Ready)
}

const fn is_configurable(stage: Stage) -> bool {
    matches!(stage, Stage::Proxy | Stage::Vpn)
}

/// The most useful words about a stage.
fn said(network: &NetworkStatus, status: &StageStatus) -> String {
    if !status.blocked_by.is_empty() {
        let names: Vec<_> = status.blocked_by.iter().map(|stage| stage.id()).collect();
        return format!("because of {}", names.join(", "));
    }
    let elsewhere = causes_elsewhere(network, status);
    if elsewhere.is_empty() {
        result(network, status)
    } else {
        format!("{}; {}", result(network, status), elsewhere.join(", "))
    }
}

/// Causes that stand at an earlier stage and touch this one too.
fn causes_elsewhere(network: &NetworkStatus, status: &StageStatus) -> Vec<String> {
    if status.verdict == Verdict::Ready {
        return Vec::new();
    }
    let mut causes: Vec<_> = network
        .root_causes
        .iter()
        .filter(|cause| cause.stage != status.stage)
        .filter(|cause| cause.also_affected.contains(&status.stage))
        .collect();
    causes.sort_by_key(|cause| Reverse(cause.severity));
    causes
        .into_iter()
        .map(|cause| format!("{} at {}", cause.reason, cause.stage))
        .collect()
}

/// What was found out about a stage.
fn result(network: &NetworkStatus, status: &StageStatus) -> String {
    let passed = status
        .probes
        .iter()
        .filter(|probe| matches!(probe.state, State::Pass | State::Warn))
        .count();
    match status.stage {
        Stage::DomainController => {
            let usable: Vec<_> = network
                .domain_controllers
                .iter()
                .filter(|dc| dc.usable)
                .map(|dc| dc.name.as_str())
                .collect();
            let said = match usable.as_slice() {
                [] => "no usable domain controller".to_owned(),
                [one] => format!("{one} is usable"),
                many => format!(
                    "{} of {} usable",
                    many.len(),
                    network.domain_controllers.len()
                ),
            };
            said + &paths::words(network)
        }
        Stage::SignIn => network
            .domain_controllers
            .iter()
            .filter(|dc| dc.usable)
            .filter_map(|dc| dc.clock_skew_seconds)
            .max_by(|a, b| a.abs().total_cmp(&b.abs()))
            .map_or_else(String::new, |skew| {
                format!("the clock furthest off: {}", text::offset(skew))
            }),
        _ if status.probes.is_empty() => String::new(),
        _ => format!("{passed} of {} checks pass", status.probes.len()),
    }
}

fn controllers(out: &mut String, network: &NetworkStatus) {
    if network.domain_controllers.is_empty() {
        return;
    }
    out.push('\n');
    line(
        out,
        format_args!(
            "  {BOLD}Domain controllers{BOLD:#}, in the order in which Windows tries them"
        ),
    );
    for dc in network.domain_controllers.iter().filter(|dc| dc.probed) {
        controller(out, dc);
    }
    let unprobed = network
        .domain_controllers
        .iter()
        .filter(|dc| !dc.probed)
        .count();
    if unprobed > 0 {
        line(
            out,
            format_args!("    {DIM}{unprobed} more are announced and were not probed{DIM:#}"),
        );
    }
    let chosen = network.domain_controllers.iter().find(|dc| dc.usable);
    if let Some(dc) = chosen {
        out.push('\n');
        nltest(out, network, dc);
    }
}

fn controller(out: &mut String, dc: &ControllerStatus) {
    let (mark, style) = mark(if dc.usable {
        Verdict::Ready
    } else {
        Verdict::NotReady
    });
    let services: Vec<String> = dc
        .services
        .iter()
        .filter(|(_, state)| **state != State::Skipped)
        .map(|(service, state)| {
            let style = state_style(*state);
            match state {
                State::Pass => (*service).to_owned(),
                _ => format!("{style}{service}:{}{style:#}", state.id()),
            }
        })
        .collect();
    let skew = dc.clock_skew_seconds.map_or_else(String::new, |skew| {
        format!(", clock {}", text::offset(skew))
    });
    line(
        out,
        format_args!(
            "    {style}{mark}{style:#} {} ({}){}{}{skew}",
            dc.name,
            if dc.addresses.is_empty() {
                "no address".to_owned()
            } else {
                dc.addresses.join(", ")
            },
            dc.ad_site
                .as_ref()
                .map_or_else(String::new, |site| format!(", site {site}")),
            if is_read_only(dc) { ", read-only" } else { "" },
        ),
    );
    if !services.is_empty() {
        line(out, format_args!("      {}", services.join(" ")));
    }
}

/// Whether a controller has said what it is, and that nothing can be written there: a join cannot
/// be completed at such a one ([MS-ADTS] 6.3.1.2, DS_WRITABLE_FLAG).
fn is_read_only(dc: &ControllerStatus) -> bool {
    !dc.flags.is_empty() && !dc.flags.iter().any(|flag| flag == "WRITABLE")
}

/// The controller that Windows takes first, in the fields of `nltest /dsgetdc`.
fn nltest(out: &mut String, network: &NetworkStatus, dc: &ControllerStatus) {
    let none = || "(none)".to_owned();
    for (key, value) in [
        ("DC", format!("\\\\{}", dc.name)),
        (
            "Address",
            dc.addresses
                .first()
                .map_or_else(none, |address| format!("\\\\{address}")),
        ),
        ("Dom Guid", dc.domain_guid.clone().unwrap_or_else(none)),
        ("Dom Name", network.domain.clone().unwrap_or_else(none)),
        ("Forest Name", dc.forest.clone().unwrap_or_else(none)),
        ("Dc Site Name", dc.ad_site.clone().unwrap_or_else(none)),
        (
            "Our Site Name",
            network.client_site.clone().unwrap_or_else(none),
        ),
        ("Flags", dc.flags.join(" ")),
    ] {
        line(out, format_args!("    {DIM}{key:>13}: {value}{DIM:#}"));
    }
}

/// A label and a text, wrapped under itself.
fn pair(out: &mut String, label: &str, value: &str) {
    const INDENT: usize = 20;
    let mut rest = wrap(value, WIDTH - INDENT).into_iter();
    let first = rest.next().unwrap_or_default();
    let label = if label.is_empty() {
        String::new()
    } else {
        format!("{label}:")
    };
    line(out, format_args!("    {label:<15} {first}"));
    for more in rest {
        line(out, format_args!("{:INDENT$}{more}", ""));
    }
}

fn wrap(value: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in value.split_whitespace() {
        match lines.last_mut() {
            Some(last) if last.chars().count() + 1 + word.chars().count() <= width => {
                last.push(' ');
                last.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// A person reads no spaces at the end of a line, but a diff does.
fn line(out: &mut String, arguments: fmt::Arguments<'_>) {
    let begin = out.len();
    let _infallible = out.write_fmt(arguments);
    let kept = out.get(begin..).map_or(0, |line| line.trim_end().len());
    out.truncate(begin + kept);
    out.push('\n');
}

pub(super) const fn verdict_word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Ready => "READY",
        Verdict::Degraded => "DEGRADED",
        Verdict::Unknown => "UNKNOWN",
        Verdict::NotReady => "NOT READY",
    }
}

const fn mark(verdict: Verdict) -> (&'static str, Style) {
    let mark = match verdict {
        Verdict::Ready => "✔",
        Verdict::Degraded => "!",
        Verdict::Unknown => "?",
        Verdict::NotReady => "✘",
    };
    (mark, verdict_style(verdict))
}

const fn colour(colour: AnsiColor) -> Style {
    Style::new()
        .bold()
        .fg_color(Some(anstyle::Color::Ansi(colour)))
}

const fn verdict_style(verdict: Verdict) -> Style {
    match verdict {
        Verdict::Ready => colour(AnsiColor::Green),
        Verdict::Degraded => colour(AnsiColor::Yellow),
        Verdict::Unknown => colour(AnsiColor::Cyan),
        Verdict::NotReady => colour(AnsiColor::Red),
    }
}

const fn severity_style(severity: Severity) -> Style {
    match severity {
        Severity::Info => DIM,
        Severity::Degrading => colour(AnsiColor::Yellow),
        Severity::Inconclusive => colour(AnsiColor::Cyan),
        Severity::Blocking => colour(AnsiColor::Red),
    }
}

const fn state_style(state: State) -> Style {
    match state {
        State::Pass | State::Skipped => Style::new(),
        State::Warn => colour(AnsiColor::Yellow),
        State::Unknown => colour(AnsiColor::Cyan),
        State::Fail => colour(AnsiColor::Red),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_are_wrapped_under_themselves() {
        let mut out = String::new();
        pair(&mut out, "fix", &"word ".repeat(40));
        let lines: Vec<_> = out.lines().collect();
        assert!(lines.len() > 1);
        assert!(lines.iter().all(|line| line.chars().count() <= WIDTH));
        assert!(lines[1].starts_with(&" ".repeat(20)));
    }
}
