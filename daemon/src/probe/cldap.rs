//! Does the domain controller answer the LDAP ping, for our domain ([MS-ADTS] 6.3.3)?

use sightline_model::{ControllerFacts, Finding, Phase, Reason};
use sightline_wire::cldap::{self, Answer, Ping};
use sightline_wire::netlogon::{Controller, Flags};

use super::{Ground, Kind, Thing};
use crate::net::exchange;
use crate::run::{Probe, Run, Running, Task};
use crate::text;

pub(super) const KIND: Kind = Kind {
    name: "cldap",
    help: "Sends the LDAP ping by which Windows finds domain controllers (UDP 389), without credentials.",
    reasons: &[
        Reason::CldapNoAnswer,
        Reason::CldapWrongDomain,
        Reason::DcPaused,
        Reason::DcNotUsable,
        Reason::DcNameMismatch,
        Reason::DcSlow,
        Reason::LdapResult,
    ],
    tasks,
};

/// How the asker calls itself in the controller's netlogon.log.
const ASKER: &str = "SIGHTLINE";

/// What a controller must offer for a sign-in (dc locator: DS_DIRECTORY_SERVICE, LDAP, KDC).
const NEEDED: [(u32, &str); 3] = [
    (Flags::DS, "DS"),
    (Flags::LDAP, "LDAP"),
    (Flags::KDC, "KDC"),
];

fn tasks(ground: &Ground<'_>, thing: &Thing) -> Vec<Task> {
    let (Thing::Controller { name, address }, Some(domain)) = (thing, ground.domain) else {
        return Vec::new();
    };
    let mut task = ground.controller_task(
        KIND.name,
        (name, *address),
        ("udp", ground.plan.ports.ldap),
        Cldap {
            domain: domain.to_owned(),
            slow: ground.plan.slow_ping.as_secs_f64(),
        },
    );
    task.check.closed_as = Reason::CldapNoAnswer;
    vec![task]
}

#[derive(Debug)]
struct Cldap {
    domain: String,
    /// Seconds that Windows waits for a controller.
    slow: f64,
}

impl Probe for Cldap {
    fn run<'a>(&'a self, run: &'a Run) -> Running<'a> {
        Box::pin(async move {
            // Each send has a number of its own, so that a late answer is known as such.
            let first = i32::from(rand::random::<u16>()) + 1;
            let ids = [first, first + 1, first + 2];
            let requests = ids.map(|message_id| {
                Ping {
                    domain: self.domain.clone(),
                    host: Some(ASKER.to_owned()),
                    message_id,
                }
                .encode()
            });
            // The entry and the result may come in datagrams of their own.
            let mut received: [Vec<u8>; 3] = Default::default();
            let sends = requests.each_ref().map(Vec::as_slice);
            let answered = exchange::udp_each(run, sends, |datagram| {
                let send = ids
                    .iter()
                    .position(|id| !cldap::is_for_another(datagram, *id));
                let Some((send, id, parts)) =
                    send.and_then(|send| Some((send, *ids.get(send)?, received.get_mut(send)?)))
                else {
                    return Ok(None);
                };
                if parts.len() + datagram.len() > exchange::UDP_MAX {
                    parts.clear();
                }
                parts.extend_from_slice(datagram);
                cldap::parse(parts, id)
                    .map(|answer| answer.map(|answer| (answer, Some(send))))
                    .map_err(|error| exchange::malformed(run, &error, datagram))
            })
            .await?;
            run.enter(Phase::Response);
            if answered.sends > 1 {
                run.keep("sends", u32::try_from(answered.sends).unwrap_or(u32::MAX));
            }
            let took = answered.round_trip.as_secs_f64();
            if took > self.slow {
                run.note(run.warn(
                    Reason::DcSlow,
                    format!(
                        "{} answered the LDAP ping after {}; Windows waits {:.1} s",
                        run.whom(),
                        text::duration(answered.round_trip),
                        self.slow
                    ),
                ));
            }
            self.assess(run, answered.value)
        })
    }
}

impl Cldap {
    /// Judges an answer. Pure, so that vectors can be put through it.
    fn assess(&self, run: &Run, answer: Answer) -> Result<(), Finding> {
        match answer {
            Answer::Controller(controller) => self.controller(run, &controller),
            Answer::NotServed => Err(run.fail(
                Reason::CldapWrongDomain,
                format!(
                    "{} answers the LDAP ping without an entry: it does not serve {}",
                    run.whom(),
                    self.domain
                ),
            )),
            Answer::OldForm { opcode } => Err(run.fail(
                Reason::ProtocolError,
                format!(
                    "{} answers the LDAP ping in the form of Windows NT (opcode {opcode})",
                    run.whom()
                ),
            )),
            Answer::Result { code, message } => Err(run.fail(
                Reason::LdapResult,
                format!(
                    "{} answers the LDAP ping with result {code} {}",
                    run.whom(),
                    text::foreign(&message)
                ),
            )),
        }
    }

    fn controller(&self, run: &Run, dc: &Controller) -> Result<(), Finding> {
        keep(run, dc);
        if !dc.domain.eq_ignore_ascii_case(&self.domain) {
            return Err(run.fail(
                Reason::CldapWrongDomain,
                format!(
                    "{} serves {}, not {}",
                    run.whom(),
                    text::foreign(&dc.domain),
                    self.domain
                ),
            ));
        }
        if dc.is_paused() {
            return Err(run.fail(
                Reason::DcPaused,
                format!("{} answers that Netlogon is paused (opcode 24)", run.whom()),
            ));
        }
        let missing: Vec<_> = NEEDED
            .iter()
            .filter(|(flag, _)| !dc.flags.contains(*flag))
            .map(|(_, name)| *name)
            .collect();
        if !missing.is_empty() {
            return Err(run.fail(
                Reason::DcNotUsable,
                format!(
                    "{} does not announce {} (flags {:#010x})",
                    run.whom(),
                    missing.join(", "),
                    dc.flags.0
                ),
            ));
        }
        if !dc.host.eq_ignore_ascii_case(&run.target().host) {
            run.note(run.warn(
                Reason::DcNameMismatch,
                format!(
                    "the SRV record says {}, the controller says {}",
                    run.target().host,
                    text::foreign(&dc.host)
                ),
            ));
        }
        Ok(())
    }
}

fn keep(run: &Run, dc: &Controller) {
    run.keep("ad_site", text::foreign(&dc.dc_site));
    run.keep("client_site", text::foreign(&dc.client_site));
    run.keep("flags", dc.flags.names());
    run.keep("host", text::foreign(&dc.host));
    run.keep("forest", text::foreign(&dc.forest));
    run.keep("domain_guid", dc.domain_guid.clone());
    run.read_controller(ControllerFacts {
        host: text::foreign(&dc.host),
        domain: text::foreign(&dc.domain),
        forest: text::foreign(&dc.forest),
        domain_guid: dc.domain_guid.clone(),
        dc_site: text::foreign(&dc.dc_site),
        client_site: text::foreign(&dc.client_site),
        flags: dc.flags.names(),
    });
}
