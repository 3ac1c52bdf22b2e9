//! Does anything come back out of a tunnel? Asked last, when everything has been tried through it.

use std::sync::Arc;

use sightline_model::{Finding, Phase, Reason, Traffic};

use super::{Ground, Kind, Thing, links_and_routes};
use crate::run::{Probe, Run, Running, Task};

pub(super) const KIND: Kind = Kind {
    name: "traffic",
    help: "Compares the packets that went into the tunnel of each VPN with those that came out of it while everything was asked through it.",
    reasons: &[Reason::VpnBlackhole],
    tasks,
};

/// Fewer packets say nothing when none comes back.
const FEW: u64 = 3;

fn tasks(ground: &Ground<'_>, thing: &Thing) -> Vec<Task> {
    let Thing::Tunnel { vpn, before } = thing else {
        return Vec::new();
    };
    let Some(interface) = vpn.interface.clone() else {
        return Vec::new();
    };
    let (host, reason) = (interface.clone(), Reason::VpnBlackhole);
    let probe = Arc::new(Counters {
        interface,
        before: *before,
    });
    vec![ground.tunnel_task(KIND.name, vpn, host, reason, probe)]
}

#[derive(Debug)]
struct Counters {
    interface: String,
    before: Traffic,
}

impl Probe for Counters {
    fn run<'a>(&'a self, run: &'a Run) -> Running<'a> {
        Box::pin(async move {
            run.enter(Phase::Request);
            let snapshot = links_and_routes(run).await?;
            let mut links = snapshot.links.iter();
            let Some(link) = links.find(|link| link.name == self.interface) else {
                let detail = format!("{} is gone since it was looked at", self.interface);
                return Err(run.fail(Reason::VpnTunnelDown, detail));
            };
            assess(run, &self.interface, self.before, link.traffic)
        })
    }
}

/// Judges what was counted. Counters begin anew with a new interface of the same name. Pure.
fn assess(run: &Run, interface: &str, before: Traffic, after: Traffic) -> Result<(), Finding> {
    let since = |before: u64, after: u64| after.checked_sub(before).unwrap_or(after);
    let sent = since(before.sent, after.sent);
    let received = since(before.received, after.received);
    run.keep("packets_sent", sent.to_string());
    run.keep("packets_received", received.to_string());
    if sent >= FEW && received == 0 {
        let detail = format!("{sent} packets went into {interface}, and none came out of it");
        return Err(run.fail(Reason::VpnBlackhole, detail));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use sightline_model::Target;

    use super::*;
    use crate::path::NetPath;

    #[test]
    fn a_tunnel_that_gives_nothing_back_is_a_black_hole() {
        let target = Target {
            host: "tun0".into(),
            address: None,
            port: None,
        };
        let path = Arc::new(NetPath::direct("default"));
        let run = Run::begin(target, path, Duration::from_secs(5));
        let counted = |sent, received| Traffic { sent, received };
        let found =
            |before, after| assess(&run, "tun0", before, after).map_err(|finding| finding.detail);
        assert_eq!(found(counted(10, 5), counted(40, 30)), Ok(()));
        let error = "30 packets went into tun0, and none came out of it";
        assert_eq!(found(counted(10, 5), counted(40, 5)), Err(error.to_owned()));
        // Too few to tell, and a new interface of the same name.
        assert_eq!(found(counted(10, 5), counted(12, 5)), Ok(()));
        assert_eq!(found(counted(1000, 900), counted(20, 9)), Ok(()));
    }
}
