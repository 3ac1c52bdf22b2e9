//! What do the routers of the network advertise (RFC 4861)? Asked as a client does that has just been
//! connected, and nothing of it is taken.

use std::io;
use std::net::{IpAddr, SocketAddr, SocketAddrV6};
use std::sync::Arc;

use sightline_model::{Check, Finding, Gate, Phase, Reason, RouterAnswer, Stage, Subject, Target};

use super::{Ground, Kind, Thing};
use crate::net::ra::{self, Client};
use crate::net::routes::{Kernel, Link, Snapshot};
use crate::run::{Probe, Run, Running, Task};

pub(super) const KIND: Kind = Kind {
    name: "ra",
    help: "Asks the routers of the segment for what they advertise, resolvers, suffixes and portal among it, by at most two router solicitations, and takes nothing of it.",
    reasons: &[Reason::NotTested, Reason::DhcpRogue],
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
            subject: Subject::RouterAdvertisements,
            door: "icmp6/133".to_owned(),
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
        probe: Arc::new(Routers { decides }),
    }]
}

#[derive(Debug)]
struct Routers {
    /// Whether the network's resolvers are those that it hands out.
    decides: bool,
}

/// Why nothing was heard.
#[derive(Debug)]
enum Unheard {
    /// This box could not ask.
    NotAsked(Reason, String),
    /// This box has no IPv6 on this interface, and so nobody to ask as.
    NoIpv6(String),
    /// No router advertises itself on this interface.
    Silence(String),
}

impl Unheard {
    /// A network without IPv6 is as good as one with it.
    fn finding(&self, run: &Run, decides: bool) -> Finding {
        match self {
            Self::NotAsked(reason, said) => {
                let detail = format!("the routers were not asked for their advertisements: {said}");
                if decides {
                    run.blind(*reason, detail)
                } else {
                    run.info(Reason::NotTested, detail)
                }
            }
            Self::NoIpv6(interface) => run.info(
                Reason::NotTested,
                format!("no IPv6 on {interface}: router advertisements were not asked for"),
            ),
            Self::Silence(interface) => run.info(
                Reason::NotTested,
                format!("no router advertises itself on {interface}"),
            ),
        }
    }
}

impl Probe for Routers {
    fn run<'a>(&'a self, run: &'a Run) -> Running<'a> {
        Box::pin(async move {
            run.enter(Phase::Request);
            match ask(run).await {
                Ok(Some(answers)) => {
                    let routers: Vec<_> = answers.iter().map(in_words).collect();
                    run.keep("routers", routers);
                    run.read_routers(answers);
                }
                // Whoever looks from the loopback interface looks at this box alone.
                Ok(None) => run.keep("asked", "nobody, on the loopback interface"),
                Err(unheard) => run.note(unheard.finding(run, self.decides)),
            }
            Ok(())
        })
    }
}

fn in_words(said: &RouterAnswer) -> String {
    format!("{}: {}", said.place(), said.settings().join("; "))
}

/// What was advertised; nothing where nobody can be asked.
async fn ask(run: &Run) -> Result<Option<Vec<RouterAnswer>>, Unheard> {
    let not_asked = |said| Unheard::NotAsked(Reason::NotRun, said);
    let kernel = Kernel::open().map_err(|error| not_asked(error.to_string()))?;
    let snapshot = kernel
        .snapshot()
        .await
        .map_err(|error| not_asked(error.to_string()))?;
    let link = snapshot.segment(run.path()).map_err(not_asked)?;
    if link.is_loopback {
        return Ok(None);
    }
    let client = client(link, &snapshot)?;
    run.keep("interface", client.interface.as_str());
    let mut answers = ra::ask(&client).await.map_err(|error| {
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
        if answer.hardware.is_none() {
            let peer = SocketAddr::V6(SocketAddrV6::new(answer.router, 0, 0, client.link));
            answer.hardware = kernel.hardware_of(run.path(), client.link, peer).await;
        }
    }
    Ok(Some(answers))
}

/// Who asks on a link. Pure.
fn client(link: &Link, snapshot: &Snapshot) -> Result<Client, Unheard> {
    let name = &link.name;
    let not_asked = |said| Unheard::NotAsked(Reason::NotRun, said);
    if !(link.is_up && link.has_carrier) {
        return Err(not_asked(format!("{name} is down")));
    }
    let hardware = link.hardware.ok_or_else(|| {
        not_asked(format!(
            "{name} is neither Ethernet nor Wi-Fi, and has no segment to ask on"
        ))
    })?;
    let mut own = snapshot.locals.iter();
    let own = own.find_map(|address| match address.address {
        IpAddr::V6(v6) if address.link == link.index && v6.is_unicast_link_local() => Some(v6),
        _ => None,
    });
    Ok(Client {
        interface: name.clone(),
        link: link.index,
        hardware,
        address: own.ok_or_else(|| Unheard::NoIpv6(name.clone()))?,
    })
}

/// Why the socket could not be had, and what to do.
fn refused(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::PermissionDenied => format!(
            "a raw ICMPv6 socket may not be opened ({error}); sightline needs the capability \
             CAP_NET_RAW for that"
        ),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::routes::Address;
    use crate::path::NetPath;

    fn snapshot() -> Snapshot {
        let address = |link, text: &str| Address {
            link,
            address: text.parse().expect("an address"),
            prefix: 64,
        };
        Snapshot {
            links: vec![Link {
                index: 3,
                name: "eth0".into(),
                is_up: true,
                has_carrier: true,
                hardware: Some([2, 0, 0, 0, 0, 1]),
                ..Link::default()
            }],
            locals: vec![
                address(2, "fe80::2"),
                address(3, "169.254.7.7"),
                address(3, "fe80::3"),
            ],
            ..Snapshot::default()
        }
    }

    fn asked_as(snapshot: &Snapshot) -> String {
        match client(&snapshot.links[0], snapshot) {
            Ok(client) => format!("{}%{}", client.address, client.interface),
            Err(unheard) => {
                let run = Run::begin(
                    Target {
                        host: "eth0".into(),
                        address: None,
                        port: None,
                    },
                    Arc::new(NetPath::direct("default")),
                    std::time::Duration::from_secs(1),
                );
                let finding = unheard.finding(&run, true);
                format!("{}: {}", finding.severity.id(), finding.detail)
            }
        }
    }

    #[test]
    fn it_is_asked_from_the_link_local_address_of_the_interface() {
        let mut of_box = snapshot();
        assert_eq!(asked_as(&of_box), "fe80::3%eth0");
        of_box.locals.pop();
        let said = asked_as(&of_box);
        assert!(said.starts_with("info: no IPv6 on eth0"), "{said}");
        of_box.links[0].has_carrier = false;
        let said = asked_as(&of_box);
        assert!(said.starts_with("inconclusive: "), "{said}");
        assert!(said.ends_with("eth0 is down"), "{said}");
    }

    #[test]
    fn a_socket_that_cannot_be_had_comes_with_what_to_do() {
        let said = refused(&io::ErrorKind::PermissionDenied.into());
        assert!(said.contains("CAP_NET_RAW"), "{said}");
    }
}
