//! A finding while it is being judged.

use crate::outcome::Severity;
use crate::reason::Reason;
use crate::stage::Stage;

/// A reason at one or several subjects, before it is known whether it is a root cause.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Draft {
    pub(super) reason: Reason,
    pub(super) stage: Stage,
    pub(super) severity: Severity,
    /// What is wrong there: a port, a zone, a record. Drafts are merged only where it is the same.
    pub(super) what: String,
    /// Where: resolvers, controllers, interfaces.
    pub(super) at: Vec<String>,
    /// What was tried and what came back, per place.
    pub(super) details: Vec<String>,
    /// Other stages that the same finding touches directly.
    pub(super) touches: Vec<Stage>,
    /// The reason that explains this one; such a draft is evidence and no cause.
    pub(super) explained_by: Option<Reason>,
}

impl Draft {
    pub(super) fn new(reason: Reason, stage: Stage, severity: Severity) -> Self {
        Self {
            reason,
            stage: reason.stage().unwrap_or(stage),
            severity,
            what: String::new(),
            at: Vec::new(),
            details: Vec::new(),
            touches: Vec::new(),
            explained_by: None,
        }
    }

    pub(super) fn what(mut self, what: impl Into<String>) -> Self {
        self.what = what.into();
        self
    }

    pub(super) fn at(mut self, place: impl Into<String>) -> Self {
        self.at.push(place.into());
        self
    }

    pub(super) fn because(mut self, detail: impl Into<String>) -> Self {
        self.details.push(detail.into());
        self
    }

    pub(super) fn touching(mut self, stage: Stage) -> Self {
        self.touches.push(stage);
        self
    }

    /// The subject for people: `corp.example.com @ 10.1.0.53`, `tcp/445 on dc1, dc2`.
    pub(super) fn subject(&self) -> String {
        let places = self.at.join(", ");
        match (self.what.is_empty(), places.is_empty()) {
            (_, true) => self.what.clone(),
            (true, false) => places,
            (false, false) if self.reason.group() == "dns" => {
                format!("{} @ {places}", self.what)
            }
            (false, false) => format!("{} on {places}", self.what),
        }
    }

    pub(super) fn is_cause(&self) -> bool {
        self.explained_by.is_none() && self.severity > Severity::Info
    }
}

/// Joins drafts of the same reason about the same thing into one that names all places. The
/// order of the result depends on the stage, the severity and the names only.
pub(super) fn merge(drafts: Vec<Draft>) -> Vec<Draft> {
    let mut merged: Vec<Draft> = Vec::new();
    for draft in drafts {
        let is_info = draft.severity == Severity::Info;
        let same = merged.iter_mut().find(|known| {
            known.reason == draft.reason
                && known.what == draft.what
                && (known.severity == Severity::Info) == is_info
        });
        match same {
            Some(known) => {
                if draft.stage < known.stage {
                    known.touches.push(known.stage);
                    known.stage = draft.stage;
                } else if draft.stage > known.stage {
                    known.touches.push(draft.stage);
                }
                known.severity = known.severity.max(draft.severity);
                known.touches.extend(draft.touches);
                extend_new(&mut known.at, draft.at);
                extend_new(&mut known.details, draft.details);
            }
            None => merged.push(draft),
        }
    }
    for draft in &mut merged {
        draft.at.sort();
        draft.touches.sort_unstable();
        draft.touches.dedup();
    }
    merged.sort_by(|a, b| {
        (a.stage, std::cmp::Reverse(a.severity), a.reason, &a.what).cmp(&(
            b.stage,
            std::cmp::Reverse(b.severity),
            b.reason,
            &b.what,
        ))
    });
    merged
}

fn extend_new(known: &mut Vec<String>, more: Vec<String>) {
    for text in more {
        if !known.contains(&text) {
            known.push(text);
        }
    }
}
