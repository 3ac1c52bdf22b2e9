//! What one run of a probe gave.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::dhcp::DhcpAnswer;
use crate::ra::RouterAnswer;
use crate::reason::Reason;
use crate::tunnel::TunnelFacts;

/// How bad a finding is. Later is worse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Good to know; changes nothing.
    Info,
    /// Something is wrong, and the flow can succeed.
    Degrading,
    /// We could not look: says nothing about the target.
    Inconclusive,
    /// A need is not met.
    Blocking,
}

impl Severity {
    /// All severities, the least first.
    pub const ALL: [Self; 4] = [
        Self::Info,
        Self::Degrading,
        Self::Inconclusive,
        Self::Blocking,
    ];

    /// The word in JSON and metrics.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Degrading => "degrading",
            Self::Inconclusive => "inconclusive",
            Self::Blocking => "blocking",
        }
    }
}

/// The part of a run in which something happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Name to address.
    Resolve,
    /// Until the connection stands.
    Connect,
    /// The TLS handshake.
    Tls,
    /// Joining a protocol session: an RPC bind, an LDAP StartTLS.
    Bind,
    /// From the first request to the answer.
    Request,
    /// Reading and judging the answer.
    Response,
}

impl Phase {
    /// The word in JSON and metrics.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::Resolve => "resolve",
            Self::Connect => "connect",
            Self::Tls => "tls",
            Self::Bind => "bind",
            Self::Request => "request",
            Self::Response => "response",
        }
    }
}

/// State of a check after a run. Later is worse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It is not expected there: a controller does not announce the service.
    Skipped,
    /// As it should be.
    Pass,
    /// It works, and something is wrong.
    Warn,
    /// We could not look.
    Unknown,
    /// It does not work.
    Fail,
}

impl State {
    /// The word in JSON and metrics.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::Skipped => "skipped",
            Self::Pass => "pass",
            Self::Warn => "warn",
            Self::Unknown => "unknown",
            Self::Fail => "fail",
        }
    }
}

/// One thing that a run noticed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Why.
    pub reason: Reason,
    /// How bad, for the check that saw it.
    pub severity: Severity,
    /// Where in the run.
    pub phase: Phase,
    /// What was tried, against what, what came back.
    pub detail: String,
}

/// A value in the evidence of a run, in the words of the protocol.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Evidence {
    /// A text.
    Text(String),
    /// A number, in the unit that its key names.
    Number(f64),
    /// A yes or no.
    Flag(bool),
    /// Several texts, in the order of the answer.
    List(Vec<String>),
}

impl From<&str> for Evidence {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Evidence {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<f64> for Evidence {
    fn from(number: f64) -> Self {
        Self::Number(number)
    }
}

impl From<u32> for Evidence {
    fn from(number: u32) -> Self {
        Self::Number(f64::from(number))
    }
}

impl From<bool> for Evidence {
    fn from(flag: bool) -> Self {
        Self::Flag(flag)
    }
}

impl From<Vec<String>> for Evidence {
    fn from(list: Vec<String>) -> Self {
        Self::List(list)
    }
}

/// Another clock, seen from this box.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ClockReading {
    /// Seconds that the other clock is ahead of this box.
    pub offset: f64,
    /// Half the round trip plus the resolution of the source, in seconds.
    pub uncertainty: f64,
    /// How much the source is trusted for the clock of its host; larger is better.
    pub rank: u8,
}

/// What the answer to an LDAP ping said ([MS-ADTS] 6.3.1.9).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ControllerFacts {
    /// DNS name that the controller gives itself.
    pub host: String,
    /// DNS name of the domain.
    pub domain: String,
    /// DNS name of the forest.
    pub forest: String,
    /// GUID of the domain.
    pub domain_guid: String,
    /// Site of the controller.
    pub dc_site: String,
    /// Site that the controller computed for this network; empty when no subnet object matches.
    pub client_site: String,
    /// Flags in the words of `nltest /dsgetdc`.
    pub flags: Vec<String>,
}

/// What the service connection point of hybrid join says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConnectionPoint {
    /// The tenant's GUID in lower case, of the keyword `azureADId`.
    pub tenant_id: String,
    /// A verified domain of the tenant in lower case, of the keyword `azureADName`; may be empty.
    pub tenant_name: String,
}

/// One SRV record (RFC 2782).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SrvRecord {
    /// Lower is tried first.
    pub priority: u16,
    /// Share among equals.
    pub weight: u16,
    /// Port of the service.
    pub port: u16,
    /// Host name in lower case, without the last dot.
    pub target: String,
}

/// One way to the Internet that a client may be told to take.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Way {
    /// Without a proxy.
    Direct,
    /// Through this proxy, `host:port`.
    Proxy(String),
}

/// A proxy script that the network announces.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScriptFacts {
    /// Where it is announced to be.
    pub url: String,
    /// Its answers that a host of the Internet may get, in the order of its text, each with its ways; none where it
    /// could not be read.
    pub answers: Vec<Vec<Way>>,
    /// Whether these are all, as far as its text tells.
    pub is_whole: bool,
}

impl ScriptFacts {
    /// All ways, each once.
    #[must_use]
    pub fn ways(&self) -> Vec<&Way> {
        let mut ways: Vec<&Way> = Vec::new();
        for way in self.answers.iter().flatten() {
            if !ways.contains(&way) {
                ways.push(way);
            }
        }
        ways
    }

    /// Whether the two stand in one answer, so that one takes the place of the other.
    #[must_use]
    pub fn are_together(&self, one: &Way, other: &Way) -> bool {
        self.answers
            .iter()
            .any(|ways| ways.contains(one) && ways.contains(other))
    }
}

/// Where a company signs its users in itself, as the answer about the realm of its domain says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignInService {
    /// Its DNS name, in lower case.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Where its metadata are, where the answer says so.
    pub metadata: Option<String>,
}

/// What a run learned that others go on from: the judge compares it across runs, the survey finds
/// the next targets in it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Facts {
    /// Records of an SRV lookup, in locator order.
    pub records: Vec<SrvRecord>,
    /// Addresses of a name, IPv4 first.
    pub addresses: Vec<IpAddr>,
    /// The clock of the host that answered.
    pub clock: Option<ClockReading>,
    /// What a domain controller said of itself.
    pub controller: Option<ControllerFacts>,
    /// The proxy script that was found; `None` where the network announces none.
    pub script: Option<ScriptFacts>,
    /// What the DHCP servers of the network answered, by their identifiers.
    pub dhcp: Vec<DhcpAnswer>,
    /// What the routers of the network advertise, by their addresses.
    pub routers: Vec<RouterAnswer>,
    /// The service connection point of the forest.
    pub connection_point: Option<ConnectionPoint>,
    /// Whether a password, or a proof of it, was sent: an answer that is missing then may be a refusal.
    pub credential_sent: bool,
    /// The GUID of the tenant that the configuration names, in lower case.
    pub tenant_id: Option<String>,
    /// Whether the clock of this box is synchronised, where its time service says so.
    pub synchronised: Option<bool>,
    /// The company's own sign-in service, where its domain is federated.
    pub sign_in_service: Option<SignInService>,
    /// The gateway that the box leaves by.
    pub gateway: Option<String>,
    /// Who has signed the certificate that the host shows.
    pub issuer: Option<String>,
    /// What the kernel knows of a tunnel that is up.
    pub tunnel: Option<TunnelFacts>,
}

/// Result of one run. The state follows from the findings and is never set by hand.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outcome {
    /// What was noticed, in order.
    pub findings: Vec<Finding>,
    /// How long each phase took, in order.
    pub timings: Vec<(Phase, Duration)>,
    /// What came back, for people.
    pub evidence: BTreeMap<&'static str, Evidence>,
    /// What came back, for the judge.
    pub facts: Facts,
}

impl Outcome {
    /// The worst finding decides.
    #[must_use]
    pub fn state(&self) -> State {
        match self.findings.iter().map(|finding| finding.severity).max() {
            None | Some(Severity::Info) => State::Pass,
            Some(Severity::Degrading) => State::Warn,
            Some(Severity::Inconclusive) => State::Unknown,
            Some(Severity::Blocking) => State::Fail,
        }
    }

    /// The worst finding, the first of equals.
    #[must_use]
    pub fn worst(&self) -> Option<&Finding> {
        self.findings
            .iter()
            .rev()
            .max_by_key(|finding| finding.severity)
    }

    /// Whether somebody who speaks the protocol was heard.
    #[must_use]
    pub fn was_answered(&self) -> bool {
        match self.state() {
            State::Pass | State::Warn => true,
            State::Skipped | State::Unknown => false,
            State::Fail => self
                .findings
                .iter()
                .any(|finding| !finding.reason.is_silence()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(reason: Reason, severity: Severity) -> Finding {
        Finding {
            reason,
            severity,
            phase: Phase::Request,
            detail: String::new(),
        }
    }

    #[test]
    fn the_state_follows_from_the_worst_finding() {
        let mut outcome = Outcome::default();
        assert_eq!(outcome.state(), State::Pass);
        outcome
            .findings
            .push(finding(Reason::DcSlow, Severity::Degrading));
        assert_eq!(outcome.state(), State::Warn);
        outcome
            .findings
            .push(finding(Reason::ConnectTimeout, Severity::Blocking));
        assert_eq!(outcome.state(), State::Fail);
        assert_eq!(
            outcome.worst().map(|worst| worst.reason),
            Some(Reason::ConnectTimeout)
        );
    }

    #[test]
    fn a_timeout_is_no_answer_and_an_error_code_is_one() {
        let mut outcome = Outcome::default();
        outcome
            .findings
            .push(finding(Reason::ConnectTimeout, Severity::Blocking));
        assert!(!outcome.was_answered());
        outcome
            .findings
            .push(finding(Reason::KdcWrongRealm, Severity::Blocking));
        assert!(outcome.was_answered());
    }
}
