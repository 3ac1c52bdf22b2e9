//! Which finding explains which: a dead link everything behind it, a dead resolver every name
//! asked of it. What is explained is evidence and no cause.

use super::draft::Draft;
use super::vpns;
use crate::outcome::Severity;
use crate::reason::Reason;
use crate::stage::Stage;

/// Marks every draft that another one explains.
pub(super) fn explain(mut drafts: Vec<Draft>) -> Vec<Draft> {
    let explained_by: Vec<Option<Reason>> = drafts
        .iter()
        .map(|other| {
            let mut causes = drafts.iter().filter(|cause| explains(cause, other));
            causes.next().map(|cause| cause.reason)
        })
        .collect();
    for (draft, reason) in drafts.iter_mut().zip(explained_by) {
        draft.explained_by = draft.explained_by.or(reason);
    }
    explain_tunnels(&mut drafts);
    doubt_what_the_clock_explains(&mut drafts);
    drafts
}

/// What keeps a gateway silent keeps its tunnel down too. Where the silence alone proves nothing, what explains
/// it still does.
fn explain_tunnels(drafts: &mut [Draft]) {
    let silent: Vec<Draft> = drafts
        .iter()
        .filter(|draft| draft.reason == Reason::VpnGatewayNoAnswer && draft.explained_by.is_some())
        .cloned()
        .collect();
    let reason_for = |vpn: &String| {
        let mut gateways = silent.iter();
        let gateway = gateways.find(|gateway| vpns::is_about(gateway, vpn));
        gateway.and_then(|gateway| gateway.explained_by)
    };
    for draft in drafts {
        let suffers = is_of_tunnel(draft.reason) && draft.reason != Reason::VpnNoRoute;
        if suffers
            && draft.explained_by.is_none()
            && draft.what.iter().all(|vpn| reason_for(vpn).is_some())
        {
            draft.explained_by = draft.what.first().and_then(reason_for);
        }
    }
}

/// Nobody knows of a certificate that a wrong clock of this box made look bad. What the stage can do
/// without leaves it no more in doubt than it would harm it.
fn doubt_what_the_clock_explains(drafts: &mut [Draft]) {
    let doubts: Vec<(Stage, Severity)> = drafts
        .iter()
        .filter(|draft| draft.explained_by == Some(Reason::ClockUnsynced))
        .flat_map(|draft| {
            let touched = draft.touches.iter().map(|(stage, harm)| (*stage, *harm));
            touched.chain([(draft.stage, draft.severity)])
        })
        .filter(|(_, harm)| *harm > Severity::Info)
        .collect();
    let is_cause = |draft: &&mut Draft| draft.reason == Reason::ClockUnsynced;
    for cause in drafts.iter_mut().filter(is_cause) {
        for (stage, harm) in &doubts {
            if *stage != cause.stage {
                let doubt = (*harm).min(cause.severity);
                let known = cause.touches.entry(*stage).or_insert(doubt);
                *known = (*known).max(doubt);
            }
        }
    }
}

fn explains(cause: &Draft, other: &Draft) -> bool {
    let Draft {
        reason, severity, ..
    } = *cause;
    if reason == other.reason {
        return false;
    }
    // What was found through a tunnel says nothing of another path; what is wrong with the network itself
    // does, and so does the tunnel.
    let is_of_whom = |vpn: &String| {
        // Where a route is missing nothing is asked, so that there is nothing to explain.
        let is_it = is_of_tunnel(reason) && reason != Reason::VpnNoRoute;
        is_it && severity > Severity::Info && vpns::is_about(cause, vpn)
    };
    match (&cause.via, &other.via) {
        (Some(one), other) if Some(one) != other.as_ref() => return false,
        (None, Some(vpn)) if is_of_whom(vpn) => return true,
        (None, Some(_)) if !is_of_network(reason) => return false,
        _ => {}
    }
    // Whoever cannot tell the proxy cannot tell what is behind it.
    if cause.stage == Stage::Proxy
        && severity == Severity::Inconclusive
        && other.reason == Reason::InternetUnreachable
    {
        return true;
    }
    match reason {
        Reason::LinkDown => severity == Severity::Inconclusive,
        Reason::NoAddress => {
            severity == Severity::Blocking
                && (other.reason == Reason::NoResolver || needs_a_path(other))
        }
        Reason::NoRoute => {
            severity == Severity::Blocking
                && other.reason != Reason::NoAddress
                && (other.reason == Reason::NoResolver || needs_a_path(other))
        }
        Reason::GatewayUnreachable => {
            severity == Severity::Blocking
                && !matches!(other.reason, Reason::NoAddress | Reason::NoRoute)
                && needs_a_path(other)
        }
        Reason::NoResolver | Reason::ResolverUnreachable if severity == Severity::Blocking => {
            other.reason.group() == "dns"
                || matches!(
                    other.reason,
                    Reason::InternetUnreachable
                        | Reason::NtpNoAnswer
                        | Reason::VpnGatewayUnresolved
                )
        }
        Reason::ResolverUnreachable => is_at_same_resolvers(cause, other),
        // What a resolver lacks that only a rogue server or router hands out.
        Reason::DhcpRogue => {
            (other.reason.group() == "dns" || other.reason == Reason::PortBlocked)
                && other.severity <= Severity::Degrading
                && !other.at.is_empty()
                && other.at.iter().all(|place| cause.brings.contains(place))
        }
        // Without its gateway no tunnel comes up, and none that was up leads anywhere.
        Reason::VpnGatewayUnresolved | Reason::VpnGatewayNoAnswer | Reason::VpnRefused => {
            is_of_tunnel(other.reason)
                && other.severity <= severity
                && other.what.iter().all(|name| vpns::is_about(cause, name))
        }
        // Without a handshake nothing comes back.
        Reason::VpnHandshakeStale => {
            other.reason == Reason::VpnBlackhole && other.what == cause.what
        }
        Reason::InternetUnreachable => {
            other.stage != Stage::Proxy
                && matches!(
                    other.reason,
                    Reason::ResolverLacksInternet
                        | Reason::NtpNoAnswer
                        | Reason::EndpointUnreachable
                        | Reason::StsUnreachable
                        | Reason::VpnGatewayUnresolved
                        | Reason::VpnGatewayNoAnswer
                )
        }
        // Whoever stands in the way answers in the place of every host, and often of every name; some
        // answer nothing.
        Reason::CaptivePortal => {
            severity == Severity::Blocking
                && (matches!(
                    other.reason,
                    Reason::DnsRewritten | Reason::InternetUnreachable
                ) || other.reason.group() == "vpn"
                    || other.stage == Stage::Vpn && other.reason == Reason::ProtocolError
                    || matches!(other.reason.group(), "http" | "tls")
                        && is_web(other)
                        && other.stage != Stage::Proxy)
        }
        // Whoever answers for every name answers for the one below which a script is looked for.
        Reason::DnsRewritten => {
            other.stage == Stage::Proxy
                && other.severity <= Severity::Degrading
                && matches!(
                    other.reason,
                    Reason::EndpointUnreachable | Reason::HttpStatus | Reason::ContentMismatch
                )
        }
        // A wrong clock makes good certificates look bad.
        Reason::ClockUnsynced => {
            matches!(other.reason, Reason::TlsExpired | Reason::TlsNotYetValid) && is_web(other)
        }
        Reason::ResolverLacksAdZone => {
            other.stage == Stage::DomainController
                && other.reason.group() == "dns"
                && (severity == Severity::Blocking || is_at_same_resolvers(cause, other))
        }
        // The records of a site that has no controller, or that this network is not in.
        Reason::SiteFallback | Reason::SiteUnmapped | Reason::SiteMismatch => {
            let is_of_site = |name: &String| name.contains("._sites.dc._msdcs.");
            other.reason.group() == "dns" && other.what.iter().any(is_of_site)
        }
        _ => false,
    }
}

/// Whether it is about a tunnel that is not of use, apart from its gateway.
pub(super) fn is_of_tunnel(reason: Reason) -> bool {
    matches!(
        reason,
        Reason::VpnTunnelDown
            | Reason::VpnNoRoute
            | Reason::VpnBlackhole
            | Reason::VpnHandshakeStale
    )
}

/// Whether every tunnel that runs over the network suffers too.
fn is_of_network(reason: Reason) -> bool {
    matches!(
        reason,
        Reason::LinkDown
            | Reason::NoAddress
            | Reason::NoRoute
            | Reason::GatewayUnreachable
            | Reason::ClockUnsynced
    )
}

/// Whether it was found only at resolvers that are at fault themselves.
fn is_at_same_resolvers(cause: &Draft, other: &Draft) -> bool {
    other.reason.group() == "dns"
        && !other.at.is_empty()
        && other.at.iter().all(|place| cause.at.contains(place))
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
