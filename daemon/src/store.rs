//! What survives a restart and a power cut: incidents, and how it stood in each minute.
//!
//! A thread of its own has the disk; everybody else puts things into its mailbox and goes on. Incidents are
//! written at once, minutes in batches and only where something changed. Whatever is wrong with the
//! directory or the file costs history and never service: then the same tables are kept in memory.
//!
//! | Module | Owns |
//! |---|---|
//! | `place` | the file: whose it is, and moving it out of the way |
//! | `disk` | the file, the quota, what it costs |
//! | `rows` | the tables, and what is in a row |
//! | `memos` | what is remembered beside incidents and history |
//! | `minutes` | the worst of each minute, by changes |
//! | `strip` | the course of a network as a row of cells |
//! | `mailbox` | what waits for the disk |
//! | `keeper` | the thread |

mod disk;
mod keeper;
mod mailbox;
mod memos;
mod minutes;
mod place;
mod rows;
mod strip;

use std::path::Path;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::time::Duration;

use sightline_model::Timestamp;
use sightline_model::incident::{Event, Incident, Memory, Moment, Past};
use sightline_model::snapshot::Snapshot;
use tokio::sync::oneshot;

use keeper::Keeper;
use mailbox::{Asker, Mailbox};

pub use minutes::Word;
pub use strip::{Question, Strip};

/// A start waits so long for the disk, and goes on without it.
const OPEN_WITHIN: Duration = Duration::from_secs(if cfg!(test) { 1 } else { 10 });

/// An answer is waited for so long.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);

/// A disk that takes longer for what it was given hangs.
const HANGS_AFTER: Duration = Duration::from_secs(30);

/// The store. Cloning gives another handle on the same one.
#[derive(Clone, Debug)]
pub struct Store {
    shared: Arc<Shared>,
    /// Ends the thread with the last handle.
    _end: Arc<End>,
}

/// What was there when it was opened.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Opened {
    /// Incidents, for the engine to go on with.
    pub past: Past,
    /// What had to be done to open it, as a sentence for the log.
    pub note: Option<String>,
}

/// How the store is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Health {
    /// Why nothing is kept on the disk now, as a sentence; `None` if all is well.
    pub trouble: Option<String>,
    /// Bytes of the file and its log.
    pub bytes: u64,
    /// Bytes that were written to it since the start, at most.
    pub written_bytes: u64,
    /// What went wrong since the start, by number.
    pub errors: u64,
}

/// Says when an incident is on the disk.
#[derive(Debug)]
pub struct Receipt(oneshot::Receiver<bool>);

impl Receipt {
    /// Waits for it. `false` if the disk could not take it, or there is none; it is tried again, and the
    /// next receipt tells.
    pub async fn kept(self) -> bool {
        self.0.await.unwrap_or(false)
    }
}

#[derive(Debug)]
struct Shared {
    mailbox: Mailbox,
    words: Mutex<Words>,
    errors: AtomicU64,
    written: AtomicU64,
    bytes: AtomicU64,
}

/// What is wrong.
#[derive(Debug, Default)]
struct Words {
    /// Why there is no disk.
    forgetful: Option<String>,
    /// Why the last thing could not be written.
    last: Option<String>,
}

impl Shared {
    fn words(&self) -> MutexGuard<'_, Words> {
        self.words.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// There is no disk, until the next start.
    fn forgetful(&self, why: &str) {
        self.errors.fetch_add(1, Relaxed);
        self.words().forgetful.get_or_insert_with(|| {
            format!("{why}; incidents and history are kept in memory until the next start")
        });
    }
}

#[derive(Debug)]
struct End(Arc<Shared>);

impl Drop for End {
    fn drop(&mut self) {
        self.0.mailbox.close(None);
    }
}

impl Store {
    /// Bytes of the file with its log: 30 days of incidents and of minutes of many networks.
    pub const QUOTA: u64 = 64 << 20;

    /// Opens the store in a directory, which is made if it is not there, and waits for that at most ten
    /// seconds. It never fails: with a directory that cannot be used everything is kept in memory, and
    /// [`Store::health`] says why. A damaged file, and one of a later release, is set aside.
    #[must_use]
    pub fn open(directory: &Path, quota: u64, now: Timestamp) -> (Self, Opened) {
        let shared = Arc::new(Shared {
            mailbox: Mailbox::new(),
            words: Mutex::default(),
            errors: AtomicU64::new(0),
            written: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
        });
        let (tell, told) = mpsc::sync_channel(0);
        let (place, given) = (directory.to_owned(), Arc::clone(&shared));
        let thread = std::thread::Builder::new().name("store".to_owned());
        let started = thread.spawn(move || {
            let Ok((mut keeper, opened)) = Keeper::open(given, place, quota, now) else {
                return;
            };
            if tell.send(opened).is_err() && keeper.was_too_late().is_err() {
                return;
            }
            keeper.work();
        });
        let opened = match (&started, told.recv_timeout(OPEN_WITHIN)) {
            (Ok(_), Ok(opened)) => opened,
            _ => {
                let why = format!("{} does not answer", directory.display());
                shared.forgetful(&why);
                Opened::default()
            }
        };
        let end = Arc::new(End(Arc::clone(&shared)));
        (Self { shared, _end: end }, opened)
    }

    /// Writes what happened to an incident, at once. Does not wait for it.
    pub fn record(&self, event: &Event) -> Receipt {
        let (Event::Opened(incident) | Event::Changed(incident) | Event::Closed(incident)) = event;
        let (send, receive) = oneshot::channel();
        self.shared.mailbox.put(incident, send);
        Receipt(receive)
    }

    /// Writes what is remembered beside incidents and history, in the place of what was. Does not wait for it.
    pub fn remember(&self, memory: &Memory) {
        self.shared.mailbox.put_memos(memos::written(memory));
    }

    /// Takes a look for the minute that it is. To be called at least once a minute, with the last snapshot
    /// if there is no other; a minute without is a gap.
    pub fn sample(&self, now: Moment, snapshot: &Snapshot) {
        self.shared.mailbox.inside().minutes.take(now, snapshot);
        self.shared.mailbox.ring();
    }

    /// The course of a network and of its stages: the network first, then the stages in the order of the
    /// flow. `None` if the disk does not answer within two seconds.
    pub async fn history(&self, question: Question) -> Option<Vec<Strip>> {
        let (reply, answer) = oneshot::channel();
        self.shared.mailbox.ask(Asker::Strips(question, reply));
        tokio::time::timeout(ANSWER_WITHIN, answer).await.ok()?.ok()
    }

    /// Incidents that were open within a stretch of time, the last one first, at most `most`. `None` if the
    /// disk does not answer within two seconds.
    pub async fn incidents(
        &self,
        from: Timestamp,
        until: Timestamp,
        most: usize,
    ) -> Option<Vec<Incident>> {
        let (reply, answer) = oneshot::channel();
        let asker = Asker::Incidents((from, until), most, reply);
        self.shared.mailbox.ask(asker);
        tokio::time::timeout(ANSWER_WITHIN, answer).await.ok()?.ok()
    }

    /// How it is.
    #[must_use]
    pub fn health(&self) -> Health {
        let busy = self.shared.mailbox.busy();
        let (is_over, lost) = {
            let inside = self.shared.mailbox.inside();
            (inside.is_over, inside.refused + inside.minutes.lost)
        };
        let words = self.shared.words();
        let trouble = if let Some(why) = &words.forgetful {
            Some(why.clone())
        } else if is_over {
            Some("the store has ended".to_owned())
        } else if busy > HANGS_AFTER {
            let busy = crate::text::duration(Duration::from_secs(busy.as_secs()));
            Some(format!("the disk has not answered for {busy}"))
        } else {
            words.last.clone()
        };
        Health {
            trouble,
            bytes: self.shared.bytes.load(Relaxed),
            written_bytes: self.shared.written.load(Relaxed),
            errors: self.shared.errors.load(Relaxed) + lost,
        }
    }

    /// Writes everything and ends it; what comes later is not kept. Whether that was done `within` a time.
    pub async fn close(&self, within: Duration) -> bool {
        let (tell, ended) = oneshot::channel();
        self.shared.mailbox.close(Some(tell));
        tokio::time::timeout(within, ended).await.is_ok()
    }
}

#[cfg(test)]
mod tests;
