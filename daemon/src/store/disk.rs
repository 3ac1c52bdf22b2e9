//! The file, in SQLite: what is written is on the disk when the call returns.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OptionalExtension, Params, params};
use sightline_model::Timestamp;
use sightline_model::incident::{Incident, Past};
use sightline_model::snapshot::Snapshot;

use super::memos::{self, Memos};
use super::minutes::Sheet;
use super::place;
use super::rows;
use super::strip::{Painter, Question, Strip};

/// Bytes of a page, and of a page in the log with its header (<https://sqlite.org/fileformat2.html#walformat>).
const PAGE: u64 = 4096;
const FRAME: u64 = PAGE + 24;

/// The log is copied into the file when it has grown so long; its part of the quota is twice that.
const MOST_LOG: u64 = 256 * FRAME;

/// No quota is less: the tables, and something in them.
const LEAST_PAGES: u64 = 32;

/// Pages beyond the quota, for what makes room.
const SPARE_PAGES: u64 = 8;

/// What is kept where there is no disk.
const MEMORY_QUOTA: u64 = 2 << 20;

/// As many incidents are given up at once when the quota is used up.
const GIVEN_UP: u32 = 50;

/// What is over is kept for so long, in minutes: the longest strip, and a day.
const KEPT_MINUTES: i64 = 31 * 24 * 60;

/// What went wrong.
#[derive(Debug)]
pub(super) enum Trouble {
    /// The file is damaged: another one may do.
    Damaged(String),
    /// The quota, or the disk, is full.
    Full,
    /// Everything else.
    Other(String),
}

impl From<rusqlite::Error> for Trouble {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                Self::Damaged(error.to_string())
            }
            Some(ErrorCode::DiskFull) => Self::Full,
            Some(ErrorCode::DatabaseBusy) => {
                Self::Other("another process uses the file".to_owned())
            }
            _ => Self::Other(error.to_string()),
        }
    }
}

impl std::fmt::Display for Trouble {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Damaged(why) | Self::Other(why) => f.write_str(why),
            Self::Full => f.write_str("there is no room left"),
        }
    }
}

type Done<T> = Result<T, Trouble>;

/// A file with tables, or the same in memory.
#[derive(Debug)]
pub(super) struct Disk {
    db: Connection,
    /// `None` in memory.
    file: Option<PathBuf>,
    /// Length of the log when it was last looked at.
    log: u64,
    /// Bytes that were handed to the file system, at most.
    written: u64,
    most_pages: u64,
}

impl Disk {
    /// Opens a file, and makes it if it is not there. `quota` is for it and its log.
    pub(super) fn open(file: &Path, quota: u64) -> Done<Self> {
        let is_new = place::bytes(file) == 0;
        place::create(file).map_err(|error| Trouble::Other(error.to_string()))?;
        let db = Connection::open(file)?;
        db.busy_timeout(Duration::from_millis(500))?;
        // One process, one connection: no memory is shared, and a second daemon is kept out.
        db.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
        let word: String = db.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
        if word != "ok" {
            return Err(Trouble::Damaged(word));
        }
        let version: i64 = db.query_row("PRAGMA user_version", [], |row| row.get(0))?;
        if version == 0 {
            // New, or killed while it was. Not in the log yet, so that the version stands in the file itself.
            rows::make_tables(&db)?;
        }
        memos::make_table(&db)?;
        let mode: String = db.query_row("PRAGMA journal_mode=WAL", [], |row| row.get(0))?;
        if mode != "wal" || db.is_readonly("main")? {
            return Err(Trouble::Other("it cannot be written to".to_owned()));
        }
        db.pragma_update(None, "synchronous", "FULL")?;
        db.pragma_update(None, "wal_autocheckpoint", 0)?;
        let room = quota.saturating_sub(2 * MOST_LOG) / PAGE;
        let mut disk = Self::new(db, Some(file.to_owned()), room)?;
        disk.log = place::log_bytes(file);
        disk.written = if is_new { place::bytes(file) } else { 0 };
        Ok(disk)
    }

    /// The same without a disk.
    pub(super) fn memory() -> Done<Self> {
        let db = Connection::open_in_memory()?;
        rows::make_tables(&db)?;
        memos::make_table(&db)?;
        Self::new(db, None, MEMORY_QUOTA / PAGE)
    }

    fn new(db: Connection, file: Option<PathBuf>, most_pages: u64) -> Done<Self> {
        let most_pages = most_pages.max(LEAST_PAGES);
        db.pragma_update(None, "cache_size", -256)?;
        db.pragma_update(None, "temp_store", "MEMORY")?;
        limit_pages(&db, most_pages)?;
        Ok(Self {
            db,
            file,
            log: 0,
            written: 0,
            most_pages,
        })
    }

    /// Whether what is written outlives the process.
    pub(super) const fn is_durable(&self) -> bool {
        self.file.is_some()
    }

    /// Bytes that were handed to the file system since the start, at most.
    pub(super) const fn written(&self) -> u64 {
        self.written
    }

    /// Bytes of the file and its log.
    pub(super) fn bytes(&self) -> u64 {
        self.file.as_deref().map_or(0, place::bytes)
    }

    /// The number that the next sheet may have.
    pub(super) fn next_sheet(&self) -> Done<i64> {
        let last: Option<i64> = self
            .db
            .query_row("SELECT max(id) FROM sheet", [], |row| row.get(0))?;
        Ok(last.unwrap_or(0) + 1)
    }

    /// What a start goes on with.
    pub(super) fn past(&self) -> Done<Past> {
        let closed = "closed IS NOT NULL ORDER BY closed DESC, number DESC LIMIT ?1";
        Ok(Past {
            open: self.select("closed IS NULL ORDER BY number", [])?,
            closed: self.select(closed, [limit(Snapshot::MOST_CLOSED)])?,
            memory: memos::read(&self.db)?,
        })
    }

    /// Incidents that were open within a stretch of time, the last one first.
    pub(super) fn incidents(
        &self,
        (from, until): (Timestamp, Timestamp),
        most: usize,
    ) -> Done<Vec<Incident>> {
        self.select(
            "since < ?2 AND (closed IS NULL OR closed >= ?1) ORDER BY since DESC, number DESC LIMIT ?3",
            [from.unix_millis(), until.unix_millis(), limit(most)],
        )
    }

    fn select(&self, which: &str, given: impl Params) -> Done<Vec<Incident>> {
        let text = format!("SELECT body, since, closed FROM incident WHERE {which}");
        let mut statement = self.db.prepare(&text)?;
        let mut all = Vec::new();
        for row in statement.query_map(given, rows::incident)? {
            // What a later release has written into one row costs that row.
            all.extend(row?);
        }
        Ok(all)
    }

    /// Writes incidents as they are now: first those that are over, which may make room for others.
    pub(super) fn put(&mut self, incidents: &BTreeMap<String, Incident>) -> Done<()> {
        for is_over in [true, false] {
            let all = incidents.values();
            let all: Vec<_> = all
                .filter(|incident| incident.closed.is_some() == is_over)
                .collect();
            if all.is_empty() {
                continue;
            }
            // An incident that is over is a little longer than it was, and makes room for others.
            let spare = if is_over { SPARE_PAGES } else { 0 };
            limit_pages(&self.db, self.most_pages + spare)?;
            self.in_room(|db| {
                let deal = db.unchecked_transaction()?;
                for incident in &all {
                    rows::put_incident(&deal, incident)?;
                }
                deal.commit()
            })?;
        }
        Ok(())
    }

    /// Writes texts in the place of those of the same names.
    pub(super) fn put_memos(&mut self, memos: &Memos) -> Done<()> {
        self.in_room(|db| {
            let deal = db.unchecked_transaction()?;
            memos::put(&deal, memos)?;
            deal.commit()
        })
    }

    /// Writes what has changed in sheets.
    pub(super) fn put_sheets(&mut self, sheets: &[Sheet]) -> Done<()> {
        self.make_room()?;
        self.in_room(|db| {
            let deal = db.unchecked_transaction()?;
            for sheet in sheets {
                rows::put_sheet(&deal, sheet)?;
            }
            deal.commit()
        })
    }

    /// Throws away what is older than anything asks for.
    pub(super) fn forget(&mut self, minute: i64) -> Done<()> {
        let before = minute - KEPT_MINUTES;
        let deal = self.db.unchecked_transaction()?;
        deal.execute(
            "DELETE FROM change WHERE sheet IN (SELECT id FROM sheet WHERE until < ?1)",
            [before],
        )?;
        deal.execute("DELETE FROM sheet WHERE until < ?1", [before])?;
        deal.execute("DELETE FROM incident WHERE closed < ?1", [before * 60_000])?;
        deal.commit()?;
        self.account();
        Ok(())
    }

    /// The course of a network. `unwritten` goes on where the disk ends.
    pub(super) fn strips(&self, question: &Question, unwritten: &[Sheet]) -> Done<Vec<Strip>> {
        let mut painter = Painter::new(question);
        let mut sheets: BTreeMap<i64, i64> = BTreeMap::new();
        let bounds = [question.from, question.until].map(|time| time.unix_millis() / 60_000);
        let mut statement = self
            .db
            .prepare("SELECT id, until FROM sheet WHERE until >= ?1 AND began <= ?2")?;
        let rows = statement.query_map(bounds, |row| Ok((row.get(0)?, row.get(1)?)))?;
        for row in rows {
            let (id, until) = row?;
            sheets.insert(id, until);
        }
        for sheet in unwritten {
            sheets.insert(sheet.id, sheet.until);
        }
        let mut statement = self.db.prepare(
            "SELECT minute, stage, verdict, reason FROM change \
             WHERE sheet = ?1 AND network = ?2 ORDER BY minute",
        )?;
        for (id, until) in sheets {
            let rows = statement.query_map(params![id, question.network], |row| {
                rows::change(row, &question.network)
            })?;
            for row in rows {
                if let Some(change) = row? {
                    painter.change(&change);
                }
            }
            let rest = unwritten.iter().filter(|sheet| sheet.id == id);
            for change in rest.flat_map(|sheet| &sheet.changes) {
                painter.change(change);
            }
            painter.end(until);
        }
        Ok(painter.strips())
    }

    /// Tries, makes room if there is none, and tries again.
    fn in_room(&mut self, deal: impl Fn(&Connection) -> rusqlite::Result<()>) -> Done<()> {
        let result = loop {
            match deal(&self.db).map_err(Trouble::from) {
                // Where the disk is full and the quota is not, it would be of no use.
                Err(Trouble::Full) if self.is_at_quota()? && self.give_up_oldest()? => {}
                result => break result,
            }
        };
        self.account();
        result
    }

    /// Keeps a tenth of the quota free.
    fn make_room(&mut self) -> Done<()> {
        while self.used_pages()? > self.most_pages - self.most_pages / 10 {
            if !self.give_up_oldest()? {
                break;
            }
        }
        Ok(())
    }

    fn is_at_quota(&self) -> Done<bool> {
        Ok(self.used_pages()? > self.most_pages / 2)
    }

    fn used_pages(&self) -> Done<u64> {
        let number = |name: &str| -> rusqlite::Result<i64> {
            self.db
                .query_row(&format!("PRAGMA {name}"), [], |row| row.get(0))
        };
        let used = number("page_count")? - number("freelist_count")?;
        Ok(u64::try_from(used).unwrap_or(0))
    }

    /// Throws away the oldest history, and incidents that are over when there is none. Whether there was any.
    fn give_up_oldest(&mut self) -> Done<bool> {
        let deal = self.db.unchecked_transaction()?;
        let oldest: Option<i64> = deal
            .query_row(
                "SELECT id FROM sheet ORDER BY until, id LIMIT 1",
                [],
                |row| row.get(0),
            )
            .optional()?;
        let gone = match oldest {
            Some(id) => {
                deal.execute("DELETE FROM change WHERE sheet = ?1", [id])?;
                deal.execute("DELETE FROM sheet WHERE id = ?1", [id])?
            }
            None => deal.execute(
                "DELETE FROM incident WHERE number IN \
                 (SELECT number FROM incident WHERE closed IS NOT NULL ORDER BY closed LIMIT ?1)",
                [GIVEN_UP],
            )?,
        };
        deal.commit()?;
        self.account();
        Ok(gone > 0)
    }

    /// Counts what was written, and copies a long log into the file.
    fn account(&mut self) {
        let Some(file) = &self.file else {
            return;
        };
        let log = place::log_bytes(file);
        self.written += log.saturating_sub(self.log);
        self.log = log;
        if log < MOST_LOG {
            return;
        }
        let pages = self.used_pages().unwrap_or(u64::MAX).min(log / FRAME);
        // Without it the log grows, and it is tried again with the next deal.
        let copied = self
            .db
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| {
                row.get::<_, i64>(0)
            });
        if copied.is_ok_and(|busy| busy == 0) {
            self.written += pages * PAGE;
            self.log = 0;
        }
    }
}

/// The file grows to so many pages.
fn limit_pages(db: &Connection, most: u64) -> rusqlite::Result<()> {
    // The answer is the limit, not an empty one.
    db.query_row(&format!("PRAGMA max_page_count={most}"), [], |_| Ok(()))
}

fn limit(most: usize) -> i64 {
    i64::try_from(most).unwrap_or(i64::MAX)
}
