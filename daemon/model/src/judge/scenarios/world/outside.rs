//! What a network announces, its proxies, the hosts of the Internet behind it, and VPN gateways.

use std::net::IpAddr;
use std::time::Duration;

use super::{DOMAIN, World, observation};
use crate::observation::Observation;
use crate::outcome::{Evidence, ScriptFacts, Way};
use crate::reason::Reason;
use crate::stage::{Gate, Stage};
use crate::subject::{ScriptSource, Subject};
use crate::{DhcpAnswer, DhcpKind, RouterAnswer};

pub(super) fn proxies(world: &World) -> Vec<(String, Observation)> {
    let source = ScriptSource::Dns;
    let mut search = observation(
        Subject::ProxyScript { source },
        "script",
        Stage::Proxy,
        Gate::Hard,
    );
    search.check.closed_as = Reason::EndpointUnreachable;
    search.check.target.host = "wpad".into();
    let way = |name: &str| match name {
        "DIRECT" => Way::Direct,
        _ => Way::Proxy(name.to_owned()),
    };
    search.outcome.facts.script = (!world.script.is_empty()).then(|| ScriptFacts {
        url: format!("http://wpad.{DOMAIN}/wpad.dat"),
        answers: world
            .script
            .iter()
            .map(|answer| answer.split("; ").map(way).collect())
            .collect(),
        is_whole: true,
    });
    let mut seen = Vec::new();
    if world.proxy.as_deref() != Some("direct") {
        seen.push(("script dns".to_owned(), search));
    }
    for name in world.proxies() {
        let subject = Subject::Proxy {
            name: name.to_owned(),
        };
        let mut check = observation(subject, "proxy", Stage::Proxy, Gate::Hard);
        check.check.closed_as = Reason::ProxyUnreachable;
        seen.push((format!("proxy {name}"), check));
    }
    seen
}

/// How far packets come to a port that says nothing.
pub(super) fn traced(text: &str) -> (String, Observation) {
    let words: Vec<_> = text.split(' ').collect();
    let [name, address, door] = words.as_slice() else {
        panic!("`{text}` is not `name address door`");
    };
    let subject = Subject::LastHop {
        name: format!("{name}.{DOMAIN}"),
        address: address.parse().expect("an address"),
        door: (*door).to_owned(),
    };
    let mut check = observation(subject, "trace", Stage::DomainController, Gate::Optional);
    let way = format!("way to {address} {door}");
    check.outcome.evidence.insert("way", Evidence::Text(way));
    (format!("trace {name}"), check)
}

pub(super) fn dhcp(world: &World) -> Vec<(String, Observation)> {
    let gate = if world.by_dhcp {
        Gate::Hard
    } else {
        Gate::Optional
    };
    let mut servers = observation(Subject::Dhcp, "dhcp", Stage::Network, gate);
    servers.outcome.facts.dhcp = world
        .dhcp
        .iter()
        .map(|text| {
            let mut addresses = text
                .split(' ')
                .map(|word| word.parse().expect("an address"));
            let server = addresses.next().expect("a server");
            let mut answer = DhcpAnswer::new(server, DhcpKind::Ack);
            answer.resolvers = addresses.collect();
            answer
        })
        .collect();
    let mut seen = vec![("dhcp".to_owned(), servers)];
    if let Some(name) = &world.portal_api {
        let subject = Subject::PortalApi { name: name.clone() };
        let mut check = observation(subject, "capport", Stage::Internet, Gate::Hard);
        check.check.target.host.clone_from(name);
        seen.push(("portal".to_owned(), check));
    }
    seen
}

pub(super) fn routers(world: &World) -> (String, Observation) {
    let gate = if world.by_dhcp {
        Gate::Hard
    } else {
        Gate::Optional
    };
    let mut seen = observation(Subject::RouterAdvertisements, "ra", Stage::Network, gate);
    seen.outcome.facts.routers = world
        .ra
        .iter()
        .map(|text| {
            let mut addresses = text
                .split(' ')
                .map(|word| word.parse().expect("an address"));
            let mut answer = RouterAnswer::new(addresses.next().expect("a router"));
            answer.resolvers = addresses
                .map(|resolver| (resolver, Duration::from_secs(600)))
                .collect();
            answer
        })
        .collect();
    ("ra".to_owned(), seen)
}

pub(super) fn hosts(world: &World) -> Vec<(String, Observation)> {
    let mut seen = Vec::new();
    for (number, text) in world.hosts.iter().enumerate() {
        let words: Vec<_> = text.split(' ').collect();
        let [name, stage, gate, also @ ..] = words.as_slice() else {
            panic!("`{text}` is not `name stage gate`");
        };
        let knows_proxies = !name.starts_with('!');
        let name = &name.trim_start_matches('!');
        let last = u8::try_from(number + 1).expect("a few hosts");
        let v4 = IpAddr::from([203, 0, 113, last]);
        let v6 = IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, last.into()]);
        let mut ways = vec![("lookup", None), ("v4", Some(v4))];
        if world.ipv6 {
            ways.push(("v6", Some(v6)));
        }
        let proxies = world.proxies();
        let proxy = proxies.first().filter(|_| knows_proxies);
        if proxy.is_some() {
            ways.push(("proxied", None));
        }
        for (way, address) in ways {
            let mut check = observation(
                Subject::Host {
                    name: (*name).to_owned(),
                },
                "https",
                stage.parse().expect("a stage"),
                match *gate {
                    "hard" => Gate::Hard,
                    "soft" => Gate::Soft,
                    "brings_vpn" => Gate::BringsVpn,
                    other => panic!("no gate `{other}`"),
                },
            );
            check.check.also = also
                .iter()
                .map(|stage| stage.parse().expect("a stage"))
                .collect();
            check.check.closed_as = if name.starts_with("sts.") {
                check.check.door = "windowstransport".into();
                Reason::StsUnreachable
            } else {
                Reason::EndpointUnreachable
            };
            check.check.target.host = (*name).to_owned();
            check.check.target.address = address;
            if way == "proxied" {
                check.check.proxy = proxy.map(|proxy| (*proxy).to_owned());
            }
            seen.push((format!("host {name} {way}"), check));
        }
    }
    seen
}

pub(super) fn vpn(text: &str) -> Vec<(String, Observation)> {
    let words: Vec<_> = text.split(' ').collect();
    let [name, gateway, more @ ..] = words.as_slice() else {
        panic!("`{text}` is not `name gateway`");
    };
    let gate = if more.contains(&"required") {
        Gate::Hard
    } else {
        Gate::Soft
    };
    let (name, gateway) = (*name, *gateway);
    let subject = Subject::VpnGateway {
        name: name.to_owned(),
    };
    let mut check = observation(subject, "ikev2", Stage::Vpn, gate);
    check.check.closed_as = Reason::VpnGatewayNoAnswer;
    gateway.clone_into(&mut check.check.target.host);
    let subject = Subject::Tunnel {
        name: name.to_owned(),
    };
    let mut tunnel = observation(subject, "tunnel", Stage::Vpn, gate);
    tunnel.check.closed_as = Reason::VpnTunnelDown;
    tunnel.check.target.host = "tun0".into();
    let addresses = vec!["10.9.0.7/24".to_owned()];
    tunnel
        .outcome
        .evidence
        .insert("addresses", addresses.into());
    let mut seen = vec![(format!("vpn {name}"), check)];
    if !more.contains(&"elsewhere") {
        seen.push((format!("tunnel {name}"), tunnel));
    }
    seen
}
