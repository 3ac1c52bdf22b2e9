//! Hosts of the Internet: whether they can be reached, and who answers in their place.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::NetworkScene;
use super::draft::Draft;
use super::uplink::capped;
use crate::outcome::{Evidence, Finding, Observation, Severity, State};
use crate::reason::Reason;
use crate::stage::Stage;
use crate::subject::Subject;

/// One host and what was asked of it.
struct Host<'a> {
    name: &'a str,
    seen: Vec<&'a Observation>,
}

impl<'a> Host<'a> {
    /// What was asked of its addresses, without the lookup of its name.
    fn asked(&self) -> impl Iterator<Item = &'a Observation> {
        self.seen
            .iter()
            .copied()
            .filter(|seen| seen.check.target.address.is_some())
    }

    fn answers(&self) -> bool {
        self.asked().any(|seen| seen.outcome.was_answered())
    }
}

pub(super) fn judge(network: &NetworkScene) -> Vec<Draft> {
    let hosts = collect(network);
    let asked: Vec<_> = hosts
        .iter()
        .filter(|host| {
            host.asked()
                .any(|seen| seen.outcome.state() != State::Unknown)
        })
        .collect();
    // One host alone says nothing about the Internet.
    if asked.len() > 1 && !asked.iter().any(|host| host.answers()) {
        return vec![nobody_answers(&asked)];
    }
    let ipv4_works = hosts
        .iter()
        .flat_map(Host::asked)
        .any(|seen| seen.outcome.was_answered() && is_v4(seen));
    hosts
        .iter()
        .flat_map(|host| findings(host, ipv4_works))
        .collect()
}

fn collect(network: &NetworkScene) -> Vec<Host<'_>> {
    let mut hosts: BTreeMap<&str, Host<'_>> = BTreeMap::new();
    for seen in &network.observations {
        if let Subject::Host { name } = &seen.check.subject {
            hosts
                .entry(name)
                .or_insert_with(|| Host {
                    name,
                    seen: Vec::new(),
                })
                .seen
                .push(seen);
        }
    }
    hosts.into_values().collect()
}

fn nobody_answers(hosts: &[&Host<'_>]) -> Draft {
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
    draft
}

fn findings(host: &Host<'_>, ipv4_works: bool) -> Vec<Draft> {
    let mut drafts = Vec::new();
    for seen in &host.seen {
        for finding in &seen.outcome.findings {
            let mut draft = Draft::new(
                reason(seen, finding),
                seen.check.stage,
                capped(finding, seen.check.gate),
            )
            .what(what(host, seen, finding, ipv4_works))
            .at(host.name)
            .because(&finding.detail);
            // One family of addresses that works is enough for a client.
            if finding.reason.is_silence() && host.answers() {
                draft.severity = draft.severity.min(Severity::Degrading);
            }
            draft.touches = seen
                .check
                .also
                .iter()
                .map(|stage| (*stage, draft.severity))
                .collect();
            drafts.push(draft);
        }
    }
    drafts
}

/// A name that does not resolve and a port that is closed are the same to a client.
fn reason(seen: &Observation, finding: &Finding) -> Reason {
    if finding.reason.group() == "dns" {
        Reason::EndpointUnreachable
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
        (Reason::TlsIntercepted, _) => match seen.outcome.evidence.get("certificate_issuer") {
            Some(Evidence::Text(issuer)) => format!("by {issuer}"),
            _ => String::new(),
        },
        (reason, Some(IpAddr::V6(_))) if reason.is_silence() && ipv4_works => "IPv6".to_owned(),
        (reason, Some(IpAddr::V4(_))) if reason.is_silence() && host.answers() => "IPv4".to_owned(),
        _ => String::new(),
    }
}
