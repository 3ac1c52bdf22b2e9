//! What is asked of whom, and what one run of it gave.

use std::sync::Arc;
use std::time::Duration;

use crate::outcome::{Finding, Outcome, Phase, Severity};
use crate::reason::Reason;
use crate::stage::{Gate, Stage};
use crate::subject::{Subject, Target};
use crate::time::Timestamp;
use crate::tunnel::Traffic;

impl Observation {
    /// A run that told nothing of its target, for a reason of our own.
    #[must_use]
    pub fn blind(
        check: Check,
        path: &str,
        (started, took): (Timestamp, Duration),
        reason: Reason,
        detail: String,
    ) -> Self {
        let finding = Finding {
            reason,
            severity: Severity::Inconclusive,
            phase: Phase::Connect,
            detail,
        };
        Self {
            check,
            path: path.to_owned(),
            started,
            took,
            outcome: Outcome {
                findings: vec![finding],
                ..Outcome::default()
            },
        }
    }

    /// Whether another run of the same check says the same, apart from what differs from one run to the
    /// next anyway: times, clocks, counters, evidence.
    #[must_use]
    pub fn says_the_same(&self, other: &Self) -> bool {
        let said = |seen: &Self| -> Vec<(Reason, Severity)> {
            let findings = seen.outcome.findings.iter();
            findings
                .map(|finding| (finding.reason, finding.severity))
                .collect()
        };
        let lasting = |seen: &Self| {
            let mut facts = seen.outcome.facts.clone();
            facts.clock = None;
            if let Some(tunnel) = &mut facts.tunnel {
                tunnel.traffic = Traffic::default();
            }
            facts
        };
        said(self) == said(other) && lasting(self) == lasting(other)
    }

    /// What a finding of this run is called in a judgement: silence by what it means for the
    /// service, everything else by its own name.
    #[must_use]
    pub fn meaning_of(&self, finding: &Finding) -> Reason {
        if finding.reason.is_silence() && finding.reason != Reason::ProtocolError {
            self.check.closed_as
        } else {
            finding.reason
        }
    }
}

/// A probe and one of its targets: what is asked of whom, and what that means to the flow.
#[derive(Clone, Debug, PartialEq)]
pub struct Check {
    /// The kind of probe: `ldap`.
    pub probe: &'static str,
    /// The service asked, where one kind asks several: `ldaps`. The name in `services`.
    pub service: &'static str,
    /// The stage that the check belongs to: the earliest, if to several.
    pub stage: Stage,
    /// The other stages that need the same thing.
    pub also: Vec<Stage>,
    /// What it means to these stages.
    pub gate: Gate,
    /// What it is about.
    pub subject: Subject,
    /// The door that it knocks at, for people: `tcp/445`.
    pub door: String,
    /// What silence is called while others of the same host answer.
    pub closed_as: Reason,
    /// A flag of the LDAP ping without which the service is not expected there.
    pub needs_flag: Option<&'static str>,
    /// Whether it asks the host rather than the directory on it: ping and time come from a machine
    /// whose directory service is stopped, too.
    pub is_of_host: bool,
    /// The proxy that it goes through, as `host:port`; the direct way without one.
    pub proxy: Option<String>,
    /// Whom it asks.
    pub target: Target,
}

impl Check {
    /// What makes it the same check from one run to the next, in a network and on a path.
    #[must_use]
    pub fn key(&self, network: &str, path: &str) -> CheckKey {
        let Self {
            probe,
            service,
            subject,
            proxy,
            target,
            door,
            ..
        } = self;
        CheckKey(Arc::from(format!(
            "{network} {path} {probe} {service} {subject:?} {proxy:?} {target:?} {door}"
        )))
    }
}

/// The name of a check; see [`Check::key`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CheckKey(Arc<str>);

/// The name of the path that goes through no VPN.
pub const DIRECT: &str = "direct";

/// What one run of a check gave.
#[derive(Clone, Debug, PartialEq)]
pub struct Observation {
    /// What was asked of whom.
    pub check: Check,
    /// The path that it took: `direct`, or a VPN by its name.
    pub path: String,
    /// When it started, by the wall clock.
    pub started: Timestamp,
    /// How long it took, by the monotonic clock.
    pub took: Duration,
    /// What it gave.
    pub outcome: Outcome,
}
