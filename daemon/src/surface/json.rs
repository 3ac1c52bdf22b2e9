//! The check for programs: the contracts `sightline.status/1`, `sightline.incidents/1` and
//! `sightline.error/1`.

use serde::Serialize;
use sightline_model::incident::{Incident, Moment};
use sightline_model::silence::Silence;
use sightline_model::snapshot::Snapshot;
use sightline_model::{Status, Timestamp, Verdict};

use crate::text::harmless;

/// The status as it stands.
///
/// # Errors
/// When a value in it cannot be written as JSON.
pub fn render(status: &Status) -> serde_json::Result<String> {
    serde_json::to_string_pretty(status)
}

/// The incidents that are open, and those that are over, the last one first.
///
/// # Errors
/// As [`render`].
pub fn incidents(snapshot: &Snapshot) -> serde_json::Result<String> {
    #[derive(Serialize)]
    struct Incidents<'a> {
        schema: &'static str,
        site: &'a str,
        time: Timestamp,
        open: &'a [Incident],
        closed: &'a [Incident],
    }
    serde_json::to_string_pretty(&Incidents {
        schema: "sightline.incidents/1",
        site: &snapshot.status.site,
        time: snapshot.at.wall,
        open: &snapshot.open,
        closed: &snapshot.closed,
    })
}

/// Incidents that were open within a stretch of time, the last one first.
///
/// # Errors
/// As [`render`].
pub fn found(
    snapshot: &Snapshot,
    (from, until): (Timestamp, Timestamp),
    incidents: &[Incident],
) -> serde_json::Result<String> {
    #[derive(Serialize)]
    struct Found<'a> {
        schema: &'static str,
        site: &'a str,
        from: Timestamp,
        until: Timestamp,
        incidents: &'a [Incident],
    }
    serde_json::to_string_pretty(&Found {
        schema: "sightline.incidents.found/1",
        site: &snapshot.status.site,
        from,
        until,
        incidents,
    })
}

/// That it was judged anew, in one line.
///
/// # Errors
/// As [`render`].
pub fn event(snapshot: &Snapshot, now: Moment) -> serde_json::Result<String> {
    #[derive(Serialize)]
    struct Event<'a> {
        site: &'a str,
        verdict: Verdict,
        time: Timestamp,
    }
    serde_json::to_string(&Event {
        site: &snapshot.status.site,
        verdict: snapshot.verdict(now),
        time: snapshot.at.wall,
    })
}

/// A time as it is written everywhere here; `None` for what is none.
#[must_use]
pub fn time(text: &str) -> Option<Timestamp> {
    serde_json::from_value(serde_json::Value::from(text)).ok()
}

/// The silences that are not over.
///
/// # Errors
/// As [`render`].
pub fn silences(snapshot: &Snapshot) -> serde_json::Result<String> {
    #[derive(Serialize)]
    struct Silences<'a> {
        schema: &'static str,
        site: &'a str,
        time: Timestamp,
        silences: &'a [Silence],
    }
    serde_json::to_string_pretty(&Silences {
        schema: "sightline.silences/1",
        site: &snapshot.status.site,
        time: snapshot.at.wall,
        silences: &snapshot.memory.silences,
    })
}

/// One silence.
///
/// # Errors
/// As [`render`].
pub fn silence(silence: &Silence) -> serde_json::Result<String> {
    serde_json::to_string_pretty(silence)
}

/// Why there is no status: the first problem, and all of them where there are several.
///
/// # Errors
/// As [`render`].
pub fn error(problems: &[String]) -> serde_json::Result<String> {
    #[derive(Serialize)]
    struct Refusal {
        schema: &'static str,
        error: String,
        #[serde(skip_serializing_if = "Vec::is_empty")]
        errors: Vec<String>,
    }
    let mut errors: Vec<String> = problems.iter().map(|problem| harmless(problem)).collect();
    let error = errors.first().cloned().unwrap_or_default();
    if errors.len() == 1 {
        errors.clear();
    }
    serde_json::to_string_pretty(&Refusal {
        schema: "sightline.error/1",
        error,
        errors,
    })
}
