//! The proxies that clients of a network are sent to, found along its scripts, and the one that hosts are asked
//! through: the first that works.

use std::collections::BTreeSet;

use sightline_model::{Observation, ScriptFacts, ScriptSource, Stage, State, Subject, Way};

use super::preferred::Preferred;
use crate::net::proxy::{Exit, Server};
use crate::plan::ProxyChoice;
use crate::probe::{self, Ground, Thing};
use crate::run::Task;

/// As many proxies of a script are tried: one for each region of a company is no rarity.
const MOST_PROXIES: usize = 16;

/// What is known of the proxies.
#[derive(Debug)]
pub(super) struct Proxies {
    choice: ProxyChoice,
    /// Whether DHCP has said all that it has to say about a script, and what the script by name says that
    /// waits for that: clients look at DHCP first.
    dhcp_is_done: bool,
    by_name: Option<ScriptFacts>,
    preferred: Preferred<String>,
    works: Vec<Exit>,
    known: BTreeSet<String>,
    is_chosen: bool,
}

impl Proxies {
    pub(super) fn new(choice: &ProxyChoice, asks_dhcp: bool) -> Self {
        let named: Vec<String> = match choice {
            ProxyChoice::Named(server) => vec![server.to_string()],
            ProxyChoice::Auto | ProxyChoice::Direct => Vec::new(),
        };
        Self {
            choice: choice.clone(),
            dhcp_is_done: !asks_dhcp,
            by_name: None,
            preferred: Preferred::new(&named),
            works: Vec::new(),
            known: named.into_iter().collect(),
            is_chosen: false,
        }
    }

    /// What follows from the answers of DHCP servers: the script that the first of them announces.
    pub(super) fn after_dhcp(&mut self, ground: &Ground<'_>, seen: &Observation) -> Vec<Task> {
        let mut announced = seen.outcome.facts.dhcp.iter();
        match announced.find_map(|answer| answer.proxy_script_url.as_deref()) {
            Some(url) if self.choice != ProxyChoice::Direct && ground.wants(&[Stage::Proxy]) => {
                vec![probe::announced_task(ground, url)]
            }
            _ => {
                self.dhcp_is_done = true;
                let by_name = self.by_name.take();
                by_name.map_or_else(Vec::new, |script| self.try_all(ground, &script))
            }
        }
    }

    /// What follows from a script that was found, fetched or read.
    pub(super) fn after_script(
        &mut self,
        ground: &Ground<'_>,
        source: ScriptSource,
        seen: &Observation,
    ) -> Vec<Task> {
        let facts = &seen.outcome.facts;
        let Some(script) = &facts.script else {
            return Vec::new();
        };
        if seen.check.target.address.is_none() {
            let fetch = probe::script_task(ground, source, &script.url, &facts.addresses);
            return fetch.into_iter().collect();
        }
        if source == ScriptSource::Dns && !self.dhcp_is_done {
            self.by_name = Some(script.clone());
            return Vec::new();
        }
        self.try_all(ground, script)
    }

    /// Tries each proxy of the script that clients go by.
    fn try_all(&mut self, ground: &Ground<'_>, script: &ScriptFacts) -> Vec<Task> {
        if self.choice != ProxyChoice::Auto || !self.known.is_empty() {
            return Vec::new();
        }
        let servers: Vec<Server> = script
            .ways()
            .into_iter()
            .filter_map(|way| match way {
                Way::Proxy(name) => server(name),
                Way::Direct => None,
            })
            .take(MOST_PROXIES)
            .collect();
        let names: Vec<String> = servers.iter().map(ToString::to_string).collect();
        self.preferred = Preferred::new(&names);
        self.known.extend(names);
        servers
            .into_iter()
            .flat_map(|server| probe::tasks(ground, &Thing::Proxy(server)))
            .collect()
    }

    /// The proxy to ask hosts through, once it is known which.
    pub(super) fn after_proxy(&mut self, seen: &Observation) -> Option<Exit> {
        let Subject::Proxy { name } = &seen.check.subject else {
            return None;
        };
        let works = matches!(seen.outcome.state(), State::Pass | State::Warn);
        if let (true, Some(server), Some(address)) =
            (works, server(name), seen.outcome.facts.addresses.first())
        {
            let address = *address;
            self.works.push(Exit { server, address });
        }
        let chosen = self.preferred.heard(name, works)?;
        if std::mem::replace(&mut self.is_chosen, true) {
            return None;
        }
        let mut exits = self.works.iter();
        exits
            .find(|exit| exit.server.to_string() == chosen)
            .cloned()
    }
}

/// Reads what [`Server`] writes.
fn server(name: &str) -> Option<Server> {
    let (host, port) = name.rsplit_once(':')?;
    Some(Server {
        host: host.trim_matches(['[', ']']).to_owned(),
        port: port.parse().ok()?,
    })
}
