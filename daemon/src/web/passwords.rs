//! Users and passwords (RFC 7617). To check a password is dear on purpose, so that everything that a client
//! can make us check is bounded: one check at a time, a few that wait, few failures of one address, and after
//! a failure as long a rest as it took.

use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_lc_rs::hmac;
use axum::http::HeaderValue;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use tokio::sync::{Semaphore, oneshot};
use tokio::time::Instant;

use super::bucket::{Bucket, Pace};
use crate::config::web_file::Hash;

/// So many wrong passwords may come from one address at once, and one more each so often.
const FAILURES: Pace = Pace {
    interval: Duration::from_secs(10),
    burst: 6,
};

/// Addresses whose failures are remembered; of more, those that have failed least are forgotten.
const MOST_ADDRESSES: usize = 4096;

/// As many checks may wait.
const MOST_WAITING: usize = 8;

/// As many good passwords are remembered.
const MOST_KNOWN: usize = 64;

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Admission {
    /// Somebody who is known.
    Known,
    /// Nobody who is known.
    Unknown,
    /// The address has shown too many wrong passwords; how long to wait.
    TooMany(Duration),
    /// Too many passwords wait to be checked.
    Busy,
}

/// What checks cost, for as long as the daemon runs, whatever the web file says.
#[derive(Debug)]
pub(super) struct Gate {
    failures: Mutex<BTreeMap<IpAddr, Bucket>>,
    waiting: Arc<Semaphore>,
    checking: Arc<Semaphore>,
}

impl Default for Gate {
    fn default() -> Self {
        Self {
            failures: Mutex::default(),
            waiting: Arc::new(Semaphore::new(MOST_WAITING)),
            checking: Arc::new(Semaphore::new(1)),
        }
    }
}

impl Gate {
    /// Counts a failure before it happens, so that whoever goes away early has paid.
    fn charge(&self, address: IpAddr, now: Instant) -> Result<(), Duration> {
        let mut all = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= MOST_ADDRESSES && !all.contains_key(&address) {
            all.retain(|_, bucket| !bucket.is_full(now));
            if all.len() >= MOST_ADDRESSES {
                let least = all.iter().min_by_key(|(_, bucket)| bucket.full_at());
                if let Some(least) = least.map(|(address, _)| *address) {
                    all.remove(&least);
                }
            }
        }
        all.entry(address)
            .or_insert_with(|| Bucket::new(now))
            .take(FAILURES, now)
    }

    fn refund(&self, address: IpAddr) {
        let mut all = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(bucket) = all.get_mut(&address) {
            bucket.give(FAILURES);
        }
    }
}

/// The users of a web file.
#[derive(Debug)]
pub(super) struct Passwords {
    users: BTreeMap<String, Hash>,
    gate: Arc<Gate>,
    /// Of this process, so that what is remembered tells nothing to whoever reads its memory elsewhere.
    key: hmac::Key,
    /// Good passwords that were checked, as keyed hashes, the latest last.
    known: Mutex<VecDeque<hmac::Tag>>,
}

impl Passwords {
    pub(super) fn new(users: BTreeMap<String, Hash>, gate: Arc<Gate>) -> Self {
        let secret: [u8; 32] = rand::random();
        Self {
            users,
            gate,
            key: hmac::Key::new(hmac::HMAC_SHA256, &secret),
            known: Mutex::default(),
        }
    }

    /// Who asks from an address, by the header `Authorization`.
    pub(super) async fn admit(
        self: &Arc<Self>,
        authorization: Option<&HeaderValue>,
        from: IpAddr,
    ) -> Admission {
        let Some((user, password)) = authorization.and_then(credentials) else {
            return Admission::Unknown;
        };
        let (Some(hash), is_user) = self.hash_for(&user) else {
            return Admission::Unknown;
        };
        let tag = self.tag(&user, hash, &password);
        if is_user && self.is_known(&tag) {
            return Admission::Known;
        }
        let address = network_of(from);
        let Ok(place) = Arc::clone(&self.gate.waiting).try_acquire_owned() else {
            return Admission::Busy;
        };
        if let Err(wait) = self.gate.charge(address, Instant::now()) {
            return Admission::TooMany(wait);
        }
        let Ok(turn) = Arc::clone(&self.gate.checking).acquire_owned().await else {
            return Admission::Busy;
        };
        let (said, answer) = oneshot::channel();
        let (hash, passwords) = (hash.clone(), Arc::clone(self));
        // Whoever goes away early leaves the check running, and with it its turn.
        tokio::task::spawn_blocking(move || {
            let begun = std::time::Instant::now();
            let is_right = bcrypt::verify(&password, hash.as_str()).unwrap_or(false);
            let is_good = is_user && is_right;
            if is_good {
                passwords.gate.refund(address);
                passwords.remember(tag);
            }
            drop(place);
            let _gone = said.send(is_good);
            if !is_good {
                std::thread::sleep(begun.elapsed());
            }
            drop(turn);
        });
        match answer.await {
            Ok(true) => Admission::Known,
            Ok(false) | Err(_) => Admission::Unknown,
        }
    }

    /// The hash to check against, and whether it is that of the user. For a user who is not there it is that
    /// of another, always of the same one, so that time tells nobody who is there.
    fn hash_for(&self, user: &str) -> (Option<&Hash>, bool) {
        if let Some(hash) = self.users.get(user) {
            return (Some(hash), true);
        }
        let tag = hmac::sign(&self.key, user.as_bytes());
        let number = tag
            .as_ref()
            .iter()
            .take(4)
            .fold(0_usize, |number, byte| number << 8 | usize::from(*byte));
        let at = number.checked_rem(self.users.len());
        (at.and_then(|at| self.users.values().nth(at)), false)
    }

    fn tag(&self, user: &str, hash: &Hash, password: &[u8]) -> hmac::Tag {
        let mut context = hmac::Context::with_key(&self.key);
        for part in [user.as_bytes(), hash.as_str().as_bytes(), password] {
            context.update(&part.len().to_be_bytes());
            context.update(part);
        }
        context.sign()
    }

    fn is_known(&self, tag: &hmac::Tag) -> bool {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.iter().any(|known| known.as_ref() == tag.as_ref())
    }

    fn remember(&self, tag: hmac::Tag) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST_KNOWN {
            known.pop_front();
        }
        known.push_back(tag);
    }
}

/// User and password of the header (RFC 7617 §2).
fn credentials(header: &HeaderValue) -> Option<(String, Vec<u8>)> {
    let (scheme, coded) = header.to_str().ok()?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let mut decoded = BASE64_STANDARD.decode(coded.trim()).ok()?;
    let colon = decoded.iter().position(|byte| *byte == b':')?;
    let password = decoded.split_off(colon + 1);
    decoded.pop();
    Some((String::from_utf8(decoded).ok()?, password))
}

/// Whoever has one address of IPv6 has all of its /64.
fn network_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn basic(pair: &str) -> HeaderValue {
        let text = format!("Basic {}", BASE64_STANDARD.encode(pair));
        HeaderValue::try_from(text).expect("a header")
    }

    #[test]
    fn user_and_password_are_read_as_they_were_written() {
        for (pair, user, password) in [
            ("a:b", "a", "b"),
            ("a:b:c", "a", "b:c"),
            (":", "", ""),
            ("ä:ö", "ä", "ö"),
        ] {
            let read = credentials(&basic(pair)).expect(pair);
            assert_eq!(read, (user.to_owned(), password.as_bytes().to_vec()));
        }
        for wrong in [
            "Basic",
            "Basic !",
            "Bearer YTpi",
            "Basic YWI=",
            "Basic /zpi",
        ] {
            assert_eq!(
                credentials(&HeaderValue::from_static(wrong)),
                None,
                "{wrong}"
            );
        }
    }

    #[test]
    fn failures_count_by_network_and_are_forgiven_in_time() {
        let gate = Gate::default();
        let now = Instant::now();
        let address = |text: &str| network_of(text.parse().expect("an address"));
        for _ in 0..FAILURES.burst {
            assert_eq!(gate.charge(address("2001:db8::1"), now), Ok(()));
        }
        assert!(gate.charge(address("2001:db8::2"), now).is_err());
        assert_eq!(gate.charge(address("2001:db8:0:1::1"), now), Ok(()));
        let later = now + FAILURES.interval;
        assert_eq!(gate.charge(address("2001:db8::1"), later), Ok(()));
        assert!(gate.charge(address("2001:db8::1"), later).is_err());
        assert_eq!(address("::ffff:192.0.2.7"), address("192.0.2.7"));
    }

    #[test]
    fn many_addresses_cost_no_more_memory_and_do_not_push_out_the_worst() {
        let gate = Gate::default();
        let now = Instant::now();
        let worst = IpAddr::from([192, 0, 2, 1]);
        for _ in 0..FAILURES.burst {
            assert_eq!(gate.charge(worst, now), Ok(()));
        }
        for number in 0..10_000_u32 {
            let _counted = gate.charge(IpAddr::from(number.to_be_bytes()), now);
        }
        assert!(gate.failures.lock().expect("not poisoned").len() <= MOST_ADDRESSES);
        assert!(gate.charge(worst, now).is_err());
    }
}
