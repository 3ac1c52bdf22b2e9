//! What waits for the thread that has the disk. Whoever puts something in never waits, and there is room
//! for so much only: a disk that hangs costs history, not memory.

use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use sightline_model::Timestamp;
use sightline_model::incident::Incident;
use tokio::sync::oneshot;

use super::memos::Memos;
use super::minutes::Minutes;
use super::strip::{Question, Strip};

/// As many incidents wait, each as it is now.
pub(super) const MOST_INCIDENTS: usize = 1024;

/// As many askers wait.
const MOST_ASKERS: usize = 64;

/// Minutes are written when there are so many: at most as much is lost when the power fails.
const BATCH: u32 = 15;

/// Somebody who waits for an answer from the disk.
#[derive(Debug)]
pub(super) enum Asker {
    Strips(Question, oneshot::Sender<Vec<Strip>>),
    Incidents(
        (Timestamp, Timestamp),
        usize,
        oneshot::Sender<Vec<Incident>>,
    ),
}

/// Where things are put.
#[derive(Debug)]
pub(super) struct Mailbox {
    inside: Mutex<Inside>,
    bell: Condvar,
}

#[derive(Debug)]
pub(super) struct Inside {
    pub(super) incidents: BTreeMap<String, Incident>,
    pub(super) receipts: Vec<oneshot::Sender<bool>>,
    pub(super) askers: Vec<Asker>,
    pub(super) memos: Memos,
    pub(super) minutes: Minutes,
    /// The store is to end.
    pub(super) closing: bool,
    /// Who is told that it has ended.
    pub(super) ended: Vec<oneshot::Sender<()>>,
    /// The thread is gone.
    pub(super) is_over: bool,
    /// Since when the thread has been at work without a rest.
    pub(super) busy: Option<Instant>,
    /// Incidents that there was no room for.
    pub(super) refused: u64,
}

impl Mailbox {
    pub(super) fn new() -> Self {
        Self {
            inside: Mutex::new(Inside {
                incidents: BTreeMap::new(),
                receipts: Vec::new(),
                askers: Vec::new(),
                memos: Memos::new(),
                minutes: Minutes::new(),
                closing: false,
                ended: Vec::new(),
                is_over: false,
                busy: None,
                refused: 0,
            }),
            bell: Condvar::new(),
        }
    }

    /// A look inside; nothing slow is done meanwhile.
    pub(super) fn inside(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn put(&self, incident: &Incident, receipt: oneshot::Sender<bool>) {
        let mut inside = self.inside();
        let is_known = inside.incidents.contains_key(&incident.id);
        if inside.is_over || (!is_known && inside.incidents.len() >= MOST_INCIDENTS) {
            inside.refused += 1;
            return;
        }
        let place = inside.incidents.entry(incident.id.clone());
        place.insert_entry(incident.clone());
        if inside.receipts.len() < MOST_INCIDENTS {
            inside.receipts.push(receipt);
        }
        drop(inside);
        self.bell.notify_one();
    }

    /// What was put in before and is not written yet is not written any more.
    pub(super) fn put_memos(&self, memos: Memos) {
        let mut inside = self.inside();
        if !inside.is_over {
            inside.memos.extend(memos);
            drop(inside);
            self.bell.notify_one();
        }
    }

    pub(super) fn ask(&self, asker: Asker) {
        let mut inside = self.inside();
        if !inside.is_over && inside.askers.len() < MOST_ASKERS {
            inside.askers.push(asker);
            drop(inside);
            self.bell.notify_one();
        }
    }

    pub(super) fn close(&self, ended: Option<oneshot::Sender<()>>) {
        let mut inside = self.inside();
        inside.closing = true;
        if !inside.is_over {
            inside.ended.extend(ended);
        }
        drop(inside);
        self.bell.notify_one();
    }

    /// The thread is gone: nobody waits any more.
    pub(super) fn end(&self) {
        let mut inside = self.inside();
        inside.is_over = true;
        inside.receipts.clear();
        inside.askers.clear();
        for ended in inside.ended.drain(..) {
            // Who does not wait for it does not care.
            let _unread = ended.send(());
        }
    }

    /// Wakes the thread if there is something to write.
    pub(super) fn ring(&self) {
        if self.inside().is_due() {
            self.bell.notify_one();
        }
    }

    /// Waits until there is something to do.
    pub(super) fn wait(&self) -> MutexGuard<'_, Inside> {
        let mut inside = self.inside();
        inside.busy = None;
        let mut inside = self
            .bell
            .wait_while(inside, |inside| !inside.has_work())
            .unwrap_or_else(PoisonError::into_inner);
        inside.busy = Some(Instant::now());
        inside
    }

    /// How long the thread has been at work without a rest.
    pub(super) fn busy(&self) -> Duration {
        self.inside()
            .busy
            .map_or(Duration::ZERO, |since| since.elapsed())
    }
}

impl Inside {
    /// Whether there are enough minutes to be worth a write.
    pub(super) const fn is_due(&self) -> bool {
        self.minutes.waiting() >= BATCH
    }

    fn has_work(&self) -> bool {
        !self.incidents.is_empty()
            || !self.askers.is_empty()
            || !self.memos.is_empty()
            || self.is_due()
            || self.closing
    }
}
