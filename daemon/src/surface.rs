//! What may be looked at: functions of one [`sightline_model::Status`], or of one list of endpoints.

pub mod endpoints;
pub mod human;
pub mod nagios;

use sightline_model::{NetworkStatus, Verdict};

/// The verdict in one sentence, for banners, exit texts and status lines.
#[must_use]
pub fn sentence(network: &NetworkStatus) -> String {
    let first = network.root_causes.first();
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
