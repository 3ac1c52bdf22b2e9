//! The thread that has the disk.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use sightline_model::Timestamp;
use sightline_model::incident::{Incident, Past};

use super::disk::{Disk, Trouble};
use super::mailbox::Asker;
use super::memos::{self, Memos};
use super::place::{self, Found};
use super::{Opened, Shared};

/// Nothing is thrown away for its age before the clock has gone on for so many minutes: one that is
/// wrong for a moment after a start must not cost the history.
const STEADY_MINUTES: i64 = 60;

/// Who does all work on the disk.
#[derive(Debug)]
pub(super) struct Keeper {
    shared: Arc<Shared>,
    directory: PathBuf,
    quota: u64,
    disk: Disk,
    /// What is open, for a file that has to be begun anew.
    open: BTreeMap<String, Incident>,
    /// What could not be written yet.
    unwritten: BTreeMap<String, Incident>,
    /// The memory, for a file that has to be begun anew.
    memos: Memos,
    /// What of it could not be written yet.
    unwritten_memos: BTreeSet<&'static str>,
    /// The latest time that is known.
    now: Timestamp,
    /// The hour in which old things were last thrown away.
    forgot: i64,
    /// The last to go, so that the file is closed when it is told.
    _over: Over,
}

/// Tells that the thread is gone, however it went.
#[derive(Debug)]
struct Over(Arc<Shared>);

impl Drop for Over {
    fn drop(&mut self) {
        self.0.mailbox.end();
    }
}

impl Keeper {
    /// Opens the store, by all means: without a disk, in memory.
    pub(super) fn open(
        shared: Arc<Shared>,
        directory: PathBuf,
        quota: u64,
        now: Timestamp,
    ) -> Result<(Self, Opened), Trouble> {
        let over = Over(Arc::clone(&shared));
        let (disk, past, note) = match open(&directory, quota, now) {
            Ok(opened) => opened,
            Err(trouble) => {
                let trouble = format!("{}: {trouble}", directory.display());
                shared.forgetful(&trouble);
                (Disk::memory()?, Past::default(), None)
            }
        };
        shared
            .mailbox
            .inside()
            .minutes
            .number_from(disk.next_sheet()?);
        let open = past.open.iter();
        let open = open.map(|incident| (incident.id.clone(), incident.clone()));
        let keeper = Self {
            open: open.collect(),
            unwritten: BTreeMap::new(),
            memos: memos::written(&past.memory),
            unwritten_memos: BTreeSet::new(),
            forgot: 0,
            shared,
            directory,
            quota,
            disk,
            now,
            _over: over,
        };
        keeper.count();
        Ok((keeper, Opened { past, note }))
    }

    /// Nobody has waited for the file: it is not used.
    pub(super) fn was_too_late(&mut self) -> Result<(), Trouble> {
        self.disk = Disk::memory()?;
        self.open.clear();
        Ok(())
    }

    /// Works until the store is closed.
    pub(super) fn work(mut self) {
        let shared = Arc::clone(&self.shared);
        loop {
            let mut inside = shared.mailbox.wait();
            let incidents = std::mem::take(&mut inside.incidents);
            let receipts = std::mem::take(&mut inside.receipts);
            let askers = std::mem::take(&mut inside.askers);
            let memos = std::mem::take(&mut inside.memos);
            let closing = inside.closing;
            if closing {
                inside.minutes.finish();
            }
            let sheets = if closing || inside.is_due() {
                inside.minutes.hand_out()
            } else {
                Vec::new()
            };
            drop(inside);

            let kept = self.keep(incidents);
            for receipt in receipts {
                // Who does not wait for it does not care.
                let _unread = receipt.send(kept);
            }
            self.keep_memos(memos);
            if !sheets.is_empty() {
                self.keep_sheets(sheets);
            }
            for asker in askers {
                self.answer(asker);
            }
            self.count();
            if closing {
                return;
            }
        }
    }

    /// Writes incidents, and those that could not be written before. Whether they are on a disk now.
    pub(super) fn keep(&mut self, incidents: BTreeMap<String, Incident>) -> bool {
        for incident in incidents.values() {
            if incident.closed.is_some() {
                self.open.remove(&incident.id);
            } else {
                self.open.insert(incident.id.clone(), incident.clone());
            }
        }
        self.unwritten.extend(incidents);
        if self.unwritten.is_empty() {
            return self.disk.is_durable();
        }
        let mut result = self.disk.put(&self.unwritten);
        if let Err(Trouble::Damaged(why)) = &result {
            self.begin_anew(why.clone());
            result = self.disk.put(&self.unwritten);
        }
        let is_kept = self.note(result);
        if is_kept {
            self.unwritten.clear();
        }
        while self.unwritten.len() > super::mailbox::MOST_INCIDENTS {
            self.unwritten.pop_first();
        }
        is_kept && self.disk.is_durable()
    }

    /// Writes what has changed of the memory, and what could not be written before.
    fn keep_memos(&mut self, memos: Memos) {
        for (name, body) in memos {
            if self.memos.get(name) != Some(&body) {
                self.unwritten_memos.insert(name);
                self.memos.insert(name, body);
            }
        }
        if self.unwritten_memos.is_empty() {
            return;
        }
        let mut all = self.memos.clone();
        all.retain(|name, _| self.unwritten_memos.contains(name));
        let mut result = self.disk.put_memos(&all);
        if let Err(Trouble::Damaged(why)) = &result {
            self.begin_anew(why.clone());
            result = self.disk.put_memos(&self.memos);
        }
        if self.note(result) {
            self.unwritten_memos.clear();
        }
    }

    fn keep_sheets(&mut self, sheets: Vec<super::minutes::Sheet>) {
        // They are a chance to write what could not be written.
        self.keep(BTreeMap::new());
        self.keep_memos(Memos::new());
        let result = self.disk.put_sheets(&sheets);
        let damage = match &result {
            Err(Trouble::Damaged(why)) => Some(why.clone()),
            _ => None,
        };
        let last = sheets.last().map(|sheet| (sheet.from, sheet.until));
        if !self.note(result) {
            self.shared.mailbox.inside().minutes.take_back(sheets);
        }
        if let Some(why) = damage {
            self.begin_anew(why);
        }
        let Some((from, until)) = last else {
            return;
        };
        self.now = Timestamp::from_unix_millis(until * 60_000);
        let hour = until / 60;
        if until - from >= STEADY_MINUTES && hour != self.forgot {
            self.forgot = hour;
            let result = self.disk.forget(until);
            self.note(result);
        }
    }

    /// The file has turned out to be damaged.
    pub(super) fn begin_anew(&mut self, why: String) {
        if !self.disk.is_durable() {
            return;
        }
        self.shared.errors.fetch_add(1, Relaxed);
        let Ok(memory) = Disk::memory() else {
            return;
        };
        self.disk = memory;
        match place::prepare(&self.directory)
            .and_then(|file| place::set_damaged_aside(&file, self.now).map(|_aside| file))
            .map_err(|error| Trouble::Other(error.to_string()))
            .and_then(|file| Disk::open(&file, room(&file, self.quota)))
        {
            Ok(disk) => self.disk = disk,
            Err(trouble) => {
                let trouble = format!("{}: {why}, and then {trouble}", self.directory.display());
                self.shared.forgetful(&trouble);
            }
        }
        // What was written of the current sheet is gone.
        self.shared.mailbox.inside().minutes.break_off();
        let result = self
            .disk
            .put(&self.open)
            .and_then(|()| self.disk.put_memos(&self.memos));
        self.note(result);
    }

    fn answer(&mut self, asker: Asker) {
        // Who has stopped waiting does not hear it.
        match asker {
            Asker::Strips(question, reply) => {
                let unwritten = self.shared.mailbox.inside().minutes.unwritten();
                if let Some(strips) = self.read(|disk| disk.strips(&question, &unwritten)) {
                    let _unheard = reply.send(strips);
                }
            }
            Asker::Incidents(between, most, reply) => {
                if let Some(incidents) = self.read(|disk| disk.incidents(between, most)) {
                    let _unheard = reply.send(incidents);
                }
            }
        }
    }

    fn read<T>(&self, what: impl Fn(&Disk) -> Result<T, Trouble>) -> Option<T> {
        match what(&self.disk) {
            Ok(read) => Some(read),
            Err(_trouble) => {
                // A damaged file is noticed by the next write, too, and that can do something about it.
                self.shared.errors.fetch_add(1, Relaxed);
                None
            }
        }
    }

    /// Whether it went well.
    fn note(&self, result: Result<(), Trouble>) -> bool {
        let trouble = result.err().map(|trouble| {
            self.shared.errors.fetch_add(1, Relaxed);
            format!("{}: {trouble}", self.directory.display())
        });
        let went_well = trouble.is_none();
        self.shared.words().last = trouble;
        went_well
    }

    fn count(&self) {
        self.shared.written.store(self.disk.written(), Relaxed);
        self.shared.bytes.store(self.disk.bytes(), Relaxed);
    }
}

/// The file in a directory, and what was in it; one that cannot be used is set aside, which the note tells.
fn open(
    directory: &Path,
    quota: u64,
    now: Timestamp,
) -> Result<(Disk, Past, Option<String>), Trouble> {
    let failed = |error: std::io::Error| Trouble::Other(error.to_string());
    let file = place::prepare(directory).map_err(failed)?;
    let mut note = None;
    let mut set_damaged_aside = |why: &str| {
        let aside = place::set_damaged_aside(&file, now).map_err(failed)?;
        note = Some(format!(
            "{}: {why}; it is kept as {}, and history begins anew",
            file.display(),
            aside.display()
        ));
        Ok::<_, Trouble>(())
    };
    match place::look(&file).map_err(failed)? {
        Found::Nothing | Found::Ours => {}
        Found::Damaged(why) => set_damaged_aside(why)?,
        Found::Newer(version) => {
            let aside = place::set_newer_aside(&file, version).map_err(failed)?;
            let disk = Disk::open(&file, room(&file, quota))?;
            let note = format!(
                "{}: a later release has written it (version {version}); it is kept as {}, and history begins anew",
                file.display(),
                aside.display()
            );
            return Ok((disk, Past::default(), Some(note)));
        }
    }
    let read = |disk: Disk| {
        let past = disk.past()?;
        Ok((disk, past))
    };
    let (disk, past) = match Disk::open(&file, room(&file, quota)).and_then(read) {
        Err(Trouble::Damaged(why)) => {
            set_damaged_aside(&format!("it is damaged ({why})"))?;
            Disk::open(&file, room(&file, quota)).and_then(read)?
        }
        opened => opened?,
    };
    Ok((disk, past, note))
}

/// What the quota leaves beside files that were set aside.
fn room(file: &Path, quota: u64) -> u64 {
    quota
        .saturating_sub(place::bytes_aside(file))
        .max(quota / 4)
}
