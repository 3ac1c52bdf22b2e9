//! Is the tunnel of each VPN that ends on this box up?

use std::sync::Arc;

use sightline_model::{Finding, Phase, Reason, Stage, TunnelFacts};

use super::{Ground, Kind, Thing, links_and_routes};
use crate::net::routes::Snapshot;
use crate::run::{Probe, Run, Running, Task};

pub(super) const KIND: Kind = Kind {
    name: "tunnel",
    help: "Asks the kernel whether the interface of each VPN that ends on this box is there, switched on, and has an address.",
    reasons: &[Reason::VpnTunnelDown],
    tasks,
};

/// As many routes are shown as evidence.
const MOST_SHOWN: usize = 32;

fn tasks(ground: &Ground<'_>, thing: &Thing) -> Vec<Task> {
    if *thing != Thing::Network || !ground.wants(&[Stage::Vpn]) {
        return Vec::new();
    }
    let vpns = ground.plan.vpns.iter();
    vpns.filter_map(|vpn| {
        let interface = vpn.interface_in(&ground.network.name)?.to_owned();
        let (host, reason) = (interface.clone(), Reason::VpnTunnelDown);
        let probe = Arc::new(Tunnel { interface });
        Some(ground.tunnel_task(KIND.name, vpn, host, reason, probe))
    })
    .collect()
}

#[derive(Debug)]
struct Tunnel {
    interface: String,
}

impl Probe for Tunnel {
    fn run<'a>(&'a self, run: &'a Run) -> Running<'a> {
        Box::pin(async move {
            run.enter(Phase::Request);
            let snapshot = links_and_routes(run).await?;
            assess(run, &self.interface, &snapshot)
        })
    }
}

/// Judges what the kernel knows of an interface. Tunnels have no carrier to look at: while they are up, the
/// kernel shows them as running. Pure.
fn assess(run: &Run, interface: &str, snapshot: &Snapshot) -> Result<(), Finding> {
    let down = |what: String| Err(run.fail(Reason::VpnTunnelDown, what));
    let mut links = snapshot.links.iter();
    let Some(link) = links.find(|link| link.name == interface) else {
        return down(format!(
            "this box has no interface {interface}; it comes with the tunnel"
        ));
    };
    if !link.is_up {
        return down(format!("{interface} is switched off"));
    }
    if !link.has_carrier {
        return down(format!("{interface} is not running: nobody holds its end"));
    }
    let addresses: Vec<String> = snapshot
        .addresses
        .iter()
        .filter(|address| address.link == link.index)
        .map(|address| format!("{}/{}", address.address, address.prefix))
        .collect();
    if addresses.is_empty() {
        return down(format!("{interface} has no address"));
    }
    run.keep("addresses", addresses);
    run.keep("mtu_bytes", link.mtu);
    let routes = snapshot.routes_through(link.index);
    let listed = routes.iter().take(MOST_SHOWN);
    let listed: Vec<String> = listed
        .map(|(network, prefix)| format!("{network}/{prefix}"))
        .collect();
    run.keep("routes", listed);
    run.read_tunnel(TunnelFacts {
        routes,
        traffic: link.traffic,
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use sightline_model::Target;

    use super::*;
    use crate::net::routes::{Address, Link};
    use crate::path::NetPath;

    fn found(change: impl FnOnce(&mut Snapshot)) -> String {
        let mut snapshot = Snapshot {
            links: vec![Link {
                index: 4,
                name: "tun0".into(),
                is_up: true,
                has_carrier: true,
                mtu: 1400,
                ..Link::default()
            }],
            addresses: vec![Address {
                link: 4,
                address: "10.8.0.2".parse().expect("an address"),
                prefix: 24,
            }],
            ..Snapshot::default()
        };
        change(&mut snapshot);
        let target = Target {
            host: "tun0".into(),
            address: None,
            port: None,
        };
        let path = Arc::new(NetPath::direct("default"));
        let run = Run::begin(target, path, Duration::from_secs(5));
        match assess(&run, "tun0", &snapshot) {
            Ok(()) => "up".to_owned(),
            Err(finding) => format!("{}: {}", finding.reason, finding.detail),
        }
    }

    #[test]
    fn a_tunnel_is_up_or_is_told_what_it_lacks() {
        assert_eq!(found(|_| {}), "up");
        assert_eq!(
            found(|world| world.links.clear()),
            "vpn_tunnel_down: this box has no interface tun0; it comes with the tunnel"
        );
        for (said, change) in [
            (
                "switched off",
                (|world: &mut Snapshot| world.links[0].is_up = false) as fn(&mut Snapshot),
            ),
            ("not running", |world| world.links[0].has_carrier = false),
            ("has no address", |world| world.addresses.clear()),
        ] {
            let found = found(change);
            assert!(
                found.starts_with("vpn_tunnel_down: ") && found.contains(said),
                "{found}"
            );
        }
    }
}
