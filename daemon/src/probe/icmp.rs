//! Does the domain controller answer an ICMP echo? Many sites drop it, so it is never a verdict.

use sightline_model::{Gate, Phase, Reason};

use super::{Ground, Kind, Thing};
use crate::net::icmp;
use crate::run::{Probe, Run, Running, Task};

pub(super) const KIND: Kind = Kind {
    name: "icmp",
    help: "Sends an ICMP echo to each domain controller; its answer is information.",
    reasons: &[Reason::PortBlocked, Reason::NoPermission],
    tasks,
};

fn tasks(ground: &Ground<'_>, thing: &Thing) -> Vec<Task> {
    let Thing::Controller { name, address } = thing else {
        return Vec::new();
    };
    let mut task = ground.controller_task(KIND.name, (name, *address), ("icmp", 0), Icmp);
    task.check.gate = Gate::Optional;
    task.check.is_of_host = true;
    task.check.door = "icmp/echo".to_owned();
    task.check.target.port = None;
    vec![task]
}

#[derive(Debug)]
struct Icmp;

impl Probe for Icmp {
    fn run<'a>(&'a self, run: &'a Run) -> Running<'a> {
        Box::pin(async move {
            run.enter(Phase::Request);
            icmp::echo(run).await?;
            Ok(())
        })
    }
}
