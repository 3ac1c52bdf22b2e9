//! What does a captive portal say of itself, where DHCP announces its API (RFC 8908, RFC 8910)?

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use hyper::Uri;
use serde_json::{Map, Value};
use sightline_model::{Check, Finding, Gate, Phase, Reason, Stage, Subject, Target};

use super::{Ground, Kind, Thing};
use crate::net::http::{self, Answer, Question};
use crate::net::tls::{self, Roots, Unknown};
use crate::net::{exchange, names, socket};
use crate::run::{Probe, Run, Running, Task};
use crate::text;

pub(super) const KIND: Kind = Kind {
    name: "capport",
    help: "Asks the API of a captive portal that DHCP announces whether devices of this network are held by it.",
    reasons: &[
        Reason::CaptivePortal,
        Reason::ContentMismatch,
        Reason::NotTested,
    ],
    tasks,
};

/// The type of the answer (RFC 8908 §4).
const TYPE: &str = "application/captive+json";

/// How long the resolvers are waited for.
const LOOKUP: Duration = Duration::from_secs(2);

fn tasks(ground: &Ground<'_>, thing: &Thing) -> Vec<Task> {
    let Thing::PortalApi(url) = thing else {
        return Vec::new();
    };
    if !ground.wants(&[Stage::Internet]) {
        return Vec::new();
    }
    let api = Api::read(url);
    let host = api
        .as_ref()
        .map_or_else(|_| "portal API".to_owned(), |api| text::foreign(&api.host));
    vec![Task {
        check: Check {
            probe: KIND.name,
            service: KIND.name,
            stage: Stage::Internet,
            also: Vec::new(),
            gate: Gate::Hard,
            subject: Subject::PortalApi { name: host.clone() },
            door: "tcp/443".to_owned(),
            closed_as: Reason::NotTested,
            needs_flag: None,
            is_of_host: false,
            proxy: None,
            target: Target {
                host,
                address: None,
                port: api.as_ref().ok().map(|api| api.port),
            },
        },
        path: Arc::clone(ground.path),
        timeout: ground.plan.timeout,
        probe: Arc::new(Portal {
            url: text::foreign(url),
            api,
            resolvers: ground.network.resolvers.clone(),
            public: Arc::clone(&ground.plan.public_roots),
            corporate: Arc::clone(&ground.plan.corporate_roots),
        }),
    }]
}

/// Where the API is.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Api {
    is_over_tls: bool,
    /// Name or address, without brackets.
    host: String,
    port: u16,
    /// For the header `Host` (RFC 9110 §7.2).
    authority: String,
    /// Path with query.
    path: String,
}

impl Api {
    /// Takes a URI apart.
    ///
    /// # Errors
    /// What is wrong with it, as the end of a sentence.
    fn read(url: &str) -> Result<Self, String> {
        let uri: Uri = url.parse().map_err(|error| format!("is no URI: {error}"))?;
        let (is_over_tls, usual) = match uri.scheme_str() {
            Some("https") => (true, 443),
            Some("http") => (false, 80),
            _ => return Err("is no URI of HTTP".to_owned()),
        };
        let host = uri.host().filter(|host| !host.is_empty());
        let host = host.ok_or("names no host")?;
        let named = uri.authority().map_or("", |authority| authority.as_str());
        let port = match (uri.port_u16(), named.ends_with(host)) {
            (Some(port), _) => port,
            (None, true) => usual,
            (None, false) => return Err("names no port that there is".to_owned()),
        };
        Ok(Self {
            is_over_tls,
            host: host.trim_matches(['[', ']']).to_owned(),
            port,
            authority: if port == usual {
                host.to_owned()
            } else {
                format!("{host}:{port}")
            },
            path: uri
                .path_and_query()
                .map_or_else(|| "/".to_owned(), |path| path.as_str().to_owned()),
        })
    }
}

#[derive(Debug)]
struct Portal {
    /// As announced, fit for people.
    url: String,
    api: Result<Api, String>,
    resolvers: Vec<SocketAddr>,
    public: Arc<Roots>,
    corporate: Arc<Roots>,
}

impl Probe for Portal {
    fn run<'a>(&'a self, run: &'a Run) -> Running<'a> {
        Box::pin(async move {
            run.keep("url", self.url.as_str());
            match run.part(self.ask(run)).await {
                Ok(answer) => self.assess(run, &answer),
                // Whatever the portal lets through is tested by asking the Internet itself.
                Err(finding) => {
                    let detail =
                        format!("asking the portal's API {}: {}", self.url, finding.detail);
                    run.note(Finding {
                        phase: finding.phase,
                        ..run.info(Reason::NotTested, detail)
                    });
                    Ok(())
                }
            }
        })
    }
}

impl Portal {
    async fn ask(&self, run: &Run) -> Result<Answer, Finding> {
        let api = self.api.as_ref().map_err(|said| {
            let detail = format!("option 114 {said}");
            run.info(Reason::NotTested, detail)
        })?;
        let headers = BTreeMap::from([("Accept".to_owned(), TYPE.to_owned())]);
        let question = Question {
            authority: &api.authority,
            path: &api.path,
            headers: &headers,
            first_bytes: None,
            most_of_body: http::BODY_MAX,
        };
        run.enter(Phase::Resolve);
        let address = self.address(run, api).await?;
        run.keep("address", address.to_string());
        let stream = exchange::connect_to(run, SocketAddr::new(address, api.port)).await?;
        if !api.is_over_tls {
            run.note(run.info(
                Reason::ContentMismatch,
                format!(
                    "{} is announced without TLS, which RFC 8908 demands",
                    self.url
                ),
            ));
            return http::ask(run, stream, &question).await;
        }
        let session = tls::handshake(run, stream, &api.host, Some(http::ALPN)).await?;
        session.chain.keep(run);
        let now = SystemTime::now();
        let good = [&self.public, &self.corporate].map(|roots| {
            let roots = roots.load();
            session
                .chain
                .judge((&roots, Unknown::OtherAuthority), &api.host, now)
        });
        // It may be of the company, too.
        if let [Some((reason, said)), Some(_)] = good {
            return Err(run.info(reason, format!("its certificate is not good: {said}")));
        }
        http::ask(run, session.stream, &question).await
    }

    async fn address(&self, run: &Run, api: &Api) -> Result<IpAddr, Finding> {
        let found = names::addresses(run.path(), &self.resolvers, &api.host, LOOKUP)
            .await
            .map_err(|failure| run.info(Reason::NotTested, failure.detail))?;
        let has_route = |ip: &&IpAddr| socket::reachable_by_route(run.path(), **ip).is_ok();
        // A name that leads to this box itself is none of a portal.
        let is_name = api.host.parse::<IpAddr>().is_err();
        let mut somewhere = found
            .iter()
            .filter(|ip| !(is_name && names::is_nowhere(&ip.to_string())));
        let first = somewhere.clone().next();
        let usable = somewhere.find(has_route).or(first);
        usable.copied().ok_or_else(|| {
            run.info(
                Reason::NotTested,
                format!("{} has no address that leads anywhere", api.host),
            )
        })
    }

    fn assess(&self, run: &Run, answer: &Answer) -> Result<(), Finding> {
        run.keep("status", u32::from(answer.status));
        for (key, value) in &answer.headers {
            run.keep(key, value.as_str());
        }
        let Some((is_captive, object)) = captive(answer) else {
            let detail = format!(
                "GET {} gave {}, where JSON with `captive` is due (RFC 8908)",
                self.url,
                came(answer)
            );
            run.note(run.info(Reason::ContentMismatch, detail));
            return Ok(());
        };
        run.keep("captive", is_captive);
        keep(run, &object);
        if !is_captive {
            return Ok(());
        }
        let sign_in = object.get("user-portal-url").and_then(Value::as_str);
        let sign_in = sign_in.map_or_else(String::new, |url| {
            format!("; people sign in at {}", text::foreign(url))
        });
        let detail = format!(
            "the portal says that this network is captive: GET {} gave `captive: true`{sign_in}",
            self.url
        );
        Err(run.fail(Reason::CaptivePortal, detail))
    }
}

/// What the answer says, where it is one (RFC 8908 §5).
fn captive(answer: &Answer) -> Option<(bool, Map<String, Value>)> {
    if answer.status != 200 || answer.is_cut {
        return None;
    }
    let Ok(Value::Object(object)) = serde_json::from_slice(&answer.body) else {
        return None;
    };
    let is_captive = object.get("captive")?.as_bool()?;
    Some((is_captive, object))
}

/// The other keys of RFC 8908 §5, for people. One that is not as documented is left out.
fn keep(run: &Run, object: &Map<String, Value>) {
    for (key, name) in [
        ("user_portal_url", "user-portal-url"),
        ("venue_info_url", "venue-info-url"),
    ] {
        if let Some(url) = object.get(name).and_then(Value::as_str) {
            run.keep(key, text::foreign(url));
        }
    }
    for (key, name) in [
        ("seconds_remaining", "seconds-remaining"),
        ("bytes_remaining", "bytes-remaining"),
    ] {
        if let Some(number) = object.get(name).and_then(Value::as_f64) {
            run.keep(key, number);
        }
    }
    let can_extend = object.get("can-extend-session").and_then(Value::as_bool);
    if let Some(can_extend) = can_extend {
        run.keep("can_extend_session", can_extend);
    }
}

/// What came instead, in words.
fn came(answer: &Answer) -> String {
    match (&answer.location, answer.headers.get("content_type")) {
        (Some(location), _) => format!("{} to {}", answer.status, text::foreign(location)),
        (None, Some(kind)) => format!("{} with {kind}", answer.status),
        (None, None) => answer.status.to_string(),
    }
}

#[cfg(test)]
mod tests;
