//! By which ways the clients of a network reach the Internet, and whether the proxies among them let a
//! machine through.

use std::collections::BTreeMap;

use super::draft::Draft;
use super::uplink::{capped, plain};
use super::{NetworkScene, ProxyUse};
use crate::outcome::{Observation, Severity, State, Way};
use crate::reason::Reason;
use crate::stage::Stage;
use crate::subject::{Subject, Topic};

/// The ways that clients take, as far as they can be told without running a script.
#[derive(Debug, Default)]
pub(super) struct Ways<'a> {
    /// The script that clients go by, where there is one.
    script: Option<&'a Observation>,
    /// Whether a client may go without a proxy.
    pub(super) direct: bool,
    /// Whether a client may be sent to a proxy.
    pub(super) proxied: bool,
    /// Whether anything was asked on the direct way, and whether a host answered there.
    pub(super) direct_answers: Option<bool>,
    /// Whether a host answered through a proxy.
    pub(super) proxy_answers: bool,
}

impl Ways<'_> {
    /// Whether only a proxy leads to the Internet.
    pub(super) fn need_a_proxy(&self) -> bool {
        self.proxy_answers && self.direct_answers != Some(true)
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
        direct_answers: answers(network, false),
        proxy_answers: answers(network, true) == Some(true),
        ..Ways::default()
    };
    match (&network.proxy, found) {
        (ProxyUse::Named(_), _) => ways.proxied = true,
        (ProxyUse::Auto, Some((seen, script))) => {
            ways.script = Some(seen);
            ways.proxied = script.ways.iter().any(|way| matches!(way, Way::Proxy(_)));
            ways.direct = !ways.proxied || script.ways.contains(&Way::Direct);
        }
        (ProxyUse::Auto | ProxyUse::Direct, _) => ways.direct = true,
    }
    ways
}

/// Whether any host answered on one of the two ways; `None` where none was asked.
fn answers(network: &NetworkScene, through_proxy: bool) -> Option<bool> {
    let mut asked = network
        .observations
        .iter()
        .filter(|seen| matches!(seen.check.subject, Subject::Host { .. }))
        .filter(|seen| seen.check.proxy.is_some() == through_proxy)
        .filter(|seen| seen.outcome.state() != State::Unknown)
        .peekable();
    asked.peek()?;
    Some(asked.any(|seen| {
        let is_lookup = !through_proxy && seen.check.target.address.is_none();
        !is_lookup && seen.outcome.was_answered()
    }))
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
        .flat_map(|script| of_script(network, ways, script))
        .collect();
    let proxies = collect(network);
    let any_works = proxies.values().any(|seen| works(seen));
    let spared = any_works || (ways.direct && ways.direct_answers == Some(true));
    for (name, seen) in proxies {
        for finding in &seen.outcome.findings {
            let severity = capped(finding, seen.check.gate);
            let draft = Draft::new(
                seen.meaning_of(finding),
                Stage::Proxy,
                if spared {
                    severity.min(Severity::Degrading)
                } else {
                    severity
                },
            );
            drafts.push(draft.at(name).because(&finding.detail));
        }
    }
    drafts.extend(nobody_finds_it(network, ways));
    drafts
}

/// What was found about the script. A device that cannot read it goes on without a proxy, so that it
/// stands in the way only where that is closed, although the Internet is there.
fn of_script(
    network: &NetworkScene,
    ways: &Ways<'_>,
    script: &Observation,
) -> impl Iterator<Item = Draft> {
    let knows_the_internet = network.observations.iter().any(|seen| {
        let topic = seen.check.subject.resolver().map(|(_, topic)| topic);
        topic == Some(Topic::Internet) && matches!(seen.outcome.state(), State::Pass | State::Warn)
    });
    let stands_in_the_way = knows_the_internet && ways.direct_answers == Some(false);
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
        Draft::new(Reason::WpadMissing, Stage::Proxy, Severity::Degrading)
            .at(name)
            .because("no proxy script is announced by the names and options that were looked for")
    })
}
