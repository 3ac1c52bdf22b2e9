//! A finding while it is being judged.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use crate::outcome::Severity;
use crate::reason::Reason;
use crate::stage::Stage;

/// As many places, or things at them, are named in a sentence.
const MOST_NAMES: usize = 4;

/// A reason at one or several subjects, before it is known whether it is a root cause.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Draft {
    pub(super) reason: Reason,
    pub(super) stage: Stage,
    pub(super) severity: Severity,
    /// What is wrong there: a port, a zone, records. Drafts are merged only where it is the same.
    pub(super) what: Vec<String>,
    /// Where: resolvers, controllers, interfaces.
    pub(super) at: Vec<String>,
    /// Resolvers that are there because of it.
    pub(super) brings: Vec<String>,
    /// What was tried and what came back. Of a merged draft one line of each place comes first,
    /// then the second lines: whoever shows two lines shows two places.
    pub(super) details: Vec<String>,
    /// Other stages that the same finding touches directly, and how badly: what one stage cannot do
    /// without may be a help to another.
    pub(super) touches: BTreeMap<Stage, Severity>,
    /// The reason that explains this one; such a draft is evidence and no cause.
    pub(super) explained_by: Option<Reason>,
    /// The VPN through which it was found; `None` on the direct path.
    pub(super) via: Option<String>,
}

impl Draft {
    pub(super) fn new(reason: Reason, stage: Stage, severity: Severity) -> Self {
        Self {
            reason,
            stage: reason.stage().unwrap_or(stage),
            severity,
            what: Vec::new(),
            at: Vec::new(),
            brings: Vec::new(),
            details: Vec::new(),
            touches: BTreeMap::new(),
            explained_by: None,
            via: None,
        }
    }

    pub(super) fn what(mut self, what: impl Into<String>) -> Self {
        let what = what.into();
        self.what = if what.is_empty() {
            Vec::new()
        } else {
            vec![what]
        };
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
        self.touches.insert(stage, self.severity);
        self
    }

    /// How badly it touches a stage; `None` if it does not.
    pub(super) fn severity_at(&self, stage: Stage) -> Option<Severity> {
        if stage == self.stage {
            Some(self.severity)
        } else {
            self.touches.get(&stage).copied()
        }
    }

    /// Moves it to the earliest of the stages that it touches worst; whether there is one.
    pub(super) fn stand_at_worst(&mut self) -> bool {
        let worst = self.touches.values().max().copied();
        let at = self
            .touches
            .iter()
            .find(|(_, severity)| Some(**severity) == worst)
            .map(|(stage, severity)| (*stage, *severity));
        let Some((stage, severity)) = at else {
            return false;
        };
        self.touches.remove(&stage);
        self.stage = stage;
        self.severity = severity;
        true
    }

    /// Takes the stages of another draft too. It stands at the earliest of those that it touches
    /// worst.
    fn join_stages(&mut self, other: &Self) {
        let mut all = std::mem::take(&mut self.touches);
        let both = [(self.stage, self.severity), (other.stage, other.severity)];
        for (stage, severity) in both.into_iter().chain(other.touches.clone()) {
            let known = all.entry(stage).or_insert(severity);
            *known = (*known).max(severity);
        }
        self.touches = all;
        self.stand_at_worst();
    }

    /// What stays the same while places come and go.
    pub(super) fn key(&self) -> String {
        let mut key = self.reason.code().to_owned();
        for part in self.what.iter().chain(&self.via) {
            key.push(' ');
            key.push_str(part);
        }
        key
    }

    /// The subject, for people: `corp.example.com @ 10.1.0.53`, `tcp/445 on dc1, dc2`.
    pub(super) fn subject(&self) -> String {
        self.joined(|names| names.join(", "))
    }

    /// One sentence for people, which names a few places and counts the others.
    pub(super) fn summary(&self) -> String {
        self.reason.headline_at(self.stage, &self.joined(shortened))
    }

    fn joined(&self, join: impl Fn(&[String]) -> String) -> String {
        let (what, places) = (join(&self.what), join(&self.at));
        let said = match (what.is_empty(), places.is_empty()) {
            (_, true) => what,
            (true, false) => places,
            (false, false) if self.reason.group() == "dns" => format!("{what} @ {places}"),
            (false, false) => format!("{what} on {places}"),
        };
        match &self.via {
            Some(vpn) => format!("{said} via {vpn}"),
            None => said,
        }
    }

    /// Whether it is about what the resolvers say, not about a controller.
    pub(super) fn is_about_names(&self) -> bool {
        self.reason.group() == "dns"
    }

    pub(super) fn is_cause(&self) -> bool {
        self.explained_by.is_none() && self.severity > Severity::Info
    }
}

/// The first names, and how many more there are.
fn shortened(names: &[String]) -> String {
    match names.split_at_checked(MOST_NAMES) {
        Some((first, more)) if !more.is_empty() => {
            format!("{} and {} more", first.join(", "), more.len())
        }
        _ => names.join(", "),
    }
}

/// The lines of evidence of each place that a draft was found at.
type Lines = BTreeMap<Vec<String>, Vec<String>>;

/// Joins drafts of the same reason about the same thing into one that names all places. The
/// order of the result depends on the stage, the severity and the names only.
pub(super) fn merge(drafts: Vec<Draft>) -> Vec<Draft> {
    let mut merged: Vec<(Draft, Lines)> = Vec::new();
    for mut draft in drafts {
        let is_info = draft.severity == Severity::Info;
        let (place, details) = (draft.at.clone(), std::mem::take(&mut draft.details));
        let same = merged.iter_mut().find(|(known, _)| {
            known.reason == draft.reason
                && known.what == draft.what
                && known.via == draft.via
                && known.explained_by == draft.explained_by
                && (known.severity == Severity::Info) == is_info
        });
        match same {
            Some((known, lines)) => {
                known.join_stages(&draft);
                extend_new(&mut known.at, draft.at);
                extend_new(&mut known.brings, draft.brings);
                extend_new(lines.entry(place).or_default(), details);
            }
            None => merged.push((draft, Lines::from([(place, details)]))),
        }
    }
    let mut merged: Vec<Draft> = merged
        .into_iter()
        .map(|(mut draft, lines)| {
            draft.details = in_turns(&lines);
            draft.at.sort();
            draft
        })
        .collect();
    sort(&mut merged);
    merged
}

/// The order in which people read: along the flow, the worst first.
pub(super) fn sort(drafts: &mut [Draft]) {
    drafts.sort_by(|a, b| {
        (a.stage, Reverse(a.severity), a.reason, &a.via, &a.what).cmp(&(
            b.stage,
            Reverse(b.severity),
            b.reason,
            &b.via,
            &b.what,
        ))
    });
}

/// The first line of each place, then the second lines.
fn in_turns(lines: &Lines) -> Vec<String> {
    let longest = lines.values().map(Vec::len).max().unwrap_or_default();
    let mut all = Vec::new();
    for turn in 0..longest {
        let of_turn = lines.values().filter_map(|lines| lines.get(turn).cloned());
        extend_new(&mut all, of_turn.collect());
    }
    all
}

fn extend_new(known: &mut Vec<String>, more: Vec<String>) {
    for text in more {
        if !known.contains(&text) {
            known.push(text);
        }
    }
}
