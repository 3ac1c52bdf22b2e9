//! One line as monitoring plugins print it, with performance data.

use std::fmt::Write as _;

use sightline_model::{Status, Verdict};

use super::sentence;
use crate::check::Checked;

/// The line; the exit status is the caller's.
#[must_use]
pub fn render(checked: &Checked) -> String {
    let status = &checked.status;
    let mut line = format!("SIGHTLINE {} - ", word(status.verdict));
    let texts: Vec<String> = worst(status)
        .map(|network| {
            if status.networks.len() > 1 {
                format!("{}: {}", network.network, sentence(network))
            } else {
                sentence(network)
            }
        })
        .collect();
    line.push_str(&texts.join("; ").replace('|', "/"));
    let _infallible = write!(line, " | duration={:.3}s", checked.took.as_secs_f64());
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
