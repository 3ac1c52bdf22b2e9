//! A network in which everything works.

mod behind;
mod outside;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use serde::Deserialize;

use crate::observation::{Check, Observation};
use crate::outcome::{ClockReading, ConnectionPoint, ControllerFacts, Evidence, Facts, Outcome};
use crate::reason::Reason;
use crate::stage::{Gate, Stage};
use crate::subject::{Subject, Target, Topic};
use crate::time::Timestamp;
use crate::{Candidate, ProxyUse};

pub(super) const DOMAIN: &str = "corp.example.com";

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct World {
    pub(super) resolvers: Vec<SocketAddr>,
    /// `name site address`, with `*` before the name for a controller of the own site. More
    /// addresses may follow.
    pub(super) controllers: Vec<String>,
    pub(super) client_site: String,
    pub(super) configured_site: Option<String>,
    pub(super) time_sources: Vec<String>,
    pub(super) clock_synchronised: Option<bool>,
    pub(super) stages: Vec<Stage>,
    /// Hosts of the Internet: `name stage gate`, then other stages that need it.
    pub(super) hosts: Vec<String>,
    /// The host of the portal's API that DHCP announces.
    pub(super) portal_api: Option<String>,
    /// Whether the hosts are asked over IPv6 too.
    pub(super) ipv6: bool,
    /// `direct`, or the proxy that the configuration names; clients look for a script without it.
    pub(super) proxy: Option<String>,
    /// The answers of the script that is announced by DNS: ways with `; ` between them, `DIRECT` or a proxy. Hosts are asked through
    /// the first proxy too, but for those whose name begins with `!`.
    pub(super) script: Vec<String>,
    /// What DHCP servers answer: the server, and the resolvers that it hands out.
    pub(super) dhcp: Vec<String>,
    /// Those of them that belong there.
    pub(super) dhcp_servers: Vec<Ipv4Addr>,
    /// What routers advertise: the router, and the resolvers that it hands out.
    pub(super) ra: Vec<String>,
    /// Those of them that belong there.
    pub(super) routers: Vec<Ipv6Addr>,
    /// Whether clients live on what DHCP hands out.
    pub(super) by_dhcp: bool,
    /// The verified domain of the tenant.
    pub(super) tenant: Option<String>,
    /// The controllers at which an account is used: to read the service connection point, and to sign
    /// in.
    pub(super) account_at: Vec<String>,
    /// VPNs: `name gateway`, with `required` behind, and with `elsewhere` where no tunnel ends on this box.
    pub(super) vpns: Vec<String>,
    /// Silent ports to which the way was traced: `name address door`.
    pub(super) traced: Vec<String>,
    /// VPNs whose tunnels lead to the controllers: `name`, with resolvers of their own behind.
    pub(super) tunnels: Vec<String>,
    /// Whether controllers are reached without a VPN too; the resolvers of the network do not know the zone
    /// otherwise.
    pub(super) direct: bool,
    /// Whether that is how it has to be.
    pub(super) direct_expected: bool,
}

impl World {
    pub(super) fn proxy_use(&self) -> ProxyUse {
        match self.proxy.as_deref() {
            None => ProxyUse::Auto,
            Some("direct") => ProxyUse::Direct,
            Some(name) => ProxyUse::Named(name.to_owned()),
        }
    }

    fn proxies(&self) -> Vec<&str> {
        let named = self.proxy.iter().chain(&self.script);
        let is_proxy = |name: &&str| !matches!(*name, "direct" | "DIRECT");
        let ways = named.flat_map(|answer| answer.split("; "));
        ways.filter(is_proxy).collect()
    }
}

/// The account of the box.
const ACCOUNT: &str = "canary@corp.example.com";
/// The tenant that the service connection point names.
pub(super) const TENANT: (&str, &str) = ("3f2b8c1e-6d54-4a7b-9c0d-5e1f20a3b4c5", "contoso.com");

impl Default for World {
    fn default() -> Self {
        Self {
            resolvers: vec![
                SocketAddr::from(([10, 0, 0, 53], 53)),
                SocketAddr::from(([10, 0, 0, 54], 53)),
            ],
            controllers: vec!["*dc1 Berlin 10.2.0.10".into(), "dc2 Lyon 10.3.0.10".into()],
            client_site: "Berlin".into(),
            configured_site: None,
            time_sources: vec!["time.windows.com".into()],
            clock_synchronised: None,
            stages: Vec::new(),
            hosts: Vec::new(),
            portal_api: None,
            ipv6: false,
            proxy: None,
            script: Vec::new(),
            dhcp: Vec::new(),
            dhcp_servers: Vec::new(),
            ra: Vec::new(),
            routers: Vec::new(),
            by_dhcp: false,
            tenant: None,
            account_at: Vec::new(),
            vpns: Vec::new(),
            traced: Vec::new(),
            tunnels: Vec::new(),
            direct: true,
            direct_expected: false,
        }
    }
}

/// The checks of a controller in the healthy world.
const SERVICES: [(&str, &str, Gate, Reason, Option<&str>); 12] = [
    ("cldap", "udp/389", Gate::Hard, Reason::CldapNoAnswer, None),
    ("ldap", "tcp/389", Gate::Hard, Reason::PortBlocked, None),
    (
        "kerberos",
        "tcp+udp/88",
        Gate::Hard,
        Reason::KdcNoAnswer,
        None,
    ),
    (
        "rpc",
        "tcp/135",
        Gate::Hard,
        Reason::RpcEndpointUnavailable,
        None,
    ),
    ("smb", "tcp/445", Gate::Hard, Reason::PortBlocked, None),
    (
        "ldaps",
        "tcp/636",
        Gate::Optional,
        Reason::PortBlocked,
        None,
    ),
    (
        "global_catalog",
        "tcp/3268",
        Gate::Soft,
        Reason::PortBlocked,
        Some("GC"),
    ),
    (
        "kpasswd",
        "tcp+udp/464",
        Gate::Soft,
        Reason::PortBlocked,
        None,
    ),
    (
        "ntp",
        "udp/123",
        Gate::Optional,
        Reason::NtpNoAnswer,
        Some("TIMESERV"),
    ),
    (
        "icmp",
        "icmp/echo",
        Gate::Optional,
        Reason::PortBlocked,
        None,
    ),
    ("mtu", "udp/389", Gate::Hard, Reason::CldapNoAnswer, None),
    (
        "loss",
        "icmp+udp/389",
        Gate::Soft,
        Reason::PortBlocked,
        None,
    ),
];

const TOPICS: [(&str, Topic, Stage, Gate); 7] = [
    ("internet", Topic::Internet, Stage::Network, Gate::Hard),
    ("zone", Topic::Zone, Stage::DomainController, Gate::Hard),
    (
        "locator",
        Topic::Locator,
        Stage::DomainController,
        Gate::Hard,
    ),
    (
        "records",
        Topic::Records,
        Stage::DomainController,
        Gate::Soft,
    ),
    (
        "site_locator",
        Topic::Records,
        Stage::DomainController,
        Gate::Optional,
    ),
    (
        "rewriting",
        Topic::Rewriting,
        Stage::Network,
        Gate::Optional,
    ),
    ("tcp", Topic::Tcp, Stage::Network, Gate::Optional),
];

fn observation(subject: Subject, service: &'static str, stage: Stage, gate: Gate) -> Observation {
    Observation {
        check: Check {
            probe: service,
            service,
            stage,
            also: Vec::new(),
            gate,
            subject,
            door: String::new(),
            closed_as: Reason::PortBlocked,
            needs_flag: None,
            is_of_host: false,
            proxy: None,
            target: Target {
                host: "eth0".into(),
                address: None,
                port: None,
            },
        },
        path: "direct".into(),
        started: Timestamp::from_unix_millis(0),
        took: Duration::from_millis(1),
        outcome: Outcome::default(),
    }
}

pub(super) fn healthy(world: &World) -> (Vec<Candidate>, Vec<(String, Observation)>) {
    let mut uplink = observation(Subject::Uplink, "link", Stage::Network, Gate::Hard);
    uplink
        .outcome
        .evidence
        .insert("addresses", Evidence::List(own_addresses(world)));
    uplink
        .outcome
        .evidence
        .insert("interface", Evidence::Text("eth0".into()));
    uplink
        .outcome
        .evidence
        .insert("gateway", Evidence::Text("10.1.0.1".into()));
    let mut seen = vec![("uplink".to_owned(), uplink)];
    seen.extend(outside::dhcp(world));
    seen.push(outside::routers(world));
    let candidates = if world.direct {
        candidates(world)
    } else {
        Vec::new()
    };
    seen.extend(resolvers(world, &world.resolvers));
    if world.direct {
        seen.extend(controllers(world, &world.resolvers));
    } else {
        behind::lack_the_zone(&mut seen);
    }
    seen.extend(behind::tunnels(world));
    for source in &world.time_sources {
        let subject = Subject::TimeSource {
            name: source.clone(),
        };
        let mut check = observation(subject, "ntp", Stage::Time, Gate::Soft);
        check.check.closed_as = Reason::NtpNoAnswer;
        check.check.target.host.clone_from(source);
        check.outcome.facts.clock = Some(clock(0.0));
        seen.push((format!("time {source}"), check));
    }
    seen.extend(world.vpns.iter().flat_map(|text| outside::vpn(text)));
    seen.extend(world.traced.iter().map(|text| outside::traced(text)));
    seen.extend(outside::proxies(world));
    seen.extend(outside::hosts(world));
    seen.extend(world.account_at.iter().flat_map(|name| with_account(name)));
    (candidates, seen)
}

/// What the resolvers say.
fn resolvers(world: &World, servers: &[SocketAddr]) -> Vec<(String, Observation)> {
    let mut seen = Vec::new();
    for server in servers {
        for (word, topic, stage, gate) in TOPICS {
            let subject = Subject::Resolver {
                server: *server,
                topic,
            };
            let mut check = observation(subject, word, stage, gate);
            check.check.probe = "dns";
            check.check.closed_as = Reason::DnsTimeout;
            check.check.target = Target::at(*server);
            check.check.door = if topic == Topic::Tcp {
                "tcp/53"
            } else {
                "udp/53"
            }
            .into();
            let name = match word {
                "locator" => format!("_ldap._tcp.dc._msdcs.{DOMAIN}"),
                "records" => format!("_kerberos._tcp.dc._msdcs.{DOMAIN}"),
                "site_locator" => {
                    format!("_ldap._tcp.{}._sites.dc._msdcs.{DOMAIN}", world.client_site)
                }
                _ => DOMAIN.to_owned(),
            };
            check.outcome.evidence.insert("name", Evidence::Text(name));
            seen.push((format!("resolver {} {word}", server.ip()), check));
        }
    }
    seen
}

/// The controllers of the world: short name, site, addresses, and whether it is of the own site.
fn described(world: &World) -> impl Iterator<Item = (&str, &str, Vec<IpAddr>, bool)> {
    world.controllers.iter().map(|text| {
        let words: Vec<_> = text.split(' ').collect();
        let [name, site, addresses @ ..] = words.as_slice() else {
            panic!("`{text}` is not `name site address`");
        };
        let addresses = addresses.iter();
        let addresses = addresses.map(|text| text.parse().expect("an address"));
        (
            name.trim_start_matches('*'),
            *site,
            addresses.collect(),
            name.starts_with('*'),
        )
    })
}

fn candidates(world: &World) -> Vec<Candidate> {
    described(world)
        .map(|(name, _, _, in_site)| Candidate {
            name: format!("{name}.{DOMAIN}"),
            priority: 0,
            weight: 100,
            in_site,
            probed: true,
        })
        .collect()
}

/// What the controllers say, and the resolvers of their names.
fn controllers(world: &World, servers: &[SocketAddr]) -> Vec<(String, Observation)> {
    let mut seen = Vec::new();
    for (short, site, addresses, _) in described(world) {
        let name_in_dns = format!("{short}.{DOMAIN}");
        for server in servers {
            let subject = Subject::ControllerName {
                name: name_in_dns.clone(),
                server: *server,
            };
            let mut lookup = observation(subject, "address", Stage::DomainController, Gate::Hard);
            lookup.check.closed_as = Reason::DnsTargetUnresolved;
            lookup.check.target.host.clone_from(&name_in_dns);
            seen.push((format!("name {short} {}", server.ip()), lookup));
        }
        for address in addresses {
            for (service, check) in controller(&name_in_dns, site, address, &world.client_site) {
                seen.push((format!("dc {short}/{address} {service}"), check));
            }
        }
    }
    seen
}

/// An address of IPv6 is there where something is asked over IPv6.
fn own_addresses(world: &World) -> Vec<String> {
    let mut own = vec!["10.1.0.20/24".to_owned()];
    if world.ipv6 || world.controllers.iter().any(|text| text.contains(':')) {
        own.push("fd00::2/64".to_owned());
    }
    own
}

/// The checks of one address of a controller.
fn controller(
    name: &str,
    site: &str,
    address: IpAddr,
    client_site: &str,
) -> Vec<(&'static str, Observation)> {
    SERVICES
        .into_iter()
        .map(|(service, door, gate, closed_as, needs_flag)| {
            let subject = Subject::Controller {
                name: name.to_owned(),
                address,
            };
            let mut check = observation(subject, service, Stage::DomainController, gate);
            check.check.door = door.into();
            check.check.closed_as = closed_as;
            check.check.needs_flag = needs_flag;
            check.check.is_of_host = matches!(service, "ntp" | "icmp" | "mtu" | "loss");
            check.outcome.facts = facts(service, name, site, client_site);
            (service, check)
        })
        .collect()
}

/// What the account is used for at a controller.
fn with_account(name: &str) -> [(String, Observation); 2] {
    let account = || ACCOUNT.to_owned();
    let mut scp = observation(
        Subject::ConnectionPoint { account: account() },
        "scp",
        Stage::Registration,
        Gate::Soft,
    );
    scp.outcome.facts.connection_point = Some(connection_point(TENANT));
    let logon = Subject::Logon { account: account() };
    let mut canary = observation(logon, "canary", Stage::SignIn, Gate::Soft);
    for check in [&mut scp, &mut canary] {
        check.check.target.host = format!("{name}.{DOMAIN}");
    }
    [
        (format!("scp {name}"), scp),
        (format!("canary {name}"), canary),
    ]
}

pub(super) fn connection_point((id, name): (&str, &str)) -> ConnectionPoint {
    ConnectionPoint {
        tenant_id: id.to_owned(),
        tenant_name: name.to_owned(),
    }
}

pub(super) fn clock(offset: f64) -> ClockReading {
    ClockReading {
        offset,
        uncertainty: 0.01,
        rank: 3,
    }
}

fn facts(service: &str, host: &str, site: &str, client_site: &str) -> Facts {
    Facts {
        clock: (service == "kerberos").then(|| clock(0.2)),
        controller: (service == "cldap").then(|| ControllerFacts {
            host: host.to_owned(),
            domain: DOMAIN.to_owned(),
            forest: DOMAIN.to_owned(),
            domain_guid: String::new(),
            dc_site: site.to_owned(),
            client_site: client_site.to_owned(),
            flags: vec!["GC".into(), "KDC".into(), "TIMESERV".into()],
        }),
        ..Facts::default()
    }
}
