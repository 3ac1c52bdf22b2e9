//! What is behind VPNs.

use std::net::SocketAddr;

use super::{World, candidates, controllers, observation, resolvers};
use crate::VpnScene;
use crate::observation::Observation;
use crate::outcome::{Evidence, Finding, Phase, Severity};
use crate::reason::Reason;
use crate::stage::{Gate, Stage};
use crate::subject::{Subject, Topic};

impl World {
    pub(in super::super) fn vpn_scenes(&self) -> Vec<VpnScene> {
        self.vpns
            .iter()
            .map(|text| {
                let name = text.split(' ').next().unwrap_or_default();
                let tunnel = leading(self).find(|(vpn, _)| *vpn == name);
                VpnScene {
                    name: name.to_owned(),
                    ends_here: !text.ends_with(" elsewhere"),
                    has_resolvers: tunnel.as_ref().is_some_and(|(_, own)| !own.is_empty()),
                    candidates: tunnel.map(|_| candidates(self)).unwrap_or_default(),
                }
            })
            .collect()
    }
}

/// The VPNs whose tunnels lead to the controllers, and their resolvers.
fn leading(world: &World) -> impl Iterator<Item = (&str, Vec<SocketAddr>)> {
    world.tunnels.iter().map(|text| {
        let mut words = text.split(' ');
        let name = words.next().unwrap_or_default();
        let servers = words.map(|text| SocketAddr::new(text.parse().expect("an address"), 53));
        (name, servers.collect())
    })
}

/// What was seen through each tunnel, by keys that begin with `via NAME`.
pub(super) fn tunnels(world: &World) -> Vec<(String, Observation)> {
    let mut seen = Vec::new();
    for (name, servers) in leading(world) {
        let words = world.vpns.iter().map(|text| text.split(' '));
        let is_required = words
            .filter(|words| words.clone().next() == Some(name))
            .any(|mut words| words.any(|word| word == "required"));
        let gate = if is_required { Gate::Hard } else { Gate::Soft };
        let mut through = resolvers(world, &servers);
        through.retain(|(_, check)| {
            let about = check.check.subject.resolver().map(|(_, topic)| topic);
            !matches!(about, Some(Topic::Internet | Topic::Rewriting))
        });
        through.extend(controllers(world, &servers));
        for (word, reason) in [
            ("route", Reason::VpnNoRoute),
            ("traffic", Reason::VpnBlackhole),
            ("handshake", Reason::VpnHandshakeStale),
        ] {
            let subject = Subject::Tunnel {
                name: name.to_owned(),
            };
            let mut check = observation(subject, word, Stage::Vpn, gate);
            check.check.closed_as = reason;
            check.check.target.host = "tun0".into();
            through.push((word.to_owned(), check));
        }
        seen.extend(through.into_iter().map(|(key, mut check)| {
            check.path = name.to_owned();
            (format!("via {name} {key}"), check)
        }));
    }
    seen
}

/// The resolvers of the network do not know the zone.
pub(super) fn lack_the_zone(seen: &mut [(String, Observation)]) {
    for (key, check) in seen {
        let about = check.check.subject.resolver().map(|(_, topic)| topic);
        if matches!(about, Some(Topic::Zone | Topic::Locator | Topic::Records)) {
            check.outcome.evidence.remove("answer_bytes");
            check.outcome.findings.push(Finding {
                reason: Reason::DnsNxdomain,
                severity: Severity::Blocking,
                phase: Phase::Response,
                detail: format!("{key} gave dns_nxdomain"),
            });
            check
                .outcome
                .evidence
                .entry("name")
                .or_insert_with(|| Evidence::from("corp.example.com"));
        }
    }
}
