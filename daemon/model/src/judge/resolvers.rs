//! What the network's resolvers know: the Internet, the Active Directory zone, the SRV records.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use super::NetworkScene;
use super::draft::Draft;
use super::proxies::Ways;
use super::uplink::{interface, is_conclusive, plain};
use crate::observation::Observation;
use crate::outcome::{Evidence, Finding, Phase, Severity, State};
use crate::reason::Reason;
use crate::stage::Stage;
use crate::subject::{Subject, Topic};

/// What a DNS answer over UDP may have in bytes where the client does not say that it takes more
/// (RFC 1035 §4.2.1).
const SMALLEST_UDP: f64 = 512.0;

/// One resolver and what was asked of it.
struct Resolver<'a> {
    place: String,
    seen: BTreeMap<Topic, Vec<&'a Observation>>,
}

impl<'a> Resolver<'a> {
    fn about(&self, topic: Topic) -> impl Iterator<Item = &'a Observation> {
        self.seen.get(&topic).into_iter().flatten().copied()
    }

    fn passes(&self, topic: Topic) -> bool {
        self.about(topic)
            .any(|seen| matches!(seen.outcome.state(), State::Pass | State::Warn))
    }

    fn failure(&self, topic: Topic) -> Option<(&'a Observation, &'a Finding)> {
        self.about(topic)
            .filter(|seen| seen.outcome.state() == State::Fail)
            .find_map(|seen| seen.outcome.worst().map(|finding| (seen, finding)))
    }

    /// Whether any answer came to a plain query, however bad.
    fn answers_udp(&self) -> bool {
        self.seen
            .iter()
            .filter(|(topic, _)| **topic != Topic::Tcp)
            .flat_map(|(_, seen)| seen)
            .any(|seen| seen.outcome.was_answered())
    }

    /// Whether anybody is there. A resolver that has to ask others first may be silent for their
    /// sake: where nothing of its own was asked of it, an open port must do.
    fn is_there(&self) -> bool {
        let is_asked_of_its_own = [Topic::Zone, Topic::Locator]
            .iter()
            .any(|topic| self.seen.contains_key(topic));
        self.answers_udp() || (!is_asked_of_its_own && self.is_silent_after_connect())
    }

    fn is_silent_after_connect(&self) -> bool {
        self.failure(Topic::Tcp)
            .is_some_and(|(_, finding)| finding.phase > Phase::Connect)
    }

    /// The findings of one observation, at the place by which all others call this resolver.
    fn plain<'b>(&'b self, seen: &'b Observation) -> impl Iterator<Item = Draft> + use<'b> {
        plain(seen).map(|mut draft| {
            draft.at = vec![self.place.clone()];
            draft
        })
    }

    fn is_conclusive(&self) -> bool {
        self.seen
            .keys()
            .any(|topic| self.is_conclusive_about(*topic))
    }

    fn is_conclusive_about(&self, topic: Topic) -> bool {
        self.about(topic)
            .any(|seen| is_conclusive(seen.outcome.state()))
    }
}

pub(super) fn judge(network: &NetworkScene, ways: &Ways<'_>) -> Vec<Draft> {
    let resolvers = collect(network);
    if resolvers.is_empty() {
        return none_handed_out(network).into_iter().collect();
    }
    let (looked_at, _): (Vec<_>, Vec<_>) = resolvers
        .iter()
        .partition(|resolver| resolver.is_conclusive());
    let (alive, dead): (Vec<&Resolver<'_>>, Vec<_>) = looked_at
        .into_iter()
        .partition(|resolver| resolver.is_there());

    let mut drafts = dead_ones(&dead, alive.is_empty());
    drafts.extend(internet(&alive, ways.proxy_answers));
    if let Some(domain) = &network.domain {
        drafts.extend(zone(domain, &alive));
    }
    for resolver in &resolvers {
        drafts.extend(rewriting(resolver));
        drafts.extend(records(resolver));
        drafts.extend(blind(resolver, &resolvers));
    }
    drafts.extend(alive.iter().filter_map(|resolver| tcp(resolver)));
    drafts
}

fn collect(network: &NetworkScene) -> Vec<Resolver<'_>> {
    let mut resolvers: BTreeMap<SocketAddr, Resolver<'_>> = BTreeMap::new();
    for seen in &network.observations {
        if let Some((server, topic)) = seen.check.subject.resolver() {
            resolvers
                .entry(server)
                .or_insert_with(|| Resolver {
                    place: place(server),
                    seen: BTreeMap::new(),
                })
                .seen
                .entry(topic)
                .or_default()
                .push(seen);
        }
    }
    resolvers.into_values().collect()
}

/// Every resolver of a network is asked something, so that a network in which something was looked
/// at, and no resolver, has none.
fn none_handed_out(network: &NetworkScene) -> Option<Draft> {
    // What DHCP says of that is the better word.
    let is_said = network
        .observations
        .iter()
        .any(|seen| seen.check.subject == Subject::Dhcp && seen.outcome.state() >= State::Unknown);
    (!network.observations.is_empty() && !is_said).then(|| {
        Draft::new(Reason::NoResolver, Stage::Network, Severity::Blocking)
            .at(interface(network))
            .because("neither DHCP nor router advertisements nor the configuration name a resolver")
    })
}

/// The usual port goes without saying.
pub(super) fn place(server: SocketAddr) -> String {
    if server.port() == 53 {
        server.ip().to_string()
    } else {
        server.to_string()
    }
}

fn dead_ones(dead: &[&Resolver<'_>], all: bool) -> Vec<Draft> {
    let severity = blocking_if(all);
    dead.iter()
        .map(|resolver| {
            let detail = [Topic::Internet, Topic::Zone, Topic::Locator, Topic::Tcp]
                .into_iter()
                .find_map(|topic| resolver.failure(topic))
                .map(|(_, finding)| finding.detail.clone())
                .unwrap_or_default();
            if resolver.passes(Topic::Tcp) {
                Draft::new(Reason::PortBlocked, Stage::Network, severity).what("udp/53")
            } else {
                Draft::new(Reason::ResolverUnreachable, Stage::Network, severity)
            }
            .at(&resolver.place)
            .because(detail)
        })
        .collect()
}

/// Behind a proxy nobody but the proxy has to know the names of the Internet.
fn internet(alive: &[&Resolver<'_>], is_behind_proxy: bool) -> Vec<Draft> {
    let somebody_knows = alive
        .iter()
        .any(|resolver| resolver.passes(Topic::Internet));
    let nobody_knows = !somebody_knows && !is_behind_proxy;
    alive
        .iter()
        .filter_map(|resolver| {
            let (_, finding) = resolver.failure(Topic::Internet)?;
            let draft = if nobody_knows {
                Draft::new(
                    Reason::InternetUnreachable,
                    Stage::Internet,
                    Severity::Blocking,
                )
                .what("no Internet name resolves")
            } else {
                Draft::new(
                    Reason::ResolverLacksInternet,
                    Stage::Network,
                    if somebody_knows {
                        Severity::Degrading
                    } else {
                        Severity::Info
                    },
                )
            };
            let draft = if nobody_knows {
                draft
            } else {
                draft.at(&resolver.place)
            };
            Some(draft.because(&finding.detail))
        })
        .collect()
}

/// A resolver that gives the SRV records knows the zone, whatever it says about the SOA record.
fn zone(domain: &str, alive: &[&Resolver<'_>]) -> Vec<Draft> {
    let nobody_knows = !alive
        .iter()
        .any(|resolver| resolver.passes(Topic::Zone) || resolver.passes(Topic::Locator));
    let nobody_has_records = !alive.iter().any(|resolver| resolver.passes(Topic::Locator));
    alive
        .iter()
        .filter_map(|resolver| {
            let (seen, finding) = resolver.failure(Topic::Locator)?;
            // A truncated answer has records, so that the zone is known.
            let is_known = finding.reason == Reason::DnsTruncated;
            let draft = match resolver.failure(Topic::Zone) {
                Some((_, zone)) if !is_known => Draft::new(
                    Reason::ResolverLacksAdZone,
                    Stage::DomainController,
                    blocking_if(nobody_knows),
                )
                .what(domain)
                .because(&zone.detail),
                _ => Draft::new(
                    seen.meaning_of(finding),
                    Stage::DomainController,
                    blocking_if(nobody_has_records),
                )
                .what(asked_name(seen))
                .because(&finding.detail),
            };
            Some(draft.at(&resolver.place))
        })
        .collect()
}

fn rewriting(resolver: &Resolver<'_>) -> Vec<Draft> {
    resolver
        .about(Topic::Rewriting)
        .filter(|seen| seen.outcome.was_answered())
        .flat_map(|seen| resolver.plain(seen))
        .collect()
}

/// Records beside the decisive ones, where those are there.
fn records(resolver: &Resolver<'_>) -> Vec<Draft> {
    if !resolver.passes(Topic::Locator) {
        return Vec::new();
    }
    resolver
        .about(Topic::Records)
        .flat_map(|seen| {
            let drafts = resolver.plain(seen);
            drafts.map(|draft| draft.what(asked_name(seen)))
        })
        .collect()
}

/// The name in the question, which the probe keeps as evidence.
fn asked_name(seen: &Observation) -> String {
    match seen.outcome.evidence.get("name") {
        Some(Evidence::Text(name)) => name.clone(),
        _ => seen.check.target.to_string(),
    }
}

/// A closed TCP port of a resolver whose answers fit into UDP harms nobody today.
fn tcp(resolver: &Resolver<'_>) -> Option<Draft> {
    if resolver.passes(Topic::Tcp) || resolver.is_silent_after_connect() {
        return None;
    }
    let (seen, finding) = resolver.failure(Topic::Tcp)?;
    let large = resolver.about(Topic::Locator).find_map(|locator| {
        let bytes = answer_bytes(locator)?;
        (bytes > SMALLEST_UDP).then_some((locator, bytes))
    });
    let draft = match large {
        Some((locator, bytes)) => {
            let name = asked_name(locator);
            let detail = format!(
                "{name} @ {}: the answer has {bytes:.0} bytes; a client without EDNS0 gets it truncated, and TCP 53 is closed: {}",
                resolver.place, finding.detail
            );
            Draft::new(
                Reason::DnsTruncated,
                locator.check.stage,
                Severity::Degrading,
            )
            .what(name)
            .because(detail)
        }
        None => Draft::new(Reason::PortBlocked, Stage::Network, Severity::Info)
            .what(&seen.check.door)
            .because(&finding.detail),
    };
    Some(draft.at(&resolver.place))
}

/// The size of the answer, which the probe keeps as evidence.
fn answer_bytes(seen: &Observation) -> Option<f64> {
    match seen.outcome.evidence.get("answer_bytes") {
        Some(Evidence::Number(bytes)) => Some(*bytes),
        _ => None,
    }
}

/// What could not be looked at, for a reason of our own. Where another resolver that lives was conclusive
/// about the same, it is information: a box without IPv6 cannot ask the resolvers that only have that.
fn blind(resolver: &Resolver<'_>, all: &[Resolver<'_>]) -> Vec<Draft> {
    let mut drafts = Vec::new();
    for (topic, seen) in &resolver.seen {
        let is_known = all.iter().any(|other| {
            other.place != resolver.place && other.is_there() && other.is_conclusive_about(*topic)
        });
        let unknown = seen
            .iter()
            .filter(|seen| seen.outcome.state() == State::Unknown)
            .flat_map(|seen| resolver.plain(seen))
            .filter(|draft| draft.severity == Severity::Inconclusive);
        drafts.extend(unknown.map(|mut draft| {
            if is_known {
                draft.severity = Severity::Info;
            }
            draft
        }));
    }
    drafts
}

fn blocking_if(all: bool) -> Severity {
    if all {
        Severity::Blocking
    } else {
        Severity::Degrading
    }
}
