//! The domain controllers at which the account is used: one after another, in locator order, until one
//! gives an answer.

use std::net::IpAddr;

use sightline_model::{Candidate, Gate, Observation, Reason, Stage, State, Subject};

use super::path::Path;
use crate::probe::{self, Ground, Thing};
use crate::run::Task;

/// As many controllers are tried for each use. More would keep a check waiting.
const MOST_TRIED: usize = 3;

/// Where the account is used, and how far that has come.
#[derive(Debug, Default)]
pub(super) struct AccountUse {
    /// Chosen once, when all controllers have answered or failed to; with the name of their path.
    doors: Option<(String, Vec<Thing>)>,
}

impl AccountUse {
    /// Whether there is an account, and nothing was asked with it yet.
    pub(super) fn is_wanted(&self, ground: &Ground<'_>) -> bool {
        self.doors.is_none() && ground.plan.account.is_some()
    }

    /// What is asked at the first controller of the first path that has one, once it is known which that
    /// is.
    pub(super) fn begin<'a, 'b>(
        &mut self,
        ground: &Ground<'b>,
        paths: impl Iterator<Item = &'b Path>,
        seen: impl Iterator<Item = &'a Observation>,
    ) -> Vec<Task> {
        let seen: Vec<&Observation> = seen.collect();
        for path in paths {
            let on_it = seen.iter().copied();
            let on_it: Vec<_> = on_it.filter(|seen| seen.path == path.net.name).collect();
            let doors = doors(&path.candidates(), &on_it);
            // While no controller answers, a later one still may.
            let Some(first) = doors.first() else {
                continue;
            };
            let tasks = probe::tasks(&path.ground(ground), first);
            self.doors = Some((path.net.name.clone(), doors));
            return tasks;
        }
        Vec::new()
    }

    /// The same question at the next controller, where `seen` came to nothing at this one. A refusal is
    /// an answer, and silence after the password may be one.
    pub(super) fn after<'b>(
        &self,
        ground: &Ground<'b>,
        mut paths: impl Iterator<Item = &'b Path>,
        seen: &Observation,
    ) -> Vec<Task> {
        let is_use = matches!(
            seen.check.subject,
            Subject::ConnectionPoint { .. } | Subject::Logon { .. }
        );
        let may_be_refused = seen.outcome.facts.credential_sent;
        let is_in_the_way = |reason: Reason| {
            (reason.is_silence() && !may_be_refused)
                || reason == Reason::LdapResult
                || reason.group() == "tls"
        };
        let came_to_nothing = seen.outcome.state() == State::Fail
            && seen
                .outcome
                .worst()
                .is_some_and(|worst| is_in_the_way(worst.reason));
        let (true, true, Some((name, doors))) = (is_use, came_to_nothing, &self.doors) else {
            return Vec::new();
        };
        let Some(path) = paths.find(|path| path.net.name == *name) else {
            return Vec::new();
        };
        let is_this = |door: &Thing| {
            matches!(door, Thing::AccountAt { name, address, .. }
                if *name == seen.check.target.host && Some(*address) == seen.check.target.address)
        };
        let next = doors.iter().skip_while(|door| !is_this(door)).nth(1);
        let mut tasks = next
            .map(|door| probe::tasks(&path.ground(ground), door))
            .unwrap_or_default();
        tasks.retain(|task| task.check.probe == seen.check.probe);
        tasks
    }
}

/// Whether a run has to end before it is known which controller is the first.
pub(super) fn is_awaited(seen: &sightline_model::Check) -> bool {
    seen.stage == Stage::DomainController
        && (seen.gate == Gate::Hard || !matches!(seen.subject, Subject::Controller { .. }))
}

/// The addresses at which the account may be used: of the usable controllers, then of those that answer
/// LDAP at least; each group in locator order.
fn doors(candidates: &[Candidate], seen: &[&Observation]) -> Vec<Thing> {
    let mut ranked: Vec<(bool, usize, Thing)> = Vec::new();
    for (rank, candidate) in candidates.iter().enumerate() {
        let of_name: Vec<(IpAddr, &Observation)> = seen
            .iter()
            .filter_map(|seen| match seen.check.subject.controller() {
                Some((name, address)) if name == candidate.name => Some((address, *seen)),
                _ => None,
            })
            .collect();
        let mut addresses: Vec<IpAddr> = of_name.iter().map(|(address, _)| *address).collect();
        addresses.sort_unstable();
        addresses.dedup();
        for address in addresses {
            let here = || of_name.iter().filter(|(at, _)| *at == address);
            let passes = |service: &str| {
                here().any(|(_, seen)| seen.check.service == service && is_good(seen))
            };
            let has_ldaps = passes("ldaps");
            if !has_ldaps && !passes("ldap") {
                continue;
            }
            let is_usable = here()
                .filter(|(_, seen)| seen.check.gate == Gate::Hard)
                .all(|(_, seen)| is_good(seen));
            let name = candidate.name.clone();
            ranked.push((
                !is_usable,
                rank,
                Thing::AccountAt {
                    name,
                    address,
                    has_ldaps,
                },
            ));
        }
    }
    ranked.sort_by_key(|(is_worse, rank, _)| (*is_worse, *rank));
    let things = ranked.into_iter().map(|(_, _, thing)| thing);
    things.take(MOST_TRIED).collect()
}

fn is_good(seen: &Observation) -> bool {
    matches!(seen.outcome.state(), State::Pass | State::Warn)
}
