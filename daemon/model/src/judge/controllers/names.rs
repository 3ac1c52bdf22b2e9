//! The names that SRV records point at: whether the resolvers give addresses for them.

use std::collections::{BTreeMap, BTreeSet};

use super::Relief;
use crate::judge::NetworkScene;
use crate::judge::draft::Draft;
use crate::judge::resolvers::place;
use crate::judge::uplink::{capped, is_conclusive};
use crate::observation::Observation;
use crate::outcome::{Finding, Severity, State};
use crate::reason::Reason;
use crate::stage::Stage;
use crate::subject::Subject;

/// One look-up of a name at one resolver.
struct Lookup<'a> {
    place: String,
    seen: &'a Observation,
}

/// A name and its look-ups at all resolvers.
struct Name<'a> {
    name: &'a str,
    lookups: Vec<Lookup<'a>>,
}

/// What is wrong with one name, before names that fail alike are put together.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Fault {
    reason: Reason,
    severity: Severity,
    /// Empty where the resolvers are not at fault: the name has no address at any, or this box could
    /// not ask.
    places: BTreeSet<String>,
}

pub(super) fn judge(network: &NetworkScene, relief: Relief) -> Vec<Draft> {
    // A resolver that fails on every name is one finding and not one for each name.
    let mut alike: BTreeMap<Fault, (Vec<String>, Vec<String>)> = BTreeMap::new();
    for name in collect(network) {
        for (fault, details) in name.faults(relief) {
            let (names, lines) = alike.entry(fault).or_default();
            names.push(name.name.to_owned());
            lines.extend(details);
        }
    }
    alike
        .into_iter()
        .map(|(fault, (names, details))| {
            let mut draft = Draft::new(fault.reason, Stage::DomainController, fault.severity);
            if fault.places.is_empty() {
                draft.at = names;
            } else {
                draft.what = names;
                draft.at = fault.places.into_iter().collect();
            }
            draft.details = details;
            draft
        })
        .collect()
}

fn collect(network: &NetworkScene) -> Vec<Name<'_>> {
    let mut names: BTreeMap<&str, Vec<Lookup<'_>>> = BTreeMap::new();
    for seen in &network.observations {
        if let Subject::ControllerName { name, server } = &seen.check.subject {
            names.entry(name).or_default().push(Lookup {
                place: place(*server),
                seen,
            });
        }
    }
    names
        .into_iter()
        .map(|(name, mut lookups)| {
            lookups.sort_by(|a, b| a.place.cmp(&b.place));
            Name { name, lookups }
        })
        .collect()
}

impl Name<'_> {
    /// What is wrong with it, and what was tried and came back.
    fn faults(&self, relief: Relief) -> Vec<(Fault, Vec<String>)> {
        let states = || {
            self.lookups
                .iter()
                .map(|lookup| lookup.seen.outcome.state())
        };
        let is_resolved = states().any(|state| matches!(state, State::Pass | State::Warn));
        let is_known = states().any(is_conclusive);
        let mut found: BTreeMap<(Reason, Severity), (BTreeSet<String>, Vec<String>)> =
            BTreeMap::new();
        for lookup in &self.lookups {
            for finding in &lookup.seen.outcome.findings {
                let reason = reason(finding);
                let severity = match relief.relieve(capped(finding, lookup.seen.check.gate)) {
                    // A client that asks the other resolver finds the controller.
                    Severity::Blocking if is_resolved => Severity::Degrading,
                    Severity::Inconclusive if is_known => Severity::Info,
                    severity => severity,
                };
                let (places, details) = found.entry((reason, severity)).or_default();
                details.push(finding.detail.clone());
                let nobody_has_it = reason == Reason::DnsTargetUnresolved && !is_resolved;
                if reason.group() == "dns" && !nobody_has_it {
                    places.insert(lookup.place.clone());
                }
            }
        }
        found
            .into_iter()
            .map(|((reason, severity), (places, details))| {
                let fault = Fault {
                    reason,
                    severity,
                    places,
                };
                (fault, details)
            })
            .collect()
    }
}

/// A resolver that does not answer fails on the name, however its silence looks.
fn reason(finding: &Finding) -> Reason {
    if finding.reason.is_silence() && finding.reason != Reason::ProtocolError {
        Reason::DnsTimeout
    } else {
        finding.reason
    }
}
