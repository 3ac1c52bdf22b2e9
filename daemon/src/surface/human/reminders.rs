//! What no probe can see from the network, for whoever has ruled the network out.

use sightline_model::{NetworkStatus, Stage};

use super::{BOLD, line, wrap};

/// By stage, in the order of the flow.
const REMINDERS: [(Stage, &str); 6] = [
    (
        Stage::Autopilot,
        "The device is registered with Autopilot, and a profile for hybrid join is assigned to it.",
    ),
    (
        Stage::Autopilot,
        "Between the technician flow and the user flow lie at least 90 minutes and at most 6 months.",
    ),
    (
        Stage::DeviceSetup,
        "Licences, Conditional Access and what the enrolment status page waits for are decided in the tenant.",
    ),
    (
        Stage::DomainController,
        "Where controllers are reached through a VPN alone, the profile has \"Skip AD connectivity check\" set to Yes; elsewhere to No.",
    ),
    (
        Stage::DomainController,
        "The Intune Connector for Active Directory runs and may create computers in the organizational unit of the profile.",
    ),
    (
        Stage::Registration,
        "In a managed tenant the device appears after the next cycle of Entra Connect, by default 30 minutes, if its unit is in scope; 0x801c03f2 before that is no fault of the network.",
    ),
];

/// The reminders of the stages that were tested.
pub(super) fn render(out: &mut String, network: &NetworkStatus) {
    let is_tested = |wanted: Stage| {
        network.judged.contains(&wanted)
            && network
                .stages
                .iter()
                .any(|status| status.stage == wanted && status.applicable)
    };
    let mut reminders = REMINDERS
        .iter()
        .filter(|(stage, _)| is_tested(*stage))
        .peekable();
    if reminders.peek().is_none() {
        return;
    }
    out.push('\n');
    line(
        out,
        format_args!("  {BOLD}What no probe can see{BOLD:#}, for when the network is well"),
    );
    for (stage, text) in reminders {
        for (index, part) in wrap(text, super::WIDTH - 26).iter().enumerate() {
            let label = if index == 0 { stage.id() } else { "" };
            line(out, format_args!("    {label:<20}  {part}"));
        }
    }
}
