//! Active Directory sites: whether the network is mapped, and whether its own site has a controller.

use std::net::IpAddr;

use super::Controller;
use crate::judge::NetworkScene;
use crate::judge::draft::Draft;
use crate::judge::uplink::own_addresses;
use crate::outcome::{ControllerFacts, Severity};
use crate::reason::Reason;
use crate::stage::Stage;

/// What a controller said to one LDAP ping. It computes the site from the address that it sees, so
/// that each family of addresses has its own.
#[derive(Clone, Copy)]
struct Ping<'a> {
    address: IpAddr,
    facts: &'a ControllerFacts,
}

pub(super) fn judge(network: &NetworkScene, controllers: &[Controller]) -> Vec<Draft> {
    let usable: Vec<_> = controllers.iter().filter(|dc| dc.status.usable).collect();
    let pings = usable.iter().flat_map(|dc| &dc.pings);
    let (mapped, unmapped): (Vec<Ping<'_>>, Vec<_>) = pings
        .map(|(address, facts)| Ping {
            address: *address,
            facts,
        })
        .partition(|ping| !ping.facts.client_site.is_empty());

    let mut drafts = Vec::new();
    drafts.extend(not_mapped(network, &unmapped));
    let Some(first) = mapped.first() else {
        return drafts;
    };
    match mismatch(network, &mapped) {
        Some(draft) => drafts.push(draft),
        None => drafts.extend(fallback(first, &usable, controllers)),
    }
    drafts
}

fn not_mapped(network: &NetworkScene, pings: &[Ping<'_>]) -> Option<Draft> {
    let details: Vec<String> = pings
        .iter()
        .map(|ping| {
            let family = if ping.address.is_ipv4() {
                "IPv4"
            } else {
                "IPv6"
            };
            format!(
                "{} answers the LDAP ping over {family} with an empty client site",
                ping.facts.host
            )
        })
        .collect();
    at_home(network, Reason::SiteUnmapped, pings, details)
}

/// The controllers do not agree with the configuration, or with each other.
fn mismatch(network: &NetworkScene, pings: &[Ping<'_>]) -> Option<Draft> {
    let mut differing: Vec<Ping<'_>> = Vec::new();
    for ping in pings {
        let is_same = |known: &Ping<'_>| {
            let (known, site) = (&known.facts.client_site, &ping.facts.client_site);
            known.eq_ignore_ascii_case(site)
        };
        if !differing.iter().any(is_same) {
            differing.push(*ping);
        }
    }
    let configured = network.configured_site.as_deref();
    let is_expected = match (differing.as_slice(), configured) {
        ([only], Some(configured)) => only.facts.client_site.eq_ignore_ascii_case(configured),
        (sites, _) => sites.len() < 2,
    };
    if is_expected {
        return None;
    }
    let said: Vec<String> = differing
        .iter()
        .map(|ping| {
            format!(
                "{} at {} maps this network to site {}",
                ping.facts.host, ping.address, ping.facts.client_site
            )
        })
        .collect();
    let detail = match configured {
        Some(site) => format!("{}; the configuration says {site}", said.join(", ")),
        None => said.join(", "),
    };
    at_home(network, Reason::SiteMismatch, &differing, vec![detail])
}

/// A finding about the addresses that the pings were sent from.
fn at_home(
    network: &NetworkScene,
    reason: Reason,
    pings: &[Ping<'_>],
    details: Vec<String>,
) -> Option<Draft> {
    if pings.is_empty() {
        return None;
    }
    let is_meant = |own: IpAddr| {
        pings
            .iter()
            .any(|ping| ping.address.is_ipv4() == own.is_ipv4())
    };
    let mut draft = Draft::new(reason, Stage::DomainController, Severity::Degrading);
    draft.at = own_addresses(network, is_meant);
    draft.details = details;
    Some(draft)
}

fn fallback(first: &Ping<'_>, usable: &[&Controller], controllers: &[Controller]) -> Option<Draft> {
    let site = &first.facts.client_site;
    let has_own = usable.iter().any(|dc| {
        dc.status.in_site
            || dc
                .facts
                .as_ref()
                .is_some_and(|facts| facts.dc_site.eq_ignore_ascii_case(site))
    });
    // A dead controller of the own site is a cause of its own and explains the fallback.
    let own_is_named = controllers.iter().any(|dc| dc.status.in_site);
    (!has_own && !own_is_named).then(|| {
        Draft::new(
            Reason::SiteFallback,
            Stage::DomainController,
            Severity::Degrading,
        )
        .at(site)
        .because(format!(
            "no SRV record of site {site} names a controller; {} of site {} is used",
            first.facts.host, first.facts.dc_site
        ))
    })
}
