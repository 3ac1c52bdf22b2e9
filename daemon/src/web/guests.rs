//! Who is connected, and who has to go when there are too many.
//!
//! Whoever connects is let in at once. When all places are taken, the one goes whose patience ended first:
//! a client that has not asked anything for a moment, or has not taken its answer for long. So clients that
//! only hold connections keep nobody out.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

/// As many connections may be open.
pub(super) const MOST: usize = 256;

/// Above so many an answer is the last of its connection.
const CROWDED: usize = MOST / 4;

/// A client whose place is needed has so long to ask.
const TO_ASK: Duration = Duration::from_millis(250);

/// A client whose place is needed has so long to take its answer.
const TO_READ: Duration = Duration::from_secs(10);

/// All connections.
#[derive(Debug, Default)]
pub(super) struct Guests {
    book: Mutex<Book>,
    left: Notify,
}

#[derive(Debug, Default)]
struct Book {
    next: u64,
    present: BTreeMap<u64, Present>,
}

#[derive(Debug)]
struct Present {
    /// When its place may be given to another.
    patience: Instant,
    out: Arc<Notify>,
}

/// A place for one connection; free again when it is dropped.
#[derive(Debug)]
pub(super) struct Guest {
    guests: Arc<Guests>,
    id: u64,
    out: Arc<Notify>,
}

impl Guests {
    /// A place for one more, as soon as there is one.
    pub(super) async fn admit(self: &Arc<Self>) -> Guest {
        loop {
            let left = self.left.notified();
            match self.try_admit(Instant::now()) {
                Ok(guest) => return guest,
                Err(until) => tokio::select! {
                    () = left => {}
                    () = tokio::time::sleep_until(until) => {}
                },
            }
        }
    }

    /// A place, or when one can be taken from another.
    fn try_admit(self: &Arc<Self>, now: Instant) -> Result<Guest, Instant> {
        let mut book = self.book();
        if book.present.len() >= MOST {
            let first = book.present.iter().min_by_key(|(_, one)| one.patience);
            let first = first.map(|(id, one)| (*id, one.patience));
            if let Some((id, patience)) = first {
                if patience > now {
                    return Err(patience);
                }
                if let Some(gone) = book.present.remove(&id) {
                    gone.out.notify_one();
                }
            }
        }
        let id = book.next;
        book.next += 1;
        let out = Arc::new(Notify::new());
        let present = Present {
            patience: now + TO_ASK,
            out: Arc::clone(&out),
        };
        book.present.insert(id, present);
        Ok(Guest {
            guests: Arc::clone(self),
            id,
            out,
        })
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Guest {
    /// It has asked for something, or was given it, and has time again.
    pub(super) fn is_served(&self) {
        if let Some(present) = self.guests.book().present.get_mut(&self.id) {
            present.patience = Instant::now() + TO_READ;
        }
    }

    /// Until its place is given to another.
    pub(super) async fn is_put_out(&self) {
        self.out.notified().await;
    }

    /// Whether others may soon need the place.
    pub(super) fn is_crowded(&self) -> bool {
        self.guests.book().present.len() > CROWDED
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        self.guests.book().present.remove(&self.id);
        self.guests.left.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn whoever_asks_nothing_makes_room_and_whoever_is_served_stays() {
        let guests = Arc::new(Guests::default());
        let mut inside = Vec::new();
        for _ in 0..MOST {
            inside.push(guests.admit().await);
        }
        inside[0].is_served();
        let begun = Instant::now();
        let late = guests.admit().await;
        assert_eq!(begun.elapsed(), TO_ASK);
        inside[1].is_put_out().await;
        let stays = tokio::time::timeout(Duration::from_secs(5), inside[0].is_put_out()).await;
        assert!(stays.is_err());
        assert_eq!(guests.book().present.len(), MOST);
        drop(inside);
        assert_eq!(guests.book().present.len(), 1);
        assert!(!late.is_crowded());
    }
}
