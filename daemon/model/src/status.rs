//! Everything that a surface may show: the JSON contract `sightline.status/1`.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::circumstances::Change;
use crate::outcome::{Evidence, Phase, Severity, State};
use crate::reason::{Fixer, Reason};
use crate::stage::{Class, Stage, Verdict};
use crate::subject::Target;
use crate::time::Timestamp;

/// How it stands with a site.
#[derive(Clone, Debug, Serialize)]
pub struct Status {
    /// Name and version of this shape.
    pub schema: &'static str,
    /// Name of the site.
    pub site: String,
    /// When it was judged.
    pub time: Timestamp,
    /// The worst of its networks.
    pub verdict: Verdict,
    /// Each network of the box.
    pub networks: Vec<NetworkStatus>,
}

impl Status {
    /// Name and version of the shape. Keys may be added without a new version.
    pub const SCHEMA: &'static str = "sightline.status/1";
}

/// How it stands with one network.
#[derive(Clone, Debug, Serialize)]
pub struct NetworkStatus {
    /// Name of the network.
    pub network: String,
    /// Whether the user flow can succeed from there, as far as the judged stages tell.
    pub verdict: Verdict,
    /// The stages that decided.
    pub judged: Vec<Stage>,
    /// The stages of the flow that this run did not test, among the judged.
    pub not_tested: Vec<Stage>,
    /// The AD domain that was looked for.
    pub domain: Option<String>,
    /// The AD site that the controllers compute for this network.
    pub client_site: Option<String>,
    /// Findings that no other present finding explains, in the order of the flow.
    pub root_causes: Vec<RootCause>,
    /// The stages in the order of the flow.
    pub stages: Vec<StageStatus>,
    /// The paths to domain controllers: the direct one, then one for each VPN.
    pub paths: Vec<PathStatus>,
    /// The domain controllers in locator order.
    pub domain_controllers: Vec<ControllerStatus>,
    /// When the flow could last succeed, as far as the daemon has seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_good: Option<Timestamp>,
    /// What is different since then.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<Change>,
}

/// A finding that no other present finding explains.
#[derive(Clone, Debug, Serialize)]
pub struct RootCause {
    /// The earliest stage that it touches.
    pub stage: Stage,
    /// Why.
    pub reason: Reason,
    /// What stays the same while it is found at more places or fewer: reason, thing and path.
    pub key: String,
    /// Where, for people.
    pub subject: String,
    /// How bad.
    pub severity: Severity,
    /// One sentence for people.
    pub summary: String,
    /// What to do.
    pub fix: String,
    /// Who has to do it.
    pub fixer: Fixer,
    /// What the person at the Windows device sees.
    pub seen_by_user: String,
    /// What was tried and what came back.
    pub evidence: Vec<String>,
    /// Since when it is there.
    pub since: Timestamp,
    /// The other stages that it touches.
    pub also_affected: Vec<Stage>,
}

/// One stage of the flow.
#[derive(Clone, Debug, Serialize)]
pub struct StageStatus {
    /// Which.
    pub stage: Stage,
    /// How it stands.
    pub verdict: Verdict,
    /// What it means to the network's verdict.
    pub class: Class,
    /// Whether there is something to judge.
    pub applicable: bool,
    /// Stages that it needs and that are not ready or unknown.
    pub blocked_by: Vec<Stage>,
    /// What was found there, causes first.
    pub findings: Vec<StageFinding>,
    /// What was run for it.
    pub probes: Vec<ProbeStatus>,
}

/// A finding at a stage.
#[derive(Clone, Debug, Serialize)]
pub struct StageFinding {
    /// Why.
    pub reason: Reason,
    /// Where.
    pub subject: String,
    /// How bad.
    pub severity: Severity,
    /// One sentence.
    pub summary: String,
    /// The reason that explains it, where it is not a cause of its own.
    pub explained_by: Option<Reason>,
}

/// The last run of one check.
#[derive(Clone, Debug, Serialize)]
pub struct ProbeStatus {
    /// Kind of probe.
    pub probe: &'static str,
    /// What it asked for, where one kind asks several things.
    pub service: &'static str,
    /// Whom it asked.
    pub target: Target,
    /// Where it went.
    pub address: Option<std::net::IpAddr>,
    /// On which path.
    pub path: String,
    /// Through which proxy, `host:port`; absent on the direct way.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proxy: Option<String>,
    /// How it ended.
    pub state: State,
    /// Why, when it did not pass.
    pub reason: Option<Reason>,
    /// What was tried and what came back, when it did not pass.
    pub detail: Option<String>,
    /// How long it took, in seconds.
    pub duration_seconds: f64,
    /// How long each phase took, in seconds.
    pub phases: BTreeMap<Phase, f64>,
    /// When it started.
    pub last_run: Timestamp,
    /// What came back.
    pub evidence: BTreeMap<&'static str, Evidence>,
}

/// One way to the domain controllers.
#[derive(Clone, Debug, Serialize)]
pub struct PathStatus {
    /// `direct`, or the name of a VPN.
    pub path: String,
    /// Whether controllers can be asked on it from this box.
    pub tested: bool,
    /// Whether a controller is usable on it.
    pub carries: bool,
    /// Those that are.
    pub domain_controllers: Vec<String>,
}

/// One domain controller.
#[derive(Clone, Debug, Serialize)]
pub struct ControllerStatus {
    /// Its name in the SRV record.
    pub name: String,
    /// Its addresses, as far as they were probed.
    pub addresses: Vec<String>,
    /// Its site, as it says itself.
    pub ad_site: Option<String>,
    /// Whether one of its addresses serves everything that a sign-in needs.
    pub usable: bool,
    /// The paths on which it is usable.
    pub paths: Vec<String>,
    /// Seconds that its clock is ahead of this box.
    pub clock_skew_seconds: Option<f64>,
    /// Priority of its SRV record.
    pub priority: u16,
    /// Weight of its SRV record.
    pub weight: u16,
    /// Whether the records of the client's own site name it.
    pub in_site: bool,
    /// Whether it was probed; of a large domain only a sample is.
    pub probed: bool,
    /// What `nltest /dsgetdc` would print as flags.
    pub flags: Vec<String>,
    /// The forest that it belongs to.
    pub forest: Option<String>,
    /// The GUID of its domain.
    pub domain_guid: Option<String>,
    /// State of each service, the worst of its addresses that are used.
    pub services: BTreeMap<&'static str, State>,
}
