//! By which ways the clients of a network reach the Internet, and whether the proxies among them let a
//! machine through.

use std::collections::BTreeMap;

use super::draft::Draft;
use super::uplink::{capped, plain};
use super::{NetworkScene, ProxyUse};
use crate::observation::Observation;
use crate::outcome::{ScriptFacts, Severity, State, Way};
use crate::reason::Reason;
use crate::stage::{Gate, Stage};
use crate::subject::{Subject, Topic};

/// The ways that clients take, as far as they can be told without running a script.
#[derive(Debug, Default)]
pub(super) struct Ways<'a> {
    /// The script that clients go by, where there is one.
    script: Option<(&'a Observation, &'a ScriptFacts)>,
    /// Whether a client may go without a proxy.
    pub(super) direct: bool,
    /// What was heard on the direct way.
    direct_way: Heard,
    /// Whether a host answered through a proxy.
    pub(super) proxy_answers: bool,
}

/// What was heard of hosts on one way.
#[derive(Clone, Copy, Debug, Default)]
struct Heard {
    /// How many were asked.
    asked: usize,
    /// How many of them answered.
    answered: usize,
    /// Whether one that the flow cannot do without did not.
    misses_a_hard_one: bool,
}

impl Ways<'_> {
    /// Whether the way to the Internet as a whole leads through a proxy: single hosts may be open without.
    pub(super) const fn need_a_proxy(&self) -> bool {
        self.proxy_answers && self.direct_way.answered * 2 <= self.direct_way.asked
    }

    /// How it stands without a proxy, for people.
    pub(super) fn without_a_proxy(&self) -> String {
        let Heard {
            asked, answered, ..
        } = self.direct_way;
        format!("without a proxy, {answered} of {asked} hosts answer")
    }

    /// Whether everything that the flow cannot do without answers without a proxy.
    const fn go_without(&self) -> bool {
        self.direct && self.direct_way.answered > 0 && !self.direct_way.misses_a_hard_one
    }

    /// Whether nothing at all answers without a proxy, though it was asked.
    const fn is_direct_closed(&self) -> bool {
        self.direct_way.asked > 0 && self.direct_way.answered == 0
    }
}

/// Which ways there are. Clients take the first script that they find.
pub(super) fn ways(network: &NetworkScene) -> Ways<'_> {
    let mut scripts: Vec<_> = network
        .observations
        .iter()
        .filter_map(|seen| match seen.check.subject {
            Subject::ProxyScript { source } => Some((source, seen)),
            _ => None,
        })
        .collect();
    // What was fetched says more than where it is announced.
    scripts.sort_by_key(|(source, seen)| (*source, seen.check.target.address.is_none()));
    let found = scripts
        .into_iter()
        .find_map(|(_, seen)| Some((seen, seen.outcome.facts.script.as_ref()?)));
    let mut ways = Ways {
        direct_way: heard(network),
        proxy_answers: network
            .observations
            .iter()
            .any(|seen| is_host(seen) && seen.check.proxy.is_some() && seen.outcome.was_answered()),
        ..Ways::default()
    };
    match (&network.proxy, found) {
        (ProxyUse::Named(_), _) => {}
        (ProxyUse::Auto, Some((seen, script))) => {
            ways.script = Some((seen, script));
            let all = script.ways();
            let has_proxy = all.iter().any(|way| matches!(way, Way::Proxy(_)));
            ways.direct = !has_proxy || all.contains(&&Way::Direct);
        }
        (ProxyUse::Auto | ProxyUse::Direct, _) => ways.direct = true,
    }
    ways
}

fn is_host(seen: &Observation) -> bool {
    matches!(seen.check.subject, Subject::Host { .. })
}

fn heard(network: &NetworkScene) -> Heard {
    // Whether any of its addresses answers, and whether the flow needs it.
    let mut hosts: BTreeMap<&str, (bool, bool)> = BTreeMap::new();
    for seen in &network.observations {
        let Subject::Host { name } = &seen.check.subject else {
            continue;
        };
        if seen.check.proxy.is_some() || seen.outcome.state() == State::Unknown {
            continue;
        }
        let is_lookup = seen.check.target.address.is_none();
        let (answers, is_hard) = hosts.entry(name).or_default();
        *answers |= !is_lookup && seen.outcome.was_answered();
        *is_hard |= seen.check.gate == Gate::Hard;
    }
    Heard {
        asked: hosts.len(),
        answered: hosts.values().filter(|(answers, _)| *answers).count(),
        misses_a_hard_one: hosts
            .values()
            .any(|(answers, is_hard)| *is_hard && !*answers),
    }
}

/// Whether the network has anything to do with a proxy.
pub(super) fn are_in_use(network: &NetworkScene) -> bool {
    network.observations.iter().any(|seen| {
        matches!(seen.check.subject, Subject::Proxy { .. }) || seen.outcome.facts.script.is_some()
    })
}

pub(super) fn judge(network: &NetworkScene, ways: &Ways<'_>) -> Vec<Draft> {
    let mut drafts: Vec<Draft> = ways
        .script
        .into_iter()
        .flat_map(|(seen, _)| of_script(network, ways, seen))
        .collect();
    let proxies = collect(network);
    let working: Vec<Way> = proxies
        .iter()
        .filter(|(_, seen)| works(seen))
        .map(|(name, _)| Way::Proxy((*name).to_owned()))
        .collect();
    let are_known = ways
        .script
        .is_none_or(|(_, script)| script.is_whole && are_tried(script, &proxies));
    for (name, seen) in &proxies {
        let way = Way::Proxy((*name).to_owned());
        // Of several proxies each may be for other places; where one takes the place of another, it is missed.
        let takes_its_place = |(_, script): (&Observation, &ScriptFacts)| {
            working.iter().any(|other| script.are_together(&way, other))
        };
        for finding in &seen.outcome.findings {
            let severity = capped(finding, seen.check.gate);
            let most = if !working.is_empty() && !ways.script.is_some_and(takes_its_place) {
                Severity::Info
            } else if !working.is_empty() || ways.go_without() {
                Severity::Degrading
            } else if are_known {
                Severity::Blocking
            } else {
                Severity::Inconclusive
            };
            let reason = seen.meaning_of(finding);
            let draft = Draft::new(reason, Stage::Proxy, severity.min(most));
            drafts.push(draft.at(*name).because(&finding.detail));
        }
    }
    drafts.extend(nobody_finds_it(network, ways));
    drafts.extend(not_known(network, ways, &proxies));
    drafts
}

/// Whether every proxy of a script was tried.
fn are_tried(script: &ScriptFacts, proxies: &BTreeMap<&str, &Observation>) -> bool {
    script.ways().into_iter().all(|way| match way {
        Way::Direct => true,
        Way::Proxy(name) => proxies.contains_key(name.as_str()),
    })
}

/// A script whose answers could not be told, in a network where nothing answers without a proxy: it may well be
/// right.
fn not_known(
    network: &NetworkScene,
    ways: &Ways<'_>,
    proxies: &BTreeMap<&str, &Observation>,
) -> Option<Draft> {
    let (seen, script) = ways.script?;
    let is_read = matches!(seen.outcome.state(), State::Pass | State::Warn);
    let is_open = is_read && !script.is_whole && proxies.is_empty();
    (is_open && ways.is_direct_closed() && knows_the_internet(network)).then(|| {
        Draft::new(Reason::NotRun, Stage::Proxy, Severity::Inconclusive)
            .at(&script.url)
            .because(
                "nothing answers without a proxy, and the answers of the script cannot be told without running it; name the proxy in network.proxy",
            )
    })
}

fn knows_the_internet(network: &NetworkScene) -> bool {
    network.observations.iter().any(|seen| {
        let topic = seen.check.subject.resolver().map(|(_, topic)| topic);
        topic == Some(Topic::Internet) && matches!(seen.outcome.state(), State::Pass | State::Warn)
    })
}

/// What was found about the script. A device that cannot read it goes on without a proxy, so that it
/// stands in the way only where that is closed, although the Internet is there.
fn of_script(
    network: &NetworkScene,
    ways: &Ways<'_>,
    script: &Observation,
) -> impl Iterator<Item = Draft> {
    let stands_in_the_way = knows_the_internet(network) && ways.is_direct_closed();
    plain(script).map(move |mut draft| {
        if draft.severity == Severity::Blocking && !stands_in_the_way {
            draft.severity = Severity::Degrading;
        }
        draft
    })
}

fn collect(network: &NetworkScene) -> BTreeMap<&str, &Observation> {
    network
        .observations
        .iter()
        .filter_map(|seen| match &seen.check.subject {
            Subject::Proxy { name } => Some((name.as_str(), seen)),
            _ => None,
        })
        .collect()
}

fn works(seen: &Observation) -> bool {
    matches!(seen.outcome.state(), State::Pass | State::Warn)
}

/// A proxy that is named in the configuration of this box helps no device that has to find it.
fn nobody_finds_it(network: &NetworkScene, ways: &Ways<'_>) -> Option<Draft> {
    let ProxyUse::Named(name) = &network.proxy else {
        return None;
    };
    let mut searches = network
        .observations
        .iter()
        .filter(|seen| matches!(seen.check.subject, Subject::ProxyScript { .. }))
        .filter(|seen| matches!(seen.outcome.state(), State::Pass | State::Warn))
        .peekable();
    searches.peek()?;
    let is_announced = searches.any(|seen| seen.outcome.facts.script.is_some());
    (ways.need_a_proxy() && !is_announced).then(|| {
        let mut draft = Draft::new(Reason::WpadMissing, Stage::Proxy, Severity::Degrading)
            .at(name)
            .because("no proxy script is announced by the names and options that were looked for");
        draft.details.extend(unheard_of_dhcp(network));
        draft
    })
}

/// What stood in the way of asking DHCP for a script: there may be one that nobody here knows of.
pub(super) fn unheard_of_dhcp(network: &NetworkScene) -> impl Iterator<Item = String> {
    network
        .observations
        .iter()
        .filter(|seen| seen.check.subject == Subject::Dhcp && seen.outcome.facts.dhcp.is_empty())
        .flat_map(|seen| &seen.outcome.findings)
        .map(|finding| finding.detail.clone())
}
