//! When what is asked again. Knows no probe and no clock: moments come in as arguments.
//!
//! A new check runs at once, and from then on at a fixed rate in a phase of its own, so that a box does
//! not ask everything in the same second. One that is late does not run twice to catch up.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::IpAddr;
use std::time::Duration;

use tokio::time::Instant;

/// As many runs may be under way against one address.
const MOST_AT_ADDRESS: usize = 8;

/// What has to wait for its address waits so long.
const WAIT: Duration = Duration::from_millis(50);

/// How often a check runs, and against whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// The interval.
    pub every: Duration,
    /// The address that its packets go to, where it is known.
    pub address: Option<IpAddr>,
}

/// A run that is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due<K> {
    /// Of which check.
    pub key: K,
    /// How late it is.
    pub lag: Duration,
}

#[derive(Debug)]
struct Entry {
    pace: Pace,
    /// When it is due; while it runs, when it is due again.
    due: Instant,
    running: bool,
    has_run: bool,
}

/// The table.
#[derive(Debug)]
pub struct Timetable<K> {
    entries: BTreeMap<K, Entry>,
    queue: BTreeSet<(Instant, K)>,
    at_address: BTreeMap<IpAddr, usize>,
    skipped: u64,
}

impl<K> Default for Timetable<K> {
    fn default() -> Self {
        Self {
            entries: BTreeMap::new(),
            queue: BTreeSet::new(),
            at_address: BTreeMap::new(),
            skipped: 0,
        }
    }
}

impl<K: Clone + Ord + Hash> Timetable<K> {
    /// Makes the wanted checks those of the table. Known ones keep their place in the interval; the others
    /// leave, and are returned.
    pub fn set(&mut self, wanted: &BTreeMap<K, Pace>, now: Instant) -> Vec<K> {
        let gone: Vec<K> = self
            .entries
            .keys()
            .filter(|key| !wanted.contains_key(key))
            .cloned()
            .collect();
        for key in &gone {
            if let Some(entry) = self.entries.remove(key) {
                self.queue.remove(&(entry.due, key.clone()));
                if entry.running {
                    self.leave(entry.pace.address);
                }
            }
        }
        for (key, pace) in wanted {
            match self.entries.get_mut(key) {
                Some(entry) => {
                    if entry.pace.every > pace.every {
                        let sooner = entry.due.min(now + pace.every);
                        self.queue.remove(&(entry.due, key.clone()));
                        entry.due = sooner;
                        self.queue.insert((sooner, key.clone()));
                    }
                    if !entry.running {
                        entry.pace = *pace;
                    } else {
                        entry.pace.every = pace.every;
                    }
                }
                None => {
                    self.queue.insert((now, key.clone()));
                    let entry = Entry {
                        pace: *pace,
                        due: now,
                        running: false,
                        has_run: false,
                    };
                    self.entries.insert(key.clone(), entry);
                }
            }
        }
        gone
    }

    /// Asks a check again at `at`, if that is sooner than its turn and it is not being asked. The turn itself stays.
    pub fn soon(&mut self, key: &K, at: Instant) {
        if let Some(entry) = self.entries.get_mut(key)
            && at < entry.due
            && !entry.running
        {
            self.queue.remove(&(entry.due, key.clone()));
            entry.due = at;
            self.queue.insert((at, key.clone()));
        }
    }

    /// Asks everything again, spread over `spread`.
    pub fn all(&mut self, now: Instant, spread: Duration) {
        let keys: Vec<K> = self.entries.keys().cloned().collect();
        self.these(&keys, now, spread);
    }

    /// Asks some again, spread over `spread`.
    pub fn these(&mut self, keys: &[K], now: Instant, spread: Duration) {
        for key in keys {
            let at = now + spread.mul_f64(share(key));
            self.soon(key, at);
        }
    }

    /// When the next one is due.
    #[must_use]
    pub fn next(&self) -> Option<Instant> {
        self.queue.first().map(|(due, _)| *due)
    }

    /// Takes what is due, at most `room`. What is taken counts as running until [`Timetable::ended`].
    pub fn take(&mut self, now: Instant, room: usize) -> Vec<Due<K>> {
        let mut taken = Vec::new();
        let mut later = Vec::new();
        while taken.len() < room {
            let Some((due, key)) = self.queue.first().cloned() else {
                break;
            };
            if due > now {
                break;
            }
            self.queue.remove(&(due, key.clone()));
            let Some(entry) = self.entries.get_mut(&key) else {
                continue;
            };
            let is_crowded = entry.pace.address.is_some_and(|address| {
                self.at_address
                    .get(&address)
                    .is_some_and(|count| *count >= MOST_AT_ADDRESS)
            });
            if is_crowded && !entry.running {
                later.push((due, key));
                continue;
            }
            entry.due = next_turn(&key, entry, due, now);
            self.queue.insert((entry.due, key.clone()));
            if entry.running {
                // The run before has not ended: two at once would say nothing more.
                self.skipped += 1;
                continue;
            }
            entry.running = true;
            entry.has_run = true;
            if let Some(address) = entry.pace.address {
                *self.at_address.entry(address).or_default() += 1;
            }
            taken.push(Due {
                key,
                lag: now.saturating_duration_since(due),
            });
        }
        for (due, key) in later {
            if let Some(entry) = self.entries.get_mut(&key) {
                entry.due = due.max(now) + WAIT;
                self.queue.insert((entry.due, key));
            }
        }
        taken
    }

    /// A run has ended.
    pub fn ended(&mut self, key: &K) {
        let Some(entry) = self.entries.get_mut(key) else {
            return;
        };
        if std::mem::replace(&mut entry.running, false) {
            let address = entry.pace.address;
            self.leave(address);
        }
    }

    /// Runs that were left out because the one before had not ended.
    #[must_use]
    pub const fn skipped(&self) -> u64 {
        self.skipped
    }

    /// The interval of a check.
    #[must_use]
    pub fn every(&self, key: &K) -> Option<Duration> {
        self.entries.get(key).map(|entry| entry.pace.every)
    }

    fn leave(&mut self, address: Option<IpAddr>) {
        if let Some(address) = address
            && let Some(count) = self.at_address.get_mut(&address)
        {
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.at_address.remove(&address);
            }
        }
    }
}

/// After the first run the phase is found, then the rate is fixed; turns that are over are left out.
fn next_turn<K: Hash>(key: &K, entry: &Entry, due: Instant, now: Instant) -> Instant {
    let every = entry.pace.every;
    if !entry.has_run {
        return now + every.mul_f64(0.5 + share(key) / 2.0);
    }
    let mut next = due + every;
    if next <= now {
        let late = now.saturating_duration_since(due);
        let turns = late.as_nanos() / every.as_nanos().max(1) + 1;
        next = due + every.saturating_mul(u32::try_from(turns).unwrap_or(u32::MAX));
    }
    next
}

/// A number from 0 to 1 that is the same for the same check.
fn share<K: Hash>(key: &K) -> f64 {
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    f64::from(u32::try_from(hasher.finish() >> 32).unwrap_or_default()) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pace(seconds: u64) -> Pace {
        Pace {
            every: Duration::from_secs(seconds),
            address: None,
        }
    }

    fn wanted(names: &[&'static str]) -> BTreeMap<&'static str, Pace> {
        names.iter().map(|name| (*name, pace(30))).collect()
    }

    fn keys(due: &[Due<&'static str>]) -> Vec<&'static str> {
        due.iter().map(|due| due.key).collect()
    }

    /// Runs the table for `seconds`, each run taking no time; when each ran, in seconds.
    fn turns(
        table: &mut Timetable<&'static str>,
        from: Instant,
        seconds: u64,
    ) -> Vec<(u64, &'static str)> {
        let end = from + Duration::from_secs(seconds);
        let mut said = Vec::new();
        while let Some(now) = table.next().filter(|now| *now <= end) {
            for due in table.take(now, 10) {
                table.ended(&due.key);
                said.push((now.saturating_duration_since(from).as_secs(), due.key));
            }
        }
        said
    }

    #[tokio::test(start_paused = true)]
    async fn a_new_check_runs_at_once_and_then_at_a_fixed_rate() {
        let now = Instant::now();
        let mut table = Timetable::default();
        table.set(&wanted(&["a"]), now);
        let ran: Vec<u64> = turns(&mut table, now, 130)
            .iter()
            .map(|(at, _)| *at)
            .collect();
        assert_eq!(ran.first(), Some(&0));
        assert!((15..=30).contains(&ran[1]), "{ran:?}");
        assert!(
            ran.windows(2).skip(1).all(|pair| pair[1] - pair[0] == 30),
            "{ran:?}"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn checks_spread_over_their_interval() {
        let now = Instant::now();
        let names: Vec<String> = (0..200).map(|i| format!("check {i}")).collect();
        let mut table = Timetable::default();
        let wanted = names.iter().map(|name| (name.clone(), pace(30))).collect();
        table.set(&wanted, now);
        for due in table.take(now, 1000) {
            table.ended(&due.key);
        }
        let mut by_second = BTreeMap::<u64, usize>::new();
        while let Some(at) = table
            .next()
            .filter(|at| *at <= now + Duration::from_secs(60))
        {
            for due in table.take(at, 1000) {
                table.ended(&due.key);
                *by_second
                    .entry(at.saturating_duration_since(now).as_secs())
                    .or_default() += 1;
            }
        }
        let most = by_second.values().max().copied().unwrap_or_default();
        assert!(most < 40, "{by_second:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn known_checks_keep_their_turn_when_others_come_and_go() {
        let now = Instant::now();
        let mut table = Timetable::default();
        table.set(&wanted(&["a", "b"]), now);
        let _first = turns(&mut table, now, 0);
        let due = table.entries["a"].due;
        let later = now + Duration::from_secs(3);
        assert_eq!(table.set(&wanted(&["a", "c"]), later), ["b"]);
        assert_eq!(table.entries["a"].due, due);
        assert_eq!(keys(&table.take(later, 10)), ["c"]);
        assert_eq!(
            table.next(),
            Some(
                table
                    .entries
                    .values()
                    .map(|entry| entry.due)
                    .min()
                    .expect("two")
            )
        );
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_late_runs_once_and_what_still_runs_is_left_out() {
        let now = Instant::now();
        let mut table = Timetable::default();
        table.set(&wanted(&["a"]), now);
        assert_eq!(table.take(now, 10).len(), 1);
        let late = now + Duration::from_secs(100);
        assert!(table.take(late, 10).is_empty());
        assert_eq!(table.skipped(), 1);
        table.ended(&"a");
        let due = table.next().expect("a turn");
        assert!(due > late && due <= late + Duration::from_secs(30));
        let much_later = due + Duration::from_secs(300);
        let taken = table.take(much_later, 10);
        assert_eq!(taken[0].lag, Duration::from_secs(300));
        table.ended(&"a");
        assert!(table.take(much_later, 10).is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn a_doubt_is_asked_soon_and_no_address_is_crowded() {
        let now = Instant::now();
        let address = Some(IpAddr::from([10, 2, 0, 10]));
        let mut table = Timetable::default();
        let wanted: BTreeMap<u32, Pace> = (0..20)
            .map(|key| {
                (
                    key,
                    Pace {
                        address,
                        ..pace(30)
                    },
                )
            })
            .collect();
        table.set(&wanted, now);
        assert_eq!(table.take(now, 100).len(), MOST_AT_ADDRESS);
        assert!(table.take(now, 100).is_empty());
        for key in 0..20 {
            table.ended(&key);
        }
        assert_eq!(table.take(now + WAIT, 100).len(), MOST_AT_ADDRESS);
        table.soon(&0, now + Duration::from_secs(1));
        assert_eq!(table.entries[&0].due, now + Duration::from_secs(1));
        // What is sooner anyway stays.
        table.soon(&0, now + Duration::from_secs(2));
        assert_eq!(table.entries[&0].due, now + Duration::from_secs(1));
    }
}
