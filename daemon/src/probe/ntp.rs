//! What time is it elsewhere (RFC 5905)? Asked of Internet sources and of the domain controllers.

use std::sync::Arc;

use sightline_model::{Check, ClockReading, Finding, Gate, Phase, Reason, Stage, Subject, Target};
use sightline_wire::ntp::{self, Answer};

use super::{Ground, Kind, Thing};
use crate::net::exchange;
use crate::run::{self, Probe, Run, Running, Task};
use crate::text;

pub(super) const KIND: Kind = Kind {
    name: "ntp",
    help: "Asks Internet time sources and domain controllers for the time over UDP 123.",
    reasons: &[Reason::NtpNoAnswer, Reason::ClockOffset],
    tasks,
};

fn tasks(ground: &Ground<'_>, thing: &Thing) -> Vec<Task> {
    let port = ground.plan.ports.ntp;
    match thing {
        Thing::Controller { name, address } => {
            let mut task = ground.controller_task(KIND.name, (name, *address), ("udp", port), Ntp);
            // Kerberos tells a controller's clock too.
            task.check.gate = Gate::Optional;
            task.check.closed_as = Reason::NtpNoAnswer;
            task.check.needs_flag = Some("TIMESERV");
            task.check.is_of_host = true;
            vec![task]
        }
        Thing::TimeSource { name, address } => vec![Task {
            check: Check {
                probe: KIND.name,
                service: KIND.name,
                stage: Stage::Time,
                also: Vec::new(),
                gate: Gate::Soft,
                subject: Subject::TimeSource { name: name.clone() },
                door: format!("udp/{port}"),
                closed_as: Reason::NtpNoAnswer,
                needs_flag: None,
                is_of_host: true,
                proxy: None,
                target: Target {
                    host: name.clone(),
                    address: Some(*address),
                    port: Some(port),
                },
            },
            path: Arc::clone(ground.path),
            timeout: ground.plan.timeout,
            probe: Arc::new(Ntp),
        }],
        _ => Vec::new(),
    }
}

#[derive(Debug)]
struct Ntp;

impl Probe for Ntp {
    fn run<'a>(&'a self, run: &'a Run) -> Running<'a> {
        Box::pin(async move {
            // Each send has a cookie of its own, so that a late answer is known as such.
            let cookies: [[u8; 8]; 3] = rand::random();
            #[expect(clippy::cast_possible_truncation, reason = "whole seconds of this era")]
            let near = run::unix_seconds() as i64;
            let requests = cookies.map(ntp::request);
            let sends = requests.each_ref().map(<[u8; 48]>::as_slice);
            let answered = exchange::udp_each(run, sends, |bytes| {
                let send = cookies
                    .iter()
                    .position(|cookie| !ntp::is_for_another(bytes, *cookie));
                let Some((send, cookie)) = send.and_then(|send| Some((send, *cookies.get(send)?)))
                else {
                    return Ok(None);
                };
                ntp::parse(bytes, cookie, near)
                    .map(|answer| Some((answer, Some(send))))
                    .map_err(|error| exchange::malformed(run, &error, bytes))
            })
            .await?;
            run.enter(Phase::Response);
            let half = answered.round_trip.as_secs_f64() / 2.0;
            match answered.value {
                Answer::Time(sample) => {
                    let offset = ntp::offset(
                        answered.midpoint - half,
                        sample.receive.unix_seconds(),
                        sample.transmit.unix_seconds(),
                        answered.midpoint + half,
                    );
                    run.keep("stratum", u32::from(sample.stratum));
                    run.keep("clock_offset_seconds", (offset * 1000.0).round() / 1000.0);
                    run.read_clock(ClockReading {
                        offset,
                        uncertainty: half,
                        rank: 0,
                    });
                    Ok(())
                }
                Answer::Unsynchronised(..) => Err(silent_about_time(
                    run,
                    "answers that its own clock is not synchronised",
                )),
                Answer::KissOfDeath(code) => Err(silent_about_time(
                    run,
                    &format!("refuses to tell the time ({})", text::foreign(&code)),
                )),
            }
        })
    }
}

fn silent_about_time(run: &Run, said: &str) -> Finding {
    run.fail(Reason::NtpNoAnswer, format!("{} {said}", run.whom()))
}
