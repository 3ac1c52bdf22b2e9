//! Observations in, verdicts and root causes out. Pure: the same scene gives the same status.
//!
//! The way of a judgement: [`uplink`], [`dhcp`], [`routers`], [`resolvers`], [`proxies`], [`hosts`], [`vpns`], [`controllers`],
//! [`logon`], [`registration`] and [`clocks`] each turn the observations about their things into
//! [`draft::Draft`]s; [`paths`] weighs what is found on the direct path and through VPNs; [`explain`] marks the drafts that others explain; [`verdicts`] walks the stages in
//! order and writes the status.

mod clocks;
mod controllers;
mod dhcp;
mod draft;
mod explain;
mod hosts;
mod logon;
mod paths;
mod proxies;
mod registration;
mod resolvers;
mod routers;
#[cfg(test)]
mod scenarios;
mod uplink;
mod verdicts;
mod vpns;

use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use crate::observation::Observation;
use crate::reason::Reason;
use crate::stage::{Stage, Verdict};
use crate::status::{NetworkStatus, Status};
use crate::time::Timestamp;

/// A domain controller that DNS announces, as the locator sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Target of the SRV record.
    pub name: String,
    /// Priority of the SRV record; lower is tried first (RFC 2782).
    pub priority: u16,
    /// Weight among equals (RFC 2782).
    pub weight: u16,
    /// Whether the records of the client's own site name it.
    pub in_site: bool,
    /// Whether it was probed; of a large domain only a sample is.
    pub probed: bool,
}

/// Limits that a site may set.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Clocks closer than this agree.
    pub warn_skew: Duration,
    /// What Kerberos tolerates.
    pub max_skew: Duration,
}

/// What the configuration says about the proxy of a network.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ProxyUse {
    /// Clients look for a script, and go without a proxy where there is none.
    #[default]
    Auto,
    /// There is no proxy.
    Direct,
    /// Clients are told to use this one, `host:port`.
    Named(String),
}

/// A VPN that devices of the network may use.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VpnScene {
    /// Its name.
    pub name: String,
    /// Whether its tunnel ends on this box, so that what is behind it can be asked.
    pub ends_here: bool,
    /// Whether it has resolvers of its own; devices ask those of the network otherwise.
    pub has_resolvers: bool,
    /// What the SRV records announced there, in locator order.
    pub candidates: Vec<Candidate>,
}

/// Everything that was seen in one network.
#[derive(Clone, Debug, Default)]
pub struct NetworkScene {
    /// Name of the network.
    pub name: String,
    /// The Active Directory domain, if one is known.
    pub domain: Option<String>,
    /// The site that the configuration names.
    pub configured_site: Option<String>,
    /// What the configuration says about the proxy.
    pub proxy: ProxyUse,
    /// The DHCP servers that belong into it; nobody has said which, where there is none.
    pub dhcp_servers: Vec<Ipv4Addr>,
    /// The routers that belong into it, by their link-local addresses; nobody has said which, where there is none.
    pub routers: Vec<Ipv6Addr>,
    /// The verified domain of the tenant that the configuration names.
    pub tenant: Option<String>,
    /// What the SRV records announced on the direct path, in locator order.
    pub candidates: Vec<Candidate>,
    /// The VPNs of the site.
    pub vpns: Vec<VpnScene>,
    /// Whether a direct path to the controllers has to be there, even where a VPN leads to one.
    pub is_direct_expected: bool,
    /// What the box's kernel or time service says of its own clock; `None` if nobody says.
    pub clock_synchronised: Option<bool>,
    /// What the probes saw.
    pub observations: Vec<Observation>,
}

impl NetworkScene {
    /// The same network before anything was seen in it.
    fn without_observations(&self) -> Self {
        Self {
            name: self.name.clone(),
            domain: self.domain.clone(),
            configured_site: self.configured_site.clone(),
            proxy: self.proxy.clone(),
            dhcp_servers: self.dhcp_servers.clone(),
            routers: self.routers.clone(),
            tenant: self.tenant.clone(),
            clock_synchronised: self.clock_synchronised,
            is_direct_expected: self.is_direct_expected,
            ..Self::default()
        }
    }
}

/// Everything that was seen at a site.
#[derive(Clone, Debug)]
pub struct Scene {
    /// Name of the site.
    pub site: String,
    /// When it is judged.
    pub now: Timestamp,
    /// The stages that decide; empty means all.
    pub stages: Vec<Stage>,
    /// Limits.
    pub limits: Limits,
    /// The networks of the box.
    pub networks: Vec<NetworkScene>,
}

/// Judges a site. A site takes its worst network; one without networks is unknown.
#[must_use]
pub fn judge(scene: &Scene) -> Status {
    let networks: Vec<_> = scene
        .networks
        .iter()
        .map(|network| judge_network(scene, network))
        .collect();
    let verdict = networks
        .iter()
        .map(|network| network.verdict)
        .max()
        .unwrap_or(Verdict::Unknown);
    Status {
        schema: Status::SCHEMA,
        site: scene.site.clone(),
        time: scene.now,
        verdict,
        networks,
    }
}

fn judge_network(scene: &Scene, network: &NetworkScene) -> NetworkStatus {
    let split = paths::split(network);
    let direct = split.direct.as_ref();
    let uplink = uplink::judge(direct);
    let ways = proxies::ways(direct);
    let mut drafts = resolvers::judge(direct, &ways);
    let (controllers, found) = controllers::judge(direct);
    drafts.extend(found);
    let tunnels = paths::judge(&split);
    let standing = paths::Standing::of(network, &controllers, &tunnels);
    let of_vpns = vpns::judge(network, &standing);
    let mut controllers = paths::weigh(&standing, &mut drafts, &of_vpns, controllers, tunnels);
    drafts.extend(of_vpns);
    drafts.extend(proxies::judge(direct, &ways));
    let of_hosts = hosts::judge(direct, &ways, standing.is_vpn_needed);
    // The Internet is gone once, whether its names are missed or its hosts.
    let is_gone = |draft: &draft::Draft| draft.reason == Reason::InternetUnreachable;
    if of_hosts.iter().any(is_gone) {
        drafts.retain(|draft| !is_gone(draft));
    }
    drafts.extend(of_hosts);
    drafts.extend(dhcp::judge(direct));
    drafts.extend(logon::judge(network, &mut controllers));
    drafts.extend(registration::judge(network));
    drafts.extend(controllers::nothing_narrower(
        &controllers,
        &drafts,
        &standing,
    ));
    drafts.extend(clocks::judge(direct, &controllers, scene.limits));
    controllers::weigh_sign_in(&mut drafts, &controllers);
    // Whoever was asked over a link that is down is no place of that fault.
    if uplink.iter().any(|draft| draft.reason == Reason::LinkDown) {
        drafts.retain(|draft| draft.reason != Reason::LinkDown);
    }
    drafts.extend(uplink);
    let drafts = explain::explain(draft::merge(drafts));
    verdicts::write(scene, network, &standing, drafts, controllers)
}
