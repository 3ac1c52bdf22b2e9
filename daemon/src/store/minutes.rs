//! The worst of each minute, written down only where it changes.

use std::collections::BTreeMap;

use sightline_model::incident::Moment;
use sightline_model::snapshot::Snapshot;
use sightline_model::{Reason, Stage, Timestamp, Verdict};

/// Whose course it is: a network, and one of its stages or all of them together.
pub(super) type Line = (String, Option<Stage>);

/// How it stood, and why.
pub type Word = (Verdict, Option<Reason>);

/// A sheet begins anew each day, so that whole sheets can be thrown away.
const DAY: i64 = 24 * 60;

/// As many changes wait for a disk; then the oldest sheets are given up.
const MOST_WAITING: usize = 20_000;

/// A stretch of time without a gap, and the changes in it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Sheet {
    /// Its number on the disk.
    pub(super) id: i64,
    /// The first minute, since 1970-01-01T00:00Z.
    pub(super) from: i64,
    /// The minute after the last one.
    pub(super) until: i64,
    /// What is not written yet, by time.
    pub(super) changes: Vec<Change>,
}

/// From a minute on it stands otherwise.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Change {
    pub(super) minute: i64,
    pub(super) line: Line,
    /// `None`: it is not watched any more.
    pub(super) word: Option<Word>,
}

/// The minute that a moment belongs to.
pub(super) const fn minute_of(time: Timestamp) -> i64 {
    time.unix_millis().div_euclid(60_000)
}

/// Takes looks and makes minutes of them.
#[derive(Debug)]
pub(super) struct Minutes {
    next_id: i64,
    /// The minute that is not over yet, and the worst in it.
    minute: Option<i64>,
    worst: BTreeMap<Line, Word>,
    /// The minute before it.
    last: BTreeMap<Line, Word>,
    sheet: Option<Sheet>,
    /// Sheets, and parts of sheets, that are not written yet.
    done: Vec<Sheet>,
    /// Minutes that are over and not written yet.
    waiting: u32,
    /// Changes that were given up.
    pub(super) lost: u64,
}

impl Minutes {
    /// None yet.
    pub(super) const fn new() -> Self {
        Self {
            next_id: 1,
            minute: None,
            worst: BTreeMap::new(),
            last: BTreeMap::new(),
            sheet: None,
            done: Vec::new(),
            waiting: 0,
            lost: 0,
        }
    }

    /// Sheets get numbers from `next_id` on.
    pub(super) const fn number_from(&mut self, next_id: i64) {
        self.next_id = next_id;
    }

    /// Takes a look. What has not been looked at since the start says nothing.
    pub(super) fn take(&mut self, now: Moment, snapshot: &Snapshot) {
        if !snapshot.is_warm {
            return;
        }
        let minute = minute_of(now.wall);
        if self.minute != Some(minute) {
            self.complete();
            if self.minute.is_some_and(|before| before + 1 != minute) {
                // The box slept, or its clock was set.
                self.break_off();
            }
            self.minute = Some(minute);
        }
        let is_stalled = snapshot.is_stalled(now);
        for network in &snapshot.status.networks {
            let cause = network
                .root_causes
                .iter()
                .max_by_key(|cause| cause.severity);
            let whole = (None, network.verdict, cause.map(|cause| cause.reason));
            let stages = network.stages.iter().map(|stage| {
                let cause = stage.findings.first().map(|finding| finding.reason);
                (Some(stage.stage), stage.verdict, cause)
            });
            for (stage, verdict, reason) in stages.chain([whole]) {
                let word = match verdict {
                    _ if is_stalled => (Verdict::Unknown, Some(Reason::NotRun)),
                    Verdict::Ready => (verdict, None),
                    _ => (verdict, reason),
                };
                let line = (network.network.clone(), stage);
                let worst = self.worst.entry(line).or_insert(word);
                if word.0 > worst.0 {
                    *worst = word;
                }
            }
        }
    }

    /// The minute is over.
    fn complete(&mut self) {
        let Some(minute) = self.minute.filter(|_| !self.worst.is_empty()) else {
            return;
        };
        if self.sheet.is_none() || minute % DAY == 0 {
            self.break_off();
        }
        let sheet = self.sheet.get_or_insert_with(|| {
            self.next_id += 1;
            Sheet {
                id: self.next_id - 1,
                from: minute,
                until: minute,
                changes: Vec::new(),
            }
        });
        for line in self.last.keys() {
            if !self.worst.contains_key(line) {
                sheet.changes.push(Change {
                    minute,
                    line: line.clone(),
                    word: None,
                });
            }
        }
        for (line, word) in &self.worst {
            if self.last.get(line) != Some(word) {
                sheet.changes.push(Change {
                    minute,
                    line: line.clone(),
                    word: Some(*word),
                });
            }
        }
        sheet.until = minute + 1;
        self.last = std::mem::take(&mut self.worst);
        self.waiting += 1;
        self.bound();
    }

    /// What comes is not the continuation of what was.
    pub(super) fn break_off(&mut self) {
        self.done.extend(self.sheet.take());
        self.last.clear();
    }

    fn bound(&mut self) {
        let count = |sheets: &[Sheet]| {
            sheets
                .iter()
                .map(|sheet| sheet.changes.len())
                .sum::<usize>()
        };
        let current = self.sheet.as_ref().map_or(0, |sheet| sheet.changes.len());
        while count(&self.done) + current > MOST_WAITING && !self.done.is_empty() {
            let oldest = self.done.remove(0);
            self.lost += u64::try_from(oldest.changes.len()).unwrap_or(u64::MAX);
        }
        if current > MOST_WAITING {
            // Half a sheet would say that nothing changed.
            self.sheet = None;
            self.last.clear();
            self.lost += u64::try_from(current).unwrap_or(u64::MAX);
        }
    }

    /// Minutes that are over and not written yet.
    pub(super) const fn waiting(&self) -> u32 {
        self.waiting
    }

    /// Ends the minute that is under way: nothing comes after it.
    pub(super) fn finish(&mut self) {
        self.complete();
        self.minute = None;
        self.break_off();
    }

    /// Hands out what is to be written.
    pub(super) fn hand_out(&mut self) -> Vec<Sheet> {
        self.waiting = 0;
        let mut all = std::mem::take(&mut self.done);
        if let Some(sheet) = &mut self.sheet {
            let changes = std::mem::take(&mut sheet.changes);
            all.push(Sheet {
                changes,
                ..sheet.clone()
            });
        }
        all
    }

    /// Takes back what could not be written.
    pub(super) fn take_back(&mut self, mut sheets: Vec<Sheet>) {
        sheets.append(&mut self.done);
        self.done = sheets;
        self.bound();
    }

    /// What is not written yet.
    pub(super) fn unwritten(&self) -> Vec<Sheet> {
        self.done.iter().chain(&self.sheet).cloned().collect()
    }
}
