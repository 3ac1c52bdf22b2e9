//! The proxies of a network: the script that announces them, and whether each lets a machine through.
//!
//! A script is fetched and read, and never run: whether a device takes this or that answer of it for a host is not
//! known, so that each is tried.

mod script;
#[cfg(test)]
mod tests;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use sightline_model::{Check, Finding, Gate, Phase, Reason, Stage, Subject, Target};

use super::{Ground, Kind, Thing};
use crate::endpoints::Protocol;
use crate::net::fault::Blame;
use crate::net::http::{self, Question};
use crate::net::proxy::{self, Server};
use crate::net::{exchange, names, socket};
use crate::plan::ProxyChoice;
use crate::run::{Probe, Run, Running, Task};

pub(crate) use script::{announced_task, script_task};

/// As many hosts are asked for, until the proxy connects to one.
const MOST_TRIED: usize = 3;

pub(super) const KIND: Kind = Kind {
    name: "proxy",
    help: "Looks for a proxy script by DHCP option 252 and the name wpad, fetches and reads it, and asks each proxy for a tunnel (CONNECT): whether it lets a machine through without a sign-in.",
    reasons: &[
        Reason::ProxyUnreachable,
        Reason::ProxyAuth,
        Reason::ProxyRefused,
        Reason::HttpStatus,
        Reason::ContentMismatch,
        Reason::EndpointUnreachable,
        Reason::TlsExpired,
        Reason::TlsNotYetValid,
        Reason::TlsName,
        Reason::TlsUntrusted,
        Reason::NotTested,
    ],
    tasks,
};

fn tasks(ground: &Ground<'_>, thing: &Thing) -> Vec<Task> {
    if !ground.wants(&[Stage::Proxy]) {
        return Vec::new();
    }
    match (thing, &ground.network.proxy) {
        (Thing::Network, ProxyChoice::Auto) => script::search_task(ground).into_iter().collect(),
        (Thing::Network, ProxyChoice::Named(server)) => script::search_task(ground)
            .into_iter()
            .chain([proxy_task(ground, server)])
            .collect(),
        (Thing::Proxy(server), _) => vec![proxy_task(ground, server)],
        _ => Vec::new(),
    }
}

fn proxy_task(ground: &Ground<'_>, server: &Server) -> Task {
    let target = Target {
        host: server.host.clone(),
        address: None,
        port: Some(server.port),
    };
    let subject = Subject::Proxy {
        name: server.to_string(),
    };
    let probe = Gateway {
        server: server.clone(),
        resolvers: ground.network.resolvers.clone(),
        beyond: beyond(ground),
    };
    task(
        ground,
        (KIND.name, subject, target),
        Reason::ProxyUnreachable,
        probe,
    )
}

fn task(
    ground: &Ground<'_>,
    (service, subject, target): (&'static str, Subject, Target),
    closed_as: Reason,
    probe: impl Probe + 'static,
) -> Task {
    Task {
        check: Check {
            probe: KIND.name,
            service,
            stage: Stage::Proxy,
            also: Vec::new(),
            gate: Gate::Hard,
            subject,
            door: target
                .port
                .map_or_else(|| "udp/53".to_owned(), |port| format!("tcp/{port}")),
            closed_as,
            needs_flag: None,
            is_of_host: false,
            proxy: None,
            target,
        },
        path: Arc::clone(ground.path),
        timeout: ground.plan.timeout,
        probe: Arc::new(probe),
    }
}

/// The hosts that the flow cannot do without, as far as they are needed to try a proxy.
fn beyond(ground: &Ground<'_>) -> Vec<String> {
    let mut hosts: Vec<String> = Vec::new();
    let hard = ground.plan.endpoints.iter().filter(|endpoint| {
        endpoint.gate() == Some(Gate::Hard)
            && endpoint.protocol == Protocol::Https
            && !endpoint.no_proxy
    });
    let named = hard.filter_map(|endpoint| Some(&endpoint.hosts.first()?.name));
    for name in named.chain(&ground.plan.internet_names) {
        let authority = format!("{name}:443");
        if !hosts.contains(&authority) {
            hosts.push(authority);
        }
    }
    hosts.truncate(MOST_TRIED);
    hosts
}

#[derive(Debug)]
struct Gateway {
    server: Server,
    resolvers: Vec<std::net::SocketAddr>,
    /// What it is asked for, as `host:port`.
    beyond: Vec<String>,
}

impl Probe for Gateway {
    fn run<'a>(&'a self, run: &'a Run) -> Running<'a> {
        Box::pin(async move {
            let address = self.address(run).await?;
            run.keep("address", address.to_string());
            let mut refused = None;
            let mut silent = None;
            for authority in &self.beyond {
                match self.connect(run, address, authority).await {
                    Ok(()) => {
                        run.keep("connected_to", authority.as_str());
                        run.read_addresses(vec![address]);
                        return Ok(());
                    }
                    Err(finding) if finding.reason == Reason::ProxyAuth => return Err(finding),
                    Err(finding) if finding.reason == Reason::ProxyRefused => {
                        refused = refused.or(Some(finding));
                    }
                    // Who does not get an answer for one host gets none for another in the same time.
                    Err(finding) => {
                        silent = Some(finding);
                        break;
                    }
                }
            }
            match (silent, refused) {
                // Some wait for the host before they answer: what stands behind them is looked at later.
                (Some(silent), _) => self.is_there(run, address, silent).await,
                (None, Some(refused)) => Err(refused),
                (None, None) => Err(run.blind(Reason::NotRun, "there is no host to ask it for")),
            }
        })
    }
}

impl Gateway {
    async fn address(&self, run: &Run) -> Result<IpAddr, Finding> {
        run.enter(Phase::Resolve);
        let limit = run.remaining();
        let found = names::addresses(run.path(), &self.resolvers, &self.server.host, limit)
            .await
            .map_err(|failure| match failure.blame {
                Blame::Ours(reason) => run.blind(reason, failure.detail),
                Blame::Target(_) => run.fail(Reason::ProxyUnreachable, failure.detail),
            })?;
        // A name that leads to this box itself is none of a proxy.
        let is_name = self.server.host.parse::<IpAddr>().is_err();
        let mut somewhere = found
            .iter()
            .filter(|address| !(is_name && names::is_nowhere(&address.to_string())));
        let has_route =
            |address: &&IpAddr| socket::reachable_by_route(run.path(), **address).is_ok();
        let first = somewhere.clone().next();
        let first = somewhere.find(has_route).or(first);
        first.copied().ok_or_else(|| {
            run.fail(
                Reason::ProxyUnreachable,
                format!("{} has no address that leads anywhere", self.server.host),
            )
        })
    }

    /// Asks for a tunnel and leaves it. Most of the time that the run has may go by in it.
    async fn connect(&self, run: &Run, address: IpAddr, authority: &str) -> Result<(), Finding> {
        let limit = run.remaining().mul_f32(0.6);
        let attempt = async {
            let peer = (address, self.server.port).into();
            let stream = exchange::connect_to(run, peer).await?;
            proxy::tunnel(run, stream, authority).await.map(drop)
        };
        match tokio::time::timeout(limit, attempt).await {
            Ok(end) => end,
            Err(_elapsed) => Err(run.fail(
                match run.phase() {
                    Phase::Connect => Reason::ConnectTimeout,
                    _ => Reason::ReadTimeout,
                },
                format!("{}: nothing within {}", run.doing(), shown(limit)),
            )),
        }
    }

    /// Whether anybody is there who speaks the protocol, where no tunnel came of it: a question about
    /// the proxy itself needs nobody behind it.
    async fn is_there(&self, run: &Run, address: IpAddr, silent: Finding) -> Result<(), Finding> {
        let is_from_beyond =
            silent.reason == Reason::HostUnreachable && silent.phase == Phase::Response;
        let none = std::collections::BTreeMap::new();
        let authority = self.server.to_string();
        let question = Question {
            authority: &authority,
            path: "/",
            headers: &none,
            first_bytes: None,
            most_of_body: 0,
        };
        let answers = is_from_beyond
            || silent.reason != Reason::ConnectRefused
                && run
                    .part(async {
                        let peer = (address, self.server.port).into();
                        let stream = exchange::connect_to(run, peer).await?;
                        http::ask(run, stream, &question).await
                    })
                    .await
                    .is_ok();
        if answers {
            run.keep("no_tunnel", silent.detail);
            run.read_addresses(vec![address]);
            Ok(())
        } else {
            Err(silent)
        }
    }
}

fn shown(limit: Duration) -> String {
    crate::text::duration(Duration::from_secs(limit.as_secs().max(1)))
}
