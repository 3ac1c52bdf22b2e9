//! What may be looked at: functions of one [`sightline_model::Status`], or of one list of endpoints.

pub mod endpoints;
pub mod history;
pub mod human;
pub mod json;
pub mod metrics;
pub mod nagios;
pub mod page;
pub mod report;

use std::cmp::Reverse;

use sightline_model::incident::Moment;
use sightline_model::snapshot::Snapshot;
use sightline_model::{DIRECT, NetworkStatus, RootCause, Stage, Status, Verdict};

/// The causes by their severity; those of the same severity in the order of the flow.
pub(crate) fn worst_first(network: &NetworkStatus) -> Vec<&RootCause> {
    let mut causes: Vec<_> = network.root_causes.iter().collect();
    causes.sort_by_key(|cause| Reverse(cause.severity));
    causes
}

/// The network that decides the verdict of the site, the first of equals.
#[must_use]
pub fn worst(status: &Status) -> Option<&NetworkStatus> {
    let networks = status.networks.iter();
    networks.rev().max_by_key(|network| network.verdict)
}

/// The cause that decides the verdict of a network, the first of equals.
#[must_use]
pub fn first_cause(network: &NetworkStatus) -> Option<&RootCause> {
    worst_first(network).first().copied()
}

/// The verdict in one sentence, for banners, exit texts and status lines. It names the worst cause,
/// since that is what decides.
#[must_use]
pub fn sentence(network: &NetworkStatus) -> String {
    let causes = worst_first(network);
    let first = causes.first();
    let more = network.root_causes.len().saturating_sub(1);
    match (network.verdict, first) {
        (Verdict::Ready, _) => good_news(network),
        (_, Some(cause)) if more == 0 => cause.summary.clone(),
        (_, Some(cause)) => format!(
            "{} ({more} more {})",
            cause.summary,
            if more == 1 { "cause" } else { "causes" }
        ),
        (_, None) => "Nothing could be looked at.".to_owned(),
    }
}

/// How it stands with a site now, in a line: of a daemon that has not looked yet, or not for long, that.
#[must_use]
pub fn line(snapshot: &Snapshot, now: Moment) -> String {
    let said = verdict_line(snapshot, now);
    match snapshot.configuration.refusal() {
        Some(why) => format!(
            "{said} The configuration file is not good, and the one before is in force: {why}"
        ),
        None => said,
    }
}

fn verdict_line(snapshot: &Snapshot, now: Moment) -> String {
    let verdict = human::verdict_word(snapshot.verdict(now));
    if !snapshot.is_warm {
        let ran = snapshot.checks.iter().filter(|check| check.state.is_some());
        return format!(
            "{verdict}: the first round is under way, {} of {} checks have run",
            ran.count(),
            snapshot.checks.len()
        );
    }
    if snapshot.is_stalled(now) {
        return format!(
            "{verdict}: no check has ended for more than a minute; this box is at fault"
        );
    }
    let networks = &snapshot.status.networks;
    let said = networks
        .iter()
        .filter(|network| network.verdict == snapshot.status.verdict)
        .map(|network| match networks.len() {
            1 => sentence(network),
            _ => format!("{}: {}", network.network, sentence(network)),
        });
    format!("{verdict}: {}", said.collect::<Vec<_>>().join(" "))
}

/// What was tested and stands in nobody's way.
fn good_news(network: &NetworkStatus) -> String {
    let usable = network
        .domain_controllers
        .iter()
        .filter(|dc| dc.usable)
        .count();
    let usable = match usable {
        0 => None,
        1 => Some("1 domain controller".to_owned()),
        many => Some(format!("{many} domain controllers")),
    };
    // A direct path goes without saying.
    let path = network.paths.iter().find(|path| path.carries);
    let through = path.filter(|path| path.path != DIRECT);
    let usable = usable.map(|usable| match through {
        Some(path) => format!("{usable} through {}", path.path),
        None => usable,
    });
    let is_tested = |wanted: Stage| {
        network.judged.contains(&wanted)
            && network
                .stages
                .iter()
                .any(|status| status.stage == wanted && status.applicable)
    };
    // The hosts that a device cannot do without, from the first of them to the last.
    let has_hosts = [Stage::Autopilot, Stage::DeviceSetup, Stage::EntraSignIn]
        .into_iter()
        .all(is_tested);
    match (usable, has_hosts) {
        (Some(usable), true) => format!(
            "The user flow can succeed from here: the hosts of the Internet answer, and a device \
             can use {usable}."
        ),
        (Some(usable), false) => format!("A device can find and use {usable} from here."),
        (None, _) => "Nothing that was tested stands in the way.".to_owned(),
    }
}

/// A subject with the first few of its places, and how many more there are:
/// `tcp/445 on dc1, dc2, dc3 and 4 more`.
#[must_use]
pub fn few(subject: &str) -> String {
    const SHOWN: usize = 3;
    // What stands before the places may have commas of its own, such as the name of an authority.
    let begin = [" on ", " @ "]
        .into_iter()
        .filter_map(|word| subject.rfind(word).map(|at| at + word.len()))
        .max()
        .unwrap_or_default();
    let (what, places) = subject.split_at(begin);
    let places: Vec<_> = places.split(", ").collect();
    match places.get(..SHOWN) {
        Some(first) if places.len() > SHOWN + 1 => format!(
            "{what}{} and {} more",
            first.join(", "),
            places.len() - SHOWN
        ),
        _ => subject.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_subject_names_the_first_places_and_counts_the_others() {
        for (subject, short) in [
            ("a, b, c, d", "a, b, c, d"),
            ("a, b, c, d, e", "a, b, c and 2 more"),
            (
                "tcp/445 on a, b, c, d, e, f",
                "tcp/445 on a, b, c and 3 more",
            ),
            (
                "by C=DE, O=On the Edge, OU=IT, CN=Proxy, L=Ulm on a, b",
                "by C=DE, O=On the Edge, OU=IT, CN=Proxy, L=Ulm on a, b",
            ),
            ("x @ 1, 2, 3, 4, 5", "x @ 1, 2, 3 and 2 more"),
            ("", ""),
        ] {
            assert_eq!(few(subject), short);
        }
    }
}
