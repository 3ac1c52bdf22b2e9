//! The VPNs themselves: whether their gateways live and their tunnels are up, and how much that matters.

use super::NetworkScene;
use super::draft::Draft;
use super::hosts::signed_by;
use super::paths::Standing;
use super::uplink::capped;
use crate::observation::Observation;
use crate::outcome::{Finding, Severity};
use crate::reason::Reason;
use crate::stage::{Gate, Stage};
use crate::subject::Subject;

/// Whether a VPN is in use that the flow cannot do without.
pub(super) fn are_required(network: &NetworkScene) -> bool {
    seen(network).any(|(_, seen)| seen.check.gate == Gate::Hard)
}

/// `standing` says whether devices can do without a VPN: where they cannot, one that is not required by
/// name may fail while another one does not.
pub(super) fn judge(network: &NetworkScene, standing: &Standing) -> Vec<Draft> {
    let mut drafts: Vec<(&str, bool, Draft)> = seen(network)
        .flat_map(|(name, seen)| {
            let is_required = seen.check.gate == Gate::Hard;
            let findings = seen.outcome.findings.iter();
            findings.map(move |finding| (name, is_required, draft(name, seen, finding, standing)))
        })
        .collect();
    let worst_of = |vpn: &str| {
        let of_vpn = drafts.iter().filter(|(name, _, _)| *name == vpn);
        of_vpn.map(|(_, _, draft)| draft.severity).max()
    };
    let worst: Vec<_> = network.vpns.iter().map(|vpn| worst_of(&vpn.name)).collect();
    let one_is_left = worst.iter().any(|worst| *worst < Some(Severity::Blocking));
    // One that could not be looked at is no proof that another one may be left in doubt.
    let one_is_known = worst
        .iter()
        .any(|worst| *worst < Some(Severity::Inconclusive));
    for (_, is_required, draft) in &mut drafts {
        if *is_required {
            continue;
        }
        draft.severity = match draft.severity {
            Severity::Blocking if one_is_left => Severity::Degrading,
            Severity::Inconclusive if one_is_known => Severity::Info,
            severity => severity,
        };
    }
    drafts.into_iter().map(|(_, _, draft)| draft).collect()
}

fn draft(name: &str, seen: &Observation, finding: &Finding, standing: &Standing) -> Draft {
    let reason = seen.meaning_of(finding);
    let severity = severity(name, finding, seen, standing);
    // Each tunnel is up or down for itself.
    if let Subject::Tunnel { .. } = seen.check.subject {
        return Draft::new(reason, Stage::Vpn, severity)
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
    Draft::new(reason, Stage::Vpn, severity)
        .what(what)
        .at(format!("{name} ({})", seen.check.target))
        .because(&finding.detail)
}

/// Whether a finding at this stage is about this VPN.
pub(super) fn is_about(draft: &Draft, vpn: &str) -> bool {
    let named = draft.what.iter().map(String::as_str);
    let mut names = named.chain(draft.at.iter().map(|place| name_of(place)));
    names.any(|name| name == vpn)
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
/// provable; else, and where the tunnel says more than the gateway, it is no news.
fn severity(name: &str, finding: &Finding, seen: &Observation, standing: &Standing) -> Severity {
    let gate = match seen.check.gate {
        Gate::Soft if standing.is_vpn_needed => Gate::Hard,
        gate => gate,
    };
    if proves_nothing(finding) && (gate != Gate::Hard || standing.is_seen(name)) {
        Severity::Info
    } else if finding.reason == Reason::VpnNoRoute && standing.is_asked_through(name) {
        capped(finding, gate).min(Severity::Degrading)
    } else {
        capped(finding, gate)
    }
}
