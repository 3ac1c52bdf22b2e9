//! One look at a network: everything that can be asked, along what the answers lead to.
//!
//! Nothing waits that need not: each answer starts the questions that it makes possible, so that a
//! dead thing costs one deadline and not one for each question. What was learned is kept with
//! what it followed from, which gives the slowest chain of dependent exchanges.

mod account;
mod controllers;
mod handed_out;
mod hosts;
mod preferred;
mod proxies;
mod search;
mod throughput;
mod under_way;

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use sightline_model::{DhcpAnswer, NetworkScene, Observation, Stage, State, Subject, Topic};
use tokio::time::Instant;

use crate::plan::{Network, Plan};
use crate::probe::{self, Ground, Thing};
use crate::run::Task;
use account::AccountUse;
use controllers::{Controllers, Knock};
use hosts::Hosts;
use preferred::Preferred;
use proxies::Proxies;
use under_way::UnderWay;

pub use handed_out::handed_out;
pub use search::{Searched, domain_of_search_list};
pub use throughput::throughput;

/// As many portals are asked, where several DHCP servers announce one each.
const MOST_PORTALS: usize = 4;

/// What a look at a network gave.
#[derive(Debug)]
pub struct Survey {
    /// For the judge.
    pub scene: NetworkScene,
    /// The chain of dependent exchanges that took longest.
    pub slowest: Vec<Link>,
    /// How long it all took.
    pub took: Duration,
}

/// One exchange in a chain.
#[derive(Clone, Debug)]
pub struct Link {
    /// What was asked of whom.
    pub what: String,
    /// How long it took.
    pub took: Duration,
}

/// What is looked for.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// The Active Directory domain, where one is.
    pub domain: Option<&'a str>,
    /// The stages that are judged, and those that they need.
    pub stages: &'a [Stage],
}

/// Looks at one network, which [`handed_out()`] has completed with what it gives beside. `watch` hears of each
/// run as it ends.
pub async fn survey(
    plan: &Plan,
    (network, handed): (&Network, Option<&Observation>),
    wanted: Wanted<'_>,
    watch: &(dyn Fn(&Observation) + Sync),
) -> Survey {
    let begun = Instant::now();
    let Wanted { domain, stages } = wanted;
    let ground = Ground {
        plan,
        network,
        domain,
        path: &network.path,
        stages,
    };
    let mut under_way = UnderWay::new();
    let mut of_network = probe::tasks(&ground, &Thing::Network);
    let is_dhcp = |task: &Task| task.check.subject == Subject::Dhcp;
    let asks_dhcp = of_network.iter().any(is_dhcp);
    of_network.retain(|task| handed.is_none() || !is_dhcp(task));
    under_way.start(of_network, None);
    for server in &network.resolvers {
        under_way.start(probe::tasks(&ground, &Thing::Resolver(*server)), None);
    }
    let mut controllers = Controllers::new(plan.dc_sample);
    let mut account = AccountUse::default();
    let mut next = Next {
        ground: &ground,
        locating: BTreeSet::new(),
        site: None,
        internet: Preferred::new(&network.resolvers),
        time_asked: false,
        hosts: Hosts::new(&ground),
        proxies: Proxies::new(&network.proxy, asks_dhcp),
    };
    if let (Some(site), Some(domain)) = (&plan.ad_site, domain) {
        next.site = Some(site.clone());
        for server in &network.resolvers {
            under_way.start(vec![probe::site_task(&ground, *server, site, domain)], None);
        }
    }
    under_way.start(next.literal_time_sources(), None);
    if let Some(seen) = handed {
        watch(seen);
        let id = under_way.ended(seen.clone());
        let tasks = next.after(seen, &mut controllers);
        under_way.start(tasks, Some(id));
    }
    if next.wants_clocks() {
        under_way.start(probe::tasks(&ground, &Thing::OwnClock), None);
    }

    while let Some((id, seen)) = under_way.join().await {
        watch(&seen);
        let tasks = next.after(&seen, &mut controllers);
        under_way.start(tasks, Some(id));
        under_way.start(account.after(&ground, &seen), Some(id));
        under_way.keep(id, seen);
        if under_way.awaited == 0 && account.is_wanted(&ground) {
            let candidates = controllers.candidates();
            let tasks = account.begin(&ground, &candidates, under_way.observations());
            under_way.start(tasks, Some(id));
        }
    }
    let slowest = under_way.slowest();
    let mut observations = under_way.into_observations();
    // Who was only pinged is not judged: its silence is as good as that of those who were not asked.
    observations.retain(|seen| match &seen.check.subject {
        Subject::Controller { name, .. } | Subject::ControllerName { name, .. } => {
            controllers.is_probed(name)
        }
        _ => true,
    });
    Survey {
        scene: NetworkScene {
            name: network.name.clone(),
            domain: domain.map(str::to_owned),
            configured_site: plan.ad_site.clone(),
            proxy: network.proxy.to_use(),
            dhcp_servers: network.dhcp_servers.clone(),
            tenant: plan.tenant.clone(),
            candidates: controllers.candidates(),
            clock_synchronised: observations
                .iter()
                .find_map(|seen| seen.outcome.facts.synchronised),
            observations,
        },
        slowest,
        took: begun.elapsed(),
    }
}

/// What an answer makes possible.
struct Next<'a> {
    ground: &'a Ground<'a>,
    /// Resolvers that find domain controllers.
    locating: BTreeSet<SocketAddr>,
    /// The site whose records are asked for.
    site: Option<String>,
    /// Whom names of the Internet are asked of.
    internet: Preferred<SocketAddr>,
    time_asked: bool,
    hosts: Hosts,
    proxies: Proxies,
}

impl Next<'_> {
    fn after(&mut self, seen: &Observation, controllers: &mut Controllers) -> Vec<Task> {
        let passed = matches!(seen.outcome.state(), State::Pass | State::Warn);
        match &seen.check.subject {
            Subject::Dhcp => {
                let mut tasks = self.proxies.after_dhcp(self.ground, seen);
                tasks.extend(self.portal_apis(&seen.outcome.facts.dhcp));
                tasks
            }
            Subject::Resolver {
                server,
                topic: Topic::Internet,
            } => self.internet_names(*server, passed),
            Subject::Resolver { server, topic } if passed => {
                self.after_resolver(*server, *topic, seen, controllers)
            }
            Subject::ControllerName { name, .. } if passed => {
                let usable = self.usable(&seen.outcome.facts.addresses);
                self.doors(controllers.found(name, &usable))
            }
            Subject::Controller { name, .. } => {
                let mut tasks = self.learned_site(seen);
                if passed && seen.outcome.facts.controller.is_some() {
                    tasks.extend(self.doors(controllers.answered(name)));
                }
                tasks
            }
            Subject::Host { .. } if seen.outcome.facts.sign_in_service.is_some() => {
                let service = seen.outcome.facts.sign_in_service.iter();
                let learned = |service| self.hosts.learned(self.ground, service);
                service.flat_map(learned).collect()
            }
            Subject::Host { name } if passed && !seen.outcome.facts.addresses.is_empty() => self
                .hosts
                .doors(self.ground, name, &seen.outcome.facts.addresses),
            Subject::ProxyScript { source } => {
                self.proxies.after_script(self.ground, *source, seen)
            }
            Subject::Proxy { .. } => {
                let exit = self.proxies.after_proxy(seen);
                exit.map_or_else(Vec::new, |exit| self.hosts.through(self.ground, &exit))
            }
            Subject::TimeSource { name } if passed && !seen.outcome.facts.addresses.is_empty() => {
                self.time_sources(name, &seen.outcome.facts.addresses)
            }
            _ => Vec::new(),
        }
    }

    /// Each portal that DHCP announces is asked once.
    fn portal_apis(&self, answers: &[DhcpAnswer]) -> Vec<Task> {
        let announced: BTreeSet<&String> = answers
            .iter()
            .filter_map(|answer| answer.portal_api_url.as_ref())
            .filter(|url| *url != DhcpAnswer::UNRESTRICTED)
            .collect();
        announced
            .into_iter()
            .take(MOST_PORTALS)
            .flat_map(|url| probe::tasks(self.ground, &Thing::PortalApi(url.clone())))
            .collect()
    }

    /// The names of hosts and of time sources, once it is known whom to ask.
    fn internet_names(&mut self, server: SocketAddr, knows: bool) -> Vec<Task> {
        let Some(server) = self.internet.heard(&server, knows) else {
            return Vec::new();
        };
        let mut tasks = self.hosts.lookups(self.ground, server);
        tasks.extend(self.named_time_sources(server));
        tasks
    }

    fn after_resolver(
        &mut self,
        server: SocketAddr,
        topic: Topic,
        seen: &Observation,
        controllers: &mut Controllers,
    ) -> Vec<Task> {
        match (topic, seen.check.service) {
            (Topic::Locator, _) => {
                self.locating.insert(server);
                let mut tasks = self.records(server, seen, false, controllers);
                // The site may be known from another resolver's controllers already.
                if let (None, Some(site), Some(domain)) =
                    (&self.ground.plan.ad_site, &self.site, self.ground.domain)
                {
                    tasks.push(probe::site_task(self.ground, server, site, domain));
                }
                tasks
            }
            (_, "site_locator") => self.records(server, seen, true, controllers),
            _ => Vec::new(),
        }
    }

    /// Looks up what the records of `seen` name, and asks what they make of controllers that were
    /// known already.
    fn records(
        &self,
        server: SocketAddr,
        seen: &Observation,
        in_site: bool,
        controllers: &mut Controllers,
    ) -> Vec<Task> {
        let records = &seen.outcome.facts.records;
        let mut tasks: Vec<Task> = controllers
            .announced(server, records, in_site)
            .iter()
            .map(|name| probe::address_task(self.ground, server, name))
            .collect();
        tasks.extend(self.doors(controllers.promoted(records)));
        tasks
    }

    /// Addresses of a family that this box cannot send from are left out, unless there is no
    /// other.
    fn usable(&self, addresses: &[IpAddr]) -> Vec<IpAddr> {
        let has_route = |address: &IpAddr| {
            crate::net::socket::reachable_by_route(self.ground.path, *address).is_ok()
        };
        let used: Vec<IpAddr> = addresses.iter().copied().filter(has_route).collect();
        if used.is_empty() {
            addresses.to_vec()
        } else {
            used
        }
    }

    fn doors(&self, knocks: Vec<Knock>) -> Vec<Task> {
        let thing = |name, address| Thing::Controller { name, address };
        knocks
            .into_iter()
            .flat_map(|knock| match knock {
                Knock::Ping(name, address) => probe::ping_tasks(self.ground, &thing(name, address)),
                Knock::Probe(name, address) => probe::tasks(self.ground, &thing(name, address)),
            })
            .collect()
    }

    /// The first controller that knows our site lets us ask for that site's records, as a client
    /// does ([MS-ADTS] 6.3.6.1).
    fn learned_site(&mut self, seen: &Observation) -> Vec<Task> {
        let site = seen
            .outcome
            .facts
            .controller
            .as_ref()
            .map(|facts| facts.client_site.as_str())
            .filter(|site| is_site_name(site));
        let (None, Some(site), Some(domain)) = (&self.site, site, self.ground.domain) else {
            return Vec::new();
        };
        self.site = Some(site.to_owned());
        self.locating
            .iter()
            .map(|server| probe::site_task(self.ground, *server, site, domain))
            .collect()
    }

    /// Internet time is a question of its own, a voice about the clocks of the controllers, and a
    /// witness of whether a certificate is invalid or the clock of this box is wrong.
    fn wants_clocks(&self) -> bool {
        self.ground.wants(&[Stage::Time, Stage::SignIn]) || self.hosts.have_certificates()
    }

    fn wanted_time_sources(&self) -> impl Iterator<Item = &String> {
        let are_wanted = self.wants_clocks();
        let sources = self.ground.plan.time_sources.iter();
        sources.filter(move |_| are_wanted)
    }

    fn literal_time_sources(&self) -> Vec<Task> {
        self.wanted_time_sources()
            .filter_map(|source| {
                source
                    .parse::<IpAddr>()
                    .ok()
                    .map(|address| (source, address))
            })
            .flat_map(|(source, address)| self.time_sources(source, &[address]))
            .collect()
    }

    /// Names of time sources are looked up once.
    fn named_time_sources(&mut self, server: SocketAddr) -> Vec<Task> {
        if std::mem::replace(&mut self.time_asked, true) {
            return Vec::new();
        }
        self.wanted_time_sources()
            .filter(|source| source.parse::<IpAddr>().is_err())
            .map(|source| probe::time_source_task(self.ground, server, source))
            .collect()
    }

    /// One address is enough: a source is asked for the time, not for its health.
    fn time_sources(&self, name: &str, addresses: &[IpAddr]) -> Vec<Task> {
        self.usable(addresses)
            .first()
            .map(|address| {
                let thing = Thing::TimeSource {
                    name: name.to_owned(),
                    address: *address,
                };
                probe::tasks(self.ground, &thing)
            })
            .unwrap_or_default()
    }
}

/// What a controller says is a site goes into a DNS name: one label of the usual letters.
fn is_site_name(site: &str) -> bool {
    (1..=63).contains(&site.len())
        && site
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}
