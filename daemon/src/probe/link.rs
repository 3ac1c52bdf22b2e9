//! Does the box itself stand in the network: carrier, addresses, default route, gateway?

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rtnetlink::packet_route::neighbour::NeighbourState;
use sightline_model::{Check, Finding, Gate, Phase, Reason, Stage, Subject, Target};

use super::{Ground, Kind, Thing};
use crate::net::routes::{DefaultRoute, Kernel, Link, Snapshot};
use crate::net::socket;
use crate::run::{Probe, Run, Running, Task};

pub(super) const KIND: Kind = Kind {
    name: "link",
    help: "Reads carrier, addresses and default route from the kernel, and makes it resolve the gateway on the segment.",
    reasons: &[
        Reason::LinkDown,
        Reason::NoAddress,
        Reason::NoRoute,
        Reason::GatewayUnreachable,
        Reason::NotTested,
    ],
    tasks,
};

/// How often the neighbour table is read while the kernel looks for the gateway.
const POLL: Duration = Duration::from_millis(20);

/// How long a gateway may be silent. The kernel asks three times, a second apart (`mcast_solicit`,
/// `ucast_solicit` and `retrans_time_ms` of arp(7)); this leaves the last question half a second.
const GIVE_UP: Duration = Duration::from_millis(2500);

fn tasks(ground: &Ground<'_>, thing: &Thing) -> Vec<Task> {
    if *thing != Thing::Network {
        return Vec::new();
    }
    vec![Task {
        check: Check {
            probe: KIND.name,
            service: KIND.name,
            stage: Stage::Network,
            also: Vec::new(),
            gate: Gate::Hard,
            subject: Subject::Uplink,
            door: "link".to_owned(),
            closed_as: Reason::LinkDown,
            needs_flag: None,
            is_of_host: false,
            proxy: None,
            target: Target {
                host: ground
                    .path
                    .interface
                    .clone()
                    .unwrap_or_else(|| ground.path.network.clone()),
                address: None,
                port: None,
            },
        },
        path: Arc::clone(ground.path),
        timeout: ground.plan.timeout,
        probe: Arc::new(Uplink {
            unusable: ground.network.unusable.clone(),
            tunnels: ground
                .plan
                .vpns
                .iter()
                .filter_map(|vpn| vpn.interface.clone())
                .collect(),
        }),
    }]
}

#[derive(Debug)]
struct Uplink {
    /// Resolvers that are handed out and cannot be asked, each with the reason.
    unusable: Vec<String>,
    /// Interfaces where tunnels end: no uplink, however long they stay up without one.
    tunnels: Vec<String>,
}

impl Probe for Uplink {
    fn run<'a>(&'a self, run: &'a Run) -> Running<'a> {
        Box::pin(async move {
            run.enter(Phase::Request);
            if !self.unusable.is_empty() {
                run.note(run.info(
                    Reason::NotTested,
                    format!(
                        "handed out as resolver and not tested: {}",
                        self.unusable.join(", ")
                    ),
                ));
            }
            let kernel = Kernel::open().map_err(|error| own(run, &error))?;
            let mut snapshot = kernel.snapshot().await.map_err(|error| own(run, &error))?;
            if run.path().interface.is_none() {
                snapshot.leave_out(&self.tunnels);
            }
            let leads_out = leads_out(run, &kernel, &snapshot).await;
            let Some(DefaultRoute {
                link,
                gateway: Some(gateway),
            }) = assess(run, &snapshot, leads_out)?
            else {
                return Ok(());
            };
            run.keep("gateway", gateway.to_string());
            run.read_gateway(gateway.to_string());
            run.part(resolve(run, &kernel, link, gateway))
                .await
                .or_else(|finding| {
                    // Nobody said that the gateway is dead; the deadline came first.
                    if finding.reason == Reason::GatewayUnreachable {
                        Err(finding)
                    } else {
                        run.keep("gateway_neighbour", "known, not confirmed in this run");
                        Ok(())
                    }
                })
        })
    }
}

fn own(run: &Run, error: &dyn std::fmt::Display) -> Finding {
    run.blind(
        Reason::InternalError,
        format!("reading links and routes from the kernel: {error}"),
    )
}

/// Whether anything leads out of this box. Other tables than main may (a VRF, `ip rule`,
/// `RouteTable=` of systemd-networkd), and so do two halves of a default route. Asked about are
/// addresses of which nobody has a route of its own: those for documentation (RFC 5737, RFC 3849).
async fn leads_out(run: &Run, kernel: &Kernel, snapshot: &Snapshot) -> bool {
    const NOWHERE: [IpAddr; 2] = [
        IpAddr::V4(Ipv4Addr::new(203, 0, 113, 1)),
        IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1)),
    ];
    let path = run.path();
    let link = snapshot
        .links
        .iter()
        .find(|link| path.interface.as_ref() == Some(&link.name))
        .map(|link| link.index);
    for peer in NOWHERE {
        if kernel.leads_to(peer, link, path.source_for(peer)).await {
            return true;
        }
    }
    false
}

/// Judges what the kernel knows and returns the default route, where there is one and one is
/// needed. `leads_out` is what the kernel says of the way out as a whole. Pure.
fn assess(
    run: &Run,
    snapshot: &Snapshot,
    leads_out: bool,
) -> Result<Option<DefaultRoute>, Finding> {
    let links = considered(run.path().interface.as_deref(), snapshot);
    if let Some(wanted) = &run.path().interface
        && links.is_empty()
    {
        return Err(run.blind(
            Reason::LinkDown,
            format!("this box has no interface {wanted}"),
        ));
    }
    let names = |links: &[&Link]| {
        links
            .iter()
            .map(|link| link.name.as_str())
            .collect::<Vec<_>>()
            .join(", ")
    };
    run.keep("interface", names(&links));
    let up: Vec<&Link> = links
        .iter()
        .copied()
        .filter(|link| link.is_up && link.has_carrier)
        .collect();
    if up.is_empty() {
        let what = if links.is_empty() {
            "this box has no link but loopback".to_owned()
        } else if links.iter().any(|link| link.is_up) {
            format!("{} has no carrier", names(&links))
        } else {
            format!("{} is switched off", names(&links))
        };
        return Err(run.blind(Reason::LinkDown, what));
    }
    let is_up = |index: u32| up.iter().any(|link| link.index == index);
    let addresses: Vec<String> = snapshot
        .addresses
        .iter()
        .filter(|address| is_up(address.link))
        .map(|address| format!("{}/{}", address.address, address.prefix))
        .collect();
    run.keep("addresses", addresses.clone());
    if let Some(mtu) = up.iter().map(|link| link.mtu).max() {
        run.keep("mtu_bytes", mtu);
    }
    if addresses.is_empty() {
        return Err(run.fail(
            Reason::NoAddress,
            format!("{} is up and has no address", names(&up)),
        ));
    }
    if let [only] = up.as_slice()
        && only.is_loopback
    {
        // Whoever looks from the loopback interface looks at this box, and nothing leads out.
        return Ok(None);
    }
    let route = snapshot.defaults.iter().find(|route| is_up(route.link));
    if route.is_some() {
        return Ok(route.cloned());
    }
    if leads_out {
        run.keep("route", "by policy, without a default route in table main");
        return Ok(None);
    }
    Err(run.fail(
        Reason::NoRoute,
        format!(
            "{} has {} and no default route",
            names(&up),
            addresses.join(", ")
        ),
    ))
}

/// The links that may be the uplink: the configured one; else those of the default routes; else
/// those with an address; else all.
fn considered<'a>(wanted: Option<&str>, snapshot: &'a Snapshot) -> Vec<&'a Link> {
    let outward = || snapshot.links.iter().filter(|link| !link.is_loopback);
    if let Some(wanted) = wanted {
        return snapshot
            .links
            .iter()
            .filter(|link| link.name == wanted)
            .collect();
    }
    let routed: Vec<_> = outward()
        .filter(|link| {
            snapshot
                .defaults
                .iter()
                .any(|route| route.link == link.index)
        })
        .collect();
    if !routed.is_empty() {
        return routed;
    }
    let addressed: Vec<_> = outward()
        .filter(|link| {
            snapshot
                .addresses
                .iter()
                .any(|address| address.link == link.index)
        })
        .collect();
    if !addressed.is_empty() {
        return addressed;
    }
    outward().collect()
}

/// Makes the kernel look for the gateway and waits for what it finds. A datagram to the discard
/// port (RFC 863) is the smallest packet that makes it do so.
async fn resolve(run: &Run, kernel: &Kernel, link: u32, gateway: IpAddr) -> Result<(), Finding> {
    const DISCARD: u16 = 9;
    if let Ok(Some(NeighbourState::Permanent | NeighbourState::Noarp)) =
        kernel.neighbour(link, gateway).await
    {
        return Ok(());
    }
    let nudge = || async {
        if let Ok(socket) = socket::udp(run.path(), SocketAddr::new(gateway, DISCARD)) {
            let _refused = socket.send(&[]).await;
        }
    };
    nudge().await;
    // An entry from earlier traffic may outlive the gateway by a minute. Without the capability to
    // have it probed, the kernel's own belief stands.
    let is_probed = kernel.probe_neighbour(link, gateway).await.is_ok();
    let asked = Instant::now();
    loop {
        let state = kernel
            .neighbour(link, gateway)
            .await
            .map_err(|error| own(run, &error))?;
        match heard(state, is_probed, asked.elapsed()) {
            Heard::Answer(what) => {
                run.keep("gateway_neighbour", what);
                return Ok(());
            }
            Heard::Silence => {
                return Err(run.fail(
                    Reason::GatewayUnreachable,
                    format!("{gateway} does not answer neighbour resolution"),
                ));
            }
            Heard::NotAsked => nudge().await,
            Heard::Question => {
                let _still_believed = kernel.probe_neighbour(link, gateway).await;
            }
            Heard::Nothing => {}
        }
        tokio::time::sleep(POLL).await;
    }
}

/// What the state of the neighbour entry says of the gateway.
#[derive(Debug, PartialEq, Eq)]
enum Heard {
    Answer(&'static str),
    /// Asked often enough to be sure.
    Silence,
    /// The kernel has no entry, so it asks nobody.
    NotAsked,
    /// The gateway's own question made the entry stale in the middle of being probed. That it asks
    /// does not show that it answers.
    Question,
    Nothing,
}

/// Reads one state of the entry. `Failed` lasts only until the next packet of any probe, so that
/// [`GIVE_UP`] ends the waiting where none of the looks at it meets that moment. Pure.
fn heard(state: Option<NeighbourState>, is_probed: bool, waited: Duration) -> Heard {
    match state {
        Some(NeighbourState::Reachable | NeighbourState::Permanent | NeighbourState::Noarp) => {
            Heard::Answer("reachable")
        }
        Some(NeighbourState::Stale | NeighbourState::Delay) if !is_probed => Heard::Answer("known"),
        Some(NeighbourState::Failed) => Heard::Silence,
        _ if waited >= GIVE_UP => Heard::Silence,
        None => Heard::NotAsked,
        Some(NeighbourState::Stale | NeighbourState::Delay) => Heard::Question,
        Some(_) => Heard::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::routes::Address;
    use crate::path::NetPath;

    fn run(interface: Option<&str>) -> Run {
        let mut path = NetPath::direct("default");
        path.interface = interface.map(str::to_owned);
        let target = Target {
            host: "default".into(),
            address: None,
            port: None,
        };
        Run::begin(target, Arc::new(path), Duration::from_secs(5))
    }

    fn link(index: u32, name: &str, is_up: bool) -> Link {
        Link {
            index,
            name: name.into(),
            is_up,
            has_carrier: is_up,
            is_loopback: name == "lo",
            mtu: 1500,
            ..Link::default()
        }
    }

    fn healthy() -> Snapshot {
        Snapshot {
            links: vec![
                link(1, "lo", true),
                link(2, "eth0", true),
                link(3, "wlan0", false),
            ],
            addresses: vec![Address {
                link: 2,
                address: "10.0.0.7".parse().expect("an address"),
                prefix: 24,
            }],
            locals: Vec::new(),
            defaults: vec![DefaultRoute {
                link: 2,
                gateway: "10.0.0.1".parse().ok(),
            }],
            ..Snapshot::default()
        }
    }

    fn reason(interface: Option<&str>, snapshot: &Snapshot) -> Option<Reason> {
        assess(&run(interface), snapshot, false)
            .err()
            .map(|finding| finding.reason)
    }

    #[test]
    fn a_link_with_address_and_route_passes() {
        assert_eq!(reason(None, &healthy()), None);
        assert_eq!(reason(Some("eth0"), &healthy()), None);
    }

    #[test]
    fn a_link_that_is_down_is_our_own_fault() {
        let mut snapshot = healthy();
        snapshot.links[1] = link(2, "eth0", false);
        snapshot.defaults.clear();
        assert_eq!(reason(None, &snapshot), Some(Reason::LinkDown));
        assert_eq!(reason(Some("wlan0"), &healthy()), Some(Reason::LinkDown));
        assert_eq!(reason(Some("eth9"), &healthy()), Some(Reason::LinkDown));
    }

    #[test]
    fn the_loopback_interface_needs_no_route_out() {
        let mut snapshot = healthy();
        snapshot.defaults.clear();
        snapshot.addresses.push(Address {
            link: 1,
            address: "127.0.0.1".parse().expect("an address"),
            prefix: 8,
        });
        assert_eq!(reason(Some("lo"), &snapshot), None);
        assert_eq!(reason(None, &snapshot), Some(Reason::NoRoute));
    }

    #[test]
    fn no_address_and_no_route_are_faults_of_the_site() {
        let mut snapshot = healthy();
        snapshot.defaults.clear();
        assert_eq!(reason(None, &snapshot), Some(Reason::NoRoute));
        snapshot.addresses.clear();
        assert_eq!(reason(None, &snapshot), Some(Reason::NoAddress));
    }

    #[test]
    fn a_way_out_by_rules_or_by_two_halves_needs_no_default_route_in_table_main() {
        let mut snapshot = healthy();
        snapshot.defaults.clear();
        for interface in [None, Some("eth0")] {
            assert_eq!(assess(&run(interface), &snapshot, true), Ok(None));
        }
        snapshot.addresses.clear();
        let found = assess(&run(None), &snapshot, true).map_err(|finding| finding.reason);
        assert_eq!(found, Err(Reason::NoAddress));
    }

    #[test]
    fn a_tunnel_that_is_up_does_not_cover_for_a_link_that_is_down() {
        let mut snapshot = healthy();
        snapshot.links[1] = link(2, "eth0", false);
        snapshot.links[2] = link(3, "tun0", true);
        snapshot.defaults[0].link = 3;
        snapshot.addresses.push(Address {
            link: 3,
            address: IpAddr::from([10, 9, 0, 2]),
            prefix: 24,
        });
        assert_eq!(reason(None, &snapshot), None);
        let mut alone = healthy();
        alone.links.truncate(2);
        alone.leave_out(&["eth0".to_owned()]);
        assert_eq!(reason(None, &alone), None);
        snapshot.leave_out(&["tun0".to_owned()]);
        assert_eq!(reason(None, &snapshot), Some(Reason::LinkDown));
    }

    #[test]
    fn a_second_interface_does_not_cover_for_the_configured_one() {
        let mut snapshot = healthy();
        snapshot.links[2] = link(3, "wlan0", true);
        assert_eq!(reason(Some("wlan0"), &snapshot), Some(Reason::NoAddress));
    }

    #[test]
    fn a_gateway_that_stays_silent_is_dead_even_where_no_look_meets_the_moment_of_failure() {
        use NeighbourState::{Delay, Failed, Incomplete, Probe, Reachable, Stale};
        let early = Duration::from_millis(40);
        assert_eq!(heard(None, false, early), Heard::NotAsked);
        assert_eq!(heard(Some(Incomplete), false, early), Heard::Nothing);
        assert_eq!(heard(Some(Probe), true, early), Heard::Nothing);
        assert_eq!(heard(Some(Stale), true, early), Heard::Question);
        assert_eq!(heard(Some(Failed), false, early), Heard::Silence);
        // Other probes' packets turn a failed entry into a new question at once.
        for state in [Incomplete, Probe, Stale, Delay] {
            assert_eq!(heard(Some(state), true, GIVE_UP), Heard::Silence);
        }
        assert_eq!(heard(None, true, GIVE_UP), Heard::Silence);
        assert_eq!(
            heard(Some(Reachable), true, GIVE_UP),
            Heard::Answer("reachable")
        );
        assert_eq!(heard(Some(Stale), false, GIVE_UP), Heard::Answer("known"));
    }
}
