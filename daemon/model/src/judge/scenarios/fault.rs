//! What can be wrong in a network that is healthy otherwise.

use serde::Deserialize;

use super::world::{clock, connection_point};
use crate::observation::Observation;
use crate::outcome::{Evidence, Facts, Finding, Phase, ScriptFacts, Severity};

/// Something that is not as in the healthy world.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Fault {
    /// `uplink`, `resolver ADDRESS TOPIC`, `name NAME RESOLVER`, `dc NAME[/ADDRESS] SERVICE`,
    /// `time SOURCE`, `host NAME WAY`, `script dns`, `proxy NAME`, `dhcp`, `ra`, `portal`, `scp NAME`,
    /// `canary NAME`, `vpn NAME`; `*` for all.
    pub(super) at: String,
    /// `reason` (blocking) or `reason severity`.
    #[serde(default)]
    pub(super) gives: Vec<String>,
    /// Seconds that the clock there is ahead.
    pub(super) clock: Option<f64>,
    /// The check was never made.
    #[serde(default)]
    pub(super) absent: bool,
    /// The LDAP ping maps us to this site.
    pub(super) client_site: Option<String>,
    /// Who signed the certificate there.
    issuer: Option<String>,
    /// How large the answer there is.
    answer_bytes: Option<u32>,
    /// A script is announced, and has no answers.
    #[serde(default)]
    announced: bool,
    /// The service connection point read there: `GUID name`.
    connection_point: Option<String>,
    /// The GUID of the tenant, learned there.
    tenant_id: Option<String>,
    /// The LDAP ping has no such flag.
    pub(super) without_flag: Option<String>,
}

impl Fault {
    /// A controller's name stands for all its addresses, `name/address` for one.
    pub(super) fn matches(&self, key: &str) -> bool {
        let is_meant = |pattern: &str, word: &str| {
            let name = word.split('/').next();
            pattern == "*" || pattern == word || Some(pattern) == name
        };
        let pattern: Vec<_> = self.at.split(' ').collect();
        let words: Vec<_> = key.split(' ').collect();
        pattern.len() == words.len()
            && pattern
                .iter()
                .zip(&words)
                .all(|(pattern, word)| is_meant(pattern, word))
    }

    pub(super) fn apply(&self, key: &str, check: &mut Observation) {
        for text in &self.gives {
            let (reason, severity) = text.split_once(' ').unwrap_or((text, "blocking"));
            let severity = Severity::ALL
                .into_iter()
                .find(|known| known.id() == severity)
                .unwrap_or_else(|| panic!("no severity `{severity}`"));
            let finding = Finding {
                reason: reason.parse().expect("a reason"),
                severity,
                phase: if reason.starts_with("connect_") {
                    Phase::Connect
                } else {
                    Phase::Request
                },
                detail: format!("{key} gave {reason}"),
            };
            // A run that ends in silence or blindness has seen nothing else.
            let is_end = |finding: &Finding| {
                finding.severity == Severity::Inconclusive
                    || finding.reason.is_silence() && finding.severity == Severity::Blocking
            };
            if check.outcome.findings.iter().any(is_end) {
                continue;
            }
            if is_end(&finding) {
                check.outcome.findings.clear();
                check.outcome.facts = Facts::default();
            }
            check.outcome.findings.push(finding);
        }
        if let Some(issuer) = &self.issuer {
            let issuer = Evidence::Text(issuer.clone());
            check.outcome.evidence.insert("certificate_issuer", issuer);
        }
        if let Some(bytes) = self.answer_bytes {
            check.outcome.evidence.insert("answer_bytes", bytes.into());
        }
        if let Some(text) = &self.connection_point {
            let point = text.split_once(' ').expect("`GUID name`");
            check.outcome.facts.connection_point = Some(connection_point(point));
        }
        if let Some(id) = &self.tenant_id {
            check.outcome.facts.tenant_id = Some(id.clone());
        }
        if let Some(offset) = self.clock {
            check.outcome.facts.clock = Some(clock(offset));
        }
        if self.announced {
            check.outcome.facts.script = Some(ScriptFacts {
                url: "http://wpad.corp.example.com/wpad.dat".into(),
                ..ScriptFacts::default()
            });
        }
        if let Some(controller) = &mut check.outcome.facts.controller {
            if let Some(site) = &self.client_site {
                controller.client_site.clone_from(site);
            }
            controller
                .flags
                .retain(|flag| Some(flag) != self.without_flag.as_ref());
        }
    }
}
