//! One check as the engine knows it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use sightline_model::steady::CheckState;
use sightline_model::{Reason, State};
use tokio::time::Instant;

use crate::run::Task;

/// Everything that is known of a check.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) network: String,
    /// `None` while nobody wants it.
    pub(super) task: Option<Arc<Task>>,
    pub(super) every: Duration,
    pub(super) state: Option<CheckState>,
    pub(super) failures: BTreeMap<Reason, u64>,
    /// When it last ended, or was first wanted.
    pub(super) touched: Instant,
    /// Since when it is believed to fail.
    failing: Option<Instant>,
}

impl Known {
    /// A check that nobody has asked yet.
    pub(super) fn wanted(network: String, every: Duration, now: Instant) -> Self {
        Self {
            network,
            task: None,
            every,
            state: None,
            failures: BTreeMap::new(),
            touched: now,
            failing: None,
        }
    }

    /// The state that is believed; none before the first run.
    pub(super) fn believed(&self) -> Option<State> {
        self.state.as_ref().map(CheckState::state)
    }

    /// Notes since when it fails, after what is believed of it may have changed.
    pub(super) fn note(&mut self, now: Instant) {
        self.failing = match self.believed() {
            Some(State::Fail) => self.failing.or(Some(now)),
            _ => None,
        };
    }

    /// For how long it has been believed to fail, where it is.
    pub(super) fn failing_for(&self, now: Instant) -> Option<Duration> {
        let since = self.failing?;
        Some(now.saturating_duration_since(since))
    }

    /// The deadline of one run.
    pub(super) fn timeout(&self) -> Duration {
        let task = self.task.as_ref();
        task.map_or(Duration::ZERO, |task| task.timeout)
    }
}
