//! The kinds of probes. Adding one is one new file here and its name in the two lists below.

mod canary;
mod capport;
mod cldap;
mod clock;
mod dhcp;
mod dns;
mod handshake;
mod host;
mod http;
mod https;
mod icmp;
mod kerberos;
mod kpasswd;
mod ldap;
mod link;
mod loss;
mod mtu;
mod ntp;
mod proxy;
mod ra;
mod refusal;
mod route;
mod rpc;
mod scp;
mod smb;
mod sts;
mod throughput;
mod trace;
mod traffic;
mod tunnel;
mod vpn;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use sightline_model::{Check, Finding, Gate, Reason, Stage, Subject, Target, Traffic};

use crate::account::Closed;
use crate::endpoints::Endpoint;
use crate::net::proxy::{Exit, Server};
use crate::net::routes::{Kernel, Snapshot};
use crate::path::NetPath;
use crate::plan::{Network, Plan, Vpn};
use crate::run::{Probe, Run, Task};

pub(crate) use dns::{address_task, host_task, site_task, time_source_task};
pub use dns::{locator_name, site_locator_name};
pub(crate) use proxy::{announced_task, script_task};

/// Every kind, in the order in which people think of them.
pub const KINDS: &[Kind] = &[
    link::KIND,
    dhcp::KIND,
    ra::KIND,
    capport::KIND,
    dns::KIND,
    cldap::KIND,
    ldap::KIND,
    kerberos::KIND,
    kpasswd::KIND,
    rpc::KIND,
    smb::KIND,
    ntp::KIND,
    clock::KIND,
    icmp::KIND,
    loss::KIND,
    mtu::KIND,
    trace::KIND,
    proxy::KIND,
    http::KIND,
    https::KIND,
    scp::KIND,
    canary::KIND,
    sts::KIND,
    throughput::KIND,
    vpn::KIND,
    tunnel::KIND,
    route::KIND,
    traffic::KIND,
    handshake::KIND,
];

/// A kind of probe.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    /// The name in JSON, metrics and documents.
    pub name: &'static str,
    /// One sentence: what it sends and what that proves.
    pub help: &'static str,
    /// The reasons of its own that it may give, beside those of every connection.
    pub reasons: &'static [Reason],
    /// What it asks of a thing; nothing, where the thing is not its business.
    pub tasks: fn(&Ground<'_>, &Thing) -> Vec<Task>,
}

/// Something that can be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Thing {
    /// The network itself: link, addresses, routes.
    Network,
    /// The API of a captive portal, by the URI that DHCP or a router announces.
    PortalApi(String),
    /// A resolver that the network hands out.
    Resolver(SocketAddr),
    /// One address of a domain controller.
    Controller {
        /// Target of the SRV record.
        name: String,
        /// The address.
        address: IpAddr,
    },
    /// A port of a domain controller that says nothing.
    Dark(DarkPort),
    /// A domain controller at which the account may be used.
    AccountAt {
        /// Target of the SRV record.
        name: String,
        /// The address.
        address: IpAddr,
        /// Whether it was seen to speak LDAP over TLS on a port of its own.
        has_ldaps: bool,
    },
    /// What is behind a tunnel that is up, asked on its path: a controller, or a resolver without a name.
    Behind {
        /// The VPN.
        vpn: Arc<Vpn>,
        /// Target of the SRV record, where it is a controller.
        name: Option<String>,
        /// The address.
        address: IpAddr,
    },
    /// A tunnel through which everything was asked that can be.
    Tunnel {
        /// The VPN.
        vpn: Arc<Vpn>,
        /// What its interface had counted before.
        before: Traffic,
    },
    /// The clock of this box.
    OwnClock,
    /// A source of Internet time, looked up.
    TimeSource {
        /// As configured.
        name: String,
        /// The address.
        address: IpAddr,
    },
    /// A proxy that a script names.
    Proxy(Server),
    /// A host of the Internet that gives content, for how fast it comes.
    Content {
        /// The row of the list that it stands in.
        endpoint: Arc<Endpoint>,
        /// The host.
        name: String,
        /// One of its addresses, where one is known.
        address: Option<IpAddr>,
    },
    /// A host of the Internet.
    Host {
        /// What is asked there.
        endpoint: Arc<Endpoint>,
        /// One of its hosts.
        name: String,
        /// How it is reached.
        by: By,
    },
}

/// A port of a domain controller that says nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DarkPort {
    /// Target of the SRV record.
    pub name: String,
    /// The address.
    pub address: IpAddr,
    /// Whether it is a port of UDP; else of TCP.
    pub is_udp: bool,
    /// Its number.
    pub port: u16,
    /// The door of the check that found it silent.
    pub door: String,
}

/// How a host of the Internet is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum By {
    /// At one of its addresses.
    Address(IpAddr),
    /// Through a proxy, which looks it up itself.
    Proxy(Exit),
}

impl By {
    /// The proxy, where it is one.
    #[must_use]
    pub const fn exit(&self) -> Option<&Exit> {
        match self {
            Self::Address(_) => None,
            Self::Proxy(exit) => Some(exit),
        }
    }
}

/// What a kind may know when it makes its tasks.
#[derive(Debug)]
pub struct Ground<'a> {
    /// The plan of the site.
    pub plan: &'a Plan,
    /// The network that is looked at, with what it hands out.
    pub network: &'a Network,
    /// The AD domain that is looked for.
    pub domain: Option<&'a str>,
    /// The path that the tasks take.
    pub path: &'a Arc<NetPath>,
    /// The stages that are judged or needed; nothing is asked for others alone.
    pub stages: &'a [Stage],
}

impl Ground<'_> {
    /// Whether something of `stages` is judged or needed.
    #[must_use]
    pub fn wants(&self, stages: &[Stage]) -> bool {
        stages.iter().any(|stage| self.stages.contains(stage))
    }

    /// A task about the tunnel of a VPN. `host` is what it looks at there.
    fn tunnel_task(
        &self,
        kind: &'static str,
        vpn: &Vpn,
        host: String,
        closed_as: Reason,
        probe: Arc<dyn Probe>,
    ) -> Task {
        Task {
            check: Check {
                probe: kind,
                service: kind,
                stage: Stage::Vpn,
                also: Vec::new(),
                gate: if vpn.is_required {
                    Gate::Hard
                } else {
                    Gate::Soft
                },
                subject: Subject::Tunnel {
                    name: vpn.name.clone(),
                },
                door: host.clone(),
                closed_as,
                needs_flag: None,
                is_of_host: false,
                proxy: None,
                target: Target {
                    host,
                    address: None,
                    port: None,
                },
            },
            path: Arc::clone(self.path),
            timeout: self.plan.timeout,
            probe,
        }
    }

    /// A task for a service of a domain controller, with the usual values.
    fn controller_task(
        &self,
        kind: &'static str,
        (name, address): (&str, IpAddr),
        (transport, port): (&str, u16),
        probe: impl Probe + 'static,
    ) -> Task {
        Task {
            check: Check {
                probe: kind,
                service: kind,
                stage: Stage::DomainController,
                also: Vec::new(),
                gate: Gate::Hard,
                subject: Subject::Controller {
                    name: name.to_owned(),
                    address,
                },
                door: format!("{transport}/{port}"),
                closed_as: Reason::PortBlocked,
                needs_flag: None,
                is_of_host: false,
                proxy: None,
                target: Target {
                    host: name.to_owned(),
                    address: Some(address),
                    port: Some(port),
                },
            },
            path: Arc::clone(self.path),
            timeout: self.plan.timeout,
            probe: Arc::new(probe),
        }
    }
}

/// Links, addresses and routes, as the kernel has them.
///
/// # Errors
/// A fault of our own, where the kernel does not tell.
async fn links_and_routes(run: &Run) -> Result<Snapshot, Finding> {
    let own = |error: &dyn std::fmt::Display| {
        run.blind(
            Reason::InternalError,
            format!("reading links and routes from the kernel: {error}"),
        )
    };
    let kernel = Kernel::open().map_err(|error| own(&error))?;
    kernel.snapshot().await.map_err(|error| own(&error))
}

/// The finding where the account is not used.
fn closed(run: &Run, why: Closed) -> Finding {
    match why {
        Closed::Refused(why) => run.warn(Reason::LogonRefused, why),
        Closed::Unusable(why) => run.info(Reason::NotTested, why),
    }
}

/// The LDAP ping of a controller alone. It is no need of any stage: who answers is asked for
/// everything afterwards.
#[must_use]
pub(crate) fn ping_tasks(ground: &Ground<'_>, thing: &Thing) -> Vec<Task> {
    let mut tasks = (cldap::KIND.tasks)(ground, thing);
    for task in &mut tasks {
        task.check.gate = Gate::Optional;
    }
    tasks
}

/// All tasks for a thing, of all kinds.
#[must_use]
pub fn tasks(ground: &Ground<'_>, thing: &Thing) -> Vec<Task> {
    KINDS
        .iter()
        .flat_map(|kind| (kind.tasks)(ground, thing))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_its_own_name_and_a_whole_sentence() {
        let mut names: Vec<_> = KINDS.iter().map(|kind| kind.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), KINDS.len());
        for kind in KINDS {
            assert!(kind.help.ends_with('.'), "{}", kind.name);
            assert!(!kind.reasons.is_empty(), "{}", kind.name);
        }
    }
}
