//! What is different since the flow could last succeed: resolvers, records, addresses, routes, what DHCP hands
//! out, who signs certificates, which proxies are told.
//!
//! Only what is seen now and was seen then is compared: what is missing now is what findings tell. What was
//! there while the flow could succeed counts once it has stood for a while, because a change is seen before
//! what it breaks.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::incident::Moment;
use crate::judge::NetworkScene;
use crate::observation::{DIRECT, Observation};
use crate::outcome::Way;
use crate::stage::Verdict;
use crate::subject::Subject;
use crate::time::Timestamp;

/// What can be different.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Circumstance {
    /// The gateway that the box leaves by.
    Gateway,
    /// The DHCP servers of the network, and what one hands out.
    Dhcp,
    /// The resolvers of the network.
    Resolvers,
    /// The domain controllers that SRV records name, directly or on the path of a VPN.
    Controllers,
    /// The addresses of a domain controller.
    Addresses,
    /// The AD site that the controllers compute for this network.
    AdSite,
    /// Who has signed the certificate that a host shows.
    CertificateIssuer,
    /// The proxies that a script tells the clients.
    Proxies,
}

impl Circumstance {
    /// For people, as the beginning of a sentence.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Gateway => "Gateway",
            Self::Dhcp => "DHCP",
            Self::Resolvers => "Resolvers",
            Self::Controllers => "Domain controllers in DNS",
            Self::Addresses => "Addresses",
            Self::AdSite => "AD site of this network",
            Self::CertificateIssuer => "Issuer of certificates",
            Self::Proxies => "Proxies",
        }
    }
}

/// What a circumstance is of: a path, a name, a server; empty where there is one only.
type Key = (Circumstance, String);

/// A network's circumstances at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Circumstances(BTreeMap<Key, BTreeSet<String>>);

/// As many are compared; a network with more has hundreds of controllers, of which some tell enough.
const MOST: usize = 512;

/// As many values are compared of each: an answer may name hundreds.
const MOST_VALUES: usize = 32;

/// As many issuers of one host are known: large sites have several, and show one or the other.
const MOST_ISSUERS: usize = 6;

impl Circumstances {
    /// What a scene shows.
    #[must_use]
    pub fn of(scene: &NetworkScene) -> Self {
        let mut all = Self::default();
        for seen in &scene.observations {
            all.take(seen);
        }
        all
    }

    fn take(&mut self, seen: &Observation) {
        let facts = &seen.outcome.facts;
        let is_direct = seen.path == DIRECT;
        match &seen.check.subject {
            Subject::Uplink => {
                if let Some(gateway) = &facts.gateway {
                    self.put(Circumstance::Gateway, "", gateway.clone());
                }
            }
            Subject::Dhcp => {
                for answer in &facts.dhcp {
                    self.put(Circumstance::Dhcp, "", answer.server.to_string());
                    let offer = offer(answer);
                    self.put(Circumstance::Dhcp, &answer.server.to_string(), offer);
                }
            }
            Subject::Resolver { server, .. } if is_direct => {
                self.put(Circumstance::Resolvers, "", server.to_string());
            }
            Subject::ControllerName { name, .. } => {
                for address in &facts.addresses {
                    self.put(Circumstance::Addresses, name, address.to_string());
                }
            }
            Subject::Host { name } => {
                if let Some(issuer) = &facts.issuer {
                    self.put(Circumstance::CertificateIssuer, name, issuer.clone());
                }
            }
            Subject::ProxyScript { .. } => {
                let ways = facts.script.iter().flat_map(|script| script.ways());
                for way in ways {
                    let way = match way {
                        Way::Direct => "directly".to_owned(),
                        Way::Proxy(proxy) => proxy.clone(),
                    };
                    self.put(Circumstance::Proxies, "", way);
                }
            }
            _ => {}
        }
        if matches!(seen.check.subject, Subject::Resolver { .. }) {
            for record in &facts.records {
                let path = if is_direct { "" } else { seen.path.as_str() };
                self.put(Circumstance::Controllers, path, record.target.clone());
            }
        }
        if let Some(controller) = &facts.controller
            && is_direct
            && !controller.client_site.is_empty()
        {
            self.put(Circumstance::AdSite, "", controller.client_site.clone());
        }
    }

    fn put(&mut self, what: Circumstance, of: &str, value: String) {
        let key = (what, of.to_owned());
        if self.0.len() < MOST || self.0.contains_key(&key) {
            let values = self.0.entry(key).or_default();
            values.insert(value);
            if values.len() > MOST_VALUES {
                // Always the same ones of the same ones, in whatever order they come.
                values.pop_last();
            }
        }
    }

    /// What has another value in the two: as it was, and as it is. The issuer of a host is another one only if
    /// it was not known before.
    fn differences<'a>(&'a self, before: &'a Self) -> impl Iterator<Item = Difference<'a>> {
        self.0.iter().filter_map(|(key, is)| {
            let was = before.0.get(key)?;
            let is_same = match key.0 {
                Circumstance::CertificateIssuer => is.is_subset(was),
                _ => is == was,
            };
            (!is_same).then_some(Difference { key, was, is })
        })
    }

    /// Whether nothing has changed. Issuers do without anybody's doing.
    fn stands_as(&self, before: &Self) -> bool {
        let lasting = |all: &Self| {
            let all = all.0.iter();
            let mut all: Vec<_> = all
                .map(|(key, values)| (key.clone(), values.clone()))
                .collect();
            all.retain(|((what, _), _)| *what != Circumstance::CertificateIssuer);
            all
        };
        lasting(self) == lasting(before)
    }

    /// Takes what stands now in the place of what stood, and keeps the issuers that each host has shown.
    fn replaced_by(&self, now: &Self) -> Self {
        let mut now = now.clone();
        for (key, issuers) in &mut now.0 {
            if key.0 != Circumstance::CertificateIssuer {
                continue;
            }
            for issuer in self.0.get(key).into_iter().flatten() {
                if issuers.len() < MOST_ISSUERS {
                    issuers.insert(issuer.clone());
                }
            }
        }
        now
    }
}

/// Without what differs from one answer to the next.
fn offer(answer: &crate::dhcp::DhcpAnswer) -> String {
    let mut parts = Vec::new();
    let mut part = |name: &str, value: String| {
        if !value.is_empty() {
            parts.push(format!("{name} {value}"));
        }
    };
    part("router", listed(&answer.routers));
    part("resolvers", listed(&answer.resolvers));
    part("domain", answer.domain.clone().unwrap_or_default());
    part("search", answer.search.join(", "));
    part(
        "script",
        answer.proxy_script_url.clone().unwrap_or_default(),
    );
    part("portal", answer.portal_api_url.clone().unwrap_or_default());
    if parts.is_empty() {
        parts.push("nothing".to_owned());
    }
    parts.join("; ")
}

fn listed<T: fmt::Display>(all: &[T]) -> String {
    let all: Vec<_> = all.iter().map(ToString::to_string).collect();
    all.join(", ")
}

struct Difference<'a> {
    key: &'a Key,
    was: &'a BTreeSet<String>,
    is: &'a BTreeSet<String>,
}

/// Something that is different since the flow could last succeed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// What.
    pub what: Circumstance,
    /// Of what: hosts, controllers, a path, a DHCP server; empty where there is one only.
    pub of: Vec<String>,
    /// As it was.
    pub was: Vec<String>,
    /// As it is.
    pub is: Vec<String>,
    /// When it was first seen to be different.
    pub seen: Timestamp,
}

/// As many are told.
const MOST_CHANGES: usize = 24;

/// As many things are named, and the others counted.
const NAMED: usize = 4;

/// One line for people: `Resolvers: 10.9.9.9:53, was 10.1.0.53:53 (seen 2026-11-22T10:00:00Z)`.
impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.what.title())?;
        if !self.of.is_empty() {
            write!(f, " of {}", few(&self.of))?;
        }
        write!(
            f,
            ": {}, was {} (seen {})",
            few(&self.is),
            few(&self.was),
            self.seen
        )
    }
}

fn few(all: &[String]) -> String {
    let named = all.get(..NAMED).unwrap_or(all).join(", ");
    match all.len().saturating_sub(NAMED) {
        0 => named,
        more => format!("{named} and {more} more"),
    }
}

/// How it stood when the flow could last succeed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Stored", into = "Stored")]
pub struct Baseline {
    /// When it last stood so.
    pub at: Timestamp,
    /// How it stood: ready, or degraded.
    pub verdict: Verdict,
    circumstances: Circumstances,
}

impl Baseline {
    /// Whether another one says the same, apart from the time.
    #[must_use]
    pub fn says_the_same(&self, other: &Self) -> bool {
        self.verdict == other.verdict && self.circumstances == other.circumstances
    }
}

/// A baseline as it is written: keys of JSON are texts.
#[derive(Clone, Serialize, Deserialize)]
struct Stored {
    at: Timestamp,
    verdict: Verdict,
    circumstances: Vec<(Circumstance, String, BTreeSet<String>)>,
}

impl From<Stored> for Baseline {
    fn from(stored: Stored) -> Self {
        let all = stored.circumstances.into_iter().take(MOST);
        Self {
            at: stored.at,
            verdict: stored.verdict,
            circumstances: Circumstances(
                all.map(|(what, of, values)| ((what, of), values)).collect(),
            ),
        }
    }
}

impl From<Baseline> for Stored {
    fn from(baseline: Baseline) -> Self {
        let all = baseline.circumstances.0.into_iter();
        Self {
            at: baseline.at,
            verdict: baseline.verdict,
            circumstances: all.map(|((what, of), values)| (what, of, values)).collect(),
        }
    }
}

/// Follows the circumstances of one network.
#[derive(Clone, Debug, Default)]
pub struct Watch {
    baseline: Option<Baseline>,
    /// What stands now, where the flow can succeed, and since when.
    candidate: Option<(Moment, Circumstances)>,
    /// When what was first seen to be different.
    seen: BTreeMap<Key, Timestamp>,
}

impl Watch {
    /// A site that is degraded for longer than this is taken as it is.
    const DEGRADED_AFTER_MILLIS: i64 = 24 * 3600 * 1000;

    /// Goes on after a restart.
    #[must_use]
    pub fn resumed(baseline: Option<Baseline>) -> Self {
        Self {
            baseline,
            ..Self::default()
        }
    }

    /// How it stood when the flow could last succeed; `None` if that was never seen.
    #[must_use]
    pub const fn baseline(&self) -> Option<&Baseline> {
        self.baseline.as_ref()
    }

    /// Takes how it stands. `is_settled` says that everything has been asked and nothing is in doubt;
    /// what stands so for `patience` while the flow can succeed is the new baseline.
    pub fn follow(
        &mut self,
        current: &Circumstances,
        (verdict, is_settled): (Verdict, bool),
        patience: Duration,
        now: Moment,
    ) -> Vec<Change> {
        if is_settled && self.is_good(verdict, now) {
            self.stand(current, verdict, patience, now);
        } else {
            self.candidate = None;
        }
        self.changes(current, now)
    }

    fn is_good(&self, verdict: Verdict, now: Moment) -> bool {
        match verdict {
            Verdict::Ready => true,
            Verdict::Degraded => self.baseline.as_ref().is_none_or(|baseline| {
                let age = now.wall.unix_millis() - baseline.at.unix_millis();
                baseline.verdict == Verdict::Degraded || age > Self::DEGRADED_AFTER_MILLIS
            }),
            Verdict::NotReady | Verdict::Unknown => false,
        }
    }

    fn stand(
        &mut self,
        current: &Circumstances,
        verdict: Verdict,
        patience: Duration,
        now: Moment,
    ) {
        let since = match &self.candidate {
            Some((since, candidate)) if current.stands_as(candidate) => *since,
            _ => {
                self.candidate = Some((now, current.clone()));
                now
            }
        };
        let has_stood = now.steady.saturating_sub(since.steady) >= patience;
        let circumstances = match &self.baseline {
            None => current.clone(),
            Some(before) if has_stood => before.circumstances.replaced_by(current),
            Some(before) if current.differences(&before.circumstances).next().is_none() => {
                before.circumstances.clone()
            }
            // It may be that what is different has not broken anything yet.
            Some(_) => return,
        };
        self.baseline = Some(Baseline {
            at: now.wall,
            verdict,
            circumstances,
        });
    }

    fn changes(&mut self, current: &Circumstances, now: Moment) -> Vec<Change> {
        let Some(baseline) = &self.baseline else {
            return Vec::new();
        };
        let mut changes: Vec<Change> = Vec::new();
        let mut seen = BTreeMap::new();
        for Difference { key, was, is } in current.differences(&baseline.circumstances) {
            let first = *self.seen.get(key).unwrap_or(&now.wall);
            seen.insert(key.clone(), first);
            let (what, of) = key;
            let is: Vec<_> = is.iter().cloned().collect();
            let is_same = |change: &Change| change.what == *what && change.is == is;
            let known = changes.iter().position(is_same).filter(|_| !of.is_empty());
            if let Some(change) = known.and_then(|place| changes.get_mut(place)) {
                change.of.push(of.clone());
                change.seen = change.seen.min(first);
                for value in was {
                    if !change.was.contains(value) {
                        change.was.push(value.clone());
                    }
                }
            } else if changes.len() < MOST_CHANGES {
                let of = Some(of.clone()).filter(|of| !of.is_empty());
                changes.push(Change {
                    what: *what,
                    of: of.into_iter().collect(),
                    was: was.iter().cloned().collect(),
                    is,
                    seen: first,
                });
            }
        }
        self.seen = seen;
        changes
    }
}

#[cfg(test)]
mod tests;
