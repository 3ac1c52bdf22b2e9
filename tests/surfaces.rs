//! What people and programs are shown, for one fixed look at a network. `UPDATE_GOLDEN=1` writes the
//! stored texts anew; the difference is then read by whoever changed them.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use sightline::check::Checked;
use sightline::surface::{human, nagios};
use sightline::survey::Link;
use sightline_model::{
    Candidate, Check, ClockReading, ControllerFacts, Evidence, Finding, Gate, Limits, NetworkScene,
    Observation, Outcome, Phase, Reason, Scene, Severity, Stage, Subject, Target, Timestamp, Topic,
    judge,
};

const DOMAIN: &str = "corp.example.com";
pub(crate) const STARTED: Timestamp = Timestamp::from_unix_millis(1_795_600_000_000);

fn observation(kind: &'static str, stage: Stage, subject: Subject, target: Target) -> Observation {
    Observation {
        check: Check {
            probe: kind,
            service: kind,
            stage,
            also: Vec::new(),
            gate: Gate::Hard,
            subject,
            door: String::new(),
            closed_as: Reason::PortBlocked,
            needs_flag: None,
            is_of_host: false,
            proxy: None,
            target,
        },
        path: "direct".into(),
        started: STARTED,
        took: Duration::from_micros(3100),
        outcome: Outcome {
            timings: vec![(Phase::Request, Duration::from_micros(3100))],
            ..Outcome::default()
        },
    }
}

fn resolver(topic: Topic, service: &'static str, stage: Stage) -> Observation {
    let server = SocketAddr::from(([10, 1, 0, 53], 53));
    let subject = Subject::Resolver { server, topic };
    let mut seen = observation("dns", stage, subject, Target::at(server));
    seen.check.service = service;
    seen.check.closed_as = Reason::DnsTimeout;
    seen
}

fn controller(name: &str, last: u8, service: &'static str, port: u16) -> Observation {
    let address = IpAddr::V4(Ipv4Addr::new(10, 2, 0, last));
    let name = format!("{name}.{DOMAIN}");
    let subject = Subject::Controller {
        name: name.clone(),
        address,
    };
    let target = Target {
        host: name.clone(),
        address: Some(address),
        port: Some(port),
    };
    let mut seen = observation(service, Stage::DomainController, subject, target);
    seen.check.door = format!("tcp/{port}");
    if service == "cldap" {
        seen.outcome.facts.controller = Some(ControllerFacts {
            host: name,
            domain: DOMAIN.into(),
            forest: DOMAIN.into(),
            domain_guid: "8f3e6c1a-0b52-4c7d-9a64-1f0c5d2e7b90".into(),
            dc_site: "Berlin".into(),
            client_site: "Berlin".into(),
            flags: ["GC", "DS", "LDAP", "KDC", "WRITABLE"]
                .map(str::to_owned)
                .to_vec(),
        });
        let flags = Evidence::List(vec!["GC".into(), "KDC".into()]);
        seen.outcome.evidence.insert("flags", flags);
    }
    if service == "kerberos" {
        seen.outcome.facts.clock = Some(ClockReading {
            offset: 0.4,
            uncertainty: 0.001,
            rank: 3,
        });
    }
    seen
}

/// A network with two controllers; where it is broken, SMB is closed on both and the second is dead
/// but for that.
pub(crate) fn scene(is_broken: bool) -> Scene {
    let uplink = Target {
        host: "default".into(),
        address: None,
        port: None,
    };
    let mut observations = vec![
        observation("link", Stage::Network, Subject::Uplink, uplink),
        resolver(Topic::Internet, "internet", Stage::Network),
        resolver(Topic::Zone, "zone", Stage::DomainController),
        resolver(Topic::Locator, "locator", Stage::DomainController),
    ];
    for (name, last) in [("dc1", 10), ("dc2", 11)] {
        for (service, port) in [
            ("cldap", 389),
            ("ldap", 389),
            ("kerberos", 88),
            ("smb", 445),
        ] {
            let mut seen = controller(name, last, service, port);
            if is_broken && service == "smb" {
                seen.outcome.findings.push(Finding {
                    reason: Reason::ConnectTimeout,
                    severity: Severity::Blocking,
                    phase: Phase::Connect,
                    detail: format!("connecting to {name}.{DOMAIN}:445: nothing within 5 s"),
                });
            }
            observations.push(seen);
        }
    }
    let candidate = |name: &str| Candidate {
        name: format!("{name}.{DOMAIN}"),
        priority: 0,
        weight: 100,
        in_site: true,
        probed: true,
    };
    Scene {
        site: "berlin-02".into(),
        now: STARTED,
        stages: vec![Stage::DomainController, Stage::SignIn],
        limits: Limits {
            warn_skew: Duration::from_secs(60),
            max_skew: Duration::from_secs(300),
        },
        networks: vec![NetworkScene {
            name: "default".into(),
            domain: Some(DOMAIN.into()),
            configured_site: None,
            proxy: sightline_model::ProxyUse::Auto,
            dhcp_servers: Vec::new(),
            routers: Vec::new(),
            tenant: None,
            candidates: vec![candidate("dc1"), candidate("dc2")],
            vpns: Vec::new(),
            is_direct_expected: false,
            clock_synchronised: None,
            observations,
        }],
    }
}

/// A look at that network.
fn checked(is_broken: bool) -> Checked {
    let link = |what: &str, millis| Link {
        what: what.into(),
        took: Duration::from_millis(millis),
    };
    Checked {
        status: judge(&scene(is_broken)),
        slowest: vec![vec![
            link("dns locator 10.1.0.53:53", 4),
            link("smb smb dc1.corp.example.com:445", 16),
        ]],
        took: Duration::from_millis(22),
        found_domain: None,
    }
}

/// The same network behind a proxy that inspects TLS to all hosts.
fn intercepted() -> Checked {
    let issuer = "CN=Example Proxy CA, O=Example";
    let hosts = ["cs", "login", "manage", "portal", "swda01", "ztd"].map(|name| {
        let name = format!("{name}.example.com");
        let subject = Subject::Host { name: name.clone() };
        let target = Target {
            host: name.clone(),
            address: Some(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 80))),
            port: Some(443),
        };
        let mut seen = observation("https", Stage::Autopilot, subject, target);
        seen.check.also = vec![Stage::DeviceSetup];
        seen.check.closed_as = Reason::EndpointUnreachable;
        let evidence = Evidence::Text(issuer.into());
        seen.outcome.evidence.insert("certificate_issuer", evidence);
        seen.outcome.findings.push(Finding {
            reason: Reason::TlsIntercepted,
            severity: Severity::Blocking,
            phase: Phase::Tls,
            detail: format!("{name}:443 (192.0.2.80): issued by {issuer}"),
        });
        seen
    });
    let uplink = Target {
        host: "default".into(),
        address: None,
        port: None,
    };
    let mut observations = vec![
        observation("link", Stage::Network, Subject::Uplink, uplink),
        resolver(Topic::Internet, "internet", Stage::Network),
    ];
    observations.extend(hosts);
    Checked {
        status: judge(&Scene {
            site: "berlin-02".into(),
            now: STARTED,
            stages: vec![Stage::Autopilot, Stage::DeviceSetup],
            limits: Limits {
                warn_skew: Duration::from_secs(60),
                max_skew: Duration::from_secs(300),
            },
            networks: vec![NetworkScene {
                name: "default".into(),
                domain: None,
                configured_site: None,
                proxy: sightline_model::ProxyUse::Auto,
                dhcp_servers: Vec::new(),
                routers: Vec::new(),
                tenant: None,
                candidates: Vec::new(),
                vpns: Vec::new(),
                is_direct_expected: false,
                clock_synchronised: None,
                observations,
            }],
        }),
        slowest: Vec::new(),
        took: Duration::from_millis(22),
        found_domain: None,
    }
}

pub(crate) fn compare(name: &str, text: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden")
        .join(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&file, text).expect("the golden text is written");
    }
    let stored = std::fs::read_to_string(&file).expect("the golden text is there");
    let first = text
        .lines()
        .zip(stored.lines())
        .find(|(now, before)| now != before);
    assert!(
        text == stored,
        "{name} has changed, first in (now, before) {first:#?}"
    );
}

fn plain(styled: &str) -> String {
    anstream::adapter::strip_str(styled).to_string()
}

#[test]
fn people_read_the_cause_first_and_then_the_stages() {
    compare("ready.txt", &plain(&human::render(&checked(false), false)));
    compare(
        "not_ready.txt",
        &plain(&human::render(&checked(true), false)),
    );
    compare("verbose.txt", &plain(&human::render(&checked(true), true)));
}

#[test]
fn many_hosts_of_one_cause_are_listed_once_and_counted_elsewhere() {
    compare(
        "intercepted.txt",
        &plain(&human::render(&intercepted(), false)),
    );
    compare(
        "intercepted-verbose.txt",
        &plain(&human::render(&intercepted(), true)),
    );
    compare("intercepted.nagios", &nagios::render(&intercepted()));
}

#[test]
fn programs_read_the_contract_of_the_status() {
    let json = |is_broken| {
        serde_json::to_string_pretty(&checked(is_broken).status).expect("the status is JSON")
    };
    compare("ready.json", &json(false));
    compare("not_ready.json", &json(true));
}

#[test]
fn monitoring_systems_read_one_line() {
    compare("ready.nagios", &nagios::render(&checked(false)));
    compare("not_ready.nagios", &nagios::render(&checked(true)));
}

/// The broken network, where a smaller cause comes earlier in the flow.
fn with_a_smaller_cause_before() -> Checked {
    let mut checked = checked(true);
    let causes = &mut checked.status.networks[0].root_causes;
    let mut smaller = causes[0].clone();
    smaller.stage = Stage::Network;
    smaller.reason = Reason::ResolverUnreachable;
    smaller.severity = Severity::Degrading;
    smaller.subject = "10.1.0.54".into();
    smaller.summary = smaller.reason.headline(&smaller.subject);
    causes.insert(0, smaller);
    checked
}

#[test]
fn the_cause_that_decides_is_named_first_wherever_it_stands_in_the_flow() {
    let checked = with_a_smaller_cause_before();
    let decides = "tcp/445 on dc1.corp.example.com, dc2.corp.example.com does not answer";
    let line = nagios::render(&checked);
    assert!(
        line.starts_with(&format!("SIGHTLINE CRITICAL - {decides}")),
        "{line}"
    );
    let text = plain(&human::render(&checked, false));
    assert!(text.starts_with(&format!("NOT READY  {decides}")), "{text}");
    let worst = text.find("port_blocked at domain_controller");
    let smaller = text.find("resolver_unreachable at network");
    assert!(worst.is_some() && worst < smaller, "{text}");
    assert_eq!(
        checked.status.networks[0].root_causes[0].reason,
        Reason::ResolverUnreachable
    );
}

#[test]
fn a_controller_that_cannot_be_written_to_is_called_read_only() {
    let mut checked = checked(false);
    let controllers = &mut checked.status.networks[0].domain_controllers;
    controllers[0].flags.retain(|flag| flag != "WRITABLE");
    controllers[1].flags.clear();
    let text = plain(&human::render(&checked, false));
    for line in [
        "dc1.corp.example.com (10.2.0.10), site Berlin, read-only, clock +0.4 s\n",
        "dc2.corp.example.com (10.2.0.11), site Berlin, clock +0.4 s\n",
    ] {
        assert!(text.contains(line), "{text}");
    }
}

#[test]
fn what_was_left_out_is_told_in_its_own_words_without_verbose() {
    let mut checked = checked(false);
    let detail = "handed out as resolver and not tested: fe80::1%eth0";
    let probe = &mut checked.status.networks[0].stages[0].probes[0];
    probe.reason = Some(Reason::NotTested);
    probe.detail = Some(detail.into());
    let text = plain(&human::render(&checked, false));
    assert!(
        text.contains(&format!("        not_tested {detail}\n")),
        "{text}"
    );
}
