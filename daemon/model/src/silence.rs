//! Times in which nobody is called for incidents: somebody works on it. Probes, verdicts and history go on.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::incident::Incident;
use crate::reason::Reason;
use crate::stage::Stage;
use crate::time::Timestamp;

/// What a silence is about; without any of them, about everything.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Matching {
    /// Incidents of this network.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network: Option<String>,
    /// Incidents at this stage.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stage: Option<Stage>,
    /// Incidents for this reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
}

/// Somebody does not want to be called.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Silence {
    /// By which it is ended early.
    pub id: String,
    /// When it began.
    pub from: Timestamp,
    /// When it ends by itself.
    pub until: Timestamp,
    /// Why, in the words of whoever wanted it.
    pub why: String,
    /// What it is about.
    #[serde(flatten)]
    pub matching: Matching,
}

impl Silence {
    /// As many may there be.
    pub const MOST: usize = 64;

    /// It lasts no longer: one that is forgotten must not hide a fault for good.
    pub const LONGEST: Duration = Duration::from_secs(90 * 24 * 3600);

    /// It lasts no shorter.
    pub const SHORTEST: Duration = Duration::from_secs(60);

    /// The reason is no longer, in characters.
    pub const MOST_WORDS: usize = 200;

    /// Whether it has ended by itself.
    #[must_use]
    pub fn is_over(&self, now: Timestamp) -> bool {
        now >= self.until
    }

    /// Whether nobody is to be called for an incident now.
    #[must_use]
    pub fn covers(&self, incident: &Incident, now: Timestamp) -> bool {
        let Matching {
            network,
            stage,
            reason,
        } = &self.matching;
        !self.is_over(now)
            && network
                .as_ref()
                .is_none_or(|name| *name == incident.network)
            && stage.is_none_or(|stage| stage == incident.stage)
            && reason.is_none_or(|reason| reason == incident.reason)
    }
}
