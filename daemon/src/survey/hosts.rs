//! The hosts of the Internet that are asked: each name is looked up once, and of its addresses the
//! first of each family is asked.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use sightline_model::SignInService;

use crate::endpoints::{Endpoint, Protocol, SignInService as Configured};
use crate::net::proxy::Exit;
use crate::net::socket;
use crate::probe::{self, By, Ground, Thing};
use crate::run::Task;

/// Documentation (RFC 3849): it is where a default route leads, and nothing is sent there.
const SOMEWHERE: IpAddr = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1));

/// By name, what is asked there.
#[derive(Debug)]
pub(super) struct Hosts {
    by_name: BTreeMap<String, Vec<Arc<Endpoint>>>,
    are_looked_up: bool,
    /// Whom names of the Internet are asked of.
    server: Option<SocketAddr>,
    /// The proxy that everything is asked through too.
    exit: Option<Exit>,
}

impl Hosts {
    /// Those that a wanted stage needs.
    pub(super) fn new(ground: &Ground<'_>) -> Self {
        let has_ipv6 = socket::reachable_by_route(ground.path, SOMEWHERE).is_ok();
        let mut by_name: BTreeMap<String, Vec<Arc<Endpoint>>> = BTreeMap::new();
        let asked = ground.plan.endpoints.iter().filter(|endpoint| {
            endpoint.gate().is_some()
                && endpoint.protocol.is_http()
                && ground.wants(&endpoint.stages)
                && (has_ipv6 || !endpoint.needs_ipv6)
        });
        for endpoint in asked {
            for host in &endpoint.hosts {
                let rows = by_name.entry(host.name.clone()).or_default();
                rows.push(Arc::clone(endpoint));
            }
        }
        Self {
            by_name,
            are_looked_up: false,
            server: None,
            exit: None,
        }
    }

    /// Whether anything that is asked of them has a validity in time.
    pub(super) fn have_certificates(&self) -> bool {
        let mut asked = self.by_name.values().flatten();
        asked.any(|endpoint| endpoint.protocol == Protocol::Https)
    }

    /// The lookups of all names, once.
    pub(super) fn lookups(&mut self, ground: &Ground<'_>, server: SocketAddr) -> Vec<Task> {
        if std::mem::replace(&mut self.are_looked_up, true) {
            return Vec::new();
        }
        self.server = Some(server);
        self.by_name
            .iter()
            .filter_map(|(name, endpoints)| probe::host_task(ground, server, name, endpoints))
            .collect()
    }

    /// What is asked of the company's own sign-in service, once the realm has said where it is.
    pub(super) fn learned(&mut self, ground: &Ground<'_>, service: &SignInService) -> Vec<Task> {
        let Configured::ToBeLearned(row) = &*ground.plan.sign_in_service else {
            return Vec::new();
        };
        let mut known = self.by_name.values().flatten();
        // What is asked for something else already is none of the company's own.
        let is_known = known.any(|endpoint| endpoint.is_sign_in_service())
            || self.by_name.contains_key(&service.host);
        if is_known || !ground.wants(&row.stages) {
            return Vec::new();
        }
        let found = row.found_at(&service.host, service.port, service.metadata.as_deref());
        let rows = vec![Arc::new(found)];
        let lookup = |server| probe::host_task(ground, server, &service.host, &rows);
        // It may be a name of the site's own, in a network that leaves those of the Internet to its proxy.
        let first = || ground.network.resolvers.first().copied();
        let server = self.server.or_else(first);
        let mut tasks: Vec<Task> = server.and_then(lookup).into_iter().collect();
        if let Some(exit) = &self.exit {
            let rows = rows.iter().map(|row| (&service.host, row));
            tasks.extend(by_proxy(ground, exit, rows));
        }
        self.by_name.insert(service.host.clone(), rows);
        tasks
    }

    /// Everything that is asked of a host at `addresses`. Families that this box cannot send from
    /// are left out, unless there is no other.
    pub(super) fn doors(&self, ground: &Ground<'_>, name: &str, addresses: &[IpAddr]) -> Vec<Task> {
        let has_route =
            |address: &&IpAddr| socket::reachable_by_route(ground.path, **address).is_ok();
        let first = |is_v6: bool| {
            let mut family = addresses.iter().filter(|ip| ip.is_ipv6() == is_v6);
            family.find(has_route)
        };
        let (v4, v6) = (first(false), first(true));
        let none = (v4.is_none() && v6.is_none()).then(|| addresses.first());
        self.by_name
            .get(name)
            .into_iter()
            .flatten()
            .flat_map(|endpoint| {
                let v4 = v4.filter(|_| !endpoint.needs_ipv6);
                let asked = [v4, v6, none.flatten()].into_iter().flatten();
                asked.map(|address| Thing::Host {
                    endpoint: Arc::clone(endpoint),
                    name: name.to_owned(),
                    by: By::Address(*address),
                })
            })
            .flat_map(|thing| probe::tasks(ground, &thing))
            .collect()
    }

    /// Everything that is asked of all hosts through a proxy, but of those that know none.
    pub(super) fn through(&mut self, ground: &Ground<'_>, exit: &Exit) -> Vec<Task> {
        self.exit = Some(exit.clone());
        let rows = self
            .by_name
            .iter()
            .flat_map(|(name, endpoints)| endpoints.iter().map(move |endpoint| (name, endpoint)));
        by_proxy(ground, exit, rows)
    }
}

fn by_proxy<'a>(
    ground: &Ground<'_>,
    exit: &Exit,
    rows: impl Iterator<Item = (&'a String, &'a Arc<Endpoint>)>,
) -> Vec<Task> {
    rows.filter(|(_, endpoint)| !endpoint.no_proxy && !endpoint.needs_ipv6)
        .map(|(name, endpoint)| Thing::Host {
            endpoint: Arc::clone(endpoint),
            name: name.clone(),
            by: By::Proxy(exit.clone()),
        })
        .flat_map(|thing| probe::tasks(ground, &thing))
        .collect()
}
