//! How far packets came on the way to a controller that says nothing.

use std::net::IpAddr;

use crate::judge::NetworkScene;
use crate::outcome::Evidence;
use crate::reason::Reason;
use crate::subject::Subject;

/// Whether packets that get lost on the way look like this.
pub(super) fn may_tell(reason: Reason) -> bool {
    reason.is_unreachability()
        || matches!(
            reason,
            Reason::RpcEndpointUnavailable
                | Reason::KerberosUdpBlocked
                | Reason::KerberosTcpBlocked
        )
}

/// What was seen on the way to an address, or to one door of it.
pub(super) fn to(
    network: &NetworkScene,
    wanted: IpAddr,
    path: &str,
    wanted_door: Option<&str>,
) -> Option<String> {
    let mut of_path = network.observations.iter().filter(|seen| seen.path == path);
    of_path.find_map(|seen| {
        let Subject::LastHop { address, door, .. } = &seen.check.subject else {
            return None;
        };
        let is_it = *address == wanted && wanted_door.is_none_or(|wanted| wanted == door);
        match seen.outcome.evidence.get("way") {
            Some(Evidence::Text(way)) if is_it => Some(way.clone()),
            _ => None,
        }
    })
}
