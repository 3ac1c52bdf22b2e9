//! What do the DHCP servers of the network hand out (RFC 2131)? Asked as Windows asks when it looks
//! for a proxy: without taking a lease.

use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use sightline_model::{Check, DhcpAnswer, Finding, Gate, Phase, Reason, Stage, Subject, Target};

use super::{Ground, Kind, Thing};
use crate::net::dhcp::{self, Client};
use crate::net::routes::{Kernel, Link, Snapshot};
use crate::path::NetPath;
use crate::run::{Probe, Run, Running, Task};

pub(super) const KIND: Kind = Kind {
    name: "dhcp",
    help: "Asks the DHCP servers of the segment what they hand out, resolvers, proxy script and portal among it, by DHCPINFORM and then DHCPDISCOVER, and takes no lease.",
    reasons: &[Reason::NotTested],
    tasks,
};

fn tasks(ground: &Ground<'_>, thing: &Thing) -> Vec<Task> {
    if *thing != Thing::Network {
        return Vec::new();
    }
    let interface = ground.path.interface.clone();
    vec![Task {
        check: Check {
            probe: KIND.name,
            service: KIND.name,
            stage: Stage::Network,
            also: Vec::new(),
            gate: Gate::Optional,
            subject: Subject::Dhcp,
            door: "udp/67".to_owned(),
            closed_as: Reason::NotTested,
            needs_flag: None,
            is_of_host: false,
            proxy: None,
            target: Target {
                host: interface.unwrap_or_else(|| ground.path.network.clone()),
                address: None,
                port: None,
            },
        },
        path: Arc::clone(ground.path),
        timeout: ground.plan.timeout,
        probe: Arc::new(Servers),
    }]
}

#[derive(Debug)]
struct Servers;

impl Probe for Servers {
    fn run<'a>(&'a self, run: &'a Run) -> Running<'a> {
        Box::pin(async move {
            run.enter(Phase::Request);
            match ask(run).await {
                Ok(Some(answers)) => {
                    keep(run, &answers);
                    run.read_dhcp(answers);
                }
                // Whoever looks from the loopback interface looks at this box alone.
                Ok(None) => run.keep("asked", "nobody, on the loopback interface"),
                // A network without DHCP is as good as one with it.
                Err(finding) => run.note(finding),
            }
            Ok(())
        })
    }
}

/// What was answered; nothing where nobody can be asked.
async fn ask(run: &Run) -> Result<Option<Vec<DhcpAnswer>>, Finding> {
    let not_asked = |said: &dyn std::fmt::Display| {
        let detail = format!("the DHCP servers were not asked: {said}");
        run.info(Reason::NotTested, detail)
    };
    let kernel = Kernel::open().map_err(|error| not_asked(&error))?;
    let snapshot = kernel.snapshot().await.map_err(|error| not_asked(&error))?;
    let link = link(run.path(), &snapshot).map_err(|said| not_asked(&said))?;
    if link.is_loopback {
        return Ok(None);
    }
    let client = client(run.path(), link, &snapshot).map_err(|said| not_asked(&said))?;
    run.keep("interface", client.interface.as_str());
    let rhythm = match client.address {
        Some(_) => dhcp::BRIEFLY,
        None => dhcp::WITHOUT_ADDRESS,
    };
    let asked = dhcp::ask(&client, rhythm);
    let answers = asked.await.map_err(|error| not_asked(&refused(&error)))?;
    if answers.is_empty() {
        let detail = format!(
            "no DHCP server answers on {}; options 252 (proxy script) and 114 (portal) are not known",
            client.interface
        );
        return Err(run.info(Reason::NotTested, detail));
    }
    Ok(Some(answers))
}

/// Why the port could not be had, and what to do.
fn refused(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::PermissionDenied => format!(
            "UDP 68 may not be opened ({error}); sightline needs the capability \
             CAP_NET_BIND_SERVICE for that"
        ),
        io::ErrorKind::AddrInUse => "another program holds UDP 68 for itself; \
             `ss --udp --listening --processes 'sport = :68'` names it"
            .to_owned(),
        _ => error.to_string(),
    }
}

/// Who asks on a link. Pure.
fn client(path: &NetPath, link: &Link, snapshot: &Snapshot) -> Result<Client, String> {
    let name = &link.name;
    if !(link.is_up && link.has_carrier) {
        return Err(format!("{name} is down"));
    }
    let hardware = link.hardware.ok_or_else(|| {
        format!("{name} is neither Ethernet nor Wi-Fi, and has no segment to ask on")
    })?;
    let configured = path
        .source_for(IpAddr::V4(Ipv4Addr::BROADCAST))
        .and_then(v4);
    Ok(Client {
        interface: name.clone(),
        hardware,
        address: configured.or_else(|| own_address(link, snapshot)),
    })
}

/// From where to ask: the interface of the path, else that of the default route, else one that can.
/// Pure.
fn link<'a>(path: &NetPath, snapshot: &'a Snapshot) -> Result<&'a Link, String> {
    let mut links = snapshot.links.iter();
    if let Some(wanted) = &path.interface {
        return links
            .find(|link| link.name == *wanted)
            .ok_or_else(|| format!("this box has no interface {wanted}"));
    }
    let by_route = snapshot.defaults.iter().find_map(|route| {
        let mut links = snapshot.links.iter();
        links.find(|link| link.index == route.link)
    });
    let able = |link: &&Link| {
        !link.is_loopback && link.is_up && link.has_carrier && link.hardware.is_some()
    };
    by_route
        .or_else(|| {
            let mut able = snapshot.links.iter().filter(able);
            able.find(|link| own_address(link, snapshot).is_some())
        })
        .or_else(|| links.find(able))
        .ok_or_else(|| "no link of this box is up".to_owned())
}

fn own_address(link: &Link, snapshot: &Snapshot) -> Option<Ipv4Addr> {
    let of_link = |address: &&crate::net::routes::Address| address.link == link.index;
    let mut addresses = snapshot.addresses.iter().filter(of_link);
    addresses.find_map(|address| v4(address.address))
}

fn v4(address: IpAddr) -> Option<Ipv4Addr> {
    match address {
        IpAddr::V4(v4) => Some(v4),
        IpAddr::V6(_) => None,
    }
}

/// For people: who answered, what the first of them hands out, and what others hand out instead.
fn keep(run: &Run, answers: &[DhcpAnswer]) {
    let shown = |answer: &DhcpAnswer| format!("{} ({})", answer.server, answer.kind.title());
    run.keep("servers", answers.iter().map(shown).collect::<Vec<_>>());
    let Some(first) = answers.first() else { return };
    let in_words = |answer: &DhcpAnswer| -> Vec<String> {
        let options = answer.options();
        let words = options
            .iter()
            .map(|(name, value)| format!("{name} {value}"));
        words.collect()
    };
    run.keep("options", in_words(first));
    if let Some(lease) = first.lease {
        run.keep("lease_seconds", lease.as_secs_f64());
    }
    let differing: Vec<_> = answers
        .iter()
        .filter(|answer| answer.options() != first.options())
        .map(|answer| format!("{}: {}", answer.server, in_words(answer).join("; ")))
        .collect();
    if !differing.is_empty() {
        run.keep("other_servers", differing);
    }
}

#[cfg(test)]
mod tests {
    use sightline_model::{DhcpKind, Evidence};

    use super::*;
    use crate::net::routes::{Address, DefaultRoute};

    const HARDWARE: [u8; 6] = [2, 0, 0, 0, 0, 1];

    fn link(index: u32, name: &str) -> Link {
        Link {
            index,
            name: name.into(),
            is_up: true,
            has_carrier: true,
            hardware: (name != "tun0").then_some(HARDWARE),
            ..Link::default()
        }
    }

    fn address(link: u32, text: &str) -> Address {
        Address {
            link,
            address: text.parse().expect("an address"),
            prefix: 24,
        }
    }

    fn snapshot() -> Snapshot {
        Snapshot {
            links: vec![
                Link {
                    is_loopback: true,
                    ..link(1, "lo")
                },
                link(2, "eth1"),
                link(3, "eth0"),
                link(4, "tun0"),
            ],
            addresses: vec![
                address(1, "127.0.0.1"),
                address(3, "fd00::7"),
                address(3, "10.1.0.7"),
                address(2, "10.9.0.7"),
            ],
            defaults: vec![DefaultRoute {
                link: 3,
                gateway: "10.1.0.1".parse().ok(),
            }],
        }
    }

    fn asked_from(interface: Option<&str>, snapshot: &Snapshot) -> String {
        let mut path = NetPath::direct("default");
        path.interface = interface.map(str::to_owned);
        match super::link(&path, snapshot).and_then(|link| client(&path, link, snapshot)) {
            Ok(client) => format!("{} {:?}", client.interface, client.address),
            Err(said) => said,
        }
    }

    #[test]
    fn it_is_asked_where_a_client_of_the_network_would_ask() {
        let healthy = snapshot();
        assert_eq!(asked_from(None, &healthy), "eth0 Some(10.1.0.7)");
        assert_eq!(asked_from(Some("eth1"), &healthy), "eth1 Some(10.9.0.7)");
        let mut without_route = snapshot();
        without_route.defaults.clear();
        assert_eq!(asked_from(None, &without_route), "eth1 Some(10.9.0.7)");
        without_route.addresses.clear();
        without_route.links.remove(0);
        assert_eq!(asked_from(None, &without_route), "eth1 None");
    }

    #[test]
    fn a_link_that_cannot_ask_is_said_and_no_other_is_used() {
        let mut broken = snapshot();
        broken.links[2].has_carrier = false;
        assert_eq!(asked_from(None, &broken), "eth0 is down");
        assert_eq!(
            asked_from(Some("eth9"), &broken),
            "this box has no interface eth9"
        );
        let said = asked_from(Some("tun0"), &broken);
        assert!(said.contains("has no segment to ask on"), "{said}");
        assert_eq!(
            asked_from(None, &Snapshot::default()),
            "no link of this box is up"
        );
    }

    #[test]
    fn a_port_that_cannot_be_had_comes_with_what_to_do() {
        let said = refused(&io::ErrorKind::PermissionDenied.into());
        assert!(said.contains("CAP_NET_BIND_SERVICE"), "{said}");
        let said = refused(&io::ErrorKind::AddrInUse.into());
        assert!(said.contains("another program"), "{said}");
    }

    #[tokio::test]
    async fn servers_that_differ_stand_in_the_evidence() {
        let server = |last: u8, router: u8| {
            let mut answer = DhcpAnswer::new(Ipv4Addr::new(10, 1, 0, last), DhcpKind::Ack);
            answer.routers = vec![Ipv4Addr::new(10, 1, 0, router)];
            answer.domain = Some("corp.example\u{1b}[2J".into());
            answer
        };
        let task = Task {
            probe: Arc::new(Two([server(1, 1), server(66, 66)])),
            ..task()
        };
        let outcome = crate::run::once(&task).await.outcome;
        assert_eq!(
            outcome.evidence["servers"],
            Evidence::List(vec![
                "10.1.0.1 (DHCPACK to DHCPINFORM)".into(),
                "10.1.0.66 (DHCPACK to DHCPINFORM)".into()
            ])
        );
        assert_eq!(
            outcome.evidence["other_servers"],
            Evidence::List(vec![
                "10.1.0.66: routers 10.1.0.66; domain corp.example\\u{1b}[2J".into()
            ])
        );
        let kept = outcome.facts.dhcp.first().and_then(|of| of.domain.clone());
        assert_eq!(kept.as_deref(), Some("corp.example\\u{1b}[2J"));
    }

    #[derive(Debug)]
    struct Two([DhcpAnswer; 2]);

    impl Probe for Two {
        fn run<'a>(&'a self, run: &'a Run) -> Running<'a> {
            Box::pin(async move {
                keep(run, &self.0);
                run.read_dhcp(self.0.to_vec());
                Ok(())
            })
        }
    }

    #[tokio::test]
    async fn who_looks_from_the_loopback_interface_asks_nobody() {
        let outcome = crate::run::once(&task()).await.outcome;
        assert_eq!(outcome.findings, []);
        assert!(outcome.evidence.contains_key("asked"));
        assert!(outcome.facts.dhcp.is_empty());
    }

    fn task() -> Task {
        let mut path = NetPath::direct("default");
        path.interface = Some("lo".into());
        Task {
            check: Check {
                probe: KIND.name,
                service: KIND.name,
                stage: Stage::Network,
                also: Vec::new(),
                gate: Gate::Optional,
                subject: Subject::Dhcp,
                door: String::new(),
                closed_as: Reason::NotTested,
                needs_flag: None,
                is_of_host: false,
                proxy: None,
                target: Target {
                    host: "lo".into(),
                    address: None,
                    port: None,
                },
            },
            path: Arc::new(path),
            timeout: std::time::Duration::from_secs(5),
            probe: Arc::new(Servers),
        }
    }
}
