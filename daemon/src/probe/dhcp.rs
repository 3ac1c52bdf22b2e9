//! What do the DHCP servers of the network hand out (RFC 2131)? Asked as Windows asks when it looks
//! for a proxy: without taking a lease.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use sightline_model::{Check, DhcpAnswer, Finding, Gate, Phase, Reason, Stage, Subject, Target};

use super::{Ground, Kind, Thing};
use crate::net::dhcp::{self, Client, Rhythm};
use crate::net::routes::{Kernel, Link, Snapshot};
use crate::path::NetPath;
use crate::run::{Probe, Run, Running, Task};

pub(super) const KIND: Kind = Kind {
    name: "dhcp",
    help: "Asks the DHCP servers of the segment what they hand out, resolvers, proxy script and portal among it, by DHCPINFORM and then DHCPDISCOVER, and takes no lease.",
    reasons: &[Reason::NotTested, Reason::NoResolver, Reason::DhcpRogue],
    tasks,
};

fn tasks(ground: &Ground<'_>, thing: &Thing) -> Vec<Task> {
    if *thing != Thing::Network {
        return Vec::new();
    }
    let interface = ground.path.interface.clone();
    let decides = ground.network.by_dhcp;
    vec![Task {
        check: Check {
            probe: KIND.name,
            service: KIND.name,
            stage: Stage::Network,
            also: Vec::new(),
            gate: if decides { Gate::Hard } else { Gate::Optional },
            subject: Subject::Dhcp,
            door: "udp/67".to_owned(),
            closed_as: Reason::NotTested,
            needs_flag: None,
            is_of_host: false,
            proxy: None,
            target: Target {
                host: interface.unwrap_or_else(|| ground.path.network.clone()),
                address: None,
                port: None,
            },
        },
        path: Arc::clone(ground.path),
        timeout: ground.plan.timeout,
        probe: Arc::new(Servers { decides }),
    }]
}

#[derive(Debug)]
struct Servers {
    /// Whether the network's resolvers are those that DHCP hands out.
    decides: bool,
}

/// Why nothing was heard.
#[derive(Debug)]
enum Unheard {
    /// This box could not ask.
    NotAsked(Reason, String),
    /// Nobody answers on this interface.
    Silence(String),
}

impl Unheard {
    /// A network without DHCP is as good as one with it, unless its clients live on what it hands out.
    fn finding(&self, run: &Run, decides: bool) -> Finding {
        match self {
            Self::NotAsked(reason, said) => {
                let detail = format!("the DHCP servers were not asked: {said}");
                if decides {
                    run.blind(*reason, detail)
                } else {
                    run.info(Reason::NotTested, detail)
                }
            }
            Self::Silence(interface) if decides => run.fail(
                Reason::NoResolver,
                format!("no DHCP server answers on {interface}, so that DHCP gives clients no resolver"),
            ),
            Self::Silence(interface) => run.info(
                Reason::NotTested,
                format!(
                    "no DHCP server answers on {interface}; options 252 (proxy script) and 114 (portal) are not known"
                ),
            ),
        }
    }
}

impl Probe for Servers {
    fn run<'a>(&'a self, run: &'a Run) -> Running<'a> {
        Box::pin(async move {
            run.enter(Phase::Request);
            match ask(run, self.decides).await {
                Ok(Some(answers)) => {
                    keep(run, &answers);
                    let hands_out = answers.iter().any(|answer| !answer.resolvers.is_empty());
                    run.read_dhcp(answers);
                    if self.decides && !hands_out {
                        return Err(run.fail(
                            Reason::NoResolver,
                            "the DHCP servers that answer hand out no resolver (option 6)",
                        ));
                    }
                }
                // Whoever looks from the loopback interface looks at this box alone.
                Ok(None) => run.keep("asked", "nobody, on the loopback interface"),
                Err(unheard) => {
                    let finding = unheard.finding(run, self.decides);
                    if self.decides {
                        return Err(finding);
                    }
                    run.note(finding);
                }
            }
            Ok(())
        })
    }
}

/// What was answered; nothing where nobody can be asked.
async fn ask(run: &Run, decides: bool) -> Result<Option<Vec<DhcpAnswer>>, Unheard> {
    /// What is left to say what came.
    const RESERVE: Duration = Duration::from_millis(300);

    let not_asked = |said: String| Unheard::NotAsked(Reason::NotRun, said);
    let kernel = Kernel::open().map_err(|error| not_asked(error.to_string()))?;
    let snapshot = kernel.snapshot().await;
    let snapshot = snapshot.map_err(|error| not_asked(error.to_string()))?;
    let link = snapshot.segment(run.path()).map_err(not_asked)?;
    if link.is_loopback {
        return Ok(None);
    }
    let client = client(run.path(), link, &snapshot).map_err(not_asked)?;
    run.keep("interface", client.interface.as_str());
    let rhythm = match client.address {
        _ if decides => Rhythm {
            silence: run.remaining().saturating_sub(RESERVE),
            ..dhcp::CAREFULLY
        },
        Some(_) => dhcp::BRIEFLY,
        None => dhcp::WITHOUT_ADDRESS,
    };
    let asked = dhcp::ask(&client, rhythm).await;
    let mut answers = asked.map_err(|error| {
        let reason = match error.kind() {
            io::ErrorKind::PermissionDenied => Reason::NoPermission,
            _ => Reason::NotRun,
        };
        Unheard::NotAsked(reason, refused(&error))
    })?;
    if answers.is_empty() {
        return Err(Unheard::Silence(client.interface));
    }
    for answer in &mut answers {
        let peer = SocketAddr::from((answer.server, 0));
        answer.hardware = kernel.hardware_of(run.path(), link.index, peer).await;
    }
    Ok(Some(answers))
}

/// Why the port could not be had, and what to do.
fn refused(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::PermissionDenied => format!(
            "UDP 68 may not be opened ({error}); sightline needs the capability \
             CAP_NET_BIND_SERVICE for that"
        ),
        io::ErrorKind::AddrInUse => "another program holds UDP 68 for itself; \
             `ss --udp --listening --processes 'sport = :68'` names it"
            .to_owned(),
        _ => error.to_string(),
    }
}

/// Who asks on a link. Pure.
fn client(path: &NetPath, link: &Link, snapshot: &Snapshot) -> Result<Client, String> {
    let name = &link.name;
    if !(link.is_up && link.has_carrier) {
        return Err(format!("{name} is down"));
    }
    let hardware = link.hardware.ok_or_else(|| {
        format!("{name} is neither Ethernet nor Wi-Fi, and has no segment to ask on")
    })?;
    let configured = path
        .source_for(IpAddr::V4(Ipv4Addr::BROADCAST))
        .and_then(v4);
    Ok(Client {
        interface: name.clone(),
        hardware,
        address: configured.or_else(|| snapshot.address_v4(link)),
    })
}

fn v4(address: IpAddr) -> Option<Ipv4Addr> {
    match address {
        IpAddr::V4(v4) => Some(v4),
        IpAddr::V6(_) => None,
    }
}

/// For people: who answered, what the first of them hands out, and what others hand out instead.
fn keep(run: &Run, answers: &[DhcpAnswer]) {
    let shown = |answer: &DhcpAnswer| format!("{}, {}", answer.place(), answer.kind.title());
    run.keep("servers", answers.iter().map(shown).collect::<Vec<_>>());
    let Some(first) = answers.first() else { return };
    let in_words = |answer: &DhcpAnswer| -> Vec<String> {
        let options = answer.options();
        let words = options
            .iter()
            .map(|(name, value)| format!("{name} {value}"));
        words.collect()
    };
    run.keep("options", in_words(first));
    if let Some(lease) = first.lease {
        run.keep("lease_seconds", lease.as_secs_f64());
    }
    let differing: Vec<_> = answers
        .iter()
        .filter(|answer| answer.options() != first.options())
        .map(|answer| format!("{}: {}", answer.server, in_words(answer).join("; ")))
        .collect();
    if !differing.is_empty() {
        run.keep("other_servers", differing);
    }
}

#[cfg(test)]
mod tests;
