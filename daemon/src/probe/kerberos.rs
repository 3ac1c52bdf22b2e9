//! Does the KDC answer for our realm, over UDP and TCP, and what time does it have? An AS request
//! without pre-authentication: it proves a live KDC and cannot lock an account (RFC 4120 5.4.1,
//! 5.9.1).

use sightline_model::{ClockReading, Finding, Phase, Reason};
use sightline_wire::krb5::{self, AsRequest, Reply};

use super::{Ground, Kind, Thing};
use crate::net::{exchange, kerberos};
use crate::run::{self, Probe, Run, Running, Task};
use crate::text;

pub(super) const KIND: Kind = Kind {
    name: "kerberos",
    help: "Asks the KDC for a ticket without a password over UDP and TCP 88, and reads its clock from the refusal.",
    reasons: &[
        Reason::KdcNoAnswer,
        Reason::KdcWrongRealm,
        Reason::KdcEtype,
        Reason::KdcError,
        Reason::ClockSkew,
        Reason::KerberosUdpBlocked,
        Reason::KerberosTcpBlocked,
    ],
    tasks,
};

fn tasks(ground: &Ground<'_>, thing: &Thing) -> Vec<Task> {
    let (Thing::Controller { name, address }, Some(domain)) = (thing, ground.domain) else {
        return Vec::new();
    };
    let port = ground.plan.ports.kerberos;
    let mut task = ground.controller_task(
        KIND.name,
        (name, *address),
        ("tcp", port),
        Kerberos {
            realm: domain.to_ascii_uppercase(),
            principal: ground.plan.principal.clone(),
        },
    );
    task.check.closed_as = Reason::KdcNoAnswer;
    task.check.door = format!("tcp+udp/{port}");
    vec![task]
}

#[derive(Debug)]
struct Kerberos {
    realm: String,
    principal: String,
}

/// A reply and when it came, by this box's clock in Unix seconds.
struct Heard {
    reply: Reply,
    midpoint: f64,
    round_trip: f64,
}

impl Probe for Kerberos {
    fn run<'a>(&'a self, run: &'a Run) -> Running<'a> {
        Box::pin(async move {
            let (tcp, udp) =
                tokio::join!(run.part(self.over_tcp(run)), run.part(self.over_udp(run)));
            run.enter(Phase::Response);
            match (tcp, udp) {
                (Ok(tcp), Ok(_)) => assess(run, &tcp),
                (Ok(tcp), Err(udp)) => {
                    run.note(run.warn(Reason::KerberosUdpBlocked, udp.detail));
                    assess(run, &tcp)
                }
                (Err(tcp), Ok(udp)) => {
                    run.note(run.fail(Reason::KerberosTcpBlocked, tcp.detail));
                    assess(run, &udp)
                }
                (Err(tcp), Err(udp)) => {
                    run.keep("udp", udp.detail);
                    Err(tcp)
                }
            }
        })
    }
}

impl Kerberos {
    fn request(&self) -> Vec<u8> {
        AsRequest {
            realm: &self.realm,
            client: &self.principal,
            nonce: rand::random::<u32>() >> 1,
            etypes: &kerberos::ETYPES,
        }
        .encode()
    }

    async fn over_udp(&self, run: &Run) -> Result<Heard, Finding> {
        let answered = exchange::udp(run, &self.request(), |bytes| {
            krb5::parse(bytes)
                .map(Some)
                .map_err(|error| exchange::malformed(run, &error, bytes))
        })
        .await?;
        Ok(Heard {
            reply: answered.value,
            midpoint: answered.midpoint,
            round_trip: answered.round_trip.as_secs_f64(),
        })
    }

    async fn over_tcp(&self, run: &Run) -> Result<Heard, Finding> {
        let mut stream = exchange::connect(run).await?;
        let sent = run::unix_seconds();
        let reply = kerberos::ask(run, &mut stream, &self.request()).await?;
        let round_trip = run::unix_seconds() - sent;
        Ok(Heard {
            reply,
            midpoint: sent + round_trip / 2.0,
            round_trip,
        })
    }
}

/// Judges a reply: a refusal that names our account or asks for its password is what a healthy
/// KDC says.
fn assess(run: &Run, heard: &Heard) -> Result<(), Finding> {
    let error = match &heard.reply {
        Reply::Ticket { realm, client, .. } => {
            run.keep(
                "answer",
                format!(
                    "a ticket for {}@{} without pre-authentication",
                    text::foreign(client),
                    text::foreign(realm)
                ),
            );
            return Ok(());
        }
        Reply::Error(error) => error,
    };
    let name = krb5::code_name(error.code);
    run.keep("answer", format!("{} {name}", error.code));
    #[expect(
        clippy::cast_precision_loss,
        reason = "seconds of this era are exact in f64"
    )]
    let server_time =
        error.server_time.seconds as f64 + f64::from(error.server_time.micros) / 1_000_000.0;
    let offset = server_time - heard.midpoint;
    run.keep("clock_offset_seconds", (offset * 1000.0).round() / 1000.0);
    run.read_clock(ClockReading {
        offset,
        uncertainty: heard.round_trip / 2.0,
        rank: 3,
    });
    let said = || {
        format!(
            "{} answers {} {name}{}",
            run.whom(),
            error.code,
            error
                .text
                .as_ref()
                .map(|said| format!(" ({})", text::foreign(said)))
                .unwrap_or_default()
        )
    };
    match error.code {
        // Principal unknown, locked or disabled, pre-authentication wanted, answer too big for UDP.
        6 | 18 | 25 | 52 => Ok(()),
        7 | 68 => Err(run.fail(Reason::KdcWrongRealm, said())),
        14 => Err(run.fail(Reason::KdcEtype, said())),
        37 => Err(run.fail(Reason::ClockSkew, said())),
        _ => Err(run.fail(Reason::KdcError, said())),
    }
}
