//! The service connection point of hybrid join: does the directory tell a device its tenant, and which?
//! It is shown to nobody without an account, so that one is needed ([MS-ADTS] 5.1.3; Microsoft's
//! "Configure hybrid join using Microsoft Entra Connect").

use std::sync::Arc;

use sightline_model::{Check, ConnectionPoint, Finding, Gate, Reason, Stage, Subject, Target};
use tokio::sync::Semaphore;

use super::{Ground, Kind, Thing, closed, refusal};
use crate::account::{Account, Attempt};
use crate::net::exchange;
use crate::net::ldap::{self, Attributes, Bound, Refusal};
use crate::net::tls::{self, Roots, Trusted};
use crate::run::{Probe, Run, Running, Task};
use crate::text;

pub(super) const KIND: Kind = Kind {
    name: "scp",
    help: "Reads the service connection point of hybrid join with the configured account, over TLS whose chain is good.",
    reasons: &[
        Reason::NotTested,
        Reason::ScpMissing,
        Reason::ScpWrongTenant,
        Reason::LogonRefused,
        Reason::LdapResult,
        Reason::TlsHandshake,
        Reason::TlsExpired,
        Reason::TlsNotYetValid,
        Reason::TlsUntrusted,
        Reason::TlsName,
    ],
    tasks,
};

/// Where it stands in the partition of the configuration.
const PLACE: &str =
    "CN=62a0ff2e-97b9-4513-943f-0d221bd30080,CN=Device Registration Configuration,CN=Services";

/// invalidCredentials, RFC 4511 Appendix A.
const INVALID_CREDENTIALS: u32 = 49;
/// timeLimitExceeded, adminLimitExceeded, busy, unavailable: another controller may do better.
const PASSING: [u32; 4] = [3, 11, 51, 52];

fn tasks(ground: &Ground<'_>, thing: &Thing) -> Vec<Task> {
    if !ground.wants(&[Stage::Registration]) {
        return Vec::new();
    }
    let Some(domain) = ground.domain else {
        return Vec::new();
    };
    let ports = ground.plan.ports;
    let (account, question, port, target) = match (thing, &ground.plan.account) {
        (Thing::Network, None) => {
            let target = Target {
                host: domain.to_owned(),
                address: None,
                port: None,
            };
            (String::new(), None, ports.ldaps, target)
        }
        (
            Thing::AccountAt {
                name,
                address,
                has_ldaps,
            },
            Some(account),
        ) => {
            let port = if *has_ldaps { ports.ldaps } else { ports.ldap };
            let target = Target {
                host: name.clone(),
                address: Some(*address),
                port: Some(port),
            };
            let question = Scp {
                account: Arc::clone(account),
                domain: domain.to_owned(),
                roots: Arc::clone(&ground.plan.corporate_roots),
                is_tls_at_once: *has_ldaps,
            };
            (account.in_domain(domain), Some(question), port, target)
        }
        _ => return Vec::new(),
    };
    vec![Task {
        check: Check {
            probe: KIND.name,
            service: KIND.name,
            stage: Stage::Registration,
            also: Vec::new(),
            gate: Gate::Soft,
            subject: Subject::ConnectionPoint { account },
            door: format!("tcp/{port}"),
            closed_as: Reason::PortBlocked,
            needs_flag: None,
            is_of_host: false,
            proxy: None,
            target,
        },
        path: Arc::clone(ground.path),
        timeout: ground.plan.timeout,
        probe: match question {
            Some(scp) => Arc::new(scp),
            None => Arc::new(WithoutAccount),
        },
    }]
}

/// Says why nothing is asked.
#[derive(Debug)]
struct WithoutAccount;

impl Probe for WithoutAccount {
    fn run<'a>(&'a self, run: &'a Run) -> Running<'a> {
        Box::pin(async move {
            Err(run.info(
                Reason::NotTested,
                "the service connection point of hybrid join: no account is configured that could read it ([account])",
            ))
        })
    }
}

#[derive(Debug)]
struct Scp {
    account: Arc<Account>,
    domain: String,
    roots: Arc<Roots>,
    /// LDAPS rather than StartTLS.
    is_tls_at_once: bool,
}

impl Probe for Scp {
    fn run<'a>(&'a self, run: &'a Run) -> Running<'a> {
        Box::pin(async move {
            let attempt = self.account.open(&self.domain, run.remaining() / 2).await;
            let attempt = attempt.map_err(|why| closed(run, why))?;
            self.is_of_the_domain(run)?;
            let session = self.trusted(run).await?;
            self.read(run, session, attempt).await
        })
    }

    fn turn(&self) -> Option<Arc<Semaphore>> {
        Some(self.account.turn())
    }
}

impl Scp {
    /// Whoever answers for DNS may send us to a host of his own, with a good certificate for its name. A
    /// name within the domain is one that he has none for.
    fn is_of_the_domain(&self, run: &Run) -> Result<(), Finding> {
        let host = run.target().host.to_ascii_lowercase();
        let domain = self.domain.to_ascii_lowercase();
        match host.strip_suffix(&domain) {
            Some(label) if label.ends_with('.') => Ok(()),
            _ => Err(run.fail(
                Reason::TlsName,
                format!(
                    "{} has no name within {}, so that no certificate proves it a controller. No \
                     password was sent",
                    run.whom(),
                    self.domain
                ),
            )),
        }
    }

    /// A session that a password may go over.
    async fn trusted(&self, run: &Run) -> Result<Trusted<tokio::net::TcpStream>, Finding> {
        let host = &run.target().host;
        let session = if self.is_tls_at_once {
            let stream = exchange::connect(run).await?;
            tls::handshake(run, stream, host, None).await?
        } else {
            ldap::start_tls(run).await?.map_err(|answer| {
                let detail = format!(
                    "{} refuses StartTLS with result {}",
                    run.whom(),
                    answer.code
                );
                run.fail(Reason::TlsHandshake, detail)
            })?
        };
        session.chain.keep(run);
        run.keep("tls_version", session.version.clone());
        session
            .trust(&self.roots, host)
            .map_err(|(reason, detail)| {
                let mend = if reason == Reason::TlsUntrusted {
                    "; if that is the company's own authority, name it in tls.corporate_roots"
                } else {
                    ""
                };
                run.fail(
                    reason,
                    format!("{}: {detail}. No password was sent{mend}", run.whom()),
                )
            })
    }

    async fn read(
        &self,
        run: &Run,
        session: Trusted<tokio::net::TcpStream>,
        attempt: Attempt<'_>,
    ) -> Result<(), Finding> {
        let name = self.account.in_domain(&self.domain);
        let credentials = (name.as_str(), attempt.password().expose());
        run.sends_credential();
        let contexts = ["configurationNamingContext", "rootDomainNamingContext"];
        let bound =
            ldap::read_bound(run, session, credentials, (&contexts, place), &["keywords"]).await?;
        match bound {
            Bound::Refused(refusal) if refusal.code == INVALID_CREDENTIALS => {
                let meaning = refusal::of_bind(&refusal.text);
                let said = format!("{meaning} (LDAP {refusal})");
                Err(run.warn(
                    Reason::LogonRefused,
                    attempt.refused(&run.target().host, &said),
                ))
            }
            Bound::Refused(refusal) => Err(run.fail(
                Reason::LdapResult,
                format!("{} answers the bind of {name} with {refusal}", run.whom()),
            )),
            Bound::Read(Err(refusal)) => Err(unreadable(run, &refusal)),
            Bound::Read(Ok(found)) => assess(run, &found),
        }
    }
}

fn unreadable(run: &Run, refusal: &Refusal) -> Finding {
    let detail = format!(
        "{} answers the search for {PLACE} with {refusal}",
        run.whom()
    );
    if PASSING.contains(&refusal.code) {
        run.fail(Reason::LdapResult, detail)
    } else {
        run.warn(Reason::ScpMissing, detail)
    }
}

/// The name of the object, from what the rootDSE says of the forest.
fn place(root: &Attributes) -> Option<String> {
    let one = |name: &str| root.get(name).and_then(|values| values.first());
    match one("configurationnamingcontext") {
        Some(context) => Some(format!("{PLACE},{context}")),
        None => {
            one("rootdomainnamingcontext").map(|root| format!("{PLACE},CN=Configuration,{root}"))
        }
    }
}

fn assess(run: &Run, found: &Attributes) -> Result<(), Finding> {
    let none = Vec::new();
    let keywords = found.get("keywords").unwrap_or(&none);
    let shown: Vec<String> = keywords
        .iter()
        .take(8)
        .map(|word| text::foreign(word))
        .collect();
    let said = shown.join(", ");
    run.keep("keywords", shown);
    match connection_point(keywords) {
        Some(point) => {
            run.read_connection_point(point);
            Ok(())
        }
        None if found.is_empty() => Err(run.warn(
            Reason::ScpMissing,
            format!("{} shows no object {PLACE} with keywords", run.whom()),
        )),
        None => Err(run.warn(
            Reason::ScpMissing,
            format!(
                "the keywords at {} name no tenant by azureADId and its GUID; they are: {said}",
                run.whom()
            ),
        )),
    }
}

/// What the keywords say. Microsoft's own text writes their names in different cases.
fn connection_point(keywords: &[String]) -> Option<ConnectionPoint> {
    let value = |name: &str| {
        keywords.iter().find_map(|word| {
            let (key, value) = word.split_once(':')?;
            key.trim()
                .eq_ignore_ascii_case(name)
                .then(|| value.trim().to_ascii_lowercase())
        })
    };
    let tenant_id = value("azureADId")?;
    let tenant_id = tenant_id.trim_start_matches('{').trim_end_matches('}');
    text::is_guid(tenant_id).then(|| ConnectionPoint {
        tenant_id: tenant_id.to_owned(),
        tenant_name: text::foreign(&value("azureADName").unwrap_or_default()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "3f2b8c1e-6d54-4a7b-9c0d-5e1f20a3b4c5";

    fn point(keywords: &[&str]) -> Option<(String, String)> {
        let keywords: Vec<String> = keywords.iter().map(|word| (*word).to_owned()).collect();
        connection_point(&keywords).map(|point| (point.tenant_id, point.tenant_name))
    }

    #[test]
    fn keywords_name_the_tenant_in_any_case_and_order() {
        let whole = Some((ID.to_owned(), "contoso.com".to_owned()));
        let upper = format!("AZUREADID:{}", ID.to_ascii_uppercase());
        for keywords in [
            [
                "azureADName:contoso.com",
                "azureADId:3f2b8c1e-6d54-4a7b-9c0d-5e1f20a3b4c5",
            ],
            [upper.as_str(), "azureadname: Contoso.COM "],
            [
                "azureADid:{3f2b8c1e-6d54-4a7b-9c0d-5e1f20a3b4c5}",
                "AzureADName:contoso.com",
            ],
        ] {
            assert_eq!(point(&keywords), whole, "{keywords:?}");
        }
        let id = format!("azureADId:{ID}");
        assert_eq!(point(&[&id]), Some((ID.to_owned(), String::new())));
    }

    #[test]
    fn without_a_guid_no_tenant_is_named() {
        for keywords in [
            &[][..],
            &["azureADName:contoso.com"],
            &["azureADId:"],
            &["azureADId:contoso.com", "azureADName:contoso.com"],
            &["azureADId 3f2b8c1e-6d54-4a7b-9c0d-5e1f20a3b4c5"],
            &["enterpriseDrsName:drs.corp.example"],
        ] {
            assert_eq!(point(keywords), None, "{keywords:?}");
        }
    }

    #[test]
    fn the_object_stands_in_the_partition_that_the_root_dse_names() {
        let root = |pairs: &[(&str, &str)]| -> Attributes {
            pairs
                .iter()
                .map(|(name, value)| ((*name).to_owned(), vec![(*value).to_owned()]))
                .collect()
        };
        let forest = "CN=Configuration,DC=corp,DC=example";
        let wanted = Some(format!("{PLACE},{forest}"));
        assert_eq!(
            place(&root(&[("configurationnamingcontext", forest)])),
            wanted
        );
        assert_eq!(
            place(&root(&[("rootdomainnamingcontext", "DC=corp,DC=example")])),
            wanted
        );
        assert_eq!(place(&root(&[])), None);
    }
}
