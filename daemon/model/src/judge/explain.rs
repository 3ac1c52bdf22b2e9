//! Which finding explains which: a dead link everything behind it, a dead resolver every name
//! asked of it. What is explained is evidence and no cause.

use super::draft::Draft;
use crate::outcome::Severity;
use crate::reason::Reason;
use crate::stage::Stage;

/// Marks every draft that another one explains.
pub(super) fn explain(mut drafts: Vec<Draft>) -> Vec<Draft> {
    let present: Vec<(Reason, Severity)> = drafts
        .iter()
        .map(|draft| (draft.reason, draft.severity))
        .collect();
    for draft in &mut drafts {
        draft.explained_by = present
            .iter()
            .find(|(reason, severity)| explains(*reason, *severity, draft))
            .map(|(reason, _)| *reason);
    }
    drafts
}

fn explains(reason: Reason, severity: Severity, other: &Draft) -> bool {
    if reason == other.reason {
        return false;
    }
    match reason {
        Reason::LinkDown => severity == Severity::Inconclusive,
        Reason::NoAddress => severity == Severity::Blocking && needs_a_path(other),
        Reason::NoRoute => {
            severity == Severity::Blocking
                && other.reason != Reason::NoAddress
                && needs_a_path(other)
        }
        Reason::GatewayUnreachable => {
            severity == Severity::Blocking
                && !matches!(other.reason, Reason::NoAddress | Reason::NoRoute)
                && needs_a_path(other)
        }
        Reason::ResolverUnreachable => {
            severity == Severity::Blocking
                && (other.reason.group() == "dns"
                    || matches!(
                        other.reason,
                        Reason::InternetUnreachable | Reason::NtpNoAnswer
                    ))
        }
        Reason::InternetUnreachable => {
            matches!(
                other.reason,
                Reason::ResolverLacksInternet | Reason::NtpNoAnswer | Reason::EndpointUnreachable
            )
        }
        // Whoever stands in the way answers in the place of every host.
        Reason::CaptivePortal => matches!(other.reason.group(), "http" | "tls") && is_web(other),
        // A wrong clock makes good certificates look bad.
        Reason::ClockUnsynced => {
            matches!(other.reason, Reason::TlsExpired | Reason::TlsNotYetValid) && is_web(other)
        }
        Reason::ResolverLacksAdZone => {
            severity == Severity::Blocking
                && other.stage == Stage::DomainController
                && other.reason.group() == "dns"
        }
        // The records of a site that has no controller, or that this network is not in.
        Reason::SiteFallback | Reason::SiteUnmapped => {
            let is_of_site = |name: &String| name.contains("._sites.dc._msdcs.");
            other.reason.group() == "dns" && other.what.iter().any(is_of_site)
        }
        _ => false,
    }
}

/// Whether it is about hosts of the Internet, not about a domain controller.
fn is_web(other: &Draft) -> bool {
    other.stage != Stage::DomainController
}

/// Whether a broken way out of this network would look like this.
fn needs_a_path(other: &Draft) -> bool {
    other.reason.is_unreachability()
        || other.reason.group() == "dns"
        || matches!(
            other.reason,
            Reason::NoRoute
                | Reason::RpcEndpointUnavailable
                | Reason::KerberosUdpBlocked
                | Reason::KerberosTcpBlocked
                | Reason::SiteFallback
                | Reason::NoDcUsable
        )
}
