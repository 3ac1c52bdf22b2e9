//! Does a route lead through the tunnel to a domain controller, or to a resolver of the VPN?
//!
//! A socket that is bound to an interface takes whatever no route covers for a neighbour there, so that
//! packets come to their end which no packet of a device would take. The routes say it.

use std::net::IpAddr;
use std::sync::Arc;

use sightline_model::{Finding, Phase, Reason, TunnelFacts};

use super::{Ground, Kind, Thing, links_and_routes};
use crate::net::routes::Snapshot;
use crate::run::{Probe, Run, Running, Task};

pub(super) const KIND: Kind = Kind {
    name: "route",
    help: "Asks the kernel whether one of its routes leads through the tunnel of a VPN to each domain controller and resolver behind it.",
    reasons: &[Reason::VpnNoRoute],
    tasks,
};

fn tasks(ground: &Ground<'_>, thing: &Thing) -> Vec<Task> {
    let Thing::Behind { vpn, name, address } = thing else {
        return Vec::new();
    };
    let Some(interface) = vpn.interface.clone() else {
        return Vec::new();
    };
    let host = match name {
        Some(name) => format!("{name} ({address})"),
        None => address.to_string(),
    };
    let probe = Arc::new(Way {
        interface,
        address: *address,
    });
    vec![ground.tunnel_task(KIND.name, vpn, host, Reason::VpnNoRoute, probe)]
}

#[derive(Debug)]
struct Way {
    interface: String,
    address: IpAddr,
}

impl Probe for Way {
    fn run<'a>(&'a self, run: &'a Run) -> Running<'a> {
        Box::pin(async move {
            run.enter(Phase::Request);
            let snapshot = links_and_routes(run).await?;
            assess(run, &self.interface, self.address, &snapshot)
        })
    }
}

/// Judges what the kernel knows. Pure.
fn assess(run: &Run, interface: &str, address: IpAddr, snapshot: &Snapshot) -> Result<(), Finding> {
    let mut links = snapshot.links.iter();
    let Some(link) = links.find(|link| link.name == interface) else {
        // Where the tunnel is gone meanwhile, others say so, and it has no routes to be missed.
        run.keep("interface", "gone");
        return Ok(());
    };
    let routes = snapshot.routes_through(link.index);
    let count = routes.len();
    let facts = TunnelFacts {
        routes,
        ..TunnelFacts::default()
    };
    if facts.leads_to(address) {
        return Ok(());
    }
    Err(run.fail(
        Reason::VpnNoRoute,
        format!("none of the {count} routes through {interface} leads to {address}"),
    ))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use sightline_model::Target;

    use super::*;
    use crate::net::routes::{Link, Route};
    use crate::path::NetPath;

    #[test]
    fn a_route_of_another_interface_is_none_of_the_tunnel() {
        let target = Target {
            host: "dc1".into(),
            address: None,
            port: None,
        };
        let path = Arc::new(NetPath::direct("default"));
        let run = Run::begin(target, path, Duration::from_secs(5));
        let link = |index, name: &str| Link {
            index,
            name: name.into(),
            ..Link::default()
        };
        let route = |link, text: &str, prefix| Route {
            link,
            network: text.parse().expect("an address"),
            prefix,
        };
        let snapshot = Snapshot {
            links: vec![link(2, "eth0"), link(4, "tun0")],
            routes: vec![route(2, "0.0.0.0", 0), route(4, "10.2.0.0", 24)],
            ..Snapshot::default()
        };
        let found = |text: &str| {
            let address = text.parse().expect("an address");
            assess(&run, "tun0", address, &snapshot).map_err(|finding| finding.detail)
        };
        assert_eq!(found("10.2.0.10"), Ok(()));
        let address = "10.9.0.10".parse().expect("an address");
        assert_eq!(assess(&run, "tun1", address, &snapshot), Ok(()));
        let error = "none of the 1 routes through tun0 leads to 10.3.0.10";
        assert_eq!(found("10.3.0.10"), Err(error.to_owned()));
    }
}
