//! Proxies and servers of scripts that misbehave, on loopback: each costs one run, within its deadline.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use sightline_model::{Observation, Reason, Severity, State, Subject, Target, Way};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::script::{Announced, Place, Script};
use super::{Gateway, KIND};
use crate::net::proxy::Server;
use crate::net::tls::Roots;
use crate::path::NetPath;
use crate::run::{self, Probe, Task};

/// The deadline of a run here.
const TIMEOUT: Duration = Duration::from_secs(6);

/// What comes back on each connection, after the head of a question.
#[derive(Clone)]
enum Says {
    /// This, and the end of the connection.
    Once(Vec<u8>),
    /// This to a question for a tunnel, that to another one.
    Differs(Vec<u8>, Vec<u8>),
    /// This, and then the same again and again.
    Endless(Vec<u8>, Vec<u8>),
    /// Nothing, and the connection stays.
    Nothing,
}

fn once(text: &str) -> Says {
    Says::Once(text.as_bytes().to_vec())
}

async fn peer(says: Says) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .await
        .expect("loopback");
    let address = listener.local_addr().expect("bound");
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let says = says.clone();
            tokio::spawn(async move {
                let mut head = vec![0; 4096];
                let length = stream.read(&mut head).await.unwrap_or_default();
                let is_connect = head
                    .get(..length)
                    .unwrap_or_default()
                    .starts_with(b"CONNECT ");
                match says {
                    Says::Once(bytes) => drop(stream.write_all(&bytes).await),
                    Says::Differs(tunnel, other) => {
                        let bytes = if is_connect { tunnel } else { other };
                        drop(stream.write_all(&bytes).await);
                    }
                    Says::Endless(first, more) => {
                        let mut next = stream.write_all(&first).await;
                        while next.is_ok() {
                            next = stream.write_all(&more).await;
                        }
                    }
                    Says::Nothing => std::future::pending().await,
                }
            });
        }
    });
    address
}

async fn observe(target: Target, probe: impl Probe + 'static) -> Observation {
    let task = Task {
        check: sightline_model::Check {
            probe: KIND.name,
            service: KIND.name,
            stage: sightline_model::Stage::Proxy,
            also: Vec::new(),
            gate: sightline_model::Gate::Hard,
            subject: Subject::Uplink,
            door: "tcp".to_owned(),
            closed_as: Reason::ProxyUnreachable,
            needs_flag: None,
            is_of_host: false,
            proxy: None,
            target,
        },
        path: Arc::new(NetPath::direct("default")),
        timeout: TIMEOUT,
        probe: Arc::new(probe),
    };
    let begun = Instant::now();
    let seen = run::once(&task).await;
    let took = begun.elapsed();
    assert!(took < TIMEOUT + Duration::from_millis(500), "{took:?}");
    seen
}

async fn proxy(says: Says) -> Observation {
    let address = peer(says).await;
    let server = Server {
        host: address.ip().to_string(),
        port: address.port(),
    };
    let target = Target {
        host: server.host.clone(),
        address: None,
        port: Some(server.port),
    };
    let probe = Gateway {
        server,
        resolvers: Vec::new(),
        beyond: vec!["one.example.com:443".into(), "two.example.com:443".into()],
    };
    observe(target, probe).await
}

async fn script(says: Says) -> Observation {
    let address = peer(says).await;
    let url = format!("http://{address}/wpad.dat");
    let probe = Script {
        place: Place::read(&url).expect("an address"),
        url,
        public: Arc::new(Roots::public(Vec::new())),
        corporate: Arc::new(Roots::corporate(Vec::new())),
        hosts: vec!["login.microsoftonline.com".into()],
    };
    observe(Target::at(address), probe).await
}

fn worst(seen: &Observation) -> (Reason, &str) {
    let finding = seen.outcome.worst().expect("a finding");
    (finding.reason, finding.detail.as_str())
}

#[tokio::test]
async fn a_proxy_that_makes_a_tunnel_passes() {
    let seen = proxy(once("HTTP/1.1 200 Connection established\r\n\r\n")).await;
    assert_eq!(seen.outcome.state(), State::Pass);
    assert_eq!(seen.outcome.facts.addresses.len(), 1);
}

#[tokio::test]
async fn a_proxy_says_what_it_wants() {
    let sign_in = "HTTP/1.1 407 No\r\nProxy-Authenticate: Negotiate\r\nProxy-Authenticate: NTLM\r\nContent-Length: 9\r\n\r\nsign in!!";
    let seen = proxy(once(sign_in)).await;
    let (reason, detail) = worst(&seen);
    assert_eq!(reason, Reason::ProxyAuth);
    assert!(
        detail.ends_with("CONNECT one.example.com:443 gave 407, it takes Negotiate, NTLM"),
        "{detail}"
    );
    let seen = proxy(once("HTTP/1.1 403 Forbidden\r\n\r\n")).await;
    assert_eq!(worst(&seen).0, Reason::ProxyRefused);
    let seen = proxy(once("HTTP/1.1 405 No\r\nContent-Length: 100000\r\n\r\n")).await;
    assert_eq!(worst(&seen).0, Reason::ProxyRefused);
}

#[tokio::test]
async fn a_proxy_that_reaches_nobody_is_alive() {
    let seen = proxy(once("HTTP/1.1 503 Service Unavailable\r\n\r\n")).await;
    assert_eq!(seen.outcome.state(), State::Pass);
    assert!(seen.outcome.evidence.contains_key("no_tunnel"));
    // Some wait for the host before they say anything.
    let bad_request = b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec();
    let seen = proxy(Says::Differs(Vec::new(), bad_request)).await;
    assert_eq!(seen.outcome.state(), State::Pass);
}

#[tokio::test]
async fn a_proxy_that_answers_nothing_or_nonsense_is_not_there() {
    let header = b"X: y\r\n".to_vec();
    for says in [
        Says::Nothing,
        Says::Once(Vec::new()),
        once("SSH-2.0-OpenSSH_9.2\r\n"),
        Says::Endless(b"HTTP/1.1 200 OK\r\n".to_vec(), header),
        Says::Endless(Vec::new(), b"HTTP/1.1 100 Continue\r\n\r\n".to_vec()),
        Says::Endless(Vec::new(), vec![0; 1024]),
    ] {
        let seen = proxy(says).await;
        let (reason, detail) = worst(&seen);
        assert!(reason.is_silence(), "{reason}: {detail}");
        assert_eq!(seen.outcome.state(), State::Fail);
    }
}

#[tokio::test]
async fn a_closed_port_is_told_at_once() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .await
        .expect("loopback");
    let port = listener.local_addr().expect("bound").port();
    drop(listener);
    let server = Server {
        host: "127.0.0.1".into(),
        port,
    };
    let target = Target {
        host: server.host.clone(),
        address: None,
        port: Some(port),
    };
    let probe = Gateway {
        server,
        resolvers: Vec::new(),
        beyond: vec!["one.example.com:443".into()],
    };
    let seen = observe(target, probe).await;
    assert_eq!(worst(&seen).0, Reason::ConnectRefused);
}

fn page(status: &str, body: &str) -> Says {
    once(&format!(
        "HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    ))
}

#[tokio::test]
async fn a_script_is_read_and_said_not_to_have_run() {
    let text =
        "function FindProxyForURL(u, h) { while (1) {} return 'PROXY 10.1.0.3:3128; DIRECT'; }";
    let seen = script(page("200 OK", text)).await;
    assert_eq!(seen.outcome.state(), State::Pass);
    let facts = seen.outcome.facts.script.clone().expect("a script");
    let ways = vec![Way::Proxy("10.1.0.3:3128".into()), Way::Direct];
    assert_eq!(facts.answers, [ways]);
    assert!(facts.is_whole);
    let (reason, detail) = worst(&seen);
    assert_eq!(reason, Reason::NotTested);
    assert!(detail.contains("read and not run"), "{detail}");
}

#[tokio::test]
async fn what_is_no_script_is_told() {
    let huge = "x".repeat(2 * 1024 * 1024);
    for (says, expected) in [
        (
            page("200 OK", "<html>Intranet</html>"),
            Reason::ContentMismatch,
        ),
        (page("200 OK", ""), Reason::ContentMismatch),
        (page("200 OK", &huge), Reason::ContentMismatch),
        (
            once("HTTP/1.1 302 Found\r\nLocation: /wpad.dat\r\n\r\n"),
            Reason::ContentMismatch,
        ),
        (page("500 Oops", ""), Reason::HttpStatus),
        (page("403 Forbidden", ""), Reason::HttpStatus),
        (Says::Nothing, Reason::ReadTimeout),
        (once("nonsense\r\n\r\n"), Reason::ProtocolError),
        (
            Says::Endless(b"HTTP/1.1 200 OK\r\n\r\n".to_vec(), vec![b'/'; 64 * 1024]),
            Reason::ContentMismatch,
        ),
        (
            Says::Endless(b"HTTP/1.1 200 OK\r\n".to_vec(), b"X: y\r\n".to_vec()),
            Reason::ProtocolError,
        ),
    ] {
        let seen = script(says).await;
        let (reason, detail) = worst(&seen);
        assert_eq!(reason, expected, "{detail}");
        let facts = seen.outcome.facts.script.clone().expect("it is announced");
        assert!(facts.answers.is_empty());
    }
}

#[tokio::test]
async fn an_announcement_that_leads_to_this_box_leads_nowhere() {
    for (url, expected) in [
        (
            "http://127.0.0.1:9798/wpad.dat",
            Some(Reason::EndpointUnreachable),
        ),
        ("http://[::1]/wpad.dat", Some(Reason::EndpointUnreachable)),
        ("file:///etc/passwd", Some(Reason::ContentMismatch)),
        ("http://10.1.0.5/wpad.dat", None),
    ] {
        let probe = Announced {
            url: url.to_owned(),
            place: Place::read(url),
            resolvers: Vec::new(),
        };
        let target = Target {
            host: "wpad".into(),
            address: None,
            port: None,
        };
        let seen = observe(target, probe).await;
        let found = seen.outcome.worst().map(|finding| finding.reason);
        assert_eq!(found, expected, "{url}");
        assert_eq!(
            seen.outcome.facts.addresses.is_empty(),
            expected.is_some(),
            "{url}"
        );
    }
}

#[tokio::test]
async fn a_server_without_a_script_announces_nothing_bad() {
    let seen = script(page("404 Not Found", "")).await;
    let finding = seen.outcome.worst().expect("it is told");
    assert_eq!(
        (finding.reason, finding.severity),
        (Reason::HttpStatus, Severity::Info)
    );
}

#[tokio::test]
async fn only_what_a_host_of_the_flow_may_get_counts() {
    let text = "function FindProxyForURL(u, h) {
        if (isPlainHostName(host) || dnsDomainIs(host, '.corp.example.com')) return 'DIRECT';
        if (shExpMatch(host, 'ads.*')) return 'PROXY 127.0.0.1:9';
        if (isInNet(myIpAddress(), '10.1.0.0', '255.255.0.0')) return 'PROXY 10.1.0.3:3128';
        return 'PROXY 10.2.0.3:3128; PROXY 0.0.0.0:1; SOCKS s:1080';
    }";
    let seen = script(page("200 OK", text)).await;
    let facts = seen.outcome.facts.script.clone().expect("a script");
    let proxy = |name: &str| vec![Way::Proxy(name.to_owned())];
    assert_eq!(
        facts.answers,
        [proxy("10.1.0.3:3128"), proxy("10.2.0.3:3128")]
    );
    assert!(!facts.is_whole);
    let (_, detail) = worst(&seen);
    assert!(
        detail.contains("nobody asked PROXY 0.0.0.0:1, SOCKS s:1080"),
        "{detail}"
    );
}

#[tokio::test]
async fn a_script_that_is_made_to_be_slow_is_read_in_time() {
    for piece in [
        ")return\"DIRECT\"",
        "if('x')return'DIRECT';",
        "/'",
        "`",
        "\"a\"",
        "((/x/))",
    ] {
        let begin = "function FindProxyForURL(){";
        let script_text = begin.to_owned() + &piece.repeat(((1 << 20) - 64) / piece.len());
        let seen = script(page("200 OK", &script_text)).await;
        let facts = seen.outcome.facts.script.clone();
        assert!(
            facts.is_some_and(|facts| facts.answers.len() <= 1),
            "{piece}"
        );
    }
}
