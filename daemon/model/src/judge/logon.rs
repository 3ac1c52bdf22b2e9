//! The logon of the box's own account, where it is wanted. What it meets is about that account, unless it
//! would meet every user.

use super::NetworkScene;
use super::controllers::{self, Controller};
use super::draft::Draft;
use super::uplink::capped;
use crate::observation::Observation;
use crate::outcome::{Finding, Severity};
use crate::reason::Reason;
use crate::stage::Stage;
use crate::subject::Subject;

/// A refused account is its own fault and degrades. What a controller says against every logon counts
/// at that controller as if the question without a password had met it.
pub(super) fn judge(network: &NetworkScene, all: &mut [Controller]) -> Vec<Draft> {
    let tried: Vec<(&Observation, &str)> = network
        .observations
        .iter()
        .filter_map(|seen| match &seen.check.subject {
            Subject::Logon { account } => Some((seen, account.as_str())),
            _ => None,
        })
        .collect();
    let is_done = tried.iter().any(|(seen, _)| is_conclusive(seen));
    let mut drafts = Vec::new();
    for (seen, account) in tried {
        let at = &seen.check.target.host;
        for finding in &seen.outcome.findings {
            if is_of_every_logon(finding) {
                if finding.severity == Severity::Blocking {
                    controllers::refuses_logon(all, at);
                }
                let draft = Draft::new(finding.reason, seen.check.stage, finding.severity);
                drafts.push(draft.at(at).because(&finding.detail));
            } else {
                drafts.extend(of_account(seen, finding, account, "the logon of", is_done));
            }
        }
    }
    drafts
}

/// What is found where the account is used, apart from what it is used for: a refusal, or why it came to
/// nothing. A controller whose silence or certificate was in the way is named by other checks, and here no
/// more if another one was asked with success.
pub(super) fn of_account(
    seen: &Observation,
    finding: &Finding,
    account: &str,
    use_of_it: &str,
    is_done: bool,
) -> Option<Draft> {
    let stage = seen.check.stage;
    match finding.reason {
        Reason::LogonRefused => Some(
            Draft::new(
                Reason::LogonRefused,
                stage,
                capped(finding, seen.check.gate),
            )
            .what(account)
            .because(&finding.detail),
        ),
        reason if reason == Reason::NotTested || !is_done => Some(
            Draft::new(Reason::NotTested, stage, Severity::Info)
                .what(format!("{use_of_it} {account}").trim_end())
                .because(&finding.detail),
        ),
        _ => None,
    }
}

/// Whether a controller was asked to the end, whatever it said.
pub(super) fn is_conclusive(seen: &Observation) -> bool {
    seen.outcome
        .findings
        .iter()
        .all(|finding| finding.severity < Severity::Inconclusive || !is_in_the_way(finding))
}

/// Whether it stood between us and the answer.
fn is_in_the_way(finding: &Finding) -> bool {
    finding.severity == Severity::Inconclusive
        || finding.reason.is_silence()
        || matches!(finding.reason, Reason::LdapResult)
        || finding.reason.group() == "tls"
}

fn is_of_every_logon(finding: &Finding) -> bool {
    finding.reason.stage() == Some(Stage::SignIn)
}
