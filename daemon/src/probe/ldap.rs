//! Does the directory service give its rootDSE, over 389, 636 and the global catalog, and does it
//! speak TLS (RFC 4511, RFC 4513; [MS-ADTS] 3.1.1.3.2)?

use std::sync::Arc;
use std::time::SystemTime;

use sightline_model::{ClockReading, Finding, Gate, Phase, Reason};
use sightline_wire::ldap as wire;

use super::{Ground, Kind, Thing};
use crate::net::exchange;
use crate::net::ldap::{Attributes, root_dse, start_tls};
use crate::net::tls::{self, Roots, Session, Unknown};
use crate::run::{self, Probe, Run, Running, Task};
use crate::text;

pub(super) const KIND: Kind = Kind {
    name: "ldap",
    help: "Reads the rootDSE without a bind over TCP 389 (with StartTLS beside it), 636 and 3268.",
    reasons: &[
        Reason::LdapResult,
        Reason::CldapWrongDomain,
        Reason::DcNotUsable,
        Reason::DcNotSynchronised,
        Reason::DcNameMismatch,
        Reason::TlsHandshake,
        Reason::TlsExpired,
        Reason::TlsNotYetValid,
        Reason::TlsUntrusted,
        Reason::TlsName,
    ],
    tasks,
};

/// The capability by which Active Directory is told from other directories ([MS-ADTS]
/// 3.1.1.3.4.3).
const ACTIVE_DIRECTORY: &str = "1.2.840.113556.1.4.800";

const ATTRIBUTES: [&str; 9] = [
    "currentTime",
    "defaultNamingContext",
    "rootDomainNamingContext",
    "dnsHostName",
    "isSynchronized",
    "isGlobalCatalogReady",
    "domainControllerFunctionality",
    "supportedSASLMechanisms",
    "supportedCapabilities",
];

fn tasks(ground: &Ground<'_>, thing: &Thing) -> Vec<Task> {
    let (Thing::Controller { name, address }, Some(domain)) = (thing, ground.domain) else {
        return Vec::new();
    };
    let ports = ground.plan.ports;
    let on = |service, gate, port, door| {
        let mut task = ground.controller_task(
            KIND.name,
            (name, *address),
            ("tcp", port),
            Ldap {
                domain: domain.to_owned(),
                roots: Arc::clone(&ground.plan.corporate_roots),
                door,
            },
        );
        task.check.service = service;
        task.check.gate = gate;
        task
    };
    let mut catalog = on(
        "global_catalog",
        Gate::Soft,
        ports.global_catalog,
        Door::Catalog,
    );
    catalog.check.needs_flag = Some("GC");
    vec![
        on("ldap", Gate::Hard, ports.ldap, Door::Plain),
        on("ldaps", Gate::Optional, ports.ldaps, Door::Tls),
        catalog,
    ]
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Door {
    Plain,
    Tls,
    Catalog,
}

#[derive(Debug)]
struct Ldap {
    domain: String,
    roots: Arc<Roots>,
    door: Door,
}

impl Probe for Ldap {
    fn run<'a>(&'a self, run: &'a Run) -> Running<'a> {
        Box::pin(async move {
            let stream = exchange::connect(run).await?;
            match self.door {
                Door::Plain => {
                    let attributes = root_dse(run, stream, &ATTRIBUTES).await?;
                    self.assess(run, &attributes)?;
                    self.start_tls(run).await;
                    Ok(())
                }
                Door::Catalog => {
                    let attributes = root_dse(run, stream, &ATTRIBUTES).await?;
                    self.assess(run, &attributes)
                }
                Door::Tls => {
                    let session = tls::handshake(run, stream, &run.target().host, None).await?;
                    self.assess_chain(run, &session, true);
                    let attributes = root_dse(run, session.stream, &ATTRIBUTES).await?;
                    self.assess(run, &attributes)
                }
            }
        })
    }
}

impl Ldap {
    /// Judges a rootDSE.
    fn assess(&self, run: &Run, attributes: &Attributes) -> Result<(), Finding> {
        run.enter(Phase::Response);
        let one = |name: &str| attributes.get(name).and_then(|values| values.first());
        for (key, name) in [
            ("host", "dnshostname"),
            ("current_time", "currenttime"),
            ("functional_level", "domaincontrollerfunctionality"),
        ] {
            if let Some(value) = one(name) {
                run.keep(key, text::foreign(value));
            }
        }
        if let Some(mechanisms) = attributes.get("supportedsaslmechanisms") {
            run.keep(
                "sasl",
                mechanisms
                    .iter()
                    .take(8)
                    .map(|name| text::foreign(name))
                    .collect::<Vec<_>>(),
            );
        }
        if let Some(seconds) = one("currenttime").and_then(|time| wire::generalized_time(time)) {
            #[expect(
                clippy::cast_precision_loss,
                reason = "seconds of this era are exact in f64"
            )]
            let offset = seconds as f64 - run::unix_seconds();
            run.read_clock(ClockReading {
                // The source has whole seconds and cuts off.
                offset: offset + 0.5,
                uncertainty: 1.0,
                rank: 1,
            });
        }
        let context = one("defaultnamingcontext").map(|context| domain_of(context));
        if let Some(found) = context
            && !found.eq_ignore_ascii_case(&self.domain)
        {
            return Err(run.fail(
                Reason::CldapWrongDomain,
                format!(
                    "the rootDSE of {} is that of {}, not of {}",
                    run.whom(),
                    text::foreign(&found),
                    self.domain
                ),
            ));
        }
        let is_active_directory = attributes
            .get("supportedcapabilities")
            .is_some_and(|capabilities| capabilities.iter().any(|oid| oid == ACTIVE_DIRECTORY));
        if !is_active_directory {
            return Err(run.fail(
                Reason::DcNotUsable,
                format!(
                    "the rootDSE of {} is not that of an Active Directory",
                    run.whom()
                ),
            ));
        }
        if one("issynchronized").is_some_and(|value| value.eq_ignore_ascii_case("FALSE")) {
            run.note(run.warn(
                Reason::DcNotSynchronised,
                format!("the rootDSE of {} says isSynchronized: FALSE", run.whom()),
            ));
        }
        if let Some(host) = one("dnshostname")
            && !host.eq_ignore_ascii_case(&run.target().host)
        {
            run.note(run.warn(
                Reason::DcNameMismatch,
                format!(
                    "the SRV record says {}, the controller says {}",
                    run.target().host,
                    text::foreign(host)
                ),
            ));
        }
        Ok(())
    }

    /// StartTLS over a connection of its own, after the plain one is closed. Sign-in does not need
    /// it, so what comes back is evidence.
    async fn start_tls(&self, run: &Run) {
        let attempt = async {
            let session = match start_tls(run).await? {
                Ok(session) => session,
                Err(answer) => return Ok(format!("refused with result {}", answer.code)),
            };
            self.assess_chain(run, &session, false);
            Ok(session.version)
        };
        let said = run
            .part(attempt)
            .await
            .unwrap_or_else(|finding: Finding| finding.detail);
        run.keep("start_tls", said);
    }

    /// What the chain is worth. The same chain is judged once, at the port that exists for TLS.
    fn assess_chain<S>(&self, run: &Run, session: &Session<S>, is_judged: bool) {
        session.chain.keep(run);
        run.keep("tls_version", session.version.clone());
        if !is_judged {
            return;
        }
        let roots = self.roots.load();
        let host = &run.target().host;
        let trust = (&roots, Unknown::OtherAuthority);
        if let Some((reason, detail)) = session.chain.judge(trust, host, SystemTime::now()) {
            let detail = format!("{}: {detail}", run.whom());
            run.note(if reason == Reason::TlsUntrusted {
                run.info(reason, detail)
            } else {
                run.warn(reason, detail)
            });
        }
    }
}

/// `DC=corp,DC=example` as `corp.example`.
fn domain_of(context: &str) -> String {
    context
        .split(',')
        .filter_map(|part| {
            let (key, value) = part.trim().split_once('=')?;
            key.eq_ignore_ascii_case("DC").then_some(value)
        })
        .collect::<Vec<_>>()
        .join(".")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_naming_context_reads_as_a_domain() {
        assert_eq!(domain_of("DC=corp,DC=example,DC=test"), "corp.example.test");
        assert_eq!(domain_of("dc=corp, dc=example"), "corp.example");
        assert_eq!(domain_of("O=else"), "");
    }
}
