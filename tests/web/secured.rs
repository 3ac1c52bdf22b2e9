//! TLS, certificates of clients and passwords, as a web file wants them.

mod passwords;

use std::fs;
use std::io;
use std::path::PathBuf;
use std::time::Instant;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::*;

const BOX: &str = "box.example.com";

/// Files of a web file are seen to have changed within this time.
const SEEN: Duration = Duration::from_secs(8);

/// A directory with a web file and what it names.
struct Scratch {
    directory: tempfile::TempDir,
    authority: Authority,
}

impl Scratch {
    fn new() -> Self {
        let scratch = Self {
            directory: tempfile::tempdir().expect("a scratch directory"),
            authority: Authority::new(),
        };
        scratch.write("ca.pem", &scratch.authority.pem);
        scratch.shows(&scratch.authority.signs(BOX, 2099));
        scratch
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Puts a file into its place as those do who renew certificates.
    fn write(&self, name: &str, text: &str) {
        let new = self.path(&format!("{name}.new"));
        fs::write(&new, text).expect("written");
        fs::rename(&new, self.path(name)).expect("renamed");
    }

    fn shows(&self, identity: &Identity) {
        self.write("box.pem", &identity.certificate);
        self.write("box.key", &identity.key);
    }

    /// Opens a web file that begins with certificate and key.
    fn tls(&self, more: &str) -> Security {
        self.open(&format!(
            "tls_server_config:\n  cert_file: box.pem\n  key_file: box.key\n{more}"
        ))
    }

    fn open(&self, text: &str) -> Security {
        self.write("web.yml", text);
        Security::open(Some(&self.path("web.yml"))).expect("a good file")
    }

    fn client(&self) -> Client {
        Client::new(&self.authority, None)
    }
}

struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

/// A certificate and its key, as PEM.
struct Identity {
    certificate: String,
    key: String,
}

impl Authority {
    fn new() -> Self {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(Vec::new()).expect("no names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        // All have the same name: it proves nothing.
        let name = "test authority";
        params.distinguished_name.push(DnType::CommonName, name);
        let pem = params.self_signed(&key).expect("a CA signs itself").pem();
        Self {
            issuer: Issuer::new(params, key),
            pem,
        }
    }

    fn signs(&self, name: &str, until: i32) -> Identity {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(vec![name.to_owned()]).expect("a name");
        params.distinguished_name.push(DnType::CommonName, name);
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(until, 1, 1);
        params.extended_key_usages = vec![
            ExtendedKeyUsagePurpose::ServerAuth,
            ExtendedKeyUsagePurpose::ClientAuth,
        ];
        let certificate = params.signed_by(&key, &self.issuer).expect("a CA signs");
        Identity {
            certificate: certificate.pem(),
            key: key.serialize_pem(),
        }
    }
}

struct Client(TlsConnector);

impl Client {
    fn new(trusts: &Authority, shows: Option<&Identity>) -> Self {
        let mut roots = RootCertStore::empty();
        let root = CertificateDer::from_pem_slice(trusts.pem.as_bytes()).expect("PEM");
        roots.add(root).expect("a root");
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_root_certificates(roots);
        let config = match shows {
            None => builder.with_no_client_auth(),
            Some(Identity { certificate, key }) => {
                let chain = CertificateDer::pem_slice_iter(certificate.as_bytes());
                let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).expect("a key");
                let chain: Result<Vec<_>, _> = chain.collect();
                let builder = builder.with_client_auth_cert(chain.expect("PEM"), key);
                builder.expect("they belong together")
            }
        };
        Self(TlsConnector::from(Arc::new(config)))
    }

    async fn connect(&self, served: &Served) -> io::Result<TlsStream<TcpStream>> {
        let stream = TcpStream::connect(served.address).await?;
        let name = ServerName::try_from(BOX).expect("a name");
        self.0.connect(name, stream).await
    }

    /// The code of an answer; an error where there is no session.
    async fn ask(&self, served: &Served, line: &str) -> io::Result<Answer> {
        let mut stream = self.connect(served).await?;
        let head = format!(
            "{line} HTTP/1.1\r\nhost: {BOX}\r\nx-requested-with: test\r\nconnection: close\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).await?;
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).await?;
        Ok(Answer::of(bytes))
    }

    async fn code(&self, served: &Served, line: &str) -> Option<u16> {
        Some(self.ask(served, line).await.ok()?.code)
    }

    /// What the server shows now.
    async fn sees(&self, served: &Served) -> CertificateDer<'static> {
        let stream = self.connect(served).await.expect("a session");
        let shown = stream
            .get_ref()
            .1
            .peer_certificates()
            .expect("certificates");
        shown[0].clone().into_owned()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_tls_everything_is_seen_and_only_this_box_commands() {
    let scratch = Scratch::new();
    let served = Served::secured(snapshot(true), scratch.tls("")).await;
    let client = scratch.client();
    assert_eq!(client.code(&served, "GET /metrics").await, Some(200));
    // The name of the box is not one of its loopback address.
    assert_eq!(client.code(&served, "POST /api/v1/check").await, Some(403));

    let stranger = Client::new(&Authority::new(), None);
    let refused = stranger
        .ask(&served, "GET /metrics")
        .await
        .expect_err("no trust");
    assert!(
        refused.to_string().contains("invalid peer certificate"),
        "{refused}"
    );

    let mut plain = TcpStream::connect(served.address)
        .await
        .expect("it listens");
    let question = b"GET /metrics HTTP/1.1\r\nhost: box\r\n\r\n";
    plain.write_all(question).await.expect("it reads");
    let mut said = Vec::new();
    let _reset = plain.read_to_end(&mut said).await;
    assert!(!said.starts_with(b"HTTP"), "it speaks without TLS");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_shows_a_certificate_of_the_authority_may_command_and_nobody_else_is_let_in() {
    let scratch = Scratch::new();
    let security = scratch.tls(
        "  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: ca.pem\n  \
         client_allowed_sans: [prometheus.example.com]\n",
    );
    let served = Served::secured(snapshot(true), security).await;
    let authority = &scratch.authority;
    let shows = |identity: &Identity| Client::new(authority, Some(identity));
    let good = shows(&authority.signs("prometheus.example.com", 2099));
    assert_eq!(good.code(&served, "GET /metrics").await, Some(200));
    assert_eq!(good.code(&served, "POST /api/v1/check").await, Some(202));
    for (who, client) in [
        ("without one", scratch.client()),
        (
            "an expired one",
            shows(&authority.signs("prometheus.example.com", 2021)),
        ),
        (
            "of another name",
            shows(&authority.signs("laptop.example.com", 2099)),
        ),
        (
            "of another authority",
            shows(&Authority::new().signs("prometheus.example.com", 2099)),
        ),
    ] {
        assert_eq!(client.code(&served, "GET /-/healthy").await, None, "{who}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_that_nobody_has_verified_gives_no_right() {
    let scratch = Scratch::new();
    let anybody = Authority::new().signs("prometheus.example.com", 2099);
    let shows = Client::new(&scratch.authority, Some(&anybody));
    for (kind, without) in [
        ("RequestClientCert", Some(200)),
        ("RequireAnyClientCert", None),
    ] {
        let security = scratch.tls(&format!("  client_auth_type: {kind}\n"));
        let served = Served::secured(snapshot(true), security).await;
        assert_eq!(
            shows.code(&served, "GET /metrics").await,
            Some(200),
            "{kind}"
        );
        assert_eq!(
            shows.code(&served, "POST /api/v1/check").await,
            Some(403),
            "{kind}"
        );
        let client = scratch.client();
        assert_eq!(
            client.code(&served, "GET /metrics").await,
            without,
            "{kind}"
        );
    }
    let security =
        scratch.tls("  client_auth_type: VerifyClientCertIfGiven\n  client_ca_file: ca.pem\n");
    let served = Served::secured(snapshot(true), security).await;
    assert_eq!(
        scratch.client().code(&served, "GET /metrics").await,
        Some(200)
    );
    assert_eq!(
        scratch.client().code(&served, "POST /api/v1/check").await,
        Some(403)
    );
    assert_eq!(shows.code(&served, "GET /metrics").await, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_renewed_certificate_is_shown_and_one_that_is_broken_is_not() {
    let scratch = Scratch::new();
    let mut served = Served::secured(snapshot(true), scratch.tls("")).await;
    let client = scratch.client();
    let first = client.sees(&served).await;
    // What is open already ends with the rules that it began under.
    let mut open = client.connect(&served).await.expect("a session");

    scratch.shows(&scratch.authority.signs(BOX, 2098));
    let begun = Instant::now();
    while client.sees(&served).await == first {
        assert!(begun.elapsed() < SEEN, "the new one is not shown");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let second = client.sees(&served).await;
    let mut rest = Vec::new();
    let ended = tokio::time::timeout(Duration::from_secs(2), open.read_to_end(&mut rest)).await;
    assert!(ended.is_ok(), "a connection of before stays open");

    let good = fs::read_to_string(scratch.path("box.pem")).expect("read");
    scratch.write("box.pem", "-----BEGIN CERTIFICATE-----\nnothing\n");
    let command = tokio::time::timeout(SEEN, served.commands.recv()).await;
    let Ok(Some(Command::WebFile(Some(why)))) = command else {
        panic!("nobody is told: {command:?}");
    };
    assert!(
        why.contains("web.yml:2:") && why.contains("box.pem"),
        "{why}"
    );
    assert_eq!(client.sees(&served).await, second);

    scratch.write("box.pem", &good);
    let command = tokio::time::timeout(SEEN, served.commands.recv()).await;
    assert!(
        matches!(command, Ok(Some(Command::WebFile(None)))),
        "{command:?}"
    );
    assert_eq!(client.sees(&served).await, second);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_never_ends_a_handshake_keeps_nobody_out() {
    let scratch = Scratch::new();
    let served = Served::secured(snapshot(true), scratch.tls("")).await;
    let mut slow = TcpStream::connect(served.address)
        .await
        .expect("it listens");
    // The beginning of a record with a ClientHello (RFC 8446 §5.1).
    slow.write_all(&[22, 3, 1, 2, 0, 1])
        .await
        .expect("it reads");
    let begun = Instant::now();
    let mut rest = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(10), slow.read_to_end(&mut rest)).await;
    assert!(read.is_ok(), "a slow handshake is not cut off");
    assert!(begun.elapsed() > Duration::from_secs(3));

    let mut silent = Vec::new();
    for _ in 0..400 {
        silent.push(
            TcpStream::connect(served.address)
                .await
                .expect("it listens"),
        );
    }
    let begun = Instant::now();
    let client = scratch.client();
    for _ in 0..10 {
        assert_eq!(client.code(&served, "GET /-/healthy").await, Some(200));
    }
    assert!(
        begun.elapsed() < Duration::from_secs(5),
        "{:?}",
        begun.elapsed()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn headers_and_a_rate_are_as_the_file_wants_them() {
    let scratch = Scratch::new();
    let security = scratch.open(
        "http_server_config:\n  headers:\n    X-Frame-Options: sameorigin\n    \
         Strict-Transport-Security: max-age=60\nrate_limit:\n  interval: 1h\n  burst: 2\n",
    );
    let served = Served::secured(snapshot(true), security).await;
    for _ in 0..2 {
        let answer = served.get("/api/v1/status").await;
        assert_eq!(answer.code, 200);
        assert_eq!(answer.header("x-frame-options"), Some("sameorigin"));
        assert_eq!(
            answer.header("strict-transport-security"),
            Some("max-age=60")
        );
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    }
    let late = served.get("/api/v1/status").await;
    assert_eq!(late.code, 429);
    let wait = late
        .header("retry-after")
        .and_then(|text| text.parse().ok());
    assert!(
        wait.is_some_and(|seconds: u64| (3590..=3600).contains(&seconds)),
        "{wait:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn curl_reads_metrics_over_tls() {
    let scratch = Scratch::new();
    let served = Served::secured(snapshot(true), scratch.tls("")).await;
    let port = served.address.port();
    let asked = tokio::process::Command::new("curl")
        .args([
            "--silent",
            "--show-error",
            "--max-time",
            "10",
            "--noproxy",
            "*",
            "--cacert",
        ])
        .arg(scratch.path("ca.pem"))
        .args(["--resolve", &format!("{BOX}:{port}:127.0.0.1")])
        .arg(format!("https://{BOX}:{port}/metrics"))
        .output()
        .await;
    let Ok(said) = asked else {
        println!("left out: there is no curl here");
        return;
    };
    let text = String::from_utf8_lossy(&said.stdout);
    let why = String::from_utf8_lossy(&said.stderr);
    assert!(text.contains("sightline_build_info"), "{why}");
}
