//! The judging rules as data: each file in `tests/vectors/health` is a world, what is wrong with
//! it, and what the judge must say. `tests/vectors/README.md` has the format.

mod fault;
mod world;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;

use crate::reason::Reason;
use crate::stage::{Stage, Verdict};
use crate::time::Timestamp;
use crate::{Limits, NetworkScene, NetworkStatus, Scene, judge};
use fault::Fault;
use world::{DOMAIN, World, healthy};

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
    /// For other causes, by their reason.
    #[serde(default)]
    affected_by: BTreeMap<String, Vec<Stage>>,
    /// The first lines of evidence of the first cause.
    evidence: Option<Vec<String>>,
    /// The sentence for people of the first cause.
    summary: Option<String>,
}

fn scene(scenario: &Scenario) -> Scene {
    let world = &scenario.world;
    let (candidates, mut seen) = healthy(world);
    for fault in &scenario.fault {
        assert!(
            seen.iter().any(|(key, _)| fault.matches(key)),
            "`{}` is nowhere",
            fault.at
        );
        for (key, check) in seen.iter_mut().filter(|(key, _)| fault.matches(key)) {
            fault.apply(key, check);
        }
    }
    let is_absent = |key: &str| {
        scenario
            .fault
            .iter()
            .any(|fault| fault.absent && fault.matches(key))
    };
    seen.retain(|(key, _)| !is_absent(key));
    Scene {
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
            proxy: world.proxy_use(),
            dhcp_servers: world.dhcp_servers.clone(),
            routers: world.routers.clone(),
            tenant: world.tenant.clone(),
            candidates,
            vpns: world.vpn_scenes(),
            is_direct_expected: world.direct_expected,
            clock_synchronised: world.clock_synchronised,
            observations: seen.into_iter().map(|(_, check)| check).collect(),
        }],
    }
}

fn only_network(scene: &Scene) -> NetworkStatus {
    let status = judge(scene);
    status.networks.into_iter().next().expect("one network")
}

fn judged(scenario: &Scenario) -> NetworkStatus {
    only_network(&scene(scenario))
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
            format!(
                "{}/{} {} {}",
                cause.stage,
                cause.reason,
                cause.severity.id(),
                cause.subject
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
    for (reason, wanted) in &expect.affected_by {
        let mut causes = status.root_causes.iter();
        let got = causes
            .find(|cause| cause.reason.to_string() == *reason)
            .map(|cause| cause.also_affected.clone());
        compare(
            &format!("affected by {reason}"),
            format!("{got:?}"),
            format!("{:?}", Some(wanted)),
        );
    }
    if let Some(wanted) = &expect.evidence {
        let lines = status.root_causes.first().map(|cause| &cause.evidence);
        let got: Vec<_> = lines.into_iter().flatten().take(wanted.len()).collect();
        compare("evidence", format!("{got:#?}"), format!("{wanted:#?}"));
    }
    if let Some(wanted) = &expect.summary {
        let first = status.root_causes.first();
        let got = first.map(|cause| cause.summary.clone());
        compare("summary", got.unwrap_or_default(), wanted.clone());
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
    let keys = |scene: &Scene| -> Vec<_> {
        only_network(scene)
            .root_causes
            .into_iter()
            .map(|cause| (cause.stage, cause.reason, cause.severity, cause.subject))
            .collect()
    };
    for path in files() {
        let text = std::fs::read_to_string(&path).expect("a readable scenario");
        let scenario: Scenario = toml::from_str(&text).expect("a scenario");
        let forward = scene(&scenario);
        let mut backward = forward.clone();
        for network in &mut backward.networks {
            network.observations.reverse();
        }
        assert_eq!(keys(&forward), keys(&backward), "{}", path.display());
    }
}

#[test]
fn no_vpn_hides_that_no_controller_is_usable() {
    for path in files() {
        let text = std::fs::read_to_string(&path).expect("a readable scenario");
        let scenario: Scenario = toml::from_str(&text).expect("a scenario");
        let status = judged(&scenario);
        let mut stages = status.stages.iter();
        let looked = stages.find(|status| status.stage == Stage::DomainController);
        let was_looked_for = looked.is_some_and(|status| !status.probes.is_empty());
        let none_is_usable = !status.domain_controllers.iter().any(|dc| dc.usable);
        if !scenario.world.vpns.is_empty() && was_looked_for && none_is_usable {
            let verdict = looked.map(|status| status.verdict);
            assert!(verdict >= Some(Verdict::Unknown), "{}", path.display());
        }
    }
}

#[test]
fn a_site_takes_its_worst_network() {
    let read = |name: &str| -> Scenario {
        let file = files()
            .into_iter()
            .find(|path| path.file_stem() == Some(name.as_ref()))
            .expect("the scenario is there");
        toml::from_str(&std::fs::read_to_string(file).expect("readable")).expect("a scenario")
    };
    let mut both = scene(&read("healthy"));
    both.networks.extend(scene(&read("dc-one-dead")).networks);
    assert_eq!(judge(&both).verdict, Verdict::Degraded);
    both.networks.extend(scene(&read("link-down")).networks);
    assert_eq!(judge(&both).verdict, Verdict::Unknown);
    both.networks.extend(scene(&read("dcs-dead")).networks);
    assert_eq!(judge(&both).verdict, Verdict::NotReady);
}

#[test]
fn what_is_not_configured_or_not_asked_is_ready_and_says_so() {
    let status = judged(&Scenario {
        rule: String::new(),
        world: World::default(),
        fault: Vec::new(),
        expect: Expect {
            verdict: Verdict::Ready,
            causes: Vec::new(),
            stages: BTreeMap::new(),
            usable: None,
            also_affected: None,
            affected_by: BTreeMap::new(),
            evidence: None,
            summary: None,
        },
    });
    let of = |stage| {
        let mut stages = status.stages.iter();
        stages
            .find(|status| status.stage == stage)
            .map(|status| (status.verdict, status.applicable))
    };
    assert_eq!(of(Stage::Vpn), Some((Verdict::Ready, false)));
    assert_eq!(of(Stage::SignIn), Some((Verdict::Ready, true)));
    assert!(status.not_tested.contains(&Stage::Autopilot));
    assert!(!status.not_tested.contains(&Stage::DomainController));
}

/// What two faults may bring about only together: a vote of clocks without a majority, and a
/// resolver or an Internet that is lost as a whole once each half is.
const ONLY_TOGETHER: [Reason; 4] = [
    Reason::ClockUnsynced,
    Reason::ResolverUnreachable,
    Reason::ResolverLacksAdZone,
    Reason::InternetUnreachable,
];

/// Pairs that say nothing: both faults are at the same check, or one takes away what would show the other: the LDAP
/// ping that tells of a missing global catalog, a stage that is not named, a proxy that knows the
/// names, or what only one of two paths shows. Or the controller that disagrees cannot be called usable, or nothing tells a dead resolver from one
/// without the Internet.
const NO_PAIRS: &[(&str, &str)] = &[
    ("clock-dcs-off-a-little", "clock-dcs-off"),
    ("clock-box-off", "path-direct-dead-vpn-carries"),
    ("clock-box-off", "path-direct-expected-vpn-carries"),
    ("clock-box-off", "path-direct-half-dead-vpn-carries"),
    ("clock-dcs-off", "path-direct-expected-vpn-carries"),
    (
        "clock-two-only-unsynchronised",
        "path-direct-expected-vpn-carries",
    ),
    ("gc-not-announced", "udp389-blocked"),
    ("gc-not-announced", "udp389-blocked-one"),
    (
        "internet-unreachable-dc-stages-only",
        "resolver-one-lacks-internet",
    ),
    ("ldaps-blocked", "ldaps-expired"),
    ("name-at-one-resolver", "name-blind-at-one-resolver"),
    ("name-blind-at-one-resolver", "names-fail-at-one-resolver"),
    ("overloaded-one", "site-controllers-disagree"),
    ("overloaded-one", "subnet-unmapped-ipv4"),
    ("overloaded-one", "tcp445-blocked-one"),
    ("proxy-knows-the-names", "resolver-one-lacks-internet"),
    ("resolver-one-dead", "stage-named-nothing-announced"),
    (
        "resolver-tcp-blocked-answer-fits",
        "resolver-tcp-blocked-large-answer",
    ),
];

#[test]
fn two_faults_together_have_no_cause_that_neither_has_alone() {
    let single: Vec<(PathBuf, String)> = files()
        .into_iter()
        .map(|path| {
            let text = std::fs::read_to_string(&path).expect("a readable scenario");
            (path, text)
        })
        .filter(|(path, text)| {
            let is_pair = path.to_string_lossy().contains("/pair-");
            !is_pair && text.contains("[[fault]]")
        })
        .collect();
    let has_world = |text: &str| text.contains("[world]");
    let read = |text: &str| -> Scenario { toml::from_str(text).expect("a scenario") };
    let mut failures = Vec::new();
    let mut pairs = 0;
    for (index, (first, text)) in single.iter().enumerate() {
        for (second, more) in single.iter().skip(index + 1) {
            let is_named = |path: &Path, name: &str| path.file_stem() == Some(name.as_ref());
            if NO_PAIRS
                .iter()
                .any(|(a, b)| is_named(first, a) && is_named(second, b))
                || (has_world(text) && has_world(more))
            {
                continue;
            }
            // Both happen in the world of the one that has its own.
            let (mut one, mut other) = (read(text), read(more));
            if has_world(more) {
                std::mem::swap(&mut one, &mut other);
            }
            let is_somewhere = |fault: &Fault| {
                let seen = healthy(&one.world).1;
                seen.iter().any(|(key, _)| fault.matches(key))
            };
            if !other.fault.iter().all(is_somewhere) {
                continue;
            }
            pairs += 1;
            let alone = [judged(&one), {
                let faults = std::mem::replace(&mut one.fault, other.fault);
                let status = judged(&one);
                one.fault.extend(faults);
                status
            }];
            let status = judged(&one);
            let is_known = |reason: Reason| {
                ONLY_TOGETHER.contains(&reason)
                    || alone.iter().any(|status| {
                        let found = status.stages.iter().flat_map(|stage| &stage.findings);
                        found
                            .map(|finding| finding.reason)
                            .any(|known| known == reason)
                    })
            };
            let new: Vec<_> = status
                .root_causes
                .iter()
                .map(|cause| cause.reason)
                .filter(|reason| !is_known(*reason))
                .collect();
            let worst = alone.iter().map(|status| status.verdict).max();
            // What answers to nobody is no path, and is missed less than one that is broken.
            let is_other_path = !one.world.tunnels.is_empty() && !one.world.direct_expected;
            let is_better = !is_other_path
                && worst.is_some_and(|worst| {
                    // A box that cannot look must not go on blaming.
                    status.verdict < worst && status.verdict != Verdict::Unknown
                });
            if !new.is_empty() || is_better {
                let reasons = status.root_causes.iter().map(|cause| cause.reason);
                let name = |path: &Path| {
                    let stem = path.file_stem().unwrap_or_default();
                    stem.to_string_lossy().into_owned()
                };
                failures.push(format!(
                    "(\"{}\", \"{}\"): {} {:?}, of them new {new:?}",
                    name(first),
                    name(second),
                    status.verdict,
                    reasons.collect::<Vec<_>>()
                ));
            }
        }
    }
    assert!(pairs > 9000, "only {pairs} pairs");
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
}
