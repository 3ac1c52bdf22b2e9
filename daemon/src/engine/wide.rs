//! What may explain others, and when it is asked out of turn.
//!
//! A wide fault is seen first where somebody happens to look, as a fault of one host or controller. So whoever
//! finds something wrong has what could explain it asked at once, before the narrow cause is believed for long; and
//! what a wide fault has broken is looked at again when it is over, not at its next turn.

use std::collections::BTreeMap;
use std::time::Duration;

use sightline_model::{Check, Stage, Subject};
use tokio::time::Instant;

/// In a network this is done so often at most: what comes and goes must not make a storm.
const ONCE_IN: Duration = Duration::from_secs(20);

/// What is asked out of turn is spread over so long.
pub(super) const SPREAD: Duration = Duration::from_secs(3);

/// What a run has said of its check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum News {
    /// It may be worse than is believed.
    Doubt,
    /// It is believed to be worse.
    Worse,
    /// It is believed to be better.
    Better,
}

/// Whom to ask out of turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whom {
    /// What could explain it.
    Wide,
    /// Everything that could be explained by it and is believed to be well.
    Well,
    /// Everything that could have been explained by it.
    Unwell,
}

impl Whom {
    /// Whether a check is one of them: how it is believed to be, and whether it is asked seldom.
    pub(super) fn takes(self, check: &Check, is_well: bool, is_slow: bool) -> bool {
        match self {
            Self::Wide => is_wide(check),
            Self::Well => is_well && is_slow,
            Self::Unwell => !is_well,
        }
    }
}

/// Whether a fault of the check may explain others.
fn is_wide(check: &Check) -> bool {
    match check.subject {
        Subject::Uplink
        | Subject::Resolver { .. }
        | Subject::Tunnel { .. }
        | Subject::VpnGateway { .. }
        | Subject::Proxy { .. } => true,
        Subject::Host { .. } => check.stage == Stage::Internet,
        _ => false,
    }
}

/// When what was last asked out of turn, by network.
#[derive(Debug, Default)]
pub(super) struct Brake(BTreeMap<(String, News), Instant>);

impl Brake {
    /// Whom to ask now, where it is not too soon again.
    pub(super) fn whom(
        &mut self,
        network: &str,
        check: &Check,
        news: News,
        now: Instant,
    ) -> Option<Whom> {
        let whom = match (news, is_wide(check)) {
            (News::Doubt, _) => Whom::Wide,
            (News::Worse, true) => Whom::Well,
            (News::Better, true) => Whom::Unwell,
            (News::Worse | News::Better, false) => return None,
        };
        self.0
            .retain(|_, last| now.saturating_duration_since(*last) < ONCE_IN);
        let key = (network.to_owned(), news);
        if self.0.contains_key(&key) {
            return None;
        }
        self.0.insert(key, now);
        Some(whom)
    }
}
