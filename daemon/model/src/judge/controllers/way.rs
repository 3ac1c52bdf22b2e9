//! What is wrong with the way to a controller, and what of the controller's silence that explains.

use super::{Door, Doors};
use crate::judge::draft::Draft;
use crate::observation::Observation;
use crate::outcome::{Finding, Severity};
use crate::reason::Reason;
use crate::stage::Gate;

/// What was found out about the way to one address.
pub(super) struct OnTheWay<'a> {
    /// Long packets are lost, also those of TCP.
    has_hole: bool,
    /// Echoes take long.
    is_slow: bool,
    /// Packets get lost; the services whose silence that explains.
    scattered: Vec<&'a str>,
}

impl<'a> OnTheWay<'a> {
    pub(super) fn of(door: &'a Door<'_>, all: &Doors<'_>) -> Self {
        let found = |is_meant: fn(&Finding) -> bool| {
            let mut findings = door.seen.iter().flat_map(|seen| &seen.outcome.findings);
            findings.any(is_meant)
        };
        let loses =
            found(|finding| finding.reason == Reason::Loss && finding.severity > Severity::Info);
        Self {
            has_hole: found(|finding| {
                finding.reason == Reason::MtuBlackhole && finding.severity == Severity::Blocking
            }),
            is_slow: found(|finding| finding.reason == Reason::Slow),
            scattered: if loses {
                scattered(door, all)
            } else {
                Vec::new()
            },
        }
    }

    /// The reason on the way that explains a finding at the address.
    pub(super) fn explains(&self, seen: &Observation, finding: &Finding) -> Option<Reason> {
        // Who was connected and heard nothing more was sent something long.
        let over_tcp = seen.check.door.starts_with("tcp");
        if self.has_hole && over_tcp && finding.reason == Reason::ReadTimeout {
            return Some(Reason::MtuBlackhole);
        }
        if is_silent(finding) && self.scattered.contains(&seen.check.service) {
            return Some(Reason::Loss);
        }
        (self.is_slow && finding.reason == Reason::DcSlow).then_some(Reason::Slow)
    }
}

/// What chance makes silent differs from controller to controller: a service that is silent at all of
/// them is closed. Where there is one controller only, it is no chance when half of it is silent.
fn scattered<'a>(door: &'a Door<'_>, all: &Doors<'_>) -> Vec<&'a str> {
    let is_silent_at =
        |door: &Door<'_>, service: &str| door.seen.iter().any(|seen| is_lost(seen, service));
    let others: Vec<&Door<'_>> = all
        .values()
        .flatten()
        .filter(|other| other.path == door.path && other.address != door.address)
        .filter(|other| other.is_alive())
        .collect();
    let asked = door
        .seen
        .iter()
        .filter(|seen| seen.check.gate != Gate::Optional && !seen.check.is_of_host);
    let silent = asked
        .clone()
        .filter(|seen| is_lost(seen, seen.check.service))
        .count();
    let is_few = silent * 2 < asked.count();
    door.seen
        .iter()
        .map(|seen| seen.check.service)
        .filter(|service| {
            if others.is_empty() {
                is_few
            } else {
                !others.iter().all(|other| is_silent_at(other, service))
            }
        })
        .collect()
}

fn is_lost(seen: &Observation, service: &str) -> bool {
    seen.check.service == service && seen.outcome.findings.iter().any(is_silent)
}

/// Whether lost packets look like this.
fn is_silent(finding: &Finding) -> bool {
    matches!(
        finding.reason,
        Reason::ConnectTimeout
            | Reason::ReadTimeout
            | Reason::KerberosUdpBlocked
            | Reason::KerberosTcpBlocked
            | Reason::RpcEndpointUnavailable
            | Reason::RpcDynamicPortBlocked
    )
}

/// Loss that makes a need fail is as bad as that.
pub(super) fn take_over(of_door: &mut [Draft]) {
    let worst = of_door
        .iter()
        .filter(|draft| draft.explained_by == Some(Reason::Loss))
        .map(|draft| draft.severity)
        .filter(|severity| *severity != Severity::Inconclusive)
        .max();
    let is_loss = |draft: &&mut Draft| draft.reason == Reason::Loss;
    for (loss, worst) in of_door.iter_mut().filter(is_loss).zip(worst) {
        loss.severity = loss.severity.max(worst);
    }
}
