//! One look at a network: everything that can be asked, along what the answers lead to.
//!
//! Nothing waits that need not: each answer starts the questions that it makes possible, so that a
//! dead thing costs one deadline and not one for each question. What was learned is kept with
//! what it followed from, which gives the slowest chain of dependent exchanges.

mod account;
mod controllers;
mod dark;
mod handed_out;
mod hosts;
mod path;
mod preferred;
mod proxies;
mod search;
mod throughput;
mod under_way;
mod wanted;
mod way_out;

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use sightline_model::{
    DIRECT, DhcpAnswer, NetworkScene, Observation, Stage, State, Subject, Topic, VpnScene,
};
use tokio::time::Instant;

use crate::plan::{Network, Plan};
use crate::probe::{self, Ground, Thing};
use crate::run::Task;
use account::AccountUse;
use hosts::Hosts;
use path::Path;
use preferred::Preferred;
use proxies::Proxies;
use under_way::UnderWay;

pub use handed_out::handed_out;
pub use search::{Searched, domain_of_search_list};
pub use throughput::throughput;
pub use wanted::{Current, wanted};
pub use way_out::bound;

/// As many portals are asked, where several DHCP servers and routers announce one each.
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
    (network, handed): (&Network, &[Observation]),
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
    let mut account = AccountUse::default();
    let (mut next, mut first) = Next::begin(&ground);
    let was_asked = |task: &Task| {
        let mut handed = handed.iter();
        handed.any(|seen| seen.check.subject == task.check.subject)
    };
    first.retain(|task| !was_asked(task));
    under_way.start(first, None);
    for seen in handed {
        watch(seen);
        let id = under_way.ended(seen.clone());
        let tasks = next.after(seen);
        under_way.start(tasks, Some(id));
    }

    let mut was_traced = false;
    loop {
        let Some((id, seen)) = under_way.join().await else {
            let mut closing = next.closing();
            if closing.is_empty() && !std::mem::replace(&mut was_traced, true) {
                closing = next.traces(|| under_way.observations());
            }
            if closing.is_empty() {
                break;
            }
            under_way.start(closing, under_way.last());
            continue;
        };
        watch(&seen);
        let mut tasks = next.after(&seen);
        tasks.extend(next.opened(&seen, under_way.observations()));
        under_way.start(tasks, Some(id));
        under_way.start(account.after(&ground, next.paths(), &seen), Some(id));
        under_way.keep(id, seen);
        if under_way.awaited == 0 && account.is_wanted(&ground) {
            let tasks = account.begin(&ground, next.paths(), under_way.observations());
            under_way.start(tasks, Some(id));
        }
    }
    let slowest = under_way.slowest();
    let mut observations = under_way.into_observations();
    observations.retain(|seen| next.is_judged(seen));
    Survey {
        scene: NetworkScene {
            clock_synchronised: observations
                .iter()
                .find_map(|seen| seen.outcome.facts.synchronised),
            observations,
            ..next.scene()
        },
        slowest,
        took: begun.elapsed(),
    }
}

/// What an answer makes possible.
struct Next<'a> {
    ground: &'a Ground<'a>,
    direct: Path,
    /// Those that end on this box, one for each VPN.
    tunnels: Vec<Path>,
    /// Whom names of the Internet are asked of.
    internet: Preferred<SocketAddr>,
    time_asked: bool,
    hosts: Hosts,
    proxies: Proxies,
    /// The APIs of portals that were asked.
    portals: BTreeSet<String>,
}

impl<'a> Next<'a> {
    /// What is asked before anything is known.
    fn begin(ground: &'a Ground<'a>) -> (Self, Vec<Task>) {
        let Ground { plan, network, .. } = *ground;
        let mut tasks = probe::tasks(ground, &Thing::Network);
        let asks_dhcp = tasks.iter().any(|task| task.check.subject == Subject::Dhcp);
        for server in &network.resolvers {
            tasks.extend(probe::tasks(ground, &Thing::Resolver(*server)));
        }
        let tunnels = plan.vpns.iter();
        let tunnels = tunnels.filter_map(|vpn| Path::through(plan, network, vpn));
        let next = Self {
            ground,
            direct: Path::direct(plan, network),
            tunnels: tunnels.collect(),
            internet: Preferred::new(&network.resolvers),
            time_asked: false,
            hosts: Hosts::new(ground),
            proxies: Proxies::new(&network.proxy, asks_dhcp),
            portals: BTreeSet::new(),
        };
        tasks.extend(next.direct.site_tasks(ground));
        tasks.extend(next.literal_time_sources());
        if next.wants_clocks() {
            tasks.extend(probe::tasks(ground, &Thing::OwnClock));
        }
        (next, tasks)
    }

    /// What the judge has to know beside what was seen.
    fn scene(&self) -> NetworkScene {
        let Ground {
            plan,
            network,
            domain,
            ..
        } = *self.ground;
        NetworkScene {
            name: network.name.clone(),
            domain: domain.map(str::to_owned),
            configured_site: plan.ad_site.clone(),
            proxy: network.proxy.to_use(),
            dhcp_servers: network.dhcp_servers.clone(),
            routers: network.routers.clone(),
            tenant: plan.tenant.clone(),
            candidates: self.direct.candidates(),
            vpns: self.vpns(),
            is_direct_expected: network.is_direct_expected,
            clock_synchronised: None,
            observations: Vec::new(),
        }
    }

    /// Who was only pinged is not judged: its silence is as good as that of those who were not asked.
    fn is_judged(&self, seen: &Observation) -> bool {
        match &seen.check.subject {
            Subject::Controller { name, .. } | Subject::ControllerName { name, .. } => self
                .paths()
                .any(|path| path.net.name == seen.path && path.is_probed(name)),
            _ => true,
        }
    }

    /// The paths to the controllers, the direct one first.
    fn paths(&self) -> impl Iterator<Item = &Path> {
        std::iter::once(&self.direct).chain(&self.tunnels)
    }

    fn after(&mut self, seen: &Observation) -> Vec<Task> {
        let passed = matches!(seen.outcome.state(), State::Pass | State::Warn);
        match &seen.check.subject {
            Subject::Dhcp => {
                let mut tasks = self.proxies.after_dhcp(self.ground, seen);
                let answers = seen.outcome.facts.dhcp.iter();
                tasks.extend(self.portal_apis(answers.map(|said| &said.portal_api_url)));
                tasks
            }
            Subject::RouterAdvertisements => {
                let answers = seen.outcome.facts.routers.iter();
                self.portal_apis(answers.map(|said| &said.portal_api_url))
            }
            Subject::Resolver {
                server,
                topic: Topic::Internet,
            } => self.internet_names(*server, passed),
            Subject::Resolver { .. }
            | Subject::ControllerName { .. }
            | Subject::Controller { .. } => self.on_its_path(seen),
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

    /// What a resolver or a controller says leads on, on the path that it was asked on.
    fn on_its_path(&mut self, seen: &Observation) -> Vec<Task> {
        let ground = self.ground;
        if seen.path != DIRECT {
            let mut tunnels = self.tunnels.iter_mut();
            let path = tunnels.find(|path| path.net.name == seen.path);
            return path.map_or_else(Vec::new, |path| path.after(ground, seen));
        }
        let mut tasks = self.direct.after(ground, seen);
        for path in self
            .tunnels
            .iter_mut()
            .filter(|path| path.shares_resolvers())
        {
            tasks.extend(path.overheard(ground, seen));
        }
        tasks
    }

    /// What can be asked through a tunnel that is up.
    fn opened<'b>(
        &mut self,
        seen: &Observation,
        before: impl Iterator<Item = &'b Observation>,
    ) -> Vec<Task> {
        let (Subject::Tunnel { name }, Some(facts)) =
            (&seen.check.subject, &seen.outcome.facts.tunnel)
        else {
            return Vec::new();
        };
        let mut tunnels = self.tunnels.iter_mut();
        let Some(path) = tunnels.find(|path| path.net.name == *name) else {
            return Vec::new();
        };
        let direct: Vec<&Observation> = before.filter(|seen| seen.path == DIRECT).collect();
        path.opened(self.ground, facts, &direct)
    }

    /// What shows only when everything else has been tried.
    fn closing(&mut self) -> Vec<Task> {
        let ground = self.ground;
        let tunnels = self.tunnels.iter_mut();
        tunnels.flat_map(|path| path.closing(ground)).collect()
    }

    /// How far packets come to controllers that say nothing. Who was only pinged is none of them.
    fn traces<'seen, S: Iterator<Item = &'seen Observation>>(
        &self,
        seen: impl Fn() -> S,
    ) -> Vec<Task> {
        let traces = |path: &Path| dark::traces(&path.ground(self.ground), seen());
        self.paths().flat_map(traces).collect()
    }

    /// For the judge.
    fn vpns(&self) -> Vec<VpnScene> {
        let vpns = self.ground.plan.vpns.iter();
        vpns.map(|vpn| {
            let path = self.tunnels.iter().find(|path| path.net.name == vpn.name);
            VpnScene {
                name: vpn.name.clone(),
                ends_here: vpn.interface_in(&self.ground.network.name).is_some(),
                has_resolvers: !vpn.resolvers.is_empty(),
                candidates: path.map(Path::candidates).unwrap_or_default(),
            }
        })
        .collect()
    }

    /// Each portal that DHCP or a router announces is asked once.
    fn portal_apis<'s>(
        &mut self,
        announced: impl Iterator<Item = &'s Option<String>>,
    ) -> Vec<Task> {
        let announced: BTreeSet<&String> = announced
            .flatten()
            .filter(|url| *url != DhcpAnswer::UNRESTRICTED)
            .collect();
        let mut tasks = Vec::new();
        for url in announced {
            if self.portals.len() < MOST_PORTALS && self.portals.insert(url.clone()) {
                tasks.extend(probe::tasks(self.ground, &Thing::PortalApi(url.clone())));
            }
        }
        tasks
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
        self.direct
            .usable(addresses)
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
