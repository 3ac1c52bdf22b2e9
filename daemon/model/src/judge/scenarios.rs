//! The judging rules as data: each file in `tests/vectors/health` is a world, what is wrong with
//! it, and what the judge must say. `tests/vectors/health/README.md` has the format.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;

use crate::outcome::{
    ClockReading, ControllerFacts, Evidence, Facts, Finding, Observation, Outcome, Phase, Severity,
};
use crate::reason::Reason;
use crate::stage::{Gate, Stage, Verdict};
use crate::subject::{Subject, Target, Topic};
use crate::time::Timestamp;
use crate::{Candidate, Limits, NetworkScene, NetworkStatus, Scene, judge};

const DOMAIN: &str = "corp.example.com";

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Scenario {
    /// The rule, in a sentence.
    rule: String,
    #[serde(default)]
    world: World,
    #[serde(default)]
    fault: Vec<Fault>,
    expect: Expect,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct World {
    resolvers: Vec<SocketAddr>,
    /// `name site address`, with `*` before the name for a controller of the own site.
    controllers: Vec<String>,
    client_site: String,
    configured_site: Option<String>,
    time_sources: Vec<String>,
    clock_synchronised: Option<bool>,
    stages: Vec<Stage>,
}

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
        }
    }
}

/// Something that is not as in the healthy world.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Fault {
    /// `uplink`, `resolver ADDRESS TOPIC`, `name NAME`, `dc NAME SERVICE`, `time SOURCE`; `*` for all.
    at: String,
    /// `reason` (blocking) or `reason severity`.
    #[serde(default)]
    gives: Vec<String>,
    /// Seconds that the clock there is ahead.
    clock: Option<f64>,
    /// The check was never made.
    #[serde(default)]
    absent: bool,
    /// The LDAP ping maps us to this site.
    client_site: Option<String>,
    /// The LDAP ping has no such flag.
    without_flag: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Expect {
    verdict: Verdict,
    /// `stage/reason severity subject`, all of them in order.
    #[serde(default)]
    causes: Vec<String>,
    #[serde(default)]
    stages: BTreeMap<Stage, Verdict>,
    usable: Option<Vec<String>>,
    /// For the first cause.
    also_affected: Option<Vec<Stage>>,
}

/// The checks of a controller in the healthy world.
const SERVICES: [(&str, &str, Gate, Reason, Option<&str>); 10] = [
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
];

const TOPICS: [(&str, Topic, Stage, Gate); 6] = [
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
        "rewriting",
        Topic::Rewriting,
        Stage::Network,
        Gate::Optional,
    ),
    ("tcp", Topic::Tcp, Stage::Network, Gate::Optional),
];

fn observation(subject: Subject, service: &'static str, stage: Stage, gate: Gate) -> Observation {
    Observation {
        probe: service,
        service,
        stage,
        gate,
        subject,
        door: String::new(),
        closed_as: Reason::PortBlocked,
        needs_flag: None,
        target: Target {
            host: "eth0".into(),
            address: None,
            port: None,
        },
        path: "direct".into(),
        started: Timestamp::from_unix_millis(0),
        took: Duration::from_millis(1),
        outcome: Outcome::default(),
    }
}

fn healthy(world: &World) -> (Vec<Candidate>, Vec<(String, Observation)>) {
    let mut uplink = observation(Subject::Uplink, "link", Stage::Network, Gate::Hard);
    uplink
        .outcome
        .evidence
        .insert("addresses", Evidence::List(vec!["10.1.0.20/24".into()]));
    uplink
        .outcome
        .evidence
        .insert("interface", Evidence::Text("eth0".into()));
    uplink
        .outcome
        .evidence
        .insert("gateway", Evidence::Text("10.1.0.1".into()));
    let mut seen = vec![("uplink".to_owned(), uplink)];
    for server in &world.resolvers {
        for (word, topic, stage, gate) in TOPICS {
            let subject = Subject::Resolver {
                server: *server,
                topic,
            };
            let mut check = observation(subject, word, stage, gate);
            check.probe = "dns";
            check.closed_as = Reason::DnsTimeout;
            check.target = Target::at(*server);
            check.door = if topic == Topic::Tcp {
                "tcp/53"
            } else {
                "udp/53"
            }
            .into();
            let name = match topic {
                Topic::Locator => format!("_ldap._tcp.dc._msdcs.{DOMAIN}"),
                Topic::Records => format!("_kerberos._tcp.dc._msdcs.{DOMAIN}"),
                _ => DOMAIN.to_owned(),
            };
            check.outcome.evidence.insert("name", Evidence::Text(name));
            seen.push((format!("resolver {} {word}", server.ip()), check));
        }
    }
    let mut candidates = Vec::new();
    for text in &world.controllers {
        let words: Vec<_> = text.split(' ').collect();
        let [name, site, address] = words.as_slice() else {
            panic!("`{text}` is not `name site address`");
        };
        let short = name.trim_start_matches('*');
        let name_in_dns = format!("{short}.{DOMAIN}");
        candidates.push(Candidate {
            name: name_in_dns.clone(),
            priority: 0,
            weight: 100,
            in_site: name.starts_with('*'),
            probed: true,
        });
        let mut lookup = observation(
            Subject::ControllerName {
                name: name_in_dns.clone(),
            },
            "address",
            Stage::DomainController,
            Gate::Hard,
        );
        lookup.target.host.clone_from(&name_in_dns);
        seen.push((format!("name {short}"), lookup));
        let address: IpAddr = address.parse().expect("an address");
        for (service, door, gate, closed_as, needs_flag) in SERVICES {
            let subject = Subject::Controller {
                name: name_in_dns.clone(),
                address,
            };
            let mut check = observation(subject, service, Stage::DomainController, gate);
            check.door = door.into();
            check.closed_as = closed_as;
            check.needs_flag = needs_flag;
            check.outcome.facts = facts(service, &name_in_dns, site, &world.client_site);
            seen.push((format!("dc {short} {service}"), check));
        }
    }
    for source in &world.time_sources {
        let subject = Subject::TimeSource {
            name: source.clone(),
        };
        let mut check = observation(subject, "ntp", Stage::Time, Gate::Soft);
        check.closed_as = Reason::NtpNoAnswer;
        check.target.host.clone_from(source);
        check.outcome.facts.clock = Some(clock(0.0));
        seen.push((format!("time {source}"), check));
    }
    (candidates, seen)
}

fn clock(offset: f64) -> ClockReading {
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

impl Fault {
    fn matches(&self, key: &str) -> bool {
        let pattern: Vec<_> = self.at.split(' ').collect();
        let words: Vec<_> = key.split(' ').collect();
        pattern.len() == words.len()
            && pattern
                .iter()
                .zip(&words)
                .all(|(pattern, word)| *pattern == "*" || pattern == word)
    }

    fn apply(&self, check: &mut Observation) {
        for text in &self.gives {
            let (reason, severity) = text.split_once(' ').unwrap_or((text, "blocking"));
            let severity = match severity {
                "info" => Severity::Info,
                "degrading" => Severity::Degrading,
                "inconclusive" => Severity::Inconclusive,
                "blocking" => Severity::Blocking,
                other => panic!("no severity `{other}`"),
            };
            check.outcome.findings.push(Finding {
                reason: reason.parse().expect("a reason"),
                severity,
                phase: Phase::Request,
                detail: format!("{} gave {reason}", self.at),
            });
            if severity >= Severity::Inconclusive {
                check.outcome.facts = Facts::default();
            }
        }
        if let Some(offset) = self.clock {
            check.outcome.facts.clock = Some(clock(offset));
        }
        if let Some(controller) = &mut check.outcome.facts.controller {
            if let Some(site) = &self.client_site {
                controller.client_site.clone_from(site);
            }
            controller
                .flags
                .retain(|flag| Some(flag) != self.without_flag.as_ref());
        }
    }
}

fn judged(scenario: &Scenario) -> NetworkStatus {
    let world = &scenario.world;
    let (candidates, mut seen) = healthy(world);
    for fault in &scenario.fault {
        let before = seen.len();
        let mut touched = 0;
        seen.retain_mut(|(key, check)| {
            if !fault.matches(key) {
                return true;
            }
            touched += 1;
            fault.apply(check);
            !fault.absent
        });
        assert!(touched > 0 && before > 0, "`{}` is nowhere", fault.at);
    }
    let scene = Scene {
        site: "berlin-02".into(),
        now: Timestamp::from_unix_millis(0),
        stages: world.stages.clone(),
        limits: Limits {
            warn_skew: Duration::from_secs(60),
            max_skew: Duration::from_secs(300),
        },
        networks: vec![NetworkScene {
            name: "default".into(),
            domain: Some(DOMAIN.into()),
            configured_site: world.configured_site.clone(),
            candidates,
            clock_synchronised: world.clock_synchronised,
            observations: seen.into_iter().map(|(_, check)| check).collect(),
        }],
    };
    let status = judge(&scene);
    status.networks.into_iter().next().expect("one network")
}

fn mistakes(scenario: &Scenario) -> Vec<String> {
    let status = judged(scenario);
    let expect = &scenario.expect;
    let mut mistakes = Vec::new();
    let mut compare = |what: &str, got: String, wanted: String| {
        if got != wanted {
            mistakes.push(format!("{what}:\n     got {got}\n  wanted {wanted}"));
        }
    };
    compare(
        "verdict",
        status.verdict.to_string(),
        expect.verdict.to_string(),
    );
    let causes: Vec<String> = status
        .root_causes
        .iter()
        .map(|cause| {
            let severity = match cause.severity {
                Severity::Info => "info",
                Severity::Degrading => "degrading",
                Severity::Inconclusive => "inconclusive",
                Severity::Blocking => "blocking",
            };
            format!(
                "{}/{} {severity} {}",
                cause.stage, cause.reason, cause.subject
            )
        })
        .collect();
    compare(
        "causes",
        format!("{causes:#?}"),
        format!("{:#?}", expect.causes),
    );
    for (stage, wanted) in &expect.stages {
        let got = status
            .stages
            .iter()
            .find(|status| status.stage == *stage)
            .map(|status| status.verdict);
        compare(
            stage.id(),
            format!("{got:?}"),
            format!("{:?}", Some(wanted)),
        );
    }
    if let Some(wanted) = &expect.usable {
        let got: Vec<_> = status
            .domain_controllers
            .iter()
            .filter(|dc| dc.usable)
            .map(|dc| dc.name.trim_end_matches(&format!(".{DOMAIN}")).to_owned())
            .collect();
        compare("usable", format!("{got:?}"), format!("{wanted:?}"));
    }
    if let Some(wanted) = &expect.also_affected {
        let got = status
            .root_causes
            .first()
            .map(|cause| cause.also_affected.clone());
        compare(
            "also affected",
            format!("{got:?}"),
            format!("{:?}", Some(wanted)),
        );
    }
    mistakes
}

fn files() -> Vec<PathBuf> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors/health");
    let mut files: Vec<_> = std::fs::read_dir(&directory)
        .expect("the scenarios are there")
        .map(|entry| entry.expect("a directory entry").path())
        .filter(|path| path.extension().is_some_and(|end| end == "toml"))
        .collect();
    files.sort();
    files
}

#[test]
fn every_scenario_is_judged_as_its_rule_says() {
    let mut failures = Vec::new();
    let files = files();
    assert!(files.len() >= 60, "only {} scenarios", files.len());
    for path in files {
        let text = std::fs::read_to_string(&path).expect("a readable scenario");
        let name = path
            .file_name()
            .map(|name| name.to_string_lossy().into_owned());
        let name = name.unwrap_or_default();
        let scenario: Scenario =
            toml::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
        let mistakes = mistakes(&scenario);
        if !mistakes.is_empty() {
            failures.push(format!(
                "{name}: {}\n{}",
                scenario.rule,
                mistakes.join("\n")
            ));
        }
    }
    assert!(failures.is_empty(), "\n{}", failures.join("\n\n"));
}

#[test]
fn the_order_of_observations_changes_nothing() {
    for path in files() {
        let text = std::fs::read_to_string(&path).expect("a readable scenario");
        let scenario: Scenario = toml::from_str(&text).expect("a scenario");
        let (candidates, mut seen) = healthy(&scenario.world);
        for fault in &scenario.fault {
            seen.retain_mut(|(key, check)| {
                if fault.matches(key) {
                    fault.apply(check);
                    !fault.absent
                } else {
                    true
                }
            });
        }
        let scene = |observations| Scene {
            site: String::new(),
            now: Timestamp::default(),
            stages: scenario.world.stages.clone(),
            limits: Limits {
                warn_skew: Duration::from_secs(60),
                max_skew: Duration::from_secs(300),
            },
            networks: vec![NetworkScene {
                name: "default".into(),
                domain: Some(DOMAIN.into()),
                configured_site: None,
                candidates: candidates.clone(),
                clock_synchronised: None,
                observations,
            }],
        };
        let forward: Vec<_> = seen.iter().map(|(_, check)| check.clone()).collect();
        let backward: Vec<_> = forward.iter().rev().cloned().collect();
        let keys = |observations| -> Vec<(Stage, Reason, String)> {
            judge(&scene(observations))
                .networks
                .into_iter()
                .flat_map(|network| network.root_causes)
                .map(|cause| (cause.stage, cause.reason, cause.subject))
                .collect()
        };
        assert_eq!(keys(forward), keys(backward), "{}", path.display());
    }
}
