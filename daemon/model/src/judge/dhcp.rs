//! What the DHCP servers and routers of a network hand out, and what the portal that they announce says
//! of itself.

use std::net::Ipv4Addr;

use super::NetworkScene;
use super::draft::Draft;
use super::routers::{self, Resolvers};
use super::uplink::{capped, place};
use crate::dhcp::DhcpAnswer;
use crate::observation::Observation;
use crate::outcome::{Finding, Severity, State};
use crate::reason::Reason;
use crate::stage::{Gate, Stage};
use crate::subject::Subject;

pub(super) fn judge(network: &NetworkScene) -> Vec<Draft> {
    let mut drafts = Vec::new();
    for seen in &network.observations {
        for finding in &seen.outcome.findings {
            let (at, what, gate) = match &seen.check.subject {
                Subject::Dhcp if finding.reason == Reason::NoResolver => {
                    drafts.push(no_resolver(network, seen, finding));
                    continue;
                }
                Subject::Dhcp => (place(seen, "interface"), "DHCP", seen.check.gate),
                Subject::RouterAdvertisements => (
                    place(seen, "interface"),
                    "router advertisements",
                    seen.check.gate,
                ),
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
    drafts.extend(routers::rivals(network));
    drafts
}

/// That DHCP gives clients no resolver. Routers may: a network that hands out by IPv6 alone is as good as
/// any other.
fn no_resolver(network: &NetworkScene, seen: &Observation, finding: &Finding) -> Draft {
    let draft = |reason, severity| {
        let draft = Draft::new(reason, seen.check.stage, severity);
        draft.at(place(seen, "interface")).because(&finding.detail)
    };
    match routers::resolvers(network) {
        Resolvers::None => draft(finding.reason, capped(finding, seen.check.gate)),
        // What stands in the way of knowing it is a finding of its own.
        Resolvers::Asked | Resolvers::Unknown => {
            draft(Reason::NotTested, Severity::Info).what("resolvers of DHCP")
        }
        Resolvers::Unasked(resolvers) => draft(Reason::NotRun, Severity::Inconclusive)
            .what("resolvers of router advertisements")
            .because(format!(
                "this box cannot ask the resolvers that routers hand out: {}",
                resolvers.join(", ")
            )),
    }
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
