//! Addresses of a name, looked up at one resolver: of what an SRV record points at, of a source of
//! Internet time, of a host of the flow.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use sightline_model::{Finding, Gate, Phase, Reason, Stage, Subject, Target, Topic};

use super::{Ground, resolver_task};
use crate::endpoints::Endpoint;
use crate::net::fault::Blame;
use crate::net::lookup;
use crate::path::NetPath;
use crate::run::{Probe, Run, Running, Task};

/// The task that looks up the addresses of an SRV target at the resolver that named it.
#[must_use]
pub(crate) fn address_task(ground: &Ground<'_>, server: SocketAddr, name: &str) -> Task {
    let about = (Topic::Records, Stage::DomainController, Gate::Hard);
    let failure = Reason::DnsTargetUnresolved;
    let mut task = lookup_task(ground, (server, name), about, Some(failure));
    task.check.subject = Subject::ControllerName {
        name: name.to_owned(),
        server,
    };
    task.check.closed_as = Reason::DnsTimeout;
    task
}

/// The task that looks up a source of Internet time at a resolver that knows the Internet.
#[must_use]
pub(crate) fn time_source_task(ground: &Ground<'_>, server: SocketAddr, name: &str) -> Task {
    let about = (Topic::Internet, Stage::Time, Gate::Soft);
    let failure = Reason::NtpNoAnswer;
    let mut task = lookup_task(ground, (server, name), about, Some(failure));
    task.check.subject = Subject::TimeSource {
        name: name.to_owned(),
    };
    task.check.closed_as = failure;
    task
}

/// The task that looks up a host of the Internet at a resolver that knows it, for all the endpoints
/// that name the host.
#[must_use]
pub(crate) fn host_task(
    ground: &Ground<'_>,
    server: SocketAddr,
    name: &str,
    endpoints: &[Arc<Endpoint>],
) -> Option<Task> {
    let stages: BTreeSet<Stage> = endpoints
        .iter()
        .flat_map(|endpoint| endpoint.stages.iter().copied())
        .collect();
    let mut stages = stages.into_iter();
    let first = stages.next()?;
    let gate = endpoints
        .iter()
        .filter_map(|endpoint| endpoint.gate())
        .max()?;
    let about = (Topic::Internet, first, gate);
    let mut task = lookup_task(ground, (server, name), about, None);
    task.check.also = stages.collect();
    task.check.subject = Subject::Host {
        name: name.to_owned(),
    };
    let is_sts = endpoints.iter().all(|row| row.is_sign_in_service());
    task.check.closed_as = if is_sts {
        Reason::StsUnreachable
    } else {
        Reason::EndpointUnreachable
    };
    Some(task)
}

fn lookup_task(
    ground: &Ground<'_>,
    (server, name): (SocketAddr, &str),
    about: (Topic, Stage, Gate),
    failure: Option<Reason>,
) -> Task {
    let lookup = Lookup { server, failure };
    let mut task = resolver_task(ground, server, "address", about, lookup);
    task.check.target = Target {
        host: name.to_owned(),
        address: None,
        port: None,
    };
    task
}

#[derive(Debug)]
struct Lookup {
    server: SocketAddr,
    /// What a failure is called; as the resolver says it without.
    failure: Option<Reason>,
}

impl Probe for Lookup {
    fn run<'a>(&'a self, run: &'a Run) -> Running<'a> {
        Box::pin(self.addresses(run))
    }
}

impl Lookup {
    async fn addresses(&self, run: &Run) -> Result<(), Finding> {
        run.enter(Phase::Resolve);
        let path = Arc::new(run.path().clone());
        let name = &run.target().host;
        let found = lookup::addresses(&path, self.server, name, run.remaining())
            .await
            .map_err(|failure| match failure.blame {
                // What else a resolver says against a name is about the resolver.
                Blame::Target(why @ (Reason::DnsNxdomain | Reason::DnsNodata)) => {
                    run.fail(self.failure.unwrap_or(why), failure.detail)
                }
                Blame::Target(why) => run.fail(why, failure.detail),
                Blame::Ours(why) => run.blind(why, failure.detail),
            })?;
        let (useless, useful): (Vec<IpAddr>, Vec<IpAddr>) = found
            .into_iter()
            .partition(|address| leads_nowhere(*address, run.path()));
        let shown = |addresses: &[IpAddr]| -> Vec<String> {
            addresses.iter().map(ToString::to_string).collect()
        };
        if !useless.is_empty() {
            let reason = self.failure.unwrap_or(Reason::DnsNodata);
            let said = format!(
                "{name} has a host record that leads nowhere: {}",
                shown(&useless).join(", ")
            );
            if useful.is_empty() {
                return Err(run.fail(reason, said));
            }
            run.note(run.info(reason, said));
        }
        run.keep("addresses", shown(&useful));
        run.read_addresses(useful);
        Ok(())
    }
}

/// Addresses that no client can follow: of this host itself, of one link (RFC 3927, RFC 4291
/// §2.5.6), of many hosts or of none, as filters answer. Some of them lead to this very box.
fn leads_nowhere(address: IpAddr, path: &NetPath) -> bool {
    let is_looped = address.is_loopback() && path.interface.as_deref() != Some("lo");
    let is_of_one_link = match address {
        IpAddr::V4(v4) => v4.is_link_local() || v4.is_broadcast(),
        IpAddr::V6(v6) => v6.is_unicast_link_local(),
    };
    is_looped || is_of_one_link || address.is_unspecified() || address.is_multicast()
}
