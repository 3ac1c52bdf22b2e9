//! Link, addresses, routes and gateway; and every check that no other rule looks at.

use std::net::IpAddr;

use super::NetworkScene;
use super::draft::Draft;
use crate::observation::Observation;
use crate::outcome::{Evidence, Finding, Severity, State};
use crate::reason::Reason;
use crate::stage::Gate;
use crate::subject::Subject;

pub(super) fn judge(network: &NetworkScene) -> Vec<Draft> {
    network
        .observations
        .iter()
        .filter(|seen| seen.check.subject == Subject::Uplink)
        .flat_map(|seen| {
            seen.outcome.findings.iter().map(|finding| {
                let key = if finding.reason == Reason::GatewayUnreachable {
                    "gateway"
                } else {
                    "interface"
                };
                Draft::new(
                    finding.reason,
                    seen.check.stage,
                    capped(finding, seen.check.gate),
                )
                .at(place(seen, key))
                .because(&finding.detail)
            })
        })
        .collect()
}

/// The interface or the gateway by its name in the evidence.
pub(super) fn place(seen: &Observation, key: &str) -> String {
    match seen.outcome.evidence.get(key) {
        Some(Evidence::Text(name)) if !name.is_empty() => name.clone(),
        _ => seen.check.target.host.clone(),
    }
}

/// The interface that leads into the network, or the network itself where nobody looked for it.
pub(super) fn interface(network: &NetworkScene) -> String {
    network
        .observations
        .iter()
        .find(|seen| seen.check.subject == Subject::Uplink)
        .map_or_else(|| network.name.clone(), |seen| place(seen, "interface"))
}

/// The findings of one observation as they stand, capped by what the check means to its stage.
pub(super) fn plain(seen: &Observation) -> impl Iterator<Item = Draft> {
    seen.outcome.findings.iter().map(|finding| {
        let draft = Draft::new(
            seen.meaning_of(finding),
            seen.check.stage,
            capped(finding, seen.check.gate),
        )
        .because(finding.detail.clone())
        .at(seen.check.target.host.clone());
        if draft.reason == Reason::PortBlocked {
            draft.what(&seen.check.door)
        } else {
            draft
        }
    })
}

/// A failing soft check degrades. Of an optional one silence is information, and what is wrong
/// with it where it is there degrades.
pub(super) fn capped(finding: &Finding, gate: Gate) -> Severity {
    let is_absent = finding.reason.is_silence();
    match (finding.severity, gate) {
        (Severity::Blocking | Severity::Degrading, Gate::Optional) if is_absent => Severity::Info,
        (Severity::Blocking, Gate::Soft | Gate::BringsVpn | Gate::Optional) => Severity::Degrading,
        (Severity::Inconclusive, Gate::Soft | Gate::BringsVpn | Gate::Optional) => Severity::Info,
        (severity, _) => severity,
    }
}

/// The address that a controller sees may differ, but these are the ones that we send from, in the
/// families that `is_meant` picks.
pub(super) fn own_addresses(
    network: &NetworkScene,
    is_meant: impl Fn(IpAddr) -> bool,
) -> Vec<String> {
    let listed_by = |is_it: fn(&Subject) -> bool| {
        let mut seen = network.observations.iter();
        seen.find_map(|seen| {
            is_it(&seen.check.subject)
                .then(|| seen.outcome.evidence.get("addresses"))
                .flatten()
        })
    };
    // Through a tunnel nobody looks for another way out.
    let listed = listed_by(|subject| *subject == Subject::Uplink)
        .or_else(|| listed_by(|subject| matches!(subject, Subject::Tunnel { .. })));
    let mut own = Vec::new();
    if let Some(Evidence::List(addresses)) = listed {
        own.extend(addresses.iter().filter(|text| {
            let address = text.split('/').next().unwrap_or_default();
            address.parse().is_ok_and(&is_meant)
        }));
    }
    if own.is_empty() {
        return vec![network.name.clone()];
    }
    own.into_iter().cloned().collect()
}

/// Whether a check says something about its target.
pub(super) fn is_conclusive(state: State) -> bool {
    matches!(state, State::Pass | State::Warn | State::Fail)
}
