//! A host of the Internet, asked as the flow asks it: what HTTP with and without TLS have in common.

mod answer;
mod realm;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::SystemTime;

use hyper::Uri;
use sightline_model::{Check, Finding, Phase, Reason, Severity, Subject, Target};
use tokio::io::{AsyncRead, AsyncWrite};

use super::{By, Ground, Thing};
use crate::endpoints::{Endpoint, Expected, Origin, Protocol, SignInService};
use crate::net::exchange;
use crate::net::http::{self, Answer, Question};
use crate::net::proxy::{self, Exit};
use crate::net::tls::{self, Chain, Roots, Unknown};
use crate::run::{Probe, Run, Running, Task};
use crate::text;

/// As many redirects are followed, where the documented answer comes after some.
const MOST_REDIRECTS: usize = 5;

/// As much of the content is asked for where parts of it must be given, in bytes.
const PART: usize = 1024;

/// The task of `kind` for a host, if that speaks its protocol.
pub(super) fn tasks(
    ground: &Ground<'_>,
    (kind, protocol): (&'static str, Protocol),
    thing: &Thing,
) -> Vec<Task> {
    let Thing::Host { endpoint, name, by } = thing else {
        return Vec::new();
    };
    let (Some(gate), Some(port), Some((first, others))) = (
        endpoint.gate(),
        endpoint.port(),
        endpoint.stages.split_first(),
    ) else {
        return Vec::new();
    };
    if endpoint.protocol != protocol {
        return Vec::new();
    }
    let (address, exit) = match by {
        By::Address(address) => (Some(*address), None),
        By::Proxy(exit) => (None, Some(exit)),
    };
    let is_sts = endpoint.is_sign_in_service();
    vec![Task {
        check: Check {
            probe: kind,
            service: kind,
            stage: *first,
            also: others.to_vec(),
            gate,
            subject: Subject::Host { name: name.clone() },
            door: if is_sts {
                "mex".to_owned()
            } else {
                port.to_string()
            },
            closed_as: if is_sts {
                Reason::StsUnreachable
            } else {
                Reason::EndpointUnreachable
            },
            needs_flag: None,
            is_of_host: false,
            proxy: exit.map(|exit| exit.server.to_string()),
            target: Target {
                host: name.clone(),
                address,
                port: Some(port.number),
            },
        },
        path: Arc::clone(ground.path),
        timeout: match protocol {
            Protocol::Https => ground.plan.https_timeout,
            Protocol::Http | Protocol::Ntp | Protocol::Dns => ground.plan.timeout,
        },
        probe: Arc::new(Host::of(ground, endpoint, exit)),
    }]
}

/// A host and by what its certificate is judged.
#[derive(Debug)]
pub(super) struct Host {
    endpoint: Arc<Endpoint>,
    exit: Option<Exit>,
    public: Arc<Roots>,
    corporate: Arc<Roots>,
    sign_in_service: Arc<SignInService>,
}

impl Probe for Host {
    fn run<'a>(&'a self, run: &'a Run) -> Running<'a> {
        Box::pin(async move {
            run.keep("endpoint", self.endpoint.id.as_str());
            let mut path = self
                .endpoint
                .request
                .as_ref()
                .map_or_else(|| "/".to_owned(), |request| request.path.clone());
            for _ in 0..=MOST_REDIRECTS {
                let Some(answer) = self.ask(run, &path).await? else {
                    return Ok(());
                };
                match self.redirect(run.target(), &answer) {
                    Some(next) => path = next,
                    None => return self.assess(run, &path, &answer),
                }
            }
            let detail = format!(
                "{}: more than {MOST_REDIRECTS} redirects on the same host",
                run.whom()
            );
            Err(answer::differing(run, &self.endpoint, detail))
        })
    }
}

impl Host {
    /// A host of an endpoint.
    pub(super) fn of(ground: &Ground<'_>, endpoint: &Arc<Endpoint>, exit: Option<&Exit>) -> Self {
        Self {
            endpoint: Arc::clone(endpoint),
            exit: exit.cloned(),
            public: Arc::clone(&ground.plan.public_roots),
            corporate: Arc::clone(&ground.plan.corporate_roots),
            sign_in_service: Arc::clone(&ground.plan.sign_in_service),
        }
    }

    /// Asks for `path` over a connection of its own. Nothing came of it, and nothing is wrong, where
    /// a chain is not good enough to speak over, or a server wants to know who asks.
    pub(super) async fn ask(&self, run: &Run, path: &str) -> Result<Option<Answer>, Finding> {
        let none = BTreeMap::new();
        let authority = self.authority(run.target());
        let whole;
        let path = if self.exit.is_some() && !self.is_over_tls() {
            whole = format!("http://{authority}{path}");
            &whole
        } else {
            path
        };
        let question = Question {
            authority: &authority,
            path,
            headers: self
                .endpoint
                .request
                .as_ref()
                .map_or(&none, |request| &request.headers),
            first_bytes: self.endpoint.needs_range.then_some(PART),
            most_of_body: if answer::is_in_body(&self.endpoint.expected) {
                http::BODY_MAX
            } else {
                0
            },
        };
        let stream = match &self.exit {
            None => exchange::connect(run).await?,
            Some(exit) => exchange::connect_to(run, exit.socket()).await?,
        };
        if !self.is_over_tls() {
            let answer = http::ask(run, stream, &question).await?;
            return match &self.exit {
                Some(_) => answer::of_proxy(run, path, &answer).map_or(Ok(Some(answer)), Err),
                None => Ok(Some(answer)),
            };
        }
        if self.exit.is_none() {
            return self.ask_over_tls(run, stream, &question).await;
        }
        let port = run.target().port.unwrap_or(443);
        let beyond = format!("{}:{port}", run.target().host);
        let tunnel = proxy::tunnel(run, stream, &beyond).await?;
        self.ask_over_tls(run, tunnel, &question).await
    }

    async fn ask_over_tls<S>(
        &self,
        run: &Run,
        stream: S,
        question: &Question<'_>,
    ) -> Result<Option<Answer>, Finding>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let host = &run.target().host;
        let session = tls::handshake(run, stream, host, Some(http::ALPN)).await?;
        session.chain.keep(run);
        run.keep("tls_version", session.version);
        if !self.is_trusted(run, &session.chain)? {
            return Ok(None);
        }
        match http::ask(run, session.stream, question).await {
            // It is up to the server how it ends a session without a certificate.
            Err(end) if session.wants_certificate && end.reason.is_silence() => {
                run.keep("wants_client_certificate", true);
                Ok(None)
            }
            answer => answer.map(Some),
        }
    }

    pub(super) fn is_over_tls(&self) -> bool {
        self.endpoint.protocol == Protocol::Https
    }

    /// The value of the header `Host` (RFC 9110 §7.2).
    pub(super) fn authority(&self, target: &Target) -> String {
        let usual = if self.is_over_tls() { 443 } else { 80 };
        match target.port {
            Some(port) if port != usual => format!("{}:{port}", target.host),
            _ => target.host.clone(),
        }
    }

    /// Judges a chain. One that is not good is the finding; one of an authority that nobody knows,
    /// where that may be, is told and not spoken over.
    pub(super) fn is_trusted(&self, run: &Run, chain: &Chain) -> Result<bool, Finding> {
        let host = &run.target().host;
        let now = SystemTime::now();
        let public = self.public.load();
        let unknown = if self.endpoint.private_root {
            Unknown::OtherAuthority
        } else {
            Unknown::Interception
        };
        let mut wrong = chain.judge((&public, unknown), host, now);
        // What the company runs itself may have a certificate of its own authority.
        let is_intercepted = matches!(wrong, Some((Reason::TlsIntercepted, _)));
        if is_intercepted && self.is_of_the_company() {
            let corporate = self.corporate.load();
            wrong = chain.judge((&corporate, Unknown::OtherAuthority), host, now);
        }
        let Some((reason, detail)) = wrong else {
            return Ok(true);
        };
        let detail = format!("{}: {detail}", run.whom());
        if reason == Reason::TlsUntrusted && self.endpoint.private_root {
            run.note(run.info(reason, detail));
            return Ok(false);
        }
        Err(run.fail(reason, detail))
    }

    fn is_of_the_company(&self) -> bool {
        self.endpoint.origin == Origin::Site || self.endpoint.is_sign_in_service()
    }

    /// Where to ask next. Only redirects on the host itself are followed: whether another host can
    /// be reached is a question of its own, and one that the list does not have needs none.
    fn redirect(&self, target: &Target, answer: &Answer) -> Option<String> {
        let Expected::Status {
            after_redirects: true,
            ..
        } = self.endpoint.expected
        else {
            return None;
        };
        let location = answer.location.as_deref()?;
        if !answer::is_redirect(answer) {
            return None;
        }
        path_here(location, target, self.is_over_tls())
    }

    fn assess(&self, run: &Run, path: &str, answer: &Answer) -> Result<(), Finding> {
        run.enter(Phase::Response);
        run.keep("status", u32::from(answer.status));
        for (key, value) in &answer.headers {
            run.keep(key, value.as_str());
        }
        let tells_tenant = self.endpoint.origin == Origin::List
            && self.is_over_tls()
            && matches!(self.endpoint.expected, Expected::Json { .. });
        if tells_tenant && let Some(id) = answer::tenant(&answer.body) {
            run.keep("tenant_id", id.as_str());
            run.read_tenant(id);
        }
        if let Some(finding) = realm::read(run, &self.endpoint, answer, &self.sign_in_service) {
            run.note(finding);
        }
        let Some((reason, severity, said)) = answer::judge(&self.endpoint, answer) else {
            return Ok(());
        };
        let detail = format!("{}: GET {} {said}", run.whom(), text::foreign(path));
        match severity {
            Severity::Info => run.note(run.info(reason, detail)),
            Severity::Degrading => run.note(run.warn(reason, detail)),
            Severity::Inconclusive | Severity::Blocking => return Err(run.fail(reason, detail)),
        }
        Ok(())
    }
}

/// The path of a redirect to the very host, scheme and port that sent it (RFC 9110 §10.2.2).
fn path_here(location: &str, target: &Target, is_over_tls: bool) -> Option<String> {
    let uri: Uri = location.parse().ok()?;
    let (own, usual) = if is_over_tls {
        ("https", 443)
    } else {
        ("http", 80)
    };
    let is_here = match (uri.scheme_str(), uri.host()) {
        (None, None) => location.starts_with('/') && !location.starts_with("//"),
        (Some(scheme), Some(host)) => {
            scheme == own
                && host.eq_ignore_ascii_case(&target.host)
                && Some(uri.port_u16().unwrap_or(usual)) == target.port
        }
        _ => false,
    };
    let path = uri.path_and_query()?;
    is_here.then(|| path.as_str().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_redirect_on_the_host_itself_is_followed() {
        let target = Target {
            host: "device.example.com".into(),
            address: None,
            port: Some(443),
        };
        for (location, path) in [
            ("/common/login?a=b", Some("/common/login?a=b")),
            ("https://device.example.com/x", Some("/x")),
            ("https://DEVICE.example.com:443/x", Some("/x")),
            ("https://device.example.com", Some("/")),
            ("https://device.example.com:8443/x", None),
            ("http://device.example.com/x", None),
            ("https://example.com/x", None),
            ("https://device.example.com@portal.example/x", None),
            ("//portal.example/x", None),
            ("x", None),
            ("", None),
            ("https://", None),
            ("/a b", None),
        ] {
            let here = path_here(location, &target, true);
            assert_eq!(here.as_deref(), path, "{location}");
        }
    }
}
