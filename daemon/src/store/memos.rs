//! What is remembered beside incidents and history, as texts by name.

use std::collections::BTreeMap;

use rusqlite::{Connection, params};
use sightline_model::incident::Memory;

/// So much of one text is written; what is longer is not remembered.
const MOST_BODY: usize = 256 << 10;

/// Texts by name.
pub(super) type Memos = BTreeMap<&'static str, String>;

const BASELINES: &str = "baselines";
const SILENCES: &str = "silences";

/// Makes the table where a file has none yet: those of earlier releases go on without.
pub(super) fn make_table(db: &Connection) -> rusqlite::Result<()> {
    db.execute_batch(
        "CREATE TABLE IF NOT EXISTS memo (name TEXT PRIMARY KEY, body TEXT NOT NULL) STRICT, WITHOUT ROWID",
    )
}

/// The memory as texts.
pub(super) fn written(memory: &Memory) -> Memos {
    let texts = [
        (BASELINES, serde_json::to_string(&memory.baselines)),
        (SILENCES, serde_json::to_string(&memory.silences)),
    ];
    let texts = texts
        .into_iter()
        .filter_map(|(name, text)| Some((name, text.ok()?)));
    texts.filter(|(_, text)| text.len() <= MOST_BODY).collect()
}

/// Writes texts in the place of those of the same names.
pub(super) fn put(db: &Connection, memos: &Memos) -> rusqlite::Result<()> {
    for (name, body) in memos {
        db.execute(
            "INSERT INTO memo (name, body) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET body = excluded.body",
            params![name, body],
        )?;
    }
    Ok(())
}

/// The memory as it was written. What cannot be read is forgotten.
pub(super) fn read(db: &Connection) -> rusqlite::Result<Memory> {
    let mut memory = Memory::default();
    let mut statement = db.prepare("SELECT name, body FROM memo")?;
    let rows = statement.query_map([], |row| {
        Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?))
    })?;
    for row in rows {
        let (name, body) = row?;
        match name.as_str() {
            BASELINES => memory.baselines = serde_json::from_str(&body).unwrap_or_default(),
            SILENCES => memory.silences = serde_json::from_str(&body).unwrap_or_default(),
            _ => {}
        }
    }
    Ok(memory)
}
