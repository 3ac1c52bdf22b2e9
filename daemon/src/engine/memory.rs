//! What is remembered over a restart beside incidents: how each network stood when the flow could last succeed,
//! and who does not want to be told.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use sightline_model::circumstances::{Circumstances, Watch};
use sightline_model::incident::{Memory, Moment};
use sightline_model::silence::Silence;
use sightline_model::{NetworkStatus, Timestamp, Verdict};

use super::SilenceOrder;

/// While everything stays as it is, the time of that is written so often, in milliseconds.
const WRITTEN_EVERY: i64 = 6 * 3600 * 1000;

/// The memory, and what it is made from.
#[derive(Debug)]
pub(super) struct Memories {
    watches: BTreeMap<String, Watch>,
    kept: Arc<Memory>,
}

impl Memories {
    /// Goes on after a restart.
    pub(super) fn resumed(memory: Memory) -> Self {
        let baselines = memory.baselines.iter();
        Self {
            watches: baselines
                .map(|(network, baseline)| {
                    (network.clone(), Watch::resumed(Some(baseline.clone())))
                })
                .collect(),
            kept: Arc::new(memory),
        }
    }

    /// What is to be kept.
    pub(super) const fn kept(&self) -> &Arc<Memory> {
        &self.kept
    }

    /// Takes how a network stands, and says in its status what is different.
    pub(super) fn follow(
        &mut self,
        status: &mut NetworkStatus,
        current: &Circumstances,
        (is_settled, patience): (bool, Duration),
        now: Moment,
    ) {
        let watch = self.watches.entry(status.network.clone()).or_default();
        let standing = (status.verdict, is_settled);
        status.changes = watch.follow(current, standing, patience, now);
        let Some(baseline) = watch.baseline() else {
            return;
        };
        status.last_good = Some(baseline.at);
        let is_good = matches!(status.verdict, Verdict::Ready | Verdict::Degraded);
        let is_kept = self
            .kept
            .baselines
            .get(&status.network)
            .is_some_and(|kept| {
                let age = baseline.at.unix_millis() - kept.at.unix_millis();
                // When it ends, the time of it is of interest.
                let is_recent = age.abs() < WRITTEN_EVERY && (is_good || age == 0);
                is_recent && kept.says_the_same(baseline)
            });
        if !is_kept {
            let memory = Arc::make_mut(&mut self.kept);
            memory
                .baselines
                .insert(status.network.clone(), baseline.clone());
        }
    }

    /// Forgets networks that are not watched any more, and silences that are over.
    pub(super) fn forget(&mut self, is_watched: impl Fn(&str) -> bool, now: Timestamp) {
        self.watches.retain(|name, _| is_watched(name));
        let has_past = self.kept.baselines.keys().any(|name| !is_watched(name))
            || self
                .kept
                .silences
                .iter()
                .any(|silence| silence.is_over(now));
        if has_past {
            let memory = Arc::make_mut(&mut self.kept);
            memory.baselines.retain(|name, _| is_watched(name));
            memory.silences.retain(|silence| !silence.is_over(now));
        }
    }

    /// Begins a silence.
    ///
    /// # Errors
    /// A sentence, where there are too many or it would last too short or too long.
    pub(super) fn silence(
        &mut self,
        order: SilenceOrder,
        now: Timestamp,
    ) -> Result<Silence, String> {
        let possible = Silence::SHORTEST..=Silence::LONGEST;
        if !possible.contains(&order.lasts) {
            return Err("a silence lasts from one minute to 90 days".to_owned());
        }
        let known = &self.kept.silences;
        if known.len() >= Silence::MOST {
            return Err(format!("there are {} silences already", known.len()));
        }
        let lasts = i64::try_from(order.lasts.as_millis()).unwrap_or(i64::MAX);
        let until = now.unix_millis().saturating_add(lasts);
        let newest = known.iter().map(|silence| silence.from).max();
        // By the time of its beginning, which no two have.
        let from = newest
            .filter(|newest| *newest >= now)
            .map_or(now, |newest| {
                Timestamp::from_unix_millis(newest.unix_millis() + 1000)
            });
        let silence = Silence {
            id: format!("{:x}", from.unix_millis()),
            from,
            until: Timestamp::from_unix_millis(until),
            why: order.why,
            matching: order.matching,
        };
        Arc::make_mut(&mut self.kept).silences.push(silence.clone());
        Ok(silence)
    }

    /// Ends a silence early; whether there was one.
    pub(super) fn end_silence(&mut self, id: &str) -> bool {
        let is_there = self.kept.silences.iter().any(|silence| silence.id == id);
        if is_there {
            let memory = Arc::make_mut(&mut self.kept);
            memory.silences.retain(|silence| silence.id != id);
        }
        is_there
    }
}
