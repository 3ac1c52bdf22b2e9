//! The gateways of the VPNs: whether they live, and how much that matters.

use super::NetworkScene;
use super::draft::Draft;
use super::hosts::signed_by;
use super::uplink::capped;
use crate::outcome::{Finding, Observation, Severity};
use crate::reason::Reason;
use crate::stage::{Gate, Stage};
use crate::subject::Subject;

/// Whether a VPN is in use that the flow cannot do without.
pub(super) fn are_required(network: &NetworkScene) -> bool {
    seen(network).any(|(_, seen)| seen.check.gate == Gate::Hard)
}

pub(super) fn judge(network: &NetworkScene) -> Vec<Draft> {
    seen(network)
        .flat_map(|(name, seen)| {
            seen.outcome.findings.iter().map(move |finding| {
                let reason = seen.meaning_of(finding);
                // Each tunnel is up or down for itself.
                if let Subject::Tunnel { .. } = seen.check.subject {
                    return Draft::new(reason, Stage::Vpn, severity(finding, seen))
                        .what(name)
                        .at(&seen.check.target.host)
                        .because(&finding.detail);
                }
                let what = match reason {
                    // With what the same proxy signs elsewhere it is one finding.
                    Reason::TlsIntercepted => signed_by(seen),
                    // Apart from a silence that proves something.
                    _ if proves_nothing(finding) => "silence that proves nothing".to_owned(),
                    _ => String::new(),
                };
                Draft::new(reason, Stage::Vpn, severity(finding, seen))
                    .what(what)
                    .at(format!("{name} ({})", seen.check.target))
                    .because(&finding.detail)
            })
        })
        .collect()
}

fn seen(network: &NetworkScene) -> impl Iterator<Item = (&str, &Observation)> {
    network
        .observations
        .iter()
        .filter_map(|seen| match &seen.check.subject {
            Subject::VpnGateway { name } | Subject::Tunnel { name } => Some((name.as_str(), seen)),
            _ => None,
        })
}

/// The VPN that a place is of.
pub(super) fn name_of(place: &str) -> &str {
    place.split_once(" (").map_or(place, |(name, _)| name)
}

/// Of silence a probe says with its severity whether a healthy gateway would have been as silent.
fn proves_nothing(finding: &Finding) -> bool {
    finding.reason == Reason::VpnGatewayNoAnswer && finding.severity == Severity::Degrading
}

/// Silence that proves nothing is worth a word where the VPN is needed and somebody should make it
/// provable; else it is no news.
fn severity(finding: &Finding, seen: &Observation) -> Severity {
    match seen.check.gate {
        Gate::Soft | Gate::Optional if proves_nothing(finding) => Severity::Info,
        gate => capped(finding, gate),
    }
}
