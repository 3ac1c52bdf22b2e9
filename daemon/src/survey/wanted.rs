//! What is to be asked of a network again and again, from what is known of it at one moment.
//!
//! The way of a look, walked through what was seen before: each answer that is known makes its questions
//! wanted. What no answer leads to any more is not asked any more.

use std::collections::{BTreeSet, VecDeque};

use sightline_model::{Check, CheckKey, NetworkScene, Observation, Stage, Subject};

use super::account::{self, AccountUse};
use super::handed_out::take_all;
use super::{Next, Wanted};
use crate::plan::{Network, Plan};
use crate::probe::{self, Ground, Thing};
use crate::run::Task;

/// What is to be asked of a network, and what the judge has to know beside what was seen.
#[derive(Debug)]
pub struct Current {
    /// Everything that is to be asked, each once.
    pub tasks: Vec<Task>,
    /// The scene, with the observations that are to be judged.
    pub scene: NetworkScene,
}

/// Follows what `latest` knows: the last believed run of a check on a path. Sends nothing.
pub fn wanted<'a>(
    plan: &Plan,
    network: &Network,
    looked_for: Wanted<'_>,
    latest: &dyn Fn(&Check, &str) -> Option<&'a Observation>,
) -> Current {
    let network = handed_out(plan, network, latest);
    let ground = Ground {
        plan,
        network: &network,
        domain: looked_for.domain,
        path: &network.path,
        stages: looked_for.stages,
    };
    let (mut next, first) = Next::begin(&ground);
    let mut account = AccountUse::default();
    let mut tasks: Vec<Task> = Vec::new();
    let mut known: BTreeSet<CheckKey> = BTreeSet::new();
    let mut seen_so_far: Vec<&Observation> = Vec::new();
    let mut open: VecDeque<Task> = first.into();
    let mut was_traced = false;
    loop {
        let Some(task) = open.pop_front() else {
            let waits = tasks
                .iter()
                .any(|task| account::is_awaited(&task.check) && last(latest, task).is_none());
            if !waits && account.is_wanted(&ground) {
                let before = seen_so_far.iter().copied();
                open.extend(account.begin(&ground, next.paths(), before));
            }
            if open.is_empty() {
                open.extend(next.closing());
            }
            if open.is_empty() && !std::mem::replace(&mut was_traced, true) {
                open.extend(next.traces(|| seen_so_far.iter().copied()));
            }
            if open.is_empty() {
                break;
            }
            continue;
        };
        if !known.insert(task.check.key(&network.name, &task.path.name)) {
            continue;
        }
        if let Some(seen) = last(latest, &task) {
            open.extend(next.after(seen));
            open.extend(next.opened(seen, seen_so_far.iter().copied()));
            open.extend(account.after(&ground, next.paths(), seen));
            seen_so_far.push(seen);
        }
        tasks.push(task);
    }
    let observations: Vec<Observation> = seen_so_far
        .into_iter()
        .filter(|seen| next.is_judged(seen))
        .cloned()
        .collect();
    Current {
        scene: NetworkScene {
            clock_synchronised: observations
                .iter()
                .find_map(|seen| seen.outcome.facts.synchronised),
            observations,
            ..next.scene()
        },
        tasks,
    }
}

fn last<'a>(
    latest: &dyn Fn(&Check, &str) -> Option<&'a Observation>,
    task: &Task,
) -> Option<&'a Observation> {
    latest(&task.check, &task.path.name)
}

/// Completes a network with what it was last seen to hand out.
fn handed_out<'a>(
    plan: &Plan,
    network: &Network,
    latest: &dyn Fn(&Check, &str) -> Option<&'a Observation>,
) -> Network {
    let mut network = network.clone();
    if !network.by_dhcp {
        return network;
    }
    let ground = Ground {
        plan,
        network: &network,
        domain: None,
        path: &network.path,
        stages: &[Stage::Network],
    };
    let tasks = probe::tasks(&ground, &Thing::Network);
    let seen: Vec<&Observation> = tasks.iter().filter_map(|task| last(latest, task)).collect();
    let hands_out = |seen: &&Observation| {
        matches!(
            seen.check.subject,
            Subject::Dhcp | Subject::RouterAdvertisements
        )
    };
    take_all(&mut network, seen.into_iter().filter(hands_out));
    network
}
