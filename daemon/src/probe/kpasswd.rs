//! Is the password-change service alive (RFC 3244)? Needed when a password must be changed at
//! sign-in. The request carries no usable ticket and cannot change anything.

use futures_util::future::{Either, select};
use sightline_model::{Finding, Gate, Reason};
use sightline_wire::{kpasswd, krb5};

use super::{Ground, Kind, Thing};
use crate::net::exchange;
use crate::run::{Probe, Run, Running, Task};

pub(super) const KIND: Kind = Kind {
    name: "kpasswd",
    help: "Sends a password-change request without a usable ticket to port 464 over UDP and TCP and expects a refusal.",
    reasons: &[Reason::PortBlocked],
    tasks,
};

fn tasks(ground: &Ground<'_>, thing: &Thing) -> Vec<Task> {
    let (Thing::Controller { name, address }, Some(domain)) = (thing, ground.domain) else {
        return Vec::new();
    };
    let port = ground.plan.ports.kpasswd;
    let mut task = ground.controller_task(
        KIND.name,
        (name, *address),
        ("tcp", port),
        Kpasswd {
            realm: domain.to_ascii_uppercase(),
        },
    );
    task.check.gate = Gate::Soft;
    task.check.door = format!("tcp+udp/{port}");
    vec![task]
}

#[derive(Debug)]
struct Kpasswd {
    realm: String,
}

impl Probe for Kpasswd {
    /// Either transport is enough: the client falls back.
    fn run<'a>(&'a self, run: &'a Run) -> Running<'a> {
        Box::pin(async move {
            let tcp = Box::pin(run.part(self.over_tcp(run)));
            let udp = Box::pin(run.part(self.over_udp(run)));
            let (transport, end) = match select(tcp, udp).await {
                Either::Left((Ok(()), _)) => ("tcp", Ok(())),
                Either::Right((Ok(()), _)) => ("udp", Ok(())),
                Either::Left((Err(_), udp)) => ("udp", udp.await),
                Either::Right((Err(_), tcp)) => ("tcp", tcp.await),
            };
            if end.is_ok() {
                run.keep("transport", transport);
            }
            end
        })
    }
}

impl Kpasswd {
    async fn over_udp(&self, run: &Run) -> Result<(), Finding> {
        let request = kpasswd::request(&self.realm);
        exchange::udp(run, &request, |bytes| {
            kpasswd::parse(bytes)
                .map(Some)
                .map_err(|error| exchange::malformed(run, &error, bytes))
        })
        .await?;
        Ok(())
    }

    async fn over_tcp(&self, run: &Run) -> Result<(), Finding> {
        let mut stream = exchange::connect(run).await?;
        let request = krb5::frame(&kpasswd::request(&self.realm));
        exchange::ask(run, &mut stream, &request, |bytes| {
            let malformed = |error| exchange::malformed(run, &error, bytes);
            match krb5::unframe(bytes).map_err(malformed)? {
                Some(message) => kpasswd::parse(message).map(Some).map_err(malformed),
                None => Ok(None),
            }
        })
        .await?;
        Ok(())
    }
}
