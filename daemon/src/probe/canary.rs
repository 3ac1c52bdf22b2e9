//! Can an account sign in? A whole AS exchange with a password, over TCP, at one domain controller: with
//! PA-ENC-TIMESTAMP, and with a look into the answer, which only a KDC that knows the key can give (RFC
//! 4120 §3.1, §5.2.7.2). The ticket is thrown away.

use std::sync::Arc;
use std::time::Instant;

use sightline_model::{Check, Finding, Gate, Phase, Reason, Stage, Subject, Target};
use sightline_wire::krb5::{self, AsRequest, EtypeInfo, KerberosTime, KrbError, Reply, Sealed};
use tokio::sync::Semaphore;

use super::{Ground, Kind, Thing, closed, refusal};
use crate::account::{Account, Attempt};
use crate::net::exchange;
use crate::net::kerberos::{self, ETYPES, Key};
use crate::run::{Probe, Run, Running, Task};
use crate::text;

pub(super) const KIND: Kind = Kind {
    name: "canary",
    help: "Signs in with the configured account over Kerberos at one domain controller, where that is wanted.",
    reasons: &[
        Reason::NotTested,
        Reason::LogonRefused,
        Reason::KdcNoAnswer,
        Reason::KdcWrongRealm,
        Reason::KdcEtype,
        Reason::KdcError,
        Reason::ClockSkew,
    ],
    tasks,
};

const PREAUTH_REQUIRED: i32 = 25;

fn tasks(ground: &Ground<'_>, thing: &Thing) -> Vec<Task> {
    let (Thing::AccountAt { name, address, .. }, Some(domain), Some(account)) =
        (thing, ground.domain, &ground.plan.account)
    else {
        return Vec::new();
    };
    if !ground.plan.canary_logon || !ground.wants(&[Stage::SignIn]) {
        return Vec::new();
    }
    let port = ground.plan.ports.kerberos;
    vec![Task {
        check: Check {
            probe: KIND.name,
            service: KIND.name,
            stage: Stage::SignIn,
            also: Vec::new(),
            gate: Gate::Soft,
            subject: Subject::Logon {
                account: account.in_domain(domain),
            },
            door: format!("tcp/{port}"),
            closed_as: Reason::KdcNoAnswer,
            needs_flag: None,
            is_of_host: false,
            proxy: None,
            target: Target {
                host: name.clone(),
                address: Some(*address),
                port: Some(port),
            },
        },
        path: Arc::clone(ground.path),
        timeout: ground.plan.timeout,
        probe: Arc::new(Canary {
            account: Arc::clone(account),
            domain: domain.to_owned(),
            realm: domain.to_ascii_uppercase(),
        }),
    }]
}

#[derive(Debug)]
struct Canary {
    account: Arc<Account>,
    domain: String,
    realm: String,
}

impl Probe for Canary {
    fn run<'a>(&'a self, run: &'a Run) -> Running<'a> {
        Box::pin(async move {
            let attempt = self.account.open(&self.domain, run.remaining() / 2).await;
            self.sign_in(run, attempt.map_err(|why| closed(run, why))?)
                .await
        })
    }

    fn turn(&self) -> Option<Arc<Semaphore>> {
        Some(self.account.turn())
    }
}

/// What an exchange is about.
struct Exchange<'a> {
    request: AsRequest<'a>,
    password: &'a str,
}

impl Canary {
    async fn sign_in(&self, run: &Run, attempt: Attempt<'_>) -> Result<(), Finding> {
        let exchange = Exchange {
            request: AsRequest {
                realm: &self.realm,
                client: self.account.client(&self.domain),
                nonce: rand::random::<u32>() >> 1,
                etypes: &ETYPES,
            },
            password: attempt.password().expose(),
        };
        let first = ask(run, &exchange.request, None).await?;
        let heard = Instant::now();
        let error = match first {
            Reply::Ticket { salts, sealed, .. } => {
                run.keep("pre_authentication", false);
                return exchange.assess(run, &salts, &sealed);
            }
            Reply::Error(error) if error.code == PREAUTH_REQUIRED => error,
            Reply::Error(error) => return Err(self.refused(run, attempt, &error)),
        };
        let proof = exchange.proof(run, &error, heard)?;
        run.sends_credential();
        match ask(run, &exchange.request, Some(&proof)).await? {
            Reply::Ticket { salts, sealed, .. } => {
                let salts = if salts.is_empty() { error.salts } else { salts };
                exchange.assess(run, &salts, &sealed)
            }
            Reply::Error(error) => Err(self.refused(run, attempt, &error)),
        }
    }

    /// Judges a refusal: about the account, which is not used again then, or about every logon.
    fn refused(&self, run: &Run, attempt: Attempt<'_>, error: &KrbError) -> Finding {
        let code = format!("{} {}", error.code, krb5::code_name(error.code));
        let status = error
            .nt_status
            .map(|status| format!(", NTSTATUS {status:#010x}"));
        let words = error
            .text
            .as_deref()
            .map(|said| format!(", {}", text::foreign(said)));
        let said = format!(
            "Kerberos {code}{}{}",
            status.unwrap_or_default(),
            words.unwrap_or_default()
        );
        run.keep("answer", code);
        if let Some(meaning) = refusal::of_kdc(error.code, error.nt_status) {
            let told = attempt.refused(&run.target().host, &format!("{meaning} ({said})"));
            return run.warn(Reason::LogonRefused, told);
        }
        let detail = format!(
            "{} answers the logon of {} with {said}",
            run.whom(),
            self.account.in_domain(&self.domain)
        );
        match error.code {
            // Where the KDC looks a name up, it may belong to another domain.
            7 | 68 if self.account.client(&self.domain).contains('@') => {
                run.warn(Reason::KdcWrongRealm, detail)
            }
            7 | 68 => run.fail(Reason::KdcWrongRealm, detail),
            // The question without a password tells what the domain can do; this is about the account.
            14 => run.warn(Reason::KdcEtype, detail),
            37 => run.fail(Reason::ClockSkew, detail),
            _ => run.fail(Reason::KdcError, detail),
        }
    }
}

impl Exchange<'_> {
    /// The time of the KDC, sealed with the best key that it has of the account. Of its own clock, since
    /// others compare the clocks.
    fn proof(&self, run: &Run, error: &KrbError, heard: Instant) -> Result<Sealed, Finding> {
        let passed = heard.elapsed();
        let micros = error
            .server_time
            .micros
            .saturating_add(passed.subsec_micros());
        let seconds = i64::try_from(passed.as_secs()).unwrap_or_default();
        let now = KerberosTime {
            seconds: error
                .server_time
                .seconds
                .saturating_add(seconds)
                .saturating_add(i64::from(micros / 1_000_000)),
            micros: micros % 1_000_000,
        };
        let mut why = "it names no key of the account".to_owned();
        let known = |etype: &i32| error.salts.iter().find(|info| info.etype == *etype);
        for info in ETYPES.iter().filter_map(known) {
            let sealed = Key::of_password(self.password, info)
                .and_then(|key| key.seal(kerberos::TIMESTAMP, &krb5::timestamp(now)));
            match sealed {
                Ok(sealed) => return Ok(sealed),
                Err(error) => why = error,
            }
        }
        Err(run.warn(
            Reason::KdcEtype,
            format!(
                "{} offers no AES key of {} that can be used: {why}. A new password for the account \
                 gives it such keys",
                run.whom(),
                self.request.client
            ),
        ))
    }

    /// Looks into a ticket: only whoever knows the key of the account can have made it, now.
    fn assess(&self, run: &Run, salts: &[EtypeInfo], sealed: &Sealed) -> Result<(), Finding> {
        run.enter(Phase::Response);
        let usual = EtypeInfo {
            etype: sealed.etype,
            salt: Some(format!("{}{}", self.request.realm, self.request.client)),
            iterations: None,
        };
        let info = salts.iter().find(|info| info.etype == sealed.etype);
        let nonce = Key::of_password(self.password, info.unwrap_or(&usual))
            .and_then(|key| key.open(kerberos::AS_REPLY, sealed))
            .and_then(|part| krb5::nonce_of_reply(&part).map_err(|error| error.to_string()));
        let wrong = match nonce {
            Ok(nonce) if nonce == self.request.nonce => {
                run.keep("answer", "a ticket");
                run.keep(
                    "encryption_type",
                    u32::try_from(sealed.etype).unwrap_or_default(),
                );
                return Ok(());
            }
            Ok(_) => "it answers another request".to_owned(),
            Err(error) => error,
        };
        Err(run.fail(
            Reason::KdcError,
            format!(
                "{} gives a ticket for {} that its password does not open ({wrong}): whoever answers \
                 does not know the account's key",
                run.whom(),
                self.request.client
            ),
        ))
    }
}

async fn ask(run: &Run, request: &AsRequest<'_>, proof: Option<&Sealed>) -> Result<Reply, Finding> {
    let mut stream = exchange::connect(run).await?;
    kerberos::ask(run, &mut stream, &request.encode_with(proof)).await
}
