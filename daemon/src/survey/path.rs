//! One path to the domain controllers, the direct one or a tunnel, and what is known on it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use sightline_model::{Candidate, Observation, SrvRecord, State, Subject, Topic, TunnelFacts};

use super::controllers::{Controllers, Knock};
use crate::path::NetPath;
use crate::plan::{Network, Plan, Vpn};
use crate::probe::{self, Ground, Thing};
use crate::run::Task;

/// As many addresses of one answer are looked at; a name server may answer with thousands.
const MOST_ADDRESSES: usize = 64;

/// The routes to as many controllers' addresses are looked at in one tunnel. Each is a question to the kernel.
const MOST_ROUTED: usize = 128;

/// What is known on a path.
pub(super) struct Path {
    pub(super) net: Arc<NetPath>,
    /// The VPN, where it is one.
    pub(super) vpn: Option<Arc<Vpn>>,
    /// The resolvers that are asked on it for the records of the domain.
    resolvers: Vec<SocketAddr>,
    controllers: Controllers,
    /// Resolvers that find domain controllers.
    locating: BTreeSet<SocketAddr>,
    /// The site whose records are asked for.
    site: Option<String>,
    /// What the kernel knew of the tunnel when it was found to be up.
    tunnel: Option<TunnelFacts>,
    /// Controllers' addresses by name, whose routes are looked at once everything is asked of the controller.
    behind: BTreeMap<String, BTreeSet<IpAddr>>,
    /// Controllers' addresses whose routes were looked at.
    routed: BTreeSet<IpAddr>,
}

impl Path {
    pub(super) fn direct(plan: &Plan, network: &Network) -> Self {
        Self {
            net: Arc::clone(&network.path),
            vpn: None,
            resolvers: network.resolvers.clone(),
            controllers: Controllers::new(plan.dc_sample),
            locating: BTreeSet::new(),
            site: plan.ad_site.clone(),
            tunnel: None,
            behind: BTreeMap::new(),
            routed: BTreeSet::new(),
        }
    }

    /// A tunnel that ends on this box; nothing is asked through it before it is known to be up.
    pub(super) fn through(plan: &Plan, network: &Network, vpn: &Arc<Vpn>) -> Option<Self> {
        Some(Self {
            net: Arc::new(NetPath {
                network: network.name.clone(),
                name: vpn.name.clone(),
                interface: Some(vpn.interface_in(&network.name)?.to_owned()),
                sources: Vec::new(),
            }),
            vpn: Some(Arc::clone(vpn)),
            resolvers: vpn.resolvers.clone(),
            controllers: Controllers::through(plan.dc_sample),
            ..Self::direct(plan, network)
        })
    }

    /// The same ground, on this path.
    pub(super) fn ground<'a>(&'a self, ground: &Ground<'a>) -> Ground<'a> {
        Ground {
            path: &self.net,
            ..*ground
        }
    }

    /// Whether it lives on what the resolvers of the network say.
    pub(super) fn shares_resolvers(&self) -> bool {
        self.vpn.is_some() && self.resolvers.is_empty()
    }

    pub(super) fn candidates(&self) -> Vec<Candidate> {
        self.controllers.candidates()
    }

    /// Whether everything is asked of a controller, so that what was seen of it is to be judged.
    pub(super) fn is_probed(&self, name: &str) -> bool {
        self.controllers.is_probed(name)
    }

    /// The records of the site that the configuration names.
    pub(super) fn site_tasks(&self, ground: &Ground<'_>) -> Vec<Task> {
        let (Some(site), Some(domain)) = (&ground.plan.ad_site, ground.domain) else {
            return Vec::new();
        };
        let led_to = |server: &&SocketAddr| self.is_led_to(server.ip());
        let resolvers = self.resolvers.iter().filter(led_to);
        resolvers
            .map(|server| probe::site_task(&self.ground(ground), *server, site, domain))
            .collect()
    }

    /// The tunnel is up: its resolvers are asked, and what the resolvers of the network said already is
    /// gone after.
    pub(super) fn opened(
        &mut self,
        ground: &Ground<'_>,
        facts: &TunnelFacts,
        network: &[&Observation],
    ) -> Vec<Task> {
        if self.tunnel.is_some() || ground.domain.is_none() {
            return Vec::new();
        }
        self.tunnel = Some(facts.clone());
        let mut tasks = Vec::new();
        for server in &self.resolvers {
            tasks.extend(self.route_task(ground, None, server.ip()));
            if self.is_led_to(server.ip()) {
                tasks.extend(probe::tasks(
                    &self.ground(ground),
                    &Thing::Resolver(*server),
                ));
            }
        }
        tasks.extend(self.site_tasks(ground));
        if self.shares_resolvers() {
            for seen in network {
                tasks.extend(self.overheard(ground, seen));
            }
        }
        tasks
    }

    /// What was found on the direct path, where this one has no resolvers of its own.
    pub(super) fn overheard(&mut self, ground: &Ground<'_>, seen: &Observation) -> Vec<Task> {
        if self.tunnel.is_none() || !passed(seen) {
            return Vec::new();
        }
        match &seen.check.subject {
            Subject::Resolver {
                server,
                topic: Topic::Locator | Topic::Records,
            } => {
                let records = &seen.outcome.facts.records;
                let in_site = seen.check.service == "site_locator";
                self.controllers.announced(*server, records, in_site);
                self.promoted(ground, records)
            }
            Subject::ControllerName { name, .. } => {
                self.found(ground, name, &seen.outcome.facts.addresses)
            }
            _ => Vec::new(),
        }
    }

    /// What an answer on this path makes possible.
    pub(super) fn after(&mut self, ground: &Ground<'_>, seen: &Observation) -> Vec<Task> {
        let is_good = passed(seen);
        match &seen.check.subject {
            Subject::Resolver { server, topic } if is_good => {
                self.after_resolver(ground, *server, *topic, seen)
            }
            Subject::ControllerName { name, .. } if is_good => {
                self.found(ground, name, &seen.outcome.facts.addresses)
            }
            Subject::Controller { name, .. } => {
                let mut tasks = self.learned_site(ground, seen);
                if is_good && seen.outcome.facts.controller.is_some() {
                    let knocks = self.controllers.answered(name);
                    tasks.extend(self.doors(ground, knocks));
                }
                tasks
            }
            _ => Vec::new(),
        }
    }

    /// What shows only when everything else has been tried: whether anything came out of the tunnel.
    pub(super) fn closing(&mut self, ground: &Ground<'_>) -> Vec<Task> {
        let (Some(vpn), Some(facts)) = (&self.vpn, self.tunnel.take()) else {
            return Vec::new();
        };
        let thing = Thing::Tunnel {
            vpn: Arc::clone(vpn),
            before: facts.traffic,
        };
        probe::tasks(&self.ground(ground), &thing)
    }

    fn after_resolver(
        &mut self,
        ground: &Ground<'_>,
        server: SocketAddr,
        topic: Topic,
        seen: &Observation,
    ) -> Vec<Task> {
        match (topic, seen.check.service) {
            (Topic::Locator, _) => {
                self.locating.insert(server);
                let mut tasks = self.records(ground, server, seen, false);
                // The site may be known from another resolver's controllers already.
                if let (None, Some(site), Some(domain)) =
                    (&ground.plan.ad_site, &self.site, ground.domain)
                {
                    let task = probe::site_task(&self.ground(ground), server, site, domain);
                    tasks.push(task);
                }
                tasks
            }
            (_, "site_locator") => self.records(ground, server, seen, true),
            _ => Vec::new(),
        }
    }

    /// Looks up what the records of `seen` name, and asks what they make of controllers that were
    /// known already.
    fn records(
        &mut self,
        ground: &Ground<'_>,
        server: SocketAddr,
        seen: &Observation,
        in_site: bool,
    ) -> Vec<Task> {
        let records: &[SrvRecord] = &seen.outcome.facts.records;
        let names = self.controllers.announced(server, records, in_site);
        let mut tasks: Vec<Task> = names
            .iter()
            .map(|name| probe::address_task(&self.ground(ground), server, name))
            .collect();
        tasks.extend(self.promoted(ground, records));
        tasks
    }

    /// What is asked of controllers that were known already, now that records have named them.
    fn promoted(&mut self, ground: &Ground<'_>, records: &[SrvRecord]) -> Vec<Task> {
        let knocks = self.controllers.promoted(records);
        let mut tasks = self.doors(ground, knocks);
        for record in records {
            tasks.extend(self.ways(ground, &record.target));
        }
        tasks
    }

    /// The routes to a controller of which everything is asked. Where only the ping is, a missing route is as
    /// good as the silence of those who were not asked.
    fn ways(&mut self, ground: &Ground<'_>, name: &str) -> Vec<Task> {
        if !self.is_probed(name) {
            return Vec::new();
        }
        let mut tasks = Vec::new();
        for address in self.behind.remove(name).unwrap_or_default() {
            if self.routed.len() < MOST_ROUTED && self.routed.insert(address) {
                tasks.extend(self.route_task(ground, Some(name), address));
            }
        }
        tasks
    }

    fn found(&mut self, ground: &Ground<'_>, name: &str, addresses: &[IpAddr]) -> Vec<Task> {
        let addresses: Vec<IpAddr> = addresses.iter().copied().take(MOST_ADDRESSES).collect();
        let usable = self.usable(&addresses);
        if self.vpn.is_some() {
            let behind = self.behind.entry(name.to_owned()).or_default();
            behind.extend(&usable);
        }
        let mut tasks = self.ways(ground, name);
        let led_to: Vec<IpAddr> = usable
            .into_iter()
            .filter(|address| self.is_led_to(*address))
            .collect();
        let knocks = self.controllers.found(name, &led_to);
        tasks.extend(self.doors(ground, knocks));
        tasks
    }

    /// Addresses of a family that this box cannot send from are left out, unless there is no
    /// other.
    pub(super) fn usable(&self, addresses: &[IpAddr]) -> Vec<IpAddr> {
        let has_route =
            |address: &IpAddr| crate::net::socket::reachable_by_route(&self.net, *address).is_ok();
        let used: Vec<IpAddr> = addresses.iter().copied().filter(has_route).collect();
        if used.is_empty() {
            addresses.to_vec()
        } else {
            used
        }
    }

    /// Whether a route leads there through the tunnel. A socket that is bound to the interface would take
    /// everybody for its neighbour.
    fn is_led_to(&self, address: IpAddr) -> bool {
        let Some(facts) = &self.tunnel else {
            return self.vpn.is_none();
        };
        facts.leads_to(address)
    }

    fn route_task(&self, ground: &Ground<'_>, name: Option<&str>, address: IpAddr) -> Vec<Task> {
        let Some(vpn) = &self.vpn else {
            return Vec::new();
        };
        let thing = Thing::Behind {
            vpn: Arc::clone(vpn),
            name: name.map(str::to_owned),
            address,
        };
        probe::tasks(&self.ground(ground), &thing)
    }

    fn doors(&self, ground: &Ground<'_>, knocks: Vec<Knock>) -> Vec<Task> {
        let ground = self.ground(ground);
        let thing = |name, address| Thing::Controller { name, address };
        knocks
            .into_iter()
            .flat_map(|knock| match knock {
                Knock::Ping(name, address) => probe::ping_tasks(&ground, &thing(name, address)),
                Knock::Probe(name, address) => probe::tasks(&ground, &thing(name, address)),
            })
            .collect()
    }

    /// The first controller that knows our site lets us ask for that site's records, as a client
    /// does ([MS-ADTS] 6.3.6.1).
    fn learned_site(&mut self, ground: &Ground<'_>, seen: &Observation) -> Vec<Task> {
        let site = seen
            .outcome
            .facts
            .controller
            .as_ref()
            .map(|facts| facts.client_site.as_str())
            .filter(|site| is_site_name(site));
        let (None, Some(site), Some(domain)) = (&self.site, site, ground.domain) else {
            return Vec::new();
        };
        self.site = Some(site.to_owned());
        self.locating
            .iter()
            .map(|server| probe::site_task(&self.ground(ground), *server, site, domain))
            .collect()
    }
}

fn passed(seen: &Observation) -> bool {
    matches!(seen.outcome.state(), State::Pass | State::Warn)
}

/// What a controller says is a site goes into a DNS name: one label of the usual letters.
fn is_site_name(site: &str) -> bool {
    (1..=63).contains(&site.len())
        && site
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}
