//! The link that a network leaves by where its configuration names none, and tunnels end on this box: by the
//! routing table alone, what is asked directly would go into a tunnel.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use sightline_model::TunnelFacts;

use crate::net::routes::{Kernel, Snapshot};
use crate::path::NetPath;
use crate::plan::{Network, Plan};

/// The networks of a plan as they are left now, for whoever looks again and again.
pub async fn bound(plan: &Plan) -> Vec<Network> {
    let mut networks = plan.networks.clone();
    for network in &mut networks {
        beside_tunnels(plan, network).await;
    }
    networks
}

/// Binds the direct path to the one link that leads out beside the tunnels, where there is one.
pub(super) async fn beside_tunnels(plan: &Plan, network: &mut Network) {
    let tunnels: BTreeSet<&str> = plan
        .vpns
        .iter()
        .filter_map(|vpn| vpn.interface.as_deref())
        .collect();
    if network.path.interface.is_some() || tunnels.is_empty() {
        return;
    }
    let Ok(kernel) = Kernel::open() else { return };
    // What the kernel does not tell leaves everything to its routing table.
    let Ok(snapshot) = kernel.snapshot().await else {
        return;
    };
    if let Some(interface) = way_out(&snapshot, &tunnels, &network.resolvers) {
        network.path = Arc::new(NetPath {
            interface: Some(interface),
            ..(*network.path).clone()
        });
    }
}

/// The only link beside the tunnels with a default route; `None` where no tunnel is there, or where something
/// is reached by another link, or on this box itself. Pure.
fn way_out(
    snapshot: &Snapshot,
    tunnels: &BTreeSet<&str>,
    resolvers: &[SocketAddr],
) -> Option<String> {
    let is_tunnel = |index: u32| {
        let mut links = snapshot.links.iter();
        links.any(|link| link.index == index && tunnels.contains(link.name.as_str()))
    };
    let mut defaults = snapshot.defaults.iter().map(|route| route.link);
    let out = defaults.find(|link| !is_tunnel(*link))?;
    let is_own =
        |ip: IpAddr| ip.is_loopback() || snapshot.addresses.iter().any(|own| own.address == ip);
    if !snapshot.links.iter().any(|link| is_tunnel(link.index))
        || resolvers.iter().any(|server| is_own(server.ip()))
    {
        return None;
    }
    let others = snapshot.links.iter().filter(|link| {
        link.index != out && !link.is_loopback && !tunnels.contains(link.name.as_str())
    });
    for link in others {
        let own = snapshot
            .addresses
            .iter()
            .filter(|own| own.link == link.index);
        let own: Vec<IpAddr> = own.map(|own| own.address).collect();
        for route in snapshot.routes_through(link.index) {
            let leads_to = |ip: IpAddr| {
                let facts = TunnelFacts {
                    routes: vec![route],
                    ..TunnelFacts::default()
                };
                facts.leads_to(ip)
            };
            let is_of_segment = route.1 > 0 && own.iter().any(|ip| leads_to(*ip));
            let is_local = matches!(route.0, IpAddr::V6(ip) if ip.is_unicast_link_local() || ip.is_multicast());
            if !is_local && !is_of_segment || resolvers.iter().any(|server| leads_to(server.ip())) {
                return None;
            }
        }
    }
    let mut links = snapshot.links.iter();
    links
        .find(|link| link.index == out)
        .map(|link| link.name.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::routes::{Address, DefaultRoute, Link, Route};

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    /// `eth0` leads out, `tun0` to the controllers, `eth1` to its own segment.
    fn world(change: impl FnOnce(&mut Snapshot)) -> Option<String> {
        let link = |index, name: &str| Link {
            index,
            name: name.into(),
            ..Link::default()
        };
        let route = |link, network, prefix| Route {
            link,
            network: ip(network),
            prefix,
        };
        let mut snapshot = Snapshot {
            links: vec![link(2, "eth0"), link(3, "eth1"), link(4, "tun0")],
            addresses: vec![
                Address {
                    link: 2,
                    address: ip("10.1.0.2"),
                    prefix: 24,
                },
                Address {
                    link: 3,
                    address: ip("10.5.0.2"),
                    prefix: 24,
                },
            ],
            defaults: vec![DefaultRoute {
                link: 2,
                gateway: Some(ip("10.1.0.1")),
            }],
            routes: vec![
                route(2, "0.0.0.0", 0),
                route(3, "10.5.0.0", 24),
                route(3, "fe80::", 64),
                route(4, "10.9.0.0", 16),
            ],
            ..Snapshot::default()
        };
        change(&mut snapshot);
        way_out(
            &snapshot,
            &BTreeSet::from(["tun0"]),
            &[(ip("10.1.0.53"), 53).into()],
        )
    }

    #[test]
    fn what_is_asked_directly_does_not_go_into_a_tunnel() {
        assert_eq!(world(|_| {}).as_deref(), Some("eth0"));
        let full = |snapshot: &mut Snapshot| {
            let tunnel = DefaultRoute {
                link: 4,
                gateway: None,
            };
            snapshot.defaults.insert(0, tunnel);
        };
        assert_eq!(world(full).as_deref(), Some("eth0"));
    }

    #[test]
    fn where_another_link_may_be_meant_the_routing_table_decides() {
        type Change = fn(&mut Snapshot);
        let changes: [Change; 6] = [
            // No tunnel, no way out.
            |snapshot| snapshot.links.retain(|link| link.name != "tun0"),
            |snapshot| snapshot.defaults.clear(),
            // A second way out, a network behind another link, a resolver there, and one on this box.
            |snapshot| snapshot.routes[1].prefix = 0,
            |snapshot| snapshot.routes[1].network = IpAddr::from([10, 7, 0, 0]),
            |snapshot| {
                snapshot.addresses[1].address = IpAddr::from([10, 1, 0, 3]);
                snapshot.routes[1].network = IpAddr::from([10, 1, 0, 0]);
            },
            |snapshot| snapshot.addresses[0].address = IpAddr::from([10, 1, 0, 53]),
        ];
        for (index, change) in changes.into_iter().enumerate() {
            assert_eq!(world(change), None, "{index}");
        }
    }
}
