//! The runs of a look, while they are under way, and what each followed from.

use std::sync::Arc;
use std::time::Duration;

use sightline_model::{Observation, Subject};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::{Link, account};
use crate::run::{self, Task};

/// As many hosts of the Internet are looked up at the same time, with two questions each. Small
/// forwarders refuse what comes beyond 150 open questions.
const LOOKUPS: usize = 48;

/// As many hosts are asked through a proxy at the same time. That is every host of the list: behind a proxy
/// that reaches nothing each waits for its deadline, and a second round would double that.
const TUNNELS: usize = 128;

/// Runs and what they followed from.
pub(super) struct UnderWay {
    running: JoinSet<(usize, Observation)>,
    lookups: Arc<Semaphore>,
    tunnels: Arc<Semaphore>,
    /// Runs without whose end the first controller for the account is not known.
    pub(super) awaited: usize,
    /// By number: what it followed from, and what it gave.
    known: Vec<(Option<usize>, Option<Observation>)>,
}

impl UnderWay {
    pub(super) fn new() -> Self {
        Self {
            running: JoinSet::new(),
            lookups: Arc::new(Semaphore::new(LOOKUPS)),
            tunnels: Arc::new(Semaphore::new(TUNNELS)),
            awaited: 0,
            known: Vec::new(),
        }
    }

    pub(super) fn start(&mut self, tasks: Vec<Task>, after: Option<usize>) {
        for task in tasks {
            let id = self.known.len();
            self.known.push((after, None));
            let turns = match (&task.check.subject, &task.check.proxy) {
                (Subject::Host { .. }, Some(_)) => Some(Arc::clone(&self.tunnels)),
                (Subject::Host { .. }, None) if task.check.target.address.is_none() => {
                    Some(Arc::clone(&self.lookups))
                }
                _ => task.probe.turn(),
            };
            self.awaited += usize::from(account::is_awaited(&task.check));
            self.running.spawn(async move {
                let _turn = match &turns {
                    Some(turns) => turns.acquire().await.ok(),
                    None => None,
                };
                (id, run::once(&task).await)
            });
        }
    }

    pub(super) async fn join(&mut self) -> Option<(usize, Observation)> {
        // A run catches its own panics; nothing here cancels one.
        self.running.join_next().await?.ok()
    }

    /// Takes a run that ended before.
    pub(super) fn ended(&mut self, seen: Observation) -> usize {
        self.known.push((None, Some(seen)));
        self.known.len() - 1
    }

    /// The run that was started last.
    pub(super) fn last(&self) -> Option<usize> {
        self.known.len().checked_sub(1)
    }

    pub(super) fn keep(&mut self, id: usize, seen: Observation) {
        self.awaited -= usize::from(account::is_awaited(&seen.check));
        if let Some(known) = self.known.get_mut(id) {
            known.1 = Some(seen);
        }
    }

    /// What has ended so far.
    pub(super) fn observations(&self) -> impl Iterator<Item = &Observation> {
        self.known.iter().filter_map(|(_, seen)| seen.as_ref())
    }

    /// The chain whose exchanges took longest together.
    pub(super) fn slowest(&self) -> Vec<Link> {
        let total = |end: usize| -> Duration { self.chain(end).iter().map(|seen| seen.took).sum() };
        (0..self.known.len())
            .max_by_key(|end| total(*end))
            .map(|end| self.chain(end))
            .unwrap_or_default()
            .into_iter()
            .map(|seen| Link {
                what: if seen.check.service == seen.check.probe {
                    format!("{} {}", seen.check.probe, seen.check.target)
                } else {
                    format!(
                        "{} {} {}",
                        seen.check.probe, seen.check.service, seen.check.target
                    )
                },
                took: seen.took,
            })
            .collect()
    }

    fn chain(&self, end: usize) -> Vec<&Observation> {
        let mut chain = Vec::new();
        let mut at = Some(end);
        // A run follows from an earlier one, so that this ends.
        while let Some((after, seen)) = at.and_then(|id| self.known.get(id)) {
            chain.extend(seen);
            at = *after;
        }
        chain.reverse();
        chain
    }

    pub(super) fn into_observations(self) -> Vec<Observation> {
        self.known
            .into_iter()
            .filter_map(|(_, seen)| seen)
            .collect()
    }
}
