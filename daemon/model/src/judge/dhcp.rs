//! What the DHCP servers of a network hand out, and what the portal that they announce says of
//! itself.

use std::net::Ipv4Addr;

use super::NetworkScene;
use super::draft::Draft;
use super::uplink::{capped, place};
use crate::dhcp::DhcpAnswer;
use crate::outcome::{Severity, State};
use crate::reason::Reason;
use crate::stage::{Gate, Stage};
use crate::subject::Subject;

pub(super) fn judge(network: &NetworkScene) -> Vec<Draft> {
    let mut drafts = Vec::new();
    for seen in &network.observations {
        for finding in &seen.outcome.findings {
            let (at, what, gate) = match &seen.check.subject {
                Subject::Dhcp => {
                    let what = if finding.reason == Reason::NoResolver {
                        ""
                    } else {
                        "DHCP"
                    };
                    (place(seen, "interface"), what, seen.check.gate)
                }
                // That a portal holds the devices is its own word, and what the flow needs may pass it all
                // the same. That it cannot be asked is no fault.
                Subject::PortalApi { name } if finding.reason == Reason::CaptivePortal => {
                    let gate = if is_internet_open(network) {
                        Gate::Soft
                    } else {
                        seen.check.gate
                    };
                    (name.clone(), "", gate)
                }
                Subject::PortalApi { name } => (name.clone(), "portal API", Gate::Optional),
                _ => continue,
            };
            drafts.push(
                Draft::new(finding.reason, seen.check.stage, capped(finding, gate))
                    .what(what)
                    .at(at)
                    .because(&finding.detail),
            );
        }
    }
    let answers = network.observations.iter();
    let answers = answers.filter(|seen| seen.check.subject == Subject::Dhcp);
    drafts.extend(answers.filter_map(|seen| rivals(network, &seen.outcome.facts.dhcp)));
    drafts
}

/// Whether every host that the flow cannot do without answers as it should.
fn is_internet_open(network: &NetworkScene) -> bool {
    let mut needed = network
        .observations
        .iter()
        .filter(|seen| matches!(seen.check.subject, Subject::Host { .. }))
        .filter(|seen| seen.check.gate == Gate::Hard)
        .peekable();
    needed.peek().is_some()
        && needed.all(|seen| matches!(seen.outcome.state(), State::Pass | State::Warn))
}

/// Servers that do not belong there; where nobody has said which belong, all that do not agree.
fn rivals(network: &NetworkScene, answers: &[DhcpAnswer]) -> Option<Draft> {
    let belongs = |answer: &&DhcpAnswer| network.dhcp_servers.contains(&answer.server);
    let (own, rogue): (Vec<_>, Vec<_>) = if network.dhcp_servers.is_empty() {
        let first = answers.first()?;
        let differ = answers
            .iter()
            .any(|answer| answer.options() != first.options());
        (Vec::new(), answers.iter().filter(|_| differ).collect())
    } else {
        answers.iter().partition(belongs)
    };
    if rogue.is_empty() {
        return None;
    }
    let mut draft = Draft::new(Reason::DhcpRogue, Stage::Network, Severity::Degrading);
    for answer in &rogue {
        let options: Vec<String> = answer
            .options()
            .iter()
            .map(|(name, value)| format!("{name} {value}"))
            .collect();
        draft = draft.at(answer.place()).because(format!(
            "{} hands out {}",
            answer.place(),
            options.join("; ")
        ));
    }
    // What all of them hand out is there because of none.
    let is_right = |resolver: &Ipv4Addr| {
        let hands_it_out = |answer: &&DhcpAnswer| answer.resolvers.contains(resolver);
        if own.is_empty() {
            rogue.iter().all(hands_it_out)
        } else {
            own.iter().any(hands_it_out)
        }
    };
    draft.brings = rogue
        .iter()
        .flat_map(|answer| &answer.resolvers)
        .filter(|resolver| !is_right(resolver))
        .map(ToString::to_string)
        .collect();
    Some(draft)
}
