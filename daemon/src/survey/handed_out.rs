//! What DHCP and router advertisements hand out comes before everything else, where the clients of a
//! network live on it.

use std::net::{IpAddr, Ipv6Addr};

use futures_util::future::join_all;
use sightline_model::{DhcpAnswer, Observation, RouterAnswer, Stage, Subject};

use super::way_out;
use crate::net::socket;
use crate::path::NetPath;
use crate::plan::{Network, Plan};
use crate::probe::{self, Ground, Thing};
use crate::run::{self, Task};

/// As many resolvers are asked, of all that the servers and routers of a network hand out.
const MOST_RESOLVERS: usize = 8;

/// The same for suffixes.
const MOST_SUFFIXES: usize = 8;

/// Completes a network with the link that it leaves by beside tunnels, and with what its DHCP servers and
/// routers hand out, and gives what they answered; a network that needs nothing of them comes back as it is.
///
/// Of several servers everything is taken: which of them a client hears first is chance.
pub async fn handed_out(plan: &Plan, network: &Network) -> (Network, Vec<Observation>) {
    let mut network = network.clone();
    way_out::beside_tunnels(plan, &mut network).await;
    if !network.by_dhcp {
        return (network, Vec::new());
    }
    let ground = Ground {
        plan,
        network: &network,
        domain: None,
        path: &network.path,
        stages: &[Stage::Network],
    };
    let hands_out = |task: &Task| {
        matches!(
            task.check.subject,
            Subject::Dhcp | Subject::RouterAdvertisements
        )
    };
    let mut tasks = probe::tasks(&ground, &Thing::Network);
    tasks.retain(hands_out);
    let mut seen: Vec<Observation> = join_all(tasks.iter().map(run::once)).await;
    // A router that has just spoken to all need not answer for three seconds (RFC 4861 §6.2.6). Where
    // everything depends on it, it is asked once more.
    if !seen.iter().any(gives_resolver) {
        for (task, seen) in tasks.iter().zip(&mut seen) {
            if task.check.subject == Subject::RouterAdvertisements {
                *seen = run::once(task).await;
            }
        }
    }
    take_all(&mut network, seen.iter());
    (network, seen)
}

/// Completes a network with everything that was answered there.
pub(super) fn take_all<'a>(
    network: &mut Network,
    seen: impl Iterator<Item = &'a Observation> + Clone,
) {
    for answer in seen.clone().flat_map(|seen| &seen.outcome.facts.dhcp) {
        take(network, answer);
    }
    for answer in seen.flat_map(|seen| &seen.outcome.facts.routers) {
        take_advertised(network, answer);
    }
}

fn gives_resolver(seen: &Observation) -> bool {
    let facts = &seen.outcome.facts;
    let mut by_dhcp = facts.dhcp.iter();
    let mut by_router = facts.routers.iter();
    by_dhcp.any(|answer| !answer.resolvers.is_empty())
        || by_router.any(|answer| answer.handed_out().next().is_some())
}

fn take(network: &mut Network, answer: &DhcpAnswer) {
    for resolver in &answer.resolvers {
        add_resolver(network, IpAddr::V4(*resolver));
    }
    // The suffix of the connection comes first, as Windows has it.
    for suffix in answer.domain.iter().chain(&answer.search) {
        add_suffix(network, suffix);
    }
}

fn take_advertised(network: &mut Network, answer: &RouterAnswer) {
    for resolver in answer.handed_out() {
        match cannot_be_asked(&network.path, resolver) {
            None => add_resolver(network, IpAddr::V6(resolver)),
            Some(why) => {
                let unusable = format!("{resolver} ({why})");
                if network.unusable.len() < MOST_RESOLVERS && !network.unusable.contains(&unusable)
                {
                    network.unusable.push(unusable);
                }
            }
        }
    }
    for suffix in answer.suffixes() {
        add_suffix(network, suffix);
    }
}

/// Why this box cannot ask a resolver that clients may well be able to ask; and whoever hands out an address
/// of this box itself is not believed.
fn cannot_be_asked(path: &NetPath, resolver: Ipv6Addr) -> Option<&'static str> {
    if resolver.is_unicast_link_local() {
        Some("link-local addresses are not supported yet")
    } else if resolver.is_loopback()
        || resolver.is_unspecified()
        || resolver.is_multicast()
        || resolver.to_ipv4_mapped().is_some()
    {
        Some("it is no address of a resolver")
    } else if socket::reachable_by_route(path, IpAddr::V6(resolver)).is_err() {
        Some("this box has no way there over IPv6")
    } else {
        None
    }
}

fn add_resolver(network: &mut Network, resolver: IpAddr) {
    let server = (resolver, 53).into();
    if !network.resolvers.contains(&server) && network.resolvers.len() < MOST_RESOLVERS {
        network.resolvers.push(server);
    }
}

fn add_suffix(network: &mut Network, suffix: &str) {
    let suffix = suffix.trim_end_matches('.').to_ascii_lowercase();
    let is_new = !suffix.is_empty() && !network.search.contains(&suffix);
    if is_new && network.search.len() < MOST_SUFFIXES {
        network.search.push(suffix);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resolver_that_cannot_be_asked_is_told_from_one_that_can() {
        let path = NetPath::direct("default");
        let why = |text: &str| cannot_be_asked(&path, text.parse().expect("an address"));
        assert!(why("fe80::53").is_some_and(|why| why.contains("link-local")));
        for own in ["::1", "::", "ff02::fb", "::ffff:127.0.0.1"] {
            assert_eq!(why(own), Some("it is no address of a resolver"), "{own}");
        }
    }
}
