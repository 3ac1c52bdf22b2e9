//! What the DHCP servers of a network hand out, and what the portal that they announce says of
//! itself.

use super::NetworkScene;
use super::draft::Draft;
use super::uplink::{capped, place};
use crate::reason::Reason;
use crate::stage::Gate;
use crate::subject::Subject;

pub(super) fn judge(network: &NetworkScene) -> Vec<Draft> {
    let mut drafts = Vec::new();
    for seen in &network.observations {
        for finding in &seen.outcome.findings {
            let (at, what, gate) = match &seen.check.subject {
                Subject::Dhcp => (place(seen, "interface"), "DHCP", seen.check.gate),
                // That a portal holds the devices is its own word. That it cannot be asked is no
                // fault: what it lets through is tested by asking the Internet itself.
                Subject::PortalApi { name } if finding.reason == Reason::CaptivePortal => {
                    (name.clone(), "", seen.check.gate)
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
    drafts
}
