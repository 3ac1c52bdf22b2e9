//! How often something may happen.

use std::time::Duration;

use tokio::time::Instant;

/// A bucket of tokens, of which one comes back each interval (GCRA, the generic cell rate algorithm).
#[derive(Clone, Copy, Debug)]
pub(super) struct Bucket {
    /// When it is full again.
    full: Instant,
}

/// How large a bucket is, and how soon a token comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pace {
    pub(super) interval: Duration,
    pub(super) burst: u32,
}

impl Bucket {
    pub(super) fn new(now: Instant) -> Self {
        Self { full: now }
    }

    /// Takes a token, or says how long to wait for one.
    pub(super) fn take(&mut self, pace: Pace, now: Instant) -> Result<(), Duration> {
        let room = pace.interval.saturating_mul(pace.burst.saturating_sub(1));
        let wait = self.full.duration_since(now).saturating_sub(room);
        if wait.is_zero() {
            self.full = self.full.max(now) + pace.interval;
            Ok(())
        } else {
            Err(wait)
        }
    }

    /// Gives a token back.
    pub(super) fn give(&mut self, pace: Pace) {
        self.full = self.full.checked_sub(pace.interval).unwrap_or(self.full);
    }

    /// Whether nothing is missing.
    pub(super) fn is_full(&self, now: Instant) -> bool {
        self.full <= now
    }

    /// When it is full again.
    pub(super) fn full_at(&self) -> Instant {
        self.full
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_as_fit_come_at_once_and_then_one_each_interval() {
        let pace = Pace {
            interval: Duration::from_secs(2),
            burst: 3,
        };
        let begun = Instant::now();
        let mut bucket = Bucket::new(begun);
        for _ in 0..3 {
            assert_eq!(bucket.take(pace, begun), Ok(()));
        }
        assert_eq!(bucket.take(pace, begun), Err(Duration::from_secs(2)));
        let later = begun + Duration::from_millis(1500);
        assert_eq!(bucket.take(pace, later), Err(Duration::from_millis(500)));
        bucket.give(pace);
        assert_eq!(bucket.take(pace, later), Ok(()));
        let much_later = begun + Duration::from_secs(60);
        assert!(bucket.is_full(much_later));
        for _ in 0..3 {
            assert_eq!(bucket.take(pace, much_later), Ok(()));
        }
        assert!(bucket.take(pace, much_later).is_err());
    }
}
