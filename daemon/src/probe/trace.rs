//! How far packets to a silent port of a domain controller come: the last hop that answers, as evidence
//! for whoever has to find the filter.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use sightline_model::{Gate, Phase, Reason, Subject};
use sightline_wire::cldap::Ping;
use sightline_wire::krb5::AsRequest;

use super::{DarkPort, Ground, Kind, Thing};
use crate::net::hops::{self, Heard, Speech};
use crate::net::{exchange, fault, kerberos};
use crate::run::{Probe, Run, Running, Task};

pub(super) const KIND: Kind = Kind {
    name: "trace",
    help: "Sends packets that routers throw away after one hop, two and so on to a silent port of a domain controller, and tells the last that says so.",
    reasons: &[Reason::NotTested],
    tasks,
};

/// More than a trace takes.
const LONGEST: Duration = Duration::from_secs(2);

fn tasks(ground: &Ground<'_>, thing: &Thing) -> Vec<Task> {
    let Thing::Dark(DarkPort {
        name,
        address,
        is_udp,
        port,
        door,
    }) = thing
    else {
        return Vec::new();
    };
    let speech = if *is_udp {
        datagram(ground, *port).map(Speech::Udp)
    } else {
        Some(Speech::Tcp)
    };
    let Some(speech) = speech else {
        return Vec::new();
    };
    let transport = if *is_udp { "udp" } else { "tcp" };
    let trace = Trace {
        speech,
        place: format!("{address} {transport}/{port}"),
    };
    let whom = (name.as_str(), *address);
    let mut task = ground.controller_task(KIND.name, whom, (transport, *port), trace);
    task.check.gate = Gate::Optional;
    task.check.subject = Subject::LastHop {
        name: name.clone(),
        address: *address,
        door: door.clone(),
    };
    task.timeout = LONGEST;
    vec![task]
}

/// What is asked at that port otherwise, too: a filter may look into it.
fn datagram(ground: &Ground<'_>, port: u16) -> Option<Vec<u8>> {
    let ports = &ground.plan.ports;
    let domain = ground.domain?;
    if port == ports.ldap {
        let ping = Ping {
            domain: domain.to_owned(),
            host: None,
            message_id: 1,
        };
        Some(ping.encode())
    } else if port == ports.kerberos {
        let request = AsRequest {
            realm: &domain.to_ascii_uppercase(),
            client: &ground.plan.principal,
            nonce: rand::random::<u32>() >> 1,
            etypes: &kerberos::ETYPES,
        };
        Some(request.encode())
    } else {
        None
    }
}

#[derive(Debug)]
struct Trace {
    speech: Speech,
    /// Address and port, for people.
    place: String,
}

impl Probe for Trace {
    fn run<'a>(&'a self, run: &'a Run) -> Running<'a> {
        Box::pin(async move {
            run.enter(Phase::Request);
            let peer = exchange::peer(run)?;
            match hops::trace(run.path(), peer, &self.speech).await {
                Ok(heard) => {
                    run.keep("hops", lines(&heard));
                    if let Some((_, last)) = last(&heard) {
                        run.keep("last_hop", last.to_string());
                    }
                    run.keep("way", sentence(&self.place, &heard));
                    Ok(())
                }
                Err(error) => {
                    let why = fault::describe(&error);
                    let said = format!("the way to {} was not traced: {why}", self.place);
                    run.keep("way", said.clone());
                    Err(run.info(Reason::NotTested, said))
                }
            }
        })
    }
}

/// The farthest router that passed a packet on.
fn last(heard: &BTreeMap<u8, Heard>) -> Option<(u8, IpAddr)> {
    heard.iter().rev().find_map(|(hops, what)| match what {
        Heard::Hop(from) => Some((*hops, *from)),
        Heard::Refused(_) | Heard::Target => None,
    })
}

/// Who was heard, nearest first.
fn lines(heard: &BTreeMap<u8, Heard>) -> Vec<String> {
    let lines = heard.iter().map(|(hops, what)| match what {
        Heard::Hop(from) => format!("{hops} {from}"),
        Heard::Refused(from) => format!("{hops} {from} (unreachable)"),
        Heard::Target => format!("{hops} target"),
    });
    lines.collect()
}

/// What that means, for a ticket.
fn sentence(place: &str, heard: &BTreeMap<u8, Heard>) -> String {
    let nearest = |is_it: fn(&Heard) -> bool| heard.iter().find(|(_, what)| is_it(what));
    if let Some((hops, _)) = nearest(|what| *what == Heard::Target) {
        return format!("when the way to {place} was traced, it answered at hop {hops}");
    }
    let refused = heard.iter().find_map(|(hops, what)| match what {
        Heard::Refused(from) => Some((*hops, *from)),
        Heard::Hop(_) | Heard::Target => None,
    });
    if let Some((hops, from)) = refused {
        return format!("on the way to {place}, {from} (hop {hops}) says that it is unreachable");
    }
    match last(heard) {
        Some((hops, from)) => format!(
            "the last hop that answered on the way to {place} is {from} (hop {hops}); nothing was heard from beyond"
        ),
        None => format!("no hop on the way to {place} answered, not even the first"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(all: &[(u8, Heard)]) -> BTreeMap<u8, Heard> {
        all.iter().copied().collect()
    }

    #[test]
    fn the_last_hop_is_named_and_what_is_beyond_it() {
        let router = |last| Heard::Hop(IpAddr::from([10, 60, 1, last]));
        for (all, said) in [
            (
                heard(&[(1, router(1)), (3, router(3))]),
                "the last hop that answered on the way to 10.2.0.1 tcp/445 is 10.60.1.3 (hop 3); nothing was heard from beyond",
            ),
            (
                heard(&[]),
                "no hop on the way to 10.2.0.1 tcp/445 answered, not even the first",
            ),
            (
                heard(&[(1, router(1)), (2, Heard::Refused([10, 60, 1, 9].into()))]),
                "on the way to 10.2.0.1 tcp/445, 10.60.1.9 (hop 2) says that it is unreachable",
            ),
            (
                heard(&[(1, router(1)), (2, Heard::Target), (3, Heard::Target)]),
                "when the way to 10.2.0.1 tcp/445 was traced, it answered at hop 2",
            ),
        ] {
            assert_eq!(sentence("10.2.0.1 tcp/445", &all), said);
        }
    }
}
