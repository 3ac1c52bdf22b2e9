//! The proxy script: where it is announced, and what it says.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::SystemTime;

use aws_lc_rs::digest::{SHA256, digest};
use futures_util::future::join_all;
use hyper::Uri;
use sightline_model::{Finding, Phase, Reason, ScriptFacts, ScriptSource, Subject, Target, Way};
use sightline_wire::pac;

use super::task;
use crate::net::fault::Blame;
use crate::net::http::{self, Answer, Question};
use crate::net::proxy::Server;
use crate::net::tls::{self, Roots, Unknown};
use crate::net::{exchange, names, socket};
use crate::probe::Ground;
use crate::run::{Probe, Run, Running, Task};
use crate::text;

/// The name below a suffix of the network, and the path that clients ask for there.
const NAME: &str = "wpad";
const PATH: &str = "/wpad.dat";

/// As many names are looked up.
const MOST_NAMES: usize = 8;

/// The longest script that is read, in bytes; browsers stop there too.
const MOST_SCRIPT: usize = 1024 * 1024;

/// The task that looks for a script by name below the suffixes that a client has; `None` where it has none.
pub(super) fn search_task(ground: &Ground<'_>) -> Option<Task> {
    let network = ground.network;
    let suffixes = network
        .search
        .iter()
        .map(String::as_str)
        .chain(ground.domain);
    let names = candidates(suffixes);
    if names.is_empty() {
        return None;
    }
    let target = Target {
        host: NAME.to_owned(),
        address: None,
        port: None,
    };
    let subject = Subject::ProxyScript {
        source: ScriptSource::Dns,
    };
    let search = Search {
        names,
        resolvers: network.resolvers.clone(),
    };
    Some(task(
        ground,
        (NAME, subject, target),
        Reason::NotTested,
        search,
    ))
}

/// The task that looks up the host of a script that DHCP announces.
#[must_use]
pub(crate) fn announced_task(ground: &Ground<'_>, url: &str) -> Task {
    let place = Place::read(url);
    let target = Target {
        host: place
            .as_ref()
            .map_or_else(|| NAME.to_owned(), |place| place.host.clone()),
        address: None,
        port: None,
    };
    let subject = Subject::ProxyScript {
        source: ScriptSource::Dhcp,
    };
    let probe = Announced {
        url: url.to_owned(),
        place,
        resolvers: ground.network.resolvers.clone(),
    };
    task(
        ground,
        (NAME, subject, target),
        Reason::EndpointUnreachable,
        probe,
    )
}

/// The task that fetches the script at `url`, once its host is looked up; `None` where that is no address of
/// a script.
#[must_use]
pub(crate) fn script_task(
    ground: &Ground<'_>,
    source: ScriptSource,
    url: &str,
    addresses: &[IpAddr],
) -> Option<Task> {
    let place = Place::read(url)?;
    let mut somewhere = addresses
        .iter()
        .filter(|address| !names::is_nowhere(&address.to_string()));
    let has_route = |address: &&IpAddr| socket::reachable_by_route(ground.path, **address).is_ok();
    let first = somewhere.clone().next();
    let address = somewhere.find(has_route).or(first)?;
    let target = Target {
        host: place.host.clone(),
        address: Some(*address),
        port: Some(place.port),
    };
    let script = Script {
        url: url.to_owned(),
        place,
        public: std::sync::Arc::clone(&ground.plan.public_roots),
        corporate: std::sync::Arc::clone(&ground.plan.corporate_roots),
        hosts: ground
            .plan
            .endpoints
            .iter()
            .flat_map(|endpoint| endpoint.hosts.iter().map(|host| host.name.clone()))
            .collect(),
    };
    Some(task(
        ground,
        ("proxy_script", Subject::ProxyScript { source }, target),
        Reason::EndpointUnreachable,
        script,
    ))
}

/// `wpad` below each suffix and what is above it, down to two labels.
fn candidates<'a>(suffixes: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut names = Vec::new();
    for suffix in suffixes {
        let mut rest = suffix.trim_end_matches('.');
        while rest.contains('.') {
            let name = format!("{NAME}.{}", rest.to_ascii_lowercase());
            if !names.contains(&name) {
                names.push(name);
            }
            rest = rest.split_once('.').map_or("", |(_, above)| above);
        }
    }
    names.truncate(MOST_NAMES);
    names
}

/// Where a script is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    over_tls: bool,
    host: String,
    port: u16,
    path: String,
}

impl Place {
    pub(super) fn read(url: &str) -> Option<Self> {
        let uri: Uri = url.trim().parse().ok()?;
        let over_tls = match uri.scheme_str()? {
            "http" => false,
            "https" => true,
            _ => return None,
        };
        let usual = if over_tls { 443 } else { 80 };
        let host = uri.host()?.trim_start_matches('[').trim_end_matches(']');
        Some(Self {
            over_tls,
            host: host.to_ascii_lowercase(),
            port: uri.port_u16().unwrap_or(usual),
            path: uri
                .path_and_query()
                .map_or_else(|| "/".to_owned(), |path| path.as_str().to_owned()),
        })
    }

    /// For the header `Host`.
    fn authority(&self) -> String {
        let server = Server {
            host: self.host.clone(),
            port: self.port,
        };
        let usual = if self.over_tls { 443 } else { 80 };
        let shown = server.to_string();
        match shown.strip_suffix(&format!(":{usual}")) {
            Some(host) => host.to_owned(),
            None => shown,
        }
    }
}

#[derive(Debug)]
struct Search {
    names: Vec<String>,
    resolvers: Vec<SocketAddr>,
}

impl Probe for Search {
    fn run<'a>(&'a self, run: &'a Run) -> Running<'a> {
        Box::pin(async move {
            run.enter(Phase::Resolve);
            run.keep("names", self.names.clone());
            let lookups = self.names.iter().map(|name| async {
                let limit = run.remaining();
                names::addresses(run.path(), &self.resolvers, name, limit).await
            });
            let answers = run.part(async { Ok(join_all(lookups).await) }).await;
            // That no resolver answers is found elsewhere.
            let Ok(answers) = answers else {
                run.note(run.info(Reason::NotTested, "no resolver answers for the name wpad"));
                return Ok(());
            };
            let found = self.names.iter().zip(answers);
            let found = found.filter_map(|(name, answer)| Some((name, answer.ok()?)));
            if let Some((name, addresses)) = found.into_iter().next() {
                let url = format!("http://{name}{PATH}");
                run.keep("url", url.as_str());
                run.read_addresses(addresses);
                run.read_script(ScriptFacts {
                    url,
                    ..ScriptFacts::default()
                });
            }
            Ok(())
        })
    }
}

#[derive(Debug)]
pub(super) struct Announced {
    pub(super) url: String,
    pub(super) place: Option<Place>,
    pub(super) resolvers: Vec<SocketAddr>,
}

impl Probe for Announced {
    fn run<'a>(&'a self, run: &'a Run) -> Running<'a> {
        Box::pin(async move {
            run.enter(Phase::Resolve);
            run.keep("url", self.url.as_str());
            run.read_script(ScriptFacts {
                url: self.url.clone(),
                ..ScriptFacts::default()
            });
            let Some(place) = &self.place else {
                return Err(run.fail(
                    Reason::ContentMismatch,
                    format!(
                        "DHCP option 252 gives `{}`, which is no address of a script: it begins with http:// or https://",
                        text::foreign(&self.url)
                    ),
                ));
            };
            let limit = run.remaining();
            let found = names::addresses(run.path(), &self.resolvers, &place.host, limit).await;
            let addresses = found.map_err(|failure| match failure.blame {
                Blame::Ours(reason) => run.blind(reason, failure.detail),
                Blame::Target(_) => run.fail(Reason::EndpointUnreachable, failure.detail),
            })?;
            if addresses
                .iter()
                .all(|ip| names::is_nowhere(&ip.to_string()))
            {
                return Err(run.fail(
                    Reason::EndpointUnreachable,
                    format!("{} has no address that leads anywhere", place.host),
                ));
            }
            run.read_addresses(addresses);
            Ok(())
        })
    }
}

#[derive(Debug)]
pub(super) struct Script {
    pub(super) url: String,
    pub(super) place: Place,
    pub(super) public: std::sync::Arc<Roots>,
    pub(super) corporate: std::sync::Arc<Roots>,
    /// The hosts of the flow, for which it is read.
    pub(super) hosts: Vec<String>,
}

impl Probe for Script {
    fn run<'a>(&'a self, run: &'a Run) -> Running<'a> {
        Box::pin(async move {
            run.keep("url", self.url.as_str());
            run.read_script(ScriptFacts {
                url: self.url.clone(),
                ..ScriptFacts::default()
            });
            let answer = self.fetch(run).await?;
            run.keep("status", u32::from(answer.status));
            for (key, value) in &answer.headers {
                run.keep(key, value.as_str());
            }
            self.read(run, &answer)
        })
    }
}

impl Script {
    async fn fetch(&self, run: &Run) -> Result<Answer, Finding> {
        let none = BTreeMap::new();
        let authority = self.place.authority();
        let question = Question {
            authority: &authority,
            path: &self.place.path,
            headers: &none,
            first_bytes: None,
            most_of_body: MOST_SCRIPT,
        };
        let stream = exchange::connect(run).await?;
        if !self.place.over_tls {
            return http::ask(run, stream, &question).await;
        }
        let host = &self.place.host;
        let session = tls::handshake(run, stream, host, Some(http::ALPN)).await?;
        session.chain.keep(run);
        let now = SystemTime::now();
        let judge = |roots: &Roots| {
            let roots = roots.load();
            session
                .chain
                .judge((&roots, Unknown::OtherAuthority), host, now)
        };
        if let (Some(_), Some((reason, detail))) = (judge(&self.public), judge(&self.corporate)) {
            return Err(run.fail(reason, format!("{}: {detail}", run.whom())));
        }
        http::ask(run, session.stream, &question).await
    }

    fn read(&self, run: &Run, answer: &Answer) -> Result<(), Finding> {
        run.enter(Phase::Response);
        let asked = format!("{}: GET {}", run.whom(), text::foreign(&self.place.path));
        // A name that leads to a server for something else announces nothing.
        if matches!(answer.status, 404 | 410) {
            let detail = format!("{asked} gave {}: there is no script", answer.status);
            run.note(run.info(Reason::HttpStatus, detail));
            return Ok(());
        }
        if answer.status != 200 {
            let to = answer.location.as_deref().map(text::foreign);
            let to = to.map_or_else(String::new, |to| format!(" to {to}"));
            let detail = format!("{asked} gave {}{to}, where a script was due", answer.status);
            let reason = if answer.status >= 400 {
                Reason::HttpStatus
            } else {
                Reason::ContentMismatch
            };
            return Err(run.fail(reason, detail));
        }
        if answer.is_cut {
            let detail = format!("{asked}: the script is longer than {MOST_SCRIPT} bytes");
            return Err(run.fail(Reason::ContentMismatch, detail));
        }
        run.keep("sha256", hex(digest(&SHA256, &answer.body).as_ref()));
        let script = pac::read(&answer.body).map_err(|error| {
            let begin = answer.body.get(..80).unwrap_or(&answer.body);
            let begin = text::foreign(String::from_utf8_lossy(begin).trim());
            run.fail(
                Reason::ContentMismatch,
                format!("{asked} gave `{begin}…`, where {} was due", error.expected),
            )
        })?;
        self.take(run, &asked, &script);
        Ok(())
    }

    /// Keeps the answers that a host of the flow may get, and says what cannot be told.
    fn take(&self, run: &Run, asked: &str, script: &pac::Script) {
        let mut answers: Vec<Vec<Way>> = Vec::new();
        let mut passed_over: Vec<String> = Vec::new();
        let mut has_others = false;
        for answer in &script.answers {
            if !self.hosts.iter().any(|host| answer.may_be_for(host)) {
                continue;
            }
            let mut ways = Vec::new();
            for way in &answer.ways {
                match way {
                    pac::Way::Direct => ways.push(Way::Direct),
                    // Blocks what it is given to, as advertisements.
                    pac::Way::Proxy { host, port } if names::is_nowhere(host) => {
                        passed_over.push(format!("PROXY {host}:{port}"));
                    }
                    pac::Way::Proxy { host, port } => {
                        let server = Server {
                            host: host.clone(),
                            port: *port,
                        };
                        ways.push(Way::Proxy(server.to_string()));
                    }
                    pac::Way::Other(answer) => {
                        has_others = true;
                        passed_over.push(answer.clone());
                    }
                }
            }
            if !ways.is_empty() && !answers.contains(&ways) {
                answers.push(ways);
            }
        }
        let shown: Vec<String> = answers.iter().map(|ways| in_words(ways)).collect();
        let mut said = format!("{asked}: the script was read and not run");
        said.push_str(&if shown.is_empty() {
            ", no whole answer for a host of the flow is in it".to_owned()
        } else {
            format!(
                ", its answers for hosts of the flow are {}",
                shown.join(", ")
            )
        });
        run.keep("answers", shown);
        if script.is_computed {
            said.push_str(", others are put together when it runs");
        }
        if !passed_over.is_empty() {
            said.push_str(&format!(", and nobody asked {}", passed_over.join(", ")));
        }
        if script.more > 0 {
            said.push_str(&format!(", and {} more were passed over", script.more));
        }
        run.note(run.info(Reason::NotTested, said));
        run.read_script(ScriptFacts {
            url: self.url.clone(),
            answers,
            is_whole: !script.is_computed && !has_others && script.more == 0,
        });
    }
}

fn in_words(ways: &[Way]) -> String {
    let ways: Vec<String> = ways
        .iter()
        .map(|way| match way {
            Way::Direct => "DIRECT".to_owned(),
            Way::Proxy(name) => format!("PROXY {name}"),
        })
        .collect();
    ways.join("; ")
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_looked_for_up_to_two_labels() {
        let suffixes = ["Berlin.corp.example.com.", "corp.example.com", "local"];
        assert_eq!(
            candidates(suffixes.into_iter()),
            [
                "wpad.berlin.corp.example.com",
                "wpad.corp.example.com",
                "wpad.example.com",
            ]
        );
        let long = "a.b.c.d.e.f.g.h.i.j.k.example.com";
        assert_eq!(candidates([long].into_iter()).len(), MOST_NAMES);
    }

    #[test]
    fn an_announcement_is_read_or_refused() {
        let place = Place::read("http://wpad.example.com:8080/p.pac?x=1").expect("an address");
        assert_eq!(
            (place.host.as_str(), place.port, place.path.as_str()),
            ("wpad.example.com", 8080, "/p.pac?x=1")
        );
        assert_eq!(place.authority(), "wpad.example.com:8080");
        let place = Place::read("https://[fd00::5]/wpad.dat").expect("an address");
        assert_eq!((place.host.as_str(), place.port), ("fd00::5", 443));
        assert_eq!(place.authority(), "[fd00::5]");
        for url in [
            "",
            "\u{0}",
            "ftp://x/y",
            "wpad.dat",
            "http://",
            "file:///etc/passwd",
        ] {
            assert_eq!(Place::read(url), None, "{url}");
        }
    }
}
