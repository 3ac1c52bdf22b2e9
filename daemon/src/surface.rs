//! What may be looked at: functions of one [`sightline_model::Status`], or of one list of endpoints.

pub mod endpoints;
pub mod human;
pub mod nagios;

use std::cmp::Reverse;

use sightline_model::{NetworkStatus, RootCause, Verdict};

/// The causes by their severity; those of the same severity in the order of the flow.
fn worst_first(network: &NetworkStatus) -> Vec<&RootCause> {
    let mut causes: Vec<_> = network.root_causes.iter().collect();
    causes.sort_by_key(|cause| Reverse(cause.severity));
    causes
}

/// The verdict in one sentence, for banners, exit texts and status lines. It names the worst cause,
/// since that is what decides.
#[must_use]
pub fn sentence(network: &NetworkStatus) -> String {
    let causes = worst_first(network);
    let first = causes.first();
    let more = network.root_causes.len().saturating_sub(1);
    match (network.verdict, first) {
        (Verdict::Ready, _) => {
            let usable = network
                .domain_controllers
                .iter()
                .filter(|dc| dc.usable)
                .count();
            match usable {
                0 => "Nothing that was tested stands in the way.".to_owned(),
                1 => "A device can find and use 1 domain controller from here.".to_owned(),
                many => format!("A device can find and use {many} domain controllers from here."),
            }
        }
        (_, Some(cause)) if more == 0 => cause.summary.clone(),
        (_, Some(cause)) => format!(
            "{} ({more} more {})",
            cause.summary,
            if more == 1 { "cause" } else { "causes" }
        ),
        (_, None) => "Nothing could be looked at.".to_owned(),
    }
}
