//! Gateways over TLS that answer as the products do, and as they do not.

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::TlsAcceptor;

use super::*;

/// An authority, and a certificate of it for loopback.
struct Signed {
    authority: CertificateDer<'static>,
    acceptor: TlsAcceptor,
}

fn signed(last_year: i32) -> Signed {
    let key = KeyPair::generate().expect("a key can be made");
    let mut params = CertificateParams::new(Vec::new()).expect("no names");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = params.self_signed(&key).expect("a CA signs itself");
    let issuer = Issuer::new(params, key);
    let key = KeyPair::generate().expect("a key can be made");
    let mut params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).expect("an address");
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(last_year, 1, 1);
    let leaf = params.signed_by(&key, &issuer).expect("a CA signs");
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the provider has the versions of TLS")
        .with_no_client_auth()
        .with_single_cert(vec![leaf.der().clone()], key)
        .expect("key and certificate belong together");
    Signed {
        authority: authority.der().clone(),
        acceptor: TlsAcceptor::from(Arc::new(config)),
    }
}

/// A gateway that answers each request by a function of its text, and ends the connection.
async fn gateway(acceptor: TlsAcceptor, answer: fn(&str) -> String) -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .await
        .expect("loopback");
    let port = listener.local_addr().expect("bound").port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(mut stream) = acceptor.accept(stream).await else {
                continue;
            };
            let mut request = vec![0; 4096];
            let length = stream.read(&mut request).await.unwrap_or_default();
            let text = String::from_utf8_lossy(&request[..length]).into_owned();
            let _sent = stream.write_all(answer(&text).as_bytes()).await;
            let _closed = stream.shutdown().await;
        }
    });
    port
}

fn page(status: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// Who counts as a public authority, and who as the company's.
fn roots(public: Option<&Signed>, corporate: Option<&Signed>) -> web::Roots {
    let set = |signed: Option<&Signed>| {
        let known = signed.map(|signed| signed.authority.clone());
        Arc::new(tls::Roots::public(known.into_iter().collect()))
    };
    web::Roots {
        public: set(public),
        corporate: set(corporate),
    }
}

async fn asked(speaks: Speaks, answer: fn(&str) -> String) -> Outcome {
    let signed = signed(2099);
    let port = gateway(signed.acceptor.clone(), answer).await;
    let roots = roots(Some(&signed), None);
    observe_with(speaks, ("127.0.0.1", port), None, roots)
        .await
        .outcome
}

const PRELOGIN: &str = "<?xml version=\"1.0\"?><prelogin-response><status>Success</status><saml-auth-method>REDIRECT</saml-auth-method></prelogin-response>";

#[tokio::test]
async fn each_product_is_known_by_its_own_answer() {
    type Answer = fn(&str) -> String;
    let healthy: [(Speaks, Answer, &str, &str); 4] = [
        (
            Speaks::GlobalProtect,
            |text| {
                assert!(
                    text.contains("\r\nUser-Agent: PAN GlobalProtect\r\n"),
                    "{text}"
                );
                page("200 OK", PRELOGIN)
            },
            "prelogin_status",
            "Success",
        ),
        (
            // A portal alone.
            Speaks::GlobalProtect,
            |text| {
                if text.starts_with("POST /global-protect/prelogin.esp?") {
                    page("200 OK", PRELOGIN)
                } else {
                    page("404 Not Found", "")
                }
            },
            "sign_in",
            "REDIRECT",
        ),
        (
            Speaks::Sstp,
            |text| {
                assert!(
                    text.starts_with(
                        "SSTP_DUPLEX_POST /sra_{BA195980-CD49-458b-9E23-C84EE0ADCD75}/ HTTP/1.1\r\n"
                    ),
                    "{text}"
                );
                format!(
                    "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nServer: Microsoft-HTTPAPI/2.0\r\n\r\n",
                    u64::MAX
                )
            },
            "server",
            "Microsoft-HTTPAPI/2.0",
        ),
        (
            Speaks::AnyConnect,
            |text| {
                assert!(text.contains("type=\"init\""), "{text}");
                page(
                    "200 OK",
                    "<config-auth client=\"vpn\" type=\"auth-request\"><version who=\"sg\">9.1</version></config-auth>",
                )
            },
            "version",
            "9.1",
        ),
    ];
    for (speaks, answer, key, value) in healthy {
        let outcome = asked(speaks, answer).await;
        assert!(outcome.findings.is_empty(), "{outcome:?}");
        assert_eq!(shown(&outcome.evidence, key), value);
    }
}

#[tokio::test]
async fn a_refusal_is_told_from_somebody_else() {
    type Answer = fn(&str) -> String;
    let others: [(Speaks, Answer, Reason); 8] = [
        (
            Speaks::Sstp,
            |_| page("503 Service Unavailable", ""),
            Reason::VpnRefused,
        ),
        (
            Speaks::Sstp,
            |_| page("404 Not Found", ""),
            Reason::VpnRefused,
        ),
        (
            Speaks::Sstp,
            |_| page("200 OK", "<html>Welcome"),
            Reason::ProtocolError,
        ),
        (
            Speaks::GlobalProtect,
            |_| page("200 OK", "<html>Welcome"),
            Reason::ProtocolError,
        ),
        (
            Speaks::AnyConnect,
            |_| "HTTP/1.1 302 Found\r\nLocation: /login\r\n\r\n".into(),
            Reason::ProtocolError,
        ),
        (
            Speaks::AnyConnect,
            |_| "SSH-2.0-OpenSSH_9.2\r\n".into(),
            Reason::ProtocolError,
        ),
        (
            Speaks::AnyConnect,
            |_| format!("HTTP/1.1 200 OK\r\n{}", "X-More: and more\r\n".repeat(2000)),
            Reason::ProtocolError,
        ),
        (
            Speaks::AnyConnect,
            |_| String::new(),
            Reason::VpnGatewayNoAnswer,
        ),
    ];
    for (speaks, answer, reason) in others {
        let outcome = asked(speaks.clone(), answer).await;
        let (got, severity, detail) = only(&outcome);
        assert_eq!(
            (got, severity),
            (reason, Severity::Blocking),
            "{speaks:?}: {detail}"
        );
    }
}

#[tokio::test]
async fn the_chain_of_a_gateway_is_judged_before_anything_is_asked() {
    let public = signed(2099);
    let company = signed(2099);
    let expired = signed(2021);
    let form: fn(&str) -> String = |_| page("200 OK", "<config-auth client=\"vpn\">");
    for (shows, roots, reason) in [
        (&company, roots(Some(&public), Some(&company)), None),
        (
            &company,
            roots(Some(&public), None),
            Some(Reason::TlsIntercepted),
        ),
        (
            &expired,
            roots(Some(&expired), None),
            Some(Reason::TlsExpired),
        ),
        (
            &expired,
            roots(None, Some(&expired)),
            Some(Reason::TlsExpired),
        ),
    ] {
        let port = gateway(shows.acceptor.clone(), form).await;
        let seen = observe_with(Speaks::AnyConnect, ("127.0.0.1", port), None, roots).await;
        let found = seen.outcome.findings.first().map(|finding| finding.reason);
        assert_eq!(found, reason, "{:?}", seen.outcome);
        assert!(seen.outcome.evidence.contains_key("certificate_issuer"));
        let was_asked = seen.outcome.evidence.contains_key("status");
        assert_eq!(was_asked, reason.is_none());
    }
}
