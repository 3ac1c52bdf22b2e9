//! The service connection point, by which a device finds the tenant that it registers with.

use super::NetworkScene;
use super::draft::Draft;
use super::logon::{is_conclusive, of_account};
use super::uplink::capped;
use crate::observation::Observation;
use crate::outcome::{ConnectionPoint, Severity};
use crate::reason::Reason;
use crate::subject::Subject;

pub(super) fn judge(network: &NetworkScene) -> Vec<Draft> {
    let read: Vec<(&Observation, &str)> = network
        .observations
        .iter()
        .filter_map(|seen| match &seen.check.subject {
            Subject::ConnectionPoint { account } => Some((seen, account.as_str())),
            _ => None,
        })
        .collect();
    let is_done = read.iter().any(|(seen, _)| is_conclusive(seen));
    let mut drafts = Vec::new();
    for (seen, account) in read {
        for finding in &seen.outcome.findings {
            if finding.reason == Reason::ScpMissing {
                let severity = capped(finding, seen.check.gate);
                let draft = Draft::new(Reason::ScpMissing, seen.check.stage, severity);
                let domain = network.domain.clone().unwrap_or_default();
                drafts.push(draft.at(domain).because(&finding.detail));
            } else {
                let what = if account.is_empty() {
                    "the service connection point"
                } else {
                    "the service connection point with"
                };
                drafts.extend(of_account(seen, finding, account, what, is_done));
            }
        }
        if let Some(point) = &seen.outcome.facts.connection_point {
            drafts.extend(compare(network, seen, point));
        }
    }
    drafts
}

/// Compares it with the tenant that the configuration names. Only GUIDs prove a difference: a tenant has
/// many verified domains.
fn compare(network: &NetworkScene, seen: &Observation, point: &ConnectionPoint) -> Option<Draft> {
    let ours = network.tenant.as_ref()?;
    let learned = network
        .observations
        .iter()
        .find_map(|seen| seen.outcome.facts.tenant_id.as_ref());
    let (severity, said) = match learned {
        Some(id) if *id == point.tenant_id => return None,
        Some(id) => (Severity::Blocking, format!("the tenant of {ours} is {id}")),
        None if point.tenant_name.eq_ignore_ascii_case(ours) => return None,
        None => (
            Severity::Info,
            format!(
                "{ours} may be another domain of the same tenant: its GUID could not be learned from \
                 the Internet"
            ),
        ),
    };
    let ConnectionPoint {
        tenant_id,
        tenant_name,
    } = point;
    let named = if tenant_name.is_empty() {
        "no domain"
    } else {
        tenant_name
    };
    Some(
        Draft::new(Reason::ScpWrongTenant, seen.check.stage, severity)
            .what(format!("{named} ({tenant_id})"))
            .because(format!(
                "{} says that the service connection point names {named} and {tenant_id}; {said}",
                seen.check.target.host
            )),
    )
}
