use sightline_model::{Evidence, Outcome, Severity, State};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;
use crate::path::NetPath;

#[test]
fn a_uri_is_taken_apart_and_what_is_none_is_said() {
    let api = |is_over_tls, host: &str, port, authority: &str, path: &str| Api {
        is_over_tls,
        host: host.into(),
        port,
        authority: authority.into(),
        path: path.into(),
    };
    for (url, expected) in [
        (
            "https://portal.example/capport/api?a=b",
            api(
                true,
                "portal.example",
                443,
                "portal.example",
                "/capport/api?a=b",
            ),
        ),
        (
            "https://portal.example",
            api(true, "portal.example", 443, "portal.example", "/"),
        ),
        (
            "http://192.0.2.1:8080/",
            api(false, "192.0.2.1", 8080, "192.0.2.1:8080", "/"),
        ),
        (
            "https://[fd00::1]/x",
            api(true, "fd00::1", 443, "[fd00::1]", "/x"),
        ),
        (
            "https://user:secret@portal.example/",
            api(true, "portal.example", 443, "portal.example", "/"),
        ),
    ] {
        assert_eq!(Api::read(url), Ok(expected), "{url}");
    }
    for url in [
        "",
        "x",
        "/capport",
        "ftp://portal.example/",
        "urn:ietf:params:capport:unrestricted",
        "https://",
        "https:///x",
        "https://portal.example/a b",
        "https://portal.example:99999/",
        "https://\u{1b}[2J/",
        &format!("https://portal.example/{}", "x".repeat(70_000)),
    ] {
        assert!(Api::read(url).is_err(), "{url}");
    }
}

/// Asks an API on loopback, without TLS, that answers with these bytes and ends.
async fn asked(answer: impl Into<Vec<u8>>) -> (Outcome, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback");
    let at = listener.local_addr().expect("bound");
    let answer = answer.into();
    let serving = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("somebody asks");
        let mut question = vec![0; 4096];
        let length = stream.read(&mut question).await.expect("a question");
        question.truncate(length);
        let _gone = stream.write_all(&answer).await;
        String::from_utf8_lossy(&question).into_owned()
    });
    let outcome = outcome(&format!("http://{at}/api")).await;
    (outcome, serving.await.expect("it was asked"))
}

async fn outcome(url: &str) -> Outcome {
    let api = Api::read(url);
    let task = Task {
        check: Check {
            probe: KIND.name,
            service: KIND.name,
            stage: Stage::Internet,
            also: Vec::new(),
            gate: Gate::Hard,
            subject: Subject::PortalApi { name: "it".into() },
            door: String::new(),
            closed_as: Reason::NotTested,
            needs_flag: None,
            is_of_host: false,
            proxy: None,
            target: Target {
                host: "it".into(),
                address: None,
                port: None,
            },
        },
        path: Arc::new(NetPath::direct("default")),
        timeout: Duration::from_secs(2),
        probe: Arc::new(Portal {
            url: url.to_owned(),
            api,
            resolvers: Vec::new(),
            public: Arc::new(Roots::public(Vec::new())),
            corporate: Arc::new(Roots::corporate(Vec::new())),
        }),
    };
    crate::run::once(&task).await.outcome
}

fn json(text: &str) -> String {
    format!(
        "HTTP/1.1 200 OK\r\nContent-Type: {TYPE}\r\nContent-Length: {}\r\n\r\n{text}",
        text.len()
    )
}

#[tokio::test]
async fn a_network_that_holds_its_devices_is_said_with_where_people_sign_in() {
    let (outcome, question) = asked(json(
        r#"{"captive": true, "user-portal-url": "https://portal.example/\u001b[2J"}"#,
    ))
    .await;
    let worst = outcome.worst().expect("it is captive");
    assert_eq!(worst.reason, Reason::CaptivePortal);
    assert_eq!(worst.severity, Severity::Blocking);
    let said = "`captive: true`; people sign in at https://portal.example/\\u{1b}[2J";
    assert!(worst.detail.contains(said), "{}", worst.detail);
    let question = question.to_ascii_lowercase();
    assert!(question.starts_with("get /api http/1.1\r\n"), "{question}");
    assert!(question.contains("accept: application/captive+json\r\n"));
    // That it came without TLS is told beside it.
    assert_eq!(outcome.findings[0].reason, Reason::ContentMismatch);
    assert_eq!(outcome.findings[0].severity, Severity::Info);
}

#[tokio::test]
async fn a_network_that_lets_its_devices_through_passes_with_what_is_left() {
    let (outcome, _) = asked(json(
        r#"{"captive":false,"seconds-remaining":326,"bytes-remaining":"much","can-extend-session":true}"#,
    ))
    .await;
    assert_eq!(outcome.state(), State::Pass);
    assert_eq!(outcome.evidence["captive"], Evidence::Flag(false));
    assert_eq!(
        outcome.evidence["seconds_remaining"],
        Evidence::Number(326.0)
    );
    assert!(!outcome.evidence.contains_key("bytes_remaining"));
    assert_eq!(outcome.evidence["can_extend_session"], Evidence::Flag(true));
}

#[tokio::test]
async fn an_answer_that_is_none_is_mentioned_and_blames_nobody() {
    let bomb = format!("{}1{}", "[".repeat(20_000), "]".repeat(20_000));
    let endless = format!(r#"{{"captive": true, "x": "{}"}}"#, "x".repeat(70_000));
    for answer in [
        json("<html>"),
        json("[true]"),
        json("{}"),
        json(r#"{"captive": "yes"}"#),
        json(&bomb),
        json(&endless),
        "HTTP/1.1 302 Found\r\nLocation: http://other.example/\r\nContent-Length: 0\r\n\r\n".into(),
        "HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n".into(),
    ] {
        let (outcome, _) = asked(answer.clone()).await;
        assert_eq!(outcome.state(), State::Pass);
        let last = outcome.findings.last().expect("it is mentioned");
        assert_eq!(last.reason, Reason::ContentMismatch);
        assert!(last.detail.contains("is due"), "{}", last.detail);
    }
}

#[tokio::test]
async fn an_api_that_cannot_be_asked_is_not_tested() {
    for answer in [
        "",
        "\0\0\0",
        "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{",
    ] {
        let (outcome, _) = asked(answer).await;
        let last = outcome.findings.last().expect("it is mentioned");
        assert_eq!(last.reason, Reason::NotTested, "{answer:?}");
        assert_eq!(outcome.state(), State::Pass);
    }
    for url in [
        "ftp://portal.example/",
        "https://portal.example/",
        "https://127.0.0.1:9/",
    ] {
        let outcome = outcome(url).await;
        let worst = outcome.worst().expect("it is mentioned");
        assert_eq!(worst.reason, Reason::NotTested, "{url}");
        assert_eq!(worst.severity, Severity::Info, "{url}");
        assert!(worst.detail.contains(url), "{}", worst.detail);
    }
}
