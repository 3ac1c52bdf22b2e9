//! A network with one fault, and the causes that it must be judged to have.

mod account;
mod certificates;
mod clocks;
mod controllers;
mod doors;
mod resolvers;
mod web;

use std::collections::BTreeSet;
use std::path::PathBuf;

use futures_util::StreamExt;
use sightline::check::{self, Checked};
use sightline::config::{self, Config, Load, Overrides, Resolvers};
use sightline::plan::{Plan, SystemResolvers};
use sightline_model::{NetworkStatus, Reason, Severity, Stage, State, Verdict};

use crate::support::behaviour::Behaviour;
use crate::support::setting::SITE;
use crate::support::{Setting, World};

/// So many worlds stand at the same time: most of their time is waiting.
const AT_ONCE: usize = 6;

/// One fault, and what it is judged to be.
pub(crate) struct Case {
    /// What is wrong, as a sentence.
    name: &'static str,
    /// How many controllers there are.
    controllers: u8,
    /// The world before the fault.
    setting: fn(u8) -> Setting,
    change: fn(&mut Setting),
    verdict: Verdict,
    /// Each root cause: severity, reason, stage, and a part of its subject.
    causes: &'static [&'static str],
    /// Findings that are no cause, in the same form; others may be there too.
    notes: &'static [&'static str],
    /// Parts of the evidence of the causes, or of the services of the controllers.
    evidence: &'static [&'static str],
}

/// A case of a network that stays ready.
const READY: Case = Case {
    name: "",
    controllers: 1,
    setting: Setting::healthy,
    change: |_| {},
    verdict: Verdict::Ready,
    causes: &[],
    notes: &[],
    evidence: &[],
};
/// A case of a network in which something is wrong and the flow can succeed.
const DEGRADED: Case = Case {
    verdict: Verdict::Degraded,
    ..READY
};
/// A case of a network in which the flow cannot succeed.
const NOT_READY: Case = Case {
    verdict: Verdict::NotReady,
    ..READY
};

/// Looks at a world as `sightline check` does.
pub(crate) async fn look(world: &World) -> Checked {
    let plan = Plan::new(&configuration(world), &SystemResolvers::default());
    let mut plan = plan.expect("the files of a world can be read");
    // Nobody of this machine is asked.
    plan.clock_keepers = world.clock_keepers();
    plan.corporate_roots.load();
    check::check(&plan, &[], &|_| {})
        .await
        .expect("a world has a domain")
}

fn configuration(world: &World) -> Config {
    let load = Load {
        file: Some(world.config_file().to_owned()),
        default_file: PathBuf::new(),
        environment: Vec::new(),
        host_name: "test".to_owned(),
        overrides: Overrides::default(),
    };
    config::load(&load).expect("the configuration of a world is valid")
}

/// The one network of a world.
pub(crate) fn network(checked: &Checked) -> &NetworkStatus {
    checked
        .status
        .networks
        .first()
        .expect("a world has a network")
}

/// What is wrong in a network, one line a root cause.
pub(crate) fn causes(network: &NetworkStatus) -> Vec<String> {
    network
        .root_causes
        .iter()
        .map(|cause| {
            line(
                cause.severity,
                cause.reason.code(),
                cause.stage,
                &cause.subject,
            )
        })
        .collect()
}

fn line(severity: Severity, reason: &str, stage: Stage, subject: &str) -> String {
    let severity = format!("{severity:?}").to_ascii_lowercase();
    format!("{severity} {reason} {stage} {subject}")
}

/// Whether every expected line is one of `lines`: its first three words alike, the rest a part of
/// the subject.
fn are_in(expected: &[&str], lines: &[String]) -> bool {
    expected.iter().all(|expected| {
        let words: Vec<_> = expected.splitn(4, ' ').collect();
        lines.iter().any(|line| {
            let said: Vec<_> = line.splitn(4, ' ').collect();
            words.get(..3) == said.get(..3)
                && said
                    .get(3)
                    .is_some_and(|subject| words.get(3).is_none_or(|part| subject.contains(part)))
        })
    })
}

/// Starts the world of each case and compares; all that differ are told together.
fn run(cases: &'static [Case]) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    let differing: Vec<String> = runtime.block_on(async {
        futures_util::stream::iter(cases)
            .map(differs)
            .buffer_unordered(AT_ONCE)
            .filter_map(std::future::ready)
            .collect()
            .await
    });
    assert!(differing.is_empty(), "\n{}", differing.join("\n"));
}

/// What is not as the case has it, or nothing.
async fn differs(case: &Case) -> Option<String> {
    let mut setting = (case.setting)(case.controllers);
    (case.change)(&mut setting);
    let world = World::start(&setting);
    let checked = look(&world).await;
    let network = network(&checked);

    let found = causes(network);
    let findings: Vec<String> = network
        .stages
        .iter()
        .flat_map(|status| {
            status.findings.iter().map(|finding| {
                line(
                    finding.severity,
                    finding.reason.code(),
                    status.stage,
                    &finding.subject,
                )
            })
        })
        .collect();
    let evidence = evidence(network);
    let has_evidence = case
        .evidence
        .iter()
        .all(|part| evidence.iter().any(|text| text.contains(part)));
    let is_as_expected = network.verdict == case.verdict
        && found.len() == case.causes.len()
        && are_in(case.causes, &found)
        && are_in(case.notes, &findings)
        && has_evidence;
    (!is_as_expected).then(|| {
        format!(
            "{}:\n  expected {} {:?} with {:?}, {:?}\n  got      {} {found:?} with {findings:?}\n  evidence {}",
            case.name,
            case.verdict,
            case.causes,
            case.notes,
            case.evidence,
            network.verdict,
            evidence.join("\n           ")
        )
    })
}

fn evidence(network: &NetworkStatus) -> Vec<String> {
    let of_causes = network
        .root_causes
        .iter()
        .flat_map(|cause| cause.evidence.clone());
    let of_runs = network
        .stages
        .iter()
        .flat_map(|status| &status.probes)
        .map(|probe| {
            format!(
                "{} {} {}: {} {:?}",
                probe.probe,
                probe.service,
                probe.target,
                probe.detail.as_deref().unwrap_or_default(),
                probe.evidence
            )
        });
    of_causes.chain(of_runs).collect()
}

#[test]
fn a_network_without_a_fault_is_ready_and_everything_in_it_is_told() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let world = World::start(&Setting::healthy(2));
    let checked = runtime.block_on(look(&world));
    let network = network(&checked);

    assert_eq!(checked.status.verdict, Verdict::Ready);
    assert_eq!(causes(network), Vec::<String>::new());
    for stage in [
        Stage::Network,
        Stage::DomainController,
        Stage::SignIn,
        Stage::Time,
    ] {
        let status = network.stages.iter().find(|status| status.stage == stage);
        let status = status.expect("every stage is told");
        assert_eq!(status.verdict, Verdict::Ready, "{stage}");
        assert!(status.applicable, "{stage}");
        // Whether this process may send an echo is up to the machine.
        let others: Vec<_> = status
            .findings
            .iter()
            .filter(|finding| finding.reason != Reason::NoPermission)
            .collect();
        assert!(others.is_empty(), "{stage}: {others:?}");
    }
    assert_eq!(network.domain.as_deref(), Some("corp.example"));
    assert_eq!(network.client_site.as_deref(), Some(SITE));
    let names: Vec<_> = network
        .domain_controllers
        .iter()
        .map(|dc| dc.name.as_str())
        .collect();
    assert_eq!(names, ["dc1.corp.example", "dc2.corp.example"]);
    for dc in &network.domain_controllers {
        assert!(dc.usable && dc.probed && dc.in_site, "{dc:?}");
        assert_eq!(dc.ad_site.as_deref(), Some(SITE));
        assert_eq!(dc.forest.as_deref(), Some("corp.example"));
        assert_eq!(dc.paths, ["direct"]);
        let skew = dc
            .clock_skew_seconds
            .expect("a controller that answers tells its time");
        assert!(skew.abs() < 5.0, "{skew}");
        assert!(
            dc.flags.iter().any(|flag| flag == "CLOSE_SITE"),
            "{:?}",
            dc.flags
        );
        let passed: BTreeSet<_> = dc
            .services
            .iter()
            .filter(|(service, state)| **state == State::Pass && **service != "icmp")
            .map(|(service, _)| *service)
            .collect();
        let all = [
            "cldap",
            "global_catalog",
            "kerberos",
            "kpasswd",
            "ldap",
            "ldaps",
            "loss",
            "mtu",
            "ntp",
            "rpc",
            "smb",
        ];
        assert_eq!(passed, BTreeSet::from(all), "{}", dc.name);
    }
}

/// Looks at a world without a configured domain, on a system with this search list.
fn search(world: &World, suffixes: &[&str]) -> Result<Checked, String> {
    let mut config = configuration(world);
    let network = config.network.first_mut().expect("a world has a network");
    let servers = match std::mem::take(&mut network.resolvers) {
        Resolvers::List(servers) => servers,
        Resolvers::System | Resolvers::Dhcp => Vec::new(),
    };
    config.domain.name = None;
    let system = SystemResolvers {
        servers,
        search: suffixes.iter().map(|suffix| (*suffix).to_owned()).collect(),
        ..SystemResolvers::default()
    };
    let plan = Plan::new(&config, &system)?;
    plan.corporate_roots.load();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime
        .block_on(check::check(&plan, &[], &|_| {}))
        .map_err(|refusal| refusal.to_string())
}

#[test]
fn without_a_configured_domain_the_search_list_leads_to_it() {
    let world = World::start(&Setting::healthy(1));
    let checked = search(&world, &["branch.example", "corp.example"]).expect("it is found");
    assert_eq!(checked.found_domain.as_deref(), Some("corp.example"));
    assert_eq!(checked.status.verdict, Verdict::Ready);
}

#[test]
fn where_no_resolver_answers_that_is_the_cause_and_not_the_search_list() {
    let mut setting = Setting::healthy(1);
    let resolver = &mut setting.resolvers[0];
    (resolver.udp, resolver.tcp) = (Behaviour::Silent, Behaviour::Silent);
    let world = World::start(&setting);
    let checked = search(&world, &["corp.example"]).expect("the network is judged");
    assert_eq!(checked.status.verdict, Verdict::NotReady);
    let causes = &checked.status.networks[0].root_causes;
    assert_eq!(causes.len(), 1, "{causes:?}");
    assert_eq!(causes[0].reason, Reason::ResolverUnreachable);
}

#[test]
fn a_search_list_that_leads_nowhere_is_told_as_it_was_tried() {
    let world = World::start(&Setting::healthy(1));
    let refusal = search(&world, &["branch.example", "lab.example"]).expect_err("nowhere");
    assert!(
        refusal.contains("the search list (branch.example, lab.example) leads to no domain"),
        "{refusal}"
    );
}
