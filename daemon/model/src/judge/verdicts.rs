//! From drafts to stages, from stages to the verdict.

use std::collections::BTreeMap;

use super::controllers::Controller;
use super::draft::{self, Draft};
use super::paths::Standing;
use super::proxies;
use super::vpns;
use super::{NetworkScene, Scene};
use crate::observation::Observation;
use crate::outcome::{Phase, Severity};
use crate::reason::{Fixer, Reason};
use crate::stage::{Class, Stage, Verdict};
use crate::status::{NetworkStatus, ProbeStatus, RootCause, StageFinding, StageStatus};

pub(super) fn write(
    scene: &Scene,
    network: &NetworkScene,
    standing: &Standing,
    mut drafts: Vec<Draft>,
    controllers: Vec<Controller>,
) -> NetworkStatus {
    let named: &[Stage] = if scene.stages.is_empty() {
        &Stage::ALL
    } else {
        &scene.stages
    };
    let link_is_down = drafts
        .iter()
        .any(|draft| draft.reason == Reason::LinkDown && draft.is_cause());
    let mut stages: Vec<StageStatus> = Vec::new();
    let mut not_run: Option<Draft> = None;
    for stage in Stage::ALL {
        let blocked_by = blockers(stage, &stages, standing);
        let mut judged = stage_verdict(
            stage,
            (&stages, &blocked_by),
            &drafts,
            (network, standing),
            link_is_down,
        );
        if scene.stages.contains(&stage)
            && judged.verdict < Verdict::Unknown
            && !was_looked_at(stage, network, &drafts)
        {
            judged.verdict = Verdict::Unknown;
            not_run = Some(match not_run {
                Some(draft) => draft.at(stage.title()).touching(stage),
                None => Draft::new(Reason::NotRun, stage, Severity::Inconclusive)
                    .at(stage.title())
                    .because("nothing was asked for this stage: no probe exists for it, or the configuration has switched off what it needs"),
            });
        }
        if is_behind(stage, &stages, standing) {
            drafts = drafts
                .into_iter()
                .flat_map(|draft| withdraw(draft, stage, &stages, standing))
                .collect();
        }
        stages.push(judged);
    }
    drafts.extend(not_run);
    draft::sort(&mut drafts);
    for status in &mut stages {
        status.findings = findings(status.stage, &drafts, &status.blocked_by);
    }

    let judged: Vec<Stage> = named.to_vec();
    let relevant: Vec<Stage> = Stage::ALL
        .into_iter()
        .filter(|stage| {
            let is_need = *stage != Stage::Vpn || standing.is_vpn_needed;
            named.contains(stage)
                || is_need && named.iter().any(|named| named.with_needs().contains(stage))
        })
        .collect();
    let root_causes: Vec<RootCause> = drafts
        .iter()
        .filter(|draft| draft.is_cause())
        .filter(|draft| {
            relevant.contains(&draft.stage)
                || draft.touches.keys().any(|stage| relevant.contains(stage))
        })
        .map(|draft| root_cause(draft, (scene, network, standing), &stages))
        .collect();
    let verdict = overall(scene, &judged, &stages, &root_causes);
    NetworkStatus {
        network: network.name.clone(),
        verdict,
        not_tested: judged
            .iter()
            .copied()
            .filter(|stage| !is_tested(*stage, network))
            .collect(),
        judged,
        domain: network.domain.clone(),
        client_site: controllers
            .iter()
            .filter_map(|dc| dc.facts.as_ref())
            .map(|facts| facts.client_site.clone())
            .find(|site| !site.is_empty()),
        root_causes,
        stages,
        paths: if network.domain.is_some() {
            standing.statuses(network, &controllers)
        } else {
            Vec::new()
        },
        domain_controllers: controllers.into_iter().map(|dc| dc.status).collect(),
        last_good: None,
        changes: Vec::new(),
    }
}

/// Whether the stage cannot be ready, whatever is found at it.
fn is_behind(stage: Stage, before: &[StageStatus], standing: &Standing) -> bool {
    before.iter().any(|status| {
        status.verdict == Verdict::NotReady
            && standing.needs(stage).any(|need| need == status.stage)
    })
}

/// What a stage that cannot be ready anyway has found is evidence there. Where it harms another stage
/// too, it is a cause at that one.
fn withdraw(draft: Draft, stage: Stage, before: &[StageStatus], standing: &Standing) -> Vec<Draft> {
    // Whatever else is wrong, a clock that cannot be trusted leaves the rest in doubt.
    let is_of_box = draft.reason == Reason::ClockUnsynced;
    if draft.stage != stage || draft.explained_by.is_some() || is_of_box {
        return vec![draft];
    }
    let mut elsewhere = draft.clone();
    let mut touched = draft.touches.clone();
    touched.insert(draft.stage, draft.severity);
    let mut evidence = draft;
    evidence.explained_by = Some(Reason::Upstream);
    evidence.touches.clear();
    elsewhere
        .touches
        .retain(|touched, _| !is_behind(*touched, before, standing));
    if elsewhere.stand_at_worst() {
        // Once the stage is free to be ready, this still stands in its way.
        touched.remove(&elsewhere.stage);
        elsewhere.touches = touched;
        vec![evidence, elsewhere]
    } else {
        vec![evidence]
    }
}

/// Stages that somebody named decide whatever their class is.
fn overall(
    scene: &Scene,
    judged: &[Stage],
    stages: &[StageStatus],
    causes: &[RootCause],
) -> Verdict {
    let decisive = stages
        .iter()
        .filter(|status| judged.contains(&status.stage))
        .filter(|status| status.class == Class::Hard || !scene.stages.is_empty())
        .map(|status| status.verdict);
    let worst = decisive.max().unwrap_or_default();
    if worst >= Verdict::Unknown {
        worst
    } else if causes.is_empty() {
        Verdict::Ready
    } else {
        Verdict::Degraded
    }
}

/// The stages that this one needs and that are not as they should be.
fn blockers(stage: Stage, before: &[StageStatus], standing: &Standing) -> Vec<Stage> {
    before
        .iter()
        .filter(|status| standing.needs(stage).any(|need| need == status.stage))
        .filter(|status| status.verdict >= Verdict::Unknown)
        .map(|status| status.stage)
        .collect()
}

fn stage_verdict(
    stage: Stage,
    (before, blocked_by): (&[StageStatus], &[Stage]),
    drafts: &[Draft],
    (network, standing): (&NetworkScene, &Standing),
    link_is_down: bool,
) -> StageStatus {
    let applicable = is_applicable(stage, network);
    let class = class(stage, applicable, (network, standing));
    let inherited = before
        .iter()
        .filter(|status| blocked_by.contains(&status.stage))
        .map(|status| status.verdict)
        .max()
        .unwrap_or_default();
    let own = drafts
        .iter()
        .filter(|draft| draft.is_cause() || is_felt(draft, stage))
        .filter_map(|draft| draft.severity_at(stage))
        .map(|severity| match severity {
            Severity::Info => Verdict::Ready,
            Severity::Degrading => Verdict::Degraded,
            Severity::Inconclusive => Verdict::Unknown,
            Severity::Blocking if class == Class::Hard => Verdict::NotReady,
            Severity::Blocking => Verdict::Degraded,
        })
        .max()
        .unwrap_or_default();
    let verdict = if is_configurable(stage) && !applicable {
        Verdict::Ready
    } else if link_is_down {
        Verdict::Unknown
    } else {
        own.max(inherited)
    };
    StageStatus {
        stage,
        verdict,
        class,
        applicable,
        blocked_by: if verdict >= Verdict::Unknown {
            blocked_by.to_vec()
        } else {
            Vec::new()
        },
        findings: Vec::new(),
        probes: network
            .observations
            .iter()
            .filter(|seen| seen.check.stage == stage || seen.check.also.contains(&stage))
            .map(probe)
            .collect(),
    }
}

/// A VPN leads nowhere, whatever the cause of it is: it needs no stage that says so in its place.
fn is_felt(draft: &Draft, stage: Stage) -> bool {
    let is_doubt = draft.explained_by == Some(Reason::ClockUnsynced);
    stage == Stage::Vpn && draft.stage == stage && draft.explained_by.is_some() && !is_doubt
}

/// Stages that exist only where the site has configured them.
const fn is_configurable(stage: Stage) -> bool {
    matches!(stage, Stage::Proxy | Stage::Vpn)
}

/// Whether there is anything at the site for the stage to judge.
fn is_applicable(stage: Stage, network: &NetworkScene) -> bool {
    if stage == Stage::Proxy {
        proxies::are_in_use(network)
    } else {
        is_tested(stage, network)
    }
}

/// What the stage means here: a proxy that the clients are sent to is one that they need, and of a VPN
/// the configuration says so.
fn class(stage: Stage, applicable: bool, (network, standing): (&NetworkScene, &Standing)) -> Class {
    match stage {
        Stage::Proxy if applicable => Class::Hard,
        Stage::Vpn if standing.is_vpn_needed || vpns::are_required(network) => Class::Hard,
        _ => stage.class(),
    }
}

/// Whether anything was asked for the stage.
fn is_tested(stage: Stage, network: &NetworkScene) -> bool {
    checks(stage, network).next().is_some()
}

/// Whether anything is known of a stage that somebody named. Of a stage that is not hard nothing need
/// be known; a check that had nothing to ask says that there is nothing to know.
fn was_looked_at(stage: Stage, network: &NetworkScene, drafts: &[Draft]) -> bool {
    stage.class() != Class::Hard
        || checks(stage, network).next().is_some()
        || drafts
            .iter()
            .any(|draft| draft.severity_at(stage).is_some())
}

/// The checks that a stage is judged by. `sign_in` is judged from the answers of the controllers,
/// which belong to `domain_controller`.
fn checks(stage: Stage, network: &NetworkScene) -> impl Iterator<Item = &Observation> {
    let asked = if stage == Stage::SignIn {
        Stage::DomainController
    } else {
        stage
    };
    network
        .observations
        .iter()
        .filter(move |seen| seen.check.stage == asked || seen.check.also.contains(&asked))
}

fn findings(stage: Stage, drafts: &[Draft], blocked_by: &[Stage]) -> Vec<StageFinding> {
    let mut found: Vec<StageFinding> = drafts
        .iter()
        .filter(|draft| draft.stage == stage)
        .map(|draft| StageFinding {
            reason: draft.reason,
            subject: draft.subject(),
            severity: draft.severity,
            summary: draft.summary(),
            explained_by: draft.explained_by,
        })
        .collect();
    found.sort_by_key(|finding| finding.explained_by.is_some());
    if found.is_empty() && !blocked_by.is_empty() {
        let names: Vec<_> = blocked_by.iter().map(|stage| stage.id()).collect();
        let subject = names.join(", ");
        found.push(StageFinding {
            reason: Reason::Upstream,
            severity: Severity::Info,
            summary: Reason::Upstream.headline(&subject),
            subject,
            explained_by: None,
        });
    }
    found
}

fn root_cause(
    draft: &Draft,
    (scene, network, standing): (&Scene, &NetworkScene, &Standing),
    stages: &[StageStatus],
) -> RootCause {
    let text = draft.reason.text_at(draft.stage);
    let mut also_affected: Vec<Stage> = draft.touches.keys().copied().collect();
    if draft.severity >= Severity::Inconclusive
        && class(draft.stage, true, (network, standing)) == Class::Hard
    {
        also_affected.extend(standing.dependents(draft.stage));
    }
    // A stage that the site has not configured cannot suffer.
    let is_there = |stage: &Stage| {
        !is_configurable(*stage)
            || stages
                .iter()
                .any(|status| status.stage == *stage && status.applicable)
    };
    also_affected.retain(|stage| *stage != draft.stage && is_there(stage));
    also_affected.sort_unstable();
    also_affected.dedup();
    RootCause {
        stage: draft.stage,
        reason: draft.reason,
        key: draft.key(),
        severity: draft.severity,
        subject: draft.subject(),
        summary: draft.summary(),
        fix: text.fix.to_owned(),
        // What is behind a VPN is filtered or routed by whoever runs it.
        fixer: match (text.fixer, &draft.via) {
            (Fixer::Network, Some(_)) => Fixer::Vpn,
            (fixer, _) => fixer,
        },
        seen_by_user: text.seen.to_owned(),
        evidence: draft.details.clone(),
        since: scene.now,
        also_affected,
    }
}

fn probe(seen: &Observation) -> ProbeStatus {
    let worst = seen.outcome.worst();
    let mut phases: BTreeMap<Phase, f64> = BTreeMap::new();
    for (phase, took) in &seen.outcome.timings {
        *phases.entry(*phase).or_default() += took.as_secs_f64();
    }
    ProbeStatus {
        probe: seen.check.probe,
        service: seen.check.service,
        target: seen.check.target.clone(),
        address: seen.check.target.address,
        path: seen.path.clone(),
        proxy: seen.check.proxy.clone(),
        state: seen.outcome.state(),
        reason: worst.map(|finding| finding.reason),
        detail: worst.map(|finding| finding.detail.clone()),
        duration_seconds: seen.took.as_secs_f64(),
        phases,
        last_run: seen.started,
        evidence: seen.outcome.evidence.clone(),
    }
}
