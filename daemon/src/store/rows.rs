//! The tables, and what is in a row of them.

use rusqlite::{Connection, Row, params};
use sightline_model::incident::Incident;
use sightline_model::{Timestamp, Verdict};

use super::minutes::{Change, Sheet};
use super::place;

/// So much of an incident is written; what is longer loses its evidence, and what was different.
const MOST_BODY: usize = 32 << 10;

const TABLES: &str = "
    CREATE TABLE incident (
        number INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        network TEXT NOT NULL,
        cause TEXT NOT NULL,
        since INTEGER NOT NULL,
        closed INTEGER,
        body TEXT NOT NULL
    ) STRICT;
    CREATE TABLE sheet (
        id INTEGER PRIMARY KEY,
        began INTEGER NOT NULL,
        until INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE change (
        sheet INTEGER NOT NULL,
        minute INTEGER NOT NULL,
        network TEXT NOT NULL,
        stage TEXT NOT NULL,
        verdict TEXT,
        reason TEXT,
        PRIMARY KEY (sheet, minute, network, stage)
    ) STRICT, WITHOUT ROWID;
";

/// Makes the tables, all of them or none.
pub(super) fn make_tables(db: &Connection) -> rusqlite::Result<()> {
    let deal = db.unchecked_transaction()?;
    deal.execute_batch(TABLES)?;
    deal.pragma_update(None, "application_id", place::APPLICATION)?;
    deal.pragma_update(None, "user_version", place::VERSION)?;
    deal.commit()
}

/// Writes an incident as it is now.
pub(super) fn put_incident(db: &Connection, incident: &Incident) -> rusqlite::Result<()> {
    let closed = incident.closed.map(Timestamp::unix_millis);
    if closed.is_none() {
        // One cause has one open incident, whatever was not written before.
        db.execute(
            "UPDATE incident SET closed = ?1 \
             WHERE network = ?2 AND cause = ?3 AND closed IS NULL AND id <> ?4",
            params![
                incident.since.unix_millis(),
                incident.network,
                incident.key,
                incident.id
            ],
        )?;
    }
    let text = |incident: &Incident| {
        serde_json::to_string(incident)
            .map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))
    };
    let mut body = text(incident)?;
    if body.len() > MOST_BODY {
        body = text(&Incident {
            evidence: Vec::new(),
            changes: Vec::new(),
            ..incident.clone()
        })?;
    }
    db.execute(
        "INSERT INTO incident (id, network, cause, since, closed, body) VALUES (?1, ?2, ?3, ?4, ?5, ?6) \
         ON CONFLICT (id) DO UPDATE SET closed = excluded.closed, body = excluded.body",
        params![
            incident.id,
            incident.network,
            incident.key,
            incident.since.unix_millis(),
            closed,
            body
        ],
    )?;
    Ok(())
}

/// Writes what has changed in a sheet.
pub(super) fn put_sheet(db: &Connection, sheet: &Sheet) -> rusqlite::Result<()> {
    db.execute(
        "INSERT INTO sheet (id, began, until) VALUES (?1, ?2, ?3) \
         ON CONFLICT (id) DO UPDATE SET until = excluded.until",
        [sheet.id, sheet.from, sheet.until],
    )?;
    let mut statement = db.prepare(
        "INSERT OR REPLACE INTO change (sheet, minute, network, stage, verdict, reason) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?;
    for change in &sheet.changes {
        let (network, stage) = &change.line;
        statement.execute(params![
            sheet.id,
            change.minute,
            network,
            stage.map_or("", |stage| stage.id()),
            change.word.map(|(verdict, _)| verdict.id()),
            change
                .word
                .and_then(|(_, reason)| reason)
                .map(sightline_model::Reason::code),
        ])?;
    }
    Ok(())
}

/// An incident; `None` if it cannot be read. Times are those of the columns, to the millisecond.
pub(super) fn incident(row: &Row<'_>) -> rusqlite::Result<Option<Incident>> {
    let body: String = row.get(0)?;
    let Ok(incident) = serde_json::from_str::<Incident>(&body) else {
        return Ok(None);
    };
    let closed: Option<i64> = row.get(2)?;
    Ok(Some(Incident {
        since: Timestamp::from_unix_millis(row.get(1)?),
        closed: closed.map(Timestamp::from_unix_millis),
        ..incident
    }))
}

/// A change; `None` for a stage that this release does not know. A verdict that it does not know is none.
pub(super) fn change(row: &Row<'_>, network: &str) -> rusqlite::Result<Option<Change>> {
    let stage: String = row.get(1)?;
    let stage = match stage.as_str() {
        "" => None,
        word => match word.parse() {
            Ok(stage) => Some(stage),
            Err(_) => return Ok(None),
        },
    };
    let verdict: Option<String> = row.get(2)?;
    let reason: Option<String> = row.get(3)?;
    let verdict = verdict.and_then(|word| {
        let all = [
            Verdict::Ready,
            Verdict::Degraded,
            Verdict::Unknown,
            Verdict::NotReady,
        ];
        all.into_iter().find(|verdict| verdict.id() == word)
    });
    Ok(Some(Change {
        minute: row.get(0)?,
        line: (network.to_owned(), stage),
        word: verdict.map(|verdict| (verdict, reason.and_then(|word| word.parse().ok()))),
    }))
}
