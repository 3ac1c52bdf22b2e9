//! Does the file service negotiate ([MS-SMB2] 2.2.3, 2.2.4)? SYSVOL and Group Policy need it.

use sightline_model::{ClockReading, Finding, Phase, Reason};
use sightline_wire::smb2::{self, Answer, Negotiate};

use super::{Ground, Kind, Thing};
use crate::net::exchange;
use crate::run::{self, Probe, Run, Running, Task};

pub(super) const KIND: Kind = Kind {
    name: "smb",
    help: "Negotiates an SMB 2 or 3 dialect on TCP 445 and reads the server's clock; no session is set up.",
    reasons: &[Reason::PortBlocked, Reason::SmbRefusedDialect],
    tasks,
};

fn tasks(ground: &Ground<'_>, thing: &Thing) -> Vec<Task> {
    let Thing::Controller { name, address } = thing else {
        return Vec::new();
    };
    vec![ground.controller_task(
        KIND.name,
        (name, *address),
        ("tcp", ground.plan.ports.smb),
        Smb,
    )]
}

#[derive(Debug)]
struct Smb;

impl Probe for Smb {
    fn run<'a>(&'a self, run: &'a Run) -> Running<'a> {
        Box::pin(async move {
            let mut stream = exchange::connect(run).await?;
            let request = Negotiate {
                client_guid: rand::random(),
                salt: rand::random(),
            }
            .encode();
            let sent = run::unix_seconds();
            let answer = exchange::ask(run, &mut stream, &request, |bytes| {
                let malformed = |error| exchange::malformed(run, &error, bytes);
                match smb2::unframe(bytes).map_err(malformed)? {
                    Some(message) => smb2::parse(message).map(Some).map_err(malformed),
                    None => Ok(None),
                }
            })
            .await?;
            run.enter(Phase::Response);
            assess(run, &answer, (sent, run::unix_seconds()))
        })
    }
}

/// Judges an answer; `sent` and `received` are Unix seconds of this box.
fn assess(run: &Run, answer: &Answer, (sent, received): (f64, f64)) -> Result<(), Finding> {
    match answer {
        Answer::Negotiated(negotiated) => {
            run.keep("dialect", smb2::dialect_name(negotiated.dialect));
            run.keep("signing_required", negotiated.signing_required);
            if let Some((seconds, nanos)) = negotiated.system_time {
                #[expect(
                    clippy::cast_precision_loss,
                    reason = "seconds of this era are exact in f64"
                )]
                let time = seconds as f64 + f64::from(nanos) / 1e9;
                run.read_clock(ClockReading {
                    offset: time - f64::midpoint(sent, received),
                    uncertainty: (received - sent) / 2.0,
                    rank: 2,
                });
            }
            Ok(())
        }
        Answer::Refused { status } => Err(run.fail(
            Reason::SmbRefusedDialect,
            format!("{} refuses with status {status:#010x}", run.whom()),
        )),
        Answer::Smb1 => Err(run.fail(
            Reason::SmbRefusedDialect,
            format!("{} answers in SMB 1", run.whom()),
        )),
    }
}
