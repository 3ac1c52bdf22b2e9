//! Where the servers are asked, and what is kept of their answers.

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
        locals: Vec::new(),
        defaults: vec![DefaultRoute {
            link: 3,
            gateway: "10.1.0.1".parse().ok(),
        }],
        ..Snapshot::default()
    }
}

fn asked_from(interface: Option<&str>, snapshot: &Snapshot) -> String {
    let mut path = NetPath::direct("default");
    path.interface = interface.map(str::to_owned);
    match snapshot
        .segment(&path)
        .and_then(|link| client(&path, link, snapshot))
    {
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
            "10.1.0.1, DHCPACK to DHCPINFORM".into(),
            "10.1.0.66, DHCPACK to DHCPINFORM".into()
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
        timeout: Duration::from_secs(5),
        probe: Arc::new(Servers { decides: false }),
    }
}
