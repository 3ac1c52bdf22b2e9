//! Hosts of the Internet: whether they can be reached, and who answers in their place.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::draft::Draft;
use super::proxies::{self, Ways};
use super::uplink::{capped, plain};
use super::{NetworkScene, ProxyUse};
use crate::observation::Observation;
use crate::outcome::{Evidence, Finding, Severity, State};
use crate::reason::Reason;
use crate::stage::{Gate, Stage};
use crate::subject::Subject;

/// One host and what was asked of it.
struct Host<'a> {
    name: &'a str,
    /// What a client of this network would hear.
    seen: Vec<&'a Observation>,
    /// What it would not hear, as it takes the other way.
    aside: Vec<&'a Observation>,
    /// Whether it is asked through a proxy, where there is one.
    knows_proxies: bool,
    /// Who signs in the place of hosts of this network.
    inspectors: &'a BTreeSet<&'a str>,
    /// Whether devices cannot do without a VPN.
    is_vpn_needed: bool,
}

impl<'a> Host<'a> {
    /// What was asked of the host, without the lookup of its name.
    fn asked(&self) -> impl Iterator<Item = &'a Observation> {
        self.seen
            .iter()
            .copied()
            .filter(|seen| seen.check.target.address.is_some() || seen.check.proxy.is_some())
    }

    fn answers(&self) -> bool {
        self.asked().any(|seen| seen.outcome.was_answered())
    }

    /// Whether it is of the Internet. A company's own sign-in service may stand anywhere.
    fn is_of_the_internet(&self) -> bool {
        self.seen
            .iter()
            .any(|seen| seen.check.closed_as != Reason::StsUnreachable)
    }
}

/// `is_vpn_needed` makes that a must by which a device gets its VPN.
pub(super) fn judge(network: &NetworkScene, ways: &Ways<'_>, is_vpn_needed: bool) -> Vec<Draft> {
    let mut drafts = reached(network, ways, is_vpn_needed);
    let content = network.observations.iter();
    let content = content.filter(|seen| matches!(seen.check.subject, Subject::Content { .. }));
    drafts.extend(content.flat_map(plain));
    drafts
}

fn reached(network: &NetworkScene, ways: &Ways<'_>, is_vpn_needed: bool) -> Vec<Draft> {
    let inspectors = inspectors(network);
    let hosts = collect(network, ways, (&inspectors, is_vpn_needed));
    let needs_a_proxy = ways.need_a_proxy();
    let (shut_out, hosts): (Vec<_>, Vec<_>) = hosts
        .into_iter()
        .partition(|host| needs_a_proxy && !host.knows_proxies && !host.answers());
    let asked: Vec<_> = hosts
        .iter()
        .filter(|host| host.is_of_the_internet())
        .filter(|host| {
            host.asked()
                .any(|seen| seen.outcome.state() != State::Unknown)
        })
        .collect();
    // One host alone says nothing about the Internet.
    if asked.len() > 1 && !asked.iter().any(|host| host.answers()) {
        let others = hosts.iter().filter(|host| !host.is_of_the_internet());
        return std::iter::once(nobody_answers(network, &asked))
            .chain(others.flat_map(|host| findings(host, false)))
            .collect();
    }
    let ipv4_works = hosts
        .iter()
        .flat_map(Host::asked)
        .any(|seen| seen.outcome.was_answered() && is_v4(seen));
    hosts
        .iter()
        .flat_map(|host| findings(host, ipv4_works))
        .chain(needs_a_proxy.then(|| only_by_proxy(ways, &hosts, &shut_out)))
        .collect()
}

/// Who signs in the place of hosts, by the names in their certificates. What they sign elsewhere is no
/// authority of the host's own.
fn inspectors(network: &NetworkScene) -> BTreeSet<&str> {
    let intercepted = network.observations.iter().filter(|seen| {
        matches!(seen.check.subject, Subject::Host { .. })
            && seen
                .outcome
                .findings
                .iter()
                .any(|finding| finding.reason == Reason::TlsIntercepted)
    });
    intercepted.filter_map(issuer).collect()
}

/// Who signed what was shown there, as words behind "intercepted".
pub(super) fn signed_by(seen: &Observation) -> String {
    issuer(seen).map_or_else(String::new, |issuer| format!("by {issuer}"))
}

fn issuer(seen: &Observation) -> Option<&str> {
    match seen.outcome.evidence.get("certificate_issuer") {
        Some(Evidence::Text(issuer)) => Some(issuer),
        _ => None,
    }
}

fn collect<'a>(
    network: &'a NetworkScene,
    ways: &Ways<'_>,
    around: (&'a BTreeSet<&'a str>, bool),
) -> Vec<Host<'a>> {
    let mut hosts: BTreeMap<&str, (Vec<_>, Vec<_>)> = BTreeMap::new();
    for seen in &network.observations {
        if let Subject::Host { name } = &seen.check.subject {
            let (direct, proxied) = hosts.entry(name).or_default();
            if seen.check.proxy.is_some() {
                proxied.push(seen);
            } else {
                direct.push(seen);
            }
        }
    }
    hosts
        .into_iter()
        .map(|(name, seen)| by_its_way(name, seen, ways, around))
        .collect()
}

/// Which of the two ways a client takes to a host. Where a script may send it by either, nobody knows,
/// and the better one counts.
fn by_its_way<'a>(
    name: &'a str,
    (direct, proxied): (Vec<&'a Observation>, Vec<&'a Observation>),
    ways: &Ways<'_>,
    (inspectors, is_vpn_needed): (&'a BTreeSet<&'a str>, bool),
) -> Host<'a> {
    let by = |seen, aside| Host {
        name,
        seen,
        aside,
        knows_proxies: false,
        inspectors,
        is_vpn_needed,
    };
    if proxied.is_empty() {
        return by(direct, Vec::new());
    }
    let (direct, proxied) = (by(direct, Vec::new()), by(proxied, Vec::new()));
    let is_direct = ways.direct && direct.answers() && harm(&direct) < harm(&proxied);
    let (taken, other) = if is_direct {
        (direct, proxied)
    } else {
        (proxied, direct)
    };
    Host {
        // A way that is closed to everybody is told once, and not for each host.
        aside: other.seen.into_iter().filter(|_| is_direct).collect(),
        knows_proxies: true,
        ..taken
    }
}

fn harm(host: &Host<'_>) -> Option<Severity> {
    let drafts = findings(host, false);
    drafts.iter().map(|draft| draft.severity).max()
}

/// What knows no proxy is shut out by the same thing that makes the proxy necessary.
fn only_by_proxy(ways: &Ways<'_>, hosts: &[Host<'_>], shut_out: &[Host<'_>]) -> Draft {
    let proxies: BTreeSet<&str> = hosts
        .iter()
        .flat_map(Host::asked)
        .filter(|seen| seen.outcome.was_answered())
        .filter_map(|seen| seen.check.proxy.as_deref())
        .collect();
    let mut draft = Draft::new(Reason::ProxyRequired, Stage::Proxy, Severity::Info);
    draft.at = proxies.into_iter().map(str::to_owned).collect();
    for lost in shut_out.iter().flat_map(|host| findings(host, false)) {
        draft.severity = draft.severity.max(lost.severity);
        for (stage, severity) in lost.touches.iter().chain([(&lost.stage, &lost.severity)]) {
            let known = draft.touches.entry(*stage).or_insert(*severity);
            *known = (*known).max(*severity);
        }
        draft.details.extend(
            lost.details
                .iter()
                .map(|said| format!("without a proxy: {said}")),
        );
    }
    draft.details.push(ways.without_a_proxy());
    draft
}

fn nobody_answers(network: &NetworkScene, hosts: &[&Host<'_>]) -> Draft {
    let mut draft = Draft::new(
        Reason::InternetUnreachable,
        Stage::Internet,
        Severity::Blocking,
    )
    .what("no host of the Internet answers");
    draft.details = hosts
        .iter()
        .flat_map(|host| host.asked())
        .filter_map(|seen| seen.outcome.worst())
        .map(|finding| finding.detail.clone())
        .collect();
    if network.proxy == ProxyUse::Auto {
        draft.details.extend(proxies::unheard_of_dhcp(network));
    }
    draft
}

fn findings(host: &Host<'_>, ipv4_works: bool) -> Vec<Draft> {
    let drafted = |seen: &'_ &Observation| -> Vec<Draft> {
        let findings = seen.outcome.findings.iter();
        findings
            .map(|finding| draft(host, seen, finding, ipv4_works))
            .collect()
    };
    let mut drafts: Vec<Draft> = host.seen.iter().flat_map(drafted).collect();
    // Which way a device is sent, only the script knows.
    drafts.extend(host.aside.iter().flat_map(drafted).map(|mut draft| {
        let most = Severity::Degrading;
        draft.severity = draft.severity.min(most);
        for severity in draft.touches.values_mut() {
            *severity = (*severity).min(most);
        }
        draft
    }));
    drafts
}

fn draft(host: &Host<'_>, seen: &Observation, finding: &Finding, ipv4_works: bool) -> Draft {
    let finding = &unmasked(host, seen, finding);
    let gate = match seen.check.gate {
        Gate::BringsVpn if host.is_vpn_needed => Gate::Hard,
        gate => gate,
    };
    let mut draft = Draft::new(
        reason(seen, finding),
        seen.check.stage,
        capped(finding, gate),
    )
    .what(what(host, seen, finding, ipv4_works))
    .at(host.name)
    .because(&finding.detail);
    // One family of addresses that works is enough for a client.
    if finding.reason.is_silence() && host.answers() && seen.check.proxy.is_none() {
        draft.severity = draft.severity.min(Severity::Degrading);
    }
    draft.touches = seen
        .check
        .also
        .iter()
        .map(|stage| (*stage, draft.severity))
        .collect();
    draft
}

/// An authority that nobody knows may be right for a host, but not one that signs for others too.
fn unmasked(host: &Host<'_>, seen: &Observation, finding: &Finding) -> Finding {
    let mut finding = finding.clone();
    let is_inspector = || issuer(seen).is_some_and(|issuer| host.inspectors.contains(issuer));
    if finding.reason == Reason::TlsUntrusted && is_inspector() {
        finding.reason = Reason::TlsIntercepted;
        finding.severity = Severity::Blocking;
    }
    finding
}

/// A name that does not resolve and a port that is closed are the same to a client.
fn reason(seen: &Observation, finding: &Finding) -> Reason {
    if finding.reason.group() == "dns" {
        seen.check.closed_as
    } else {
        seen.meaning_of(finding)
    }
}

fn is_v4(seen: &Observation) -> bool {
    seen.check
        .target
        .address
        .is_some_and(|address| address.is_ipv4())
}

/// What is merged into one finding: everything that one inspecting proxy signs, everything that
/// one family of addresses does not reach while the other one works.
fn what(host: &Host<'_>, seen: &Observation, finding: &Finding, ipv4_works: bool) -> String {
    match (finding.reason, seen.check.target.address) {
        (Reason::TlsIntercepted, _) => signed_by(seen),
        // One that answers, and has switched off what stands behind this door.
        (Reason::StsUnreachable | Reason::NotTested, _)
            if seen.check.closed_as == Reason::StsUnreachable =>
        {
            seen.check.door.clone()
        }
        (reason, Some(IpAddr::V6(_))) if reason.is_silence() && ipv4_works => "IPv6".to_owned(),
        (reason, Some(IpAddr::V4(_))) if reason.is_silence() && host.answers() => "IPv4".to_owned(),
        _ => String::new(),
    }
}
