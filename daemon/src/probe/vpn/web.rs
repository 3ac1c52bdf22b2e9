//! VPNs over TLS: one request as their clients begin, and whether the product answers.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::SystemTime;

use sightline_model::{Finding, Phase, Reason};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::{Silence, meaning};
use crate::net::tls::{self, Chain, Unknown};
use crate::net::{exchange, fault, http};
use crate::run::Run;
use crate::text;

/// The most that is read of an answer, in octets.
const MOST: usize = 16 * 1024;

/// The most headers of an answer.
const HEADERS: usize = 64;

/// SSTP announces a body without end ([MS-SSTP] 3.2.4.1).
const ENDLESS: u64 = u64::MAX;

/// Authorities that the chain of a gateway may lead to.
#[derive(Debug)]
pub(super) struct Roots {
    pub(super) public: Arc<tls::Roots>,
    pub(super) corporate: Arc<tls::Roots>,
}

/// What answers there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Product {
    Sstp,
    AnyConnect,
    GlobalProtect,
}

/// The head of an answer, and what was read behind it.
#[derive(Debug, Default, PartialEq, Eq)]
struct Answer {
    status: u16,
    length: Option<u64>,
    server: Option<String>,
    location: Option<String>,
    body: String,
}

pub(super) async fn ask(
    run: &Run,
    peer: SocketAddr,
    product: Product,
    roots: &Roots,
) -> Result<(), Finding> {
    let (path, other_path) = product.paths();
    let mut answer = request(run, peer, product, path, roots).await?;
    // A host may be the portal alone, where clients begin.
    if let (Some(Answer { status: 404, .. }), Some(path)) = (&answer, other_path) {
        answer = request(run, peer, product, path, roots).await?;
    }
    match answer {
        Some(answer) => assess(run, product, &answer),
        None => Ok(()),
    }
}

/// Asks over a connection of its own. Nothing came of it, and nothing is wrong, where the gateway wants
/// to know by a certificate who asks.
async fn request(
    run: &Run,
    peer: SocketAddr,
    product: Product,
    path: &str,
    roots: &Roots,
) -> Result<Option<Answer>, Finding> {
    let silent = Silence::Means(match product {
        Product::Sstp => {
            "the connection stands and nothing answers in it, as where SSTP is switched off"
        }
        _ => "a filter drops it, or the gateway is down",
    });
    let asked = run.part(async {
        let stream = exchange::connect_to(run, peer).await?;
        let host = &run.target().host;
        let session = tls::handshake(run, stream, host, None)
            .await
            .map_err(tls_fault)?;
        session.chain.keep(run);
        run.keep("tls_version", session.version);
        judge(run, &session.chain, roots)?;
        run.enter(Phase::Request);
        let request = product.request(path, &authority(run));
        match exchange_over(run, session.stream, &request, product).await {
            Err(end) if session.wants_certificate && end.reason.is_silence() => {
                run.keep("wants_client_certificate", true);
                Ok(None)
            }
            answer => answer.map(Some),
        }
    });
    asked.await.map_err(|finding| meaning(run, finding, silent))
}

/// Who ends a handshake speaks, though not TLS to us.
fn tls_fault(finding: Finding) -> Finding {
    match finding.reason {
        Reason::ClosedEarly | Reason::ProtocolError => Finding {
            reason: Reason::TlsHandshake,
            ..finding
        },
        _ => finding,
    }
}

/// A public authority signed it, or one of the company's own that is known here.
fn judge(run: &Run, chain: &Chain, roots: &Roots) -> Result<(), Finding> {
    let host = &run.target().host;
    let now = SystemTime::now();
    let public = roots.public.load();
    let mut wrong = chain.judge((&public, Unknown::Interception), host, now);
    if matches!(wrong, Some((Reason::TlsIntercepted, _))) {
        let corporate = roots.corporate.load();
        wrong = chain.judge((&corporate, Unknown::Interception), host, now);
    }
    wrong.map_or(Ok(()), |(reason, detail)| {
        Err(run.fail(reason, format!("{}: {detail}", run.whom())))
    })
}

async fn exchange_over<S>(
    run: &Run,
    mut stream: S,
    request: &[u8],
    product: Product,
) -> Result<Answer, Finding>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let failed = |error: &io::Error| fault::finding(run, error);
    stream
        .write_all(request)
        .await
        .map_err(|error| failed(&error))?;
    stream.flush().await.map_err(|error| failed(&error))?;
    let mut came = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        let (length, end) = match stream.read(&mut chunk).await {
            Ok(0) => (0, Some(io::ErrorKind::UnexpectedEof.into())),
            Ok(length) => (length, None),
            Err(error) => (0, Some(error)),
        };
        if came.is_empty() && length > 0 {
            run.enter(Phase::Response);
        }
        came.extend_from_slice(chunk.get(..length).unwrap_or_default());
        let is_last = end.is_some() || came.len() >= MOST;
        match parse(&came) {
            Ok(Some(answer)) if is_last || product.is_enough(&answer) => return Ok(answer),
            Ok(_) => {}
            Err(error) => {
                let came = text::first_bytes(&came);
                let detail = format!("{}: no HTTP: {error}; came: {came}", run.doing());
                return Err(run.fail(Reason::ProtocolError, detail));
            }
        }
        match end {
            Some(error) => return Err(failed(&error)),
            None if is_last => {
                let detail = format!("{}: a head of more than {MOST} octets", run.doing());
                return Err(run.fail(Reason::ProtocolError, detail));
            }
            None => {}
        }
    }
}

/// What came until now; `None` while the head is not complete.
fn parse(bytes: &[u8]) -> Result<Option<Answer>, httparse::Error> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS];
    let mut response = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(head) = response.parse(bytes)? else {
        return Ok(None);
    };
    let status = response.code.unwrap_or_default();
    let value = |name: &str| {
        let mut headers = response.headers.iter();
        let header = headers.find(|header| header.name.eq_ignore_ascii_case(name))?;
        Some(String::from_utf8_lossy(header.value).trim().to_owned())
    };
    let body = bytes.get(head..).unwrap_or_default();
    Ok(Some(Answer {
        status,
        length: value("content-length").and_then(|length| length.parse().ok()),
        server: value("server"),
        location: value("location"),
        body: String::from_utf8_lossy(body).into_owned(),
    }))
}

/// The value of the header `Host` (RFC 9110 §7.2).
fn authority(run: &Run) -> String {
    let target = run.target();
    let host = if target.host.contains(':') {
        format!("[{}]", target.host)
    } else {
        target.host.clone()
    };
    match target.port {
        Some(port) if port != 443 => format!("{host}:{port}"),
        _ => host,
    }
}

impl Product {
    /// Where it is asked, and where else.
    const fn paths(self) -> (&'static str, Option<&'static str>) {
        match self {
            Self::Sstp => ("/sra_{BA195980-CD49-458b-9E23-C84EE0ADCD75}/", None),
            Self::AnyConnect => ("/", None),
            Self::GlobalProtect => (
                "/ssl-vpn/prelogin.esp?tmp=tmp&clientVer=4100&clientos=Windows",
                Some("/global-protect/prelogin.esp?tmp=tmp&clientVer=4100&clientos=Windows"),
            ),
        }
    }

    fn request(self, path: &str, authority: &str) -> Vec<u8> {
        let agent = http::USER_AGENT;
        match self {
            // [MS-SSTP] 3.2.4.1.
            Self::Sstp => format!(
                "SSTP_DUPLEX_POST {path} HTTP/1.1\r\nHost: {authority}\r\nSSTPCORRELATIONID: {{{}}}\r\nContent-Length: {ENDLESS}\r\n\r\n",
                correlation(rand::random())
            ),
            // As the clients of the openconnect project do.
            Self::AnyConnect => {
                let body = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<config-auth client=\"vpn\" type=\"init\" aggregate-auth-version=\"2\"><version who=\"vpn\">v9.0</version><device-id>win</device-id></config-auth>\n";
                format!(
                    "POST {path} HTTP/1.1\r\nHost: {authority}\r\nUser-Agent: AnyConnect-compatible {agent}\r\nX-Transcend-Version: 1\r\nX-Aggregate-Auth: 1\r\nAccept: */*\r\nContent-Type: application/xml; charset=utf-8\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
                    body.len()
                )
            }
            Self::GlobalProtect => format!(
                "POST {path} HTTP/1.1\r\nHost: {authority}\r\nUser-Agent: PAN GlobalProtect\r\nContent-Type: application/x-www-form-urlencoded\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
            ),
        }
        .into_bytes()
    }

    /// What only this product writes into its answer.
    const fn mark(self) -> &'static str {
        match self {
            Self::Sstp => "",
            Self::AnyConnect => "<config-auth",
            Self::GlobalProtect => "<prelogin-response",
        }
    }

    const fn title(self) -> &'static str {
        match self {
            Self::Sstp => "SSTP",
            Self::AnyConnect => "AnyConnect",
            Self::GlobalProtect => "GlobalProtect",
        }
    }

    /// Whether nothing that is still to come would change anything.
    fn is_enough(self, answer: &Answer) -> bool {
        let is_whole = answer.length.is_some_and(|length| {
            u64::try_from(answer.body.len()).is_ok_and(|came| came >= length)
        });
        self == Self::Sstp || answer.status != 200 || is_whole
    }

    /// Whether the product itself answered.
    fn is_of(self, answer: &Answer) -> bool {
        match self {
            Self::Sstp => answer.status == 200 && answer.length == Some(ENDLESS),
            Self::AnyConnect | Self::GlobalProtect => {
                answer.status == 200 && answer.body.contains(self.mark())
            }
        }
    }
}

/// A UUID of version 4 (RFC 9562 §5.4).
fn correlation(random: u128) -> String {
    let id = random & !(0xf << 76) & !(0x3 << 62) | 0x4 << 76 | 0x2 << 62;
    let hex = format!("{id:032X}");
    let part = |start: usize, end: usize| hex.get(start..end).unwrap_or_default();
    [
        part(0, 8),
        part(8, 12),
        part(12, 16),
        part(16, 20),
        part(20, 32),
    ]
    .join("-")
}

fn assess(run: &Run, product: Product, answer: &Answer) -> Result<(), Finding> {
    run.enter(Phase::Response);
    run.keep("status", u32::from(answer.status));
    for (key, value) in [("server", &answer.server), ("location", &answer.location)] {
        if let Some(value) = value {
            run.keep(key, text::foreign(value));
        }
    }
    for (key, begin) in [
        ("version", "<version who=\"sg\">"),
        ("prelogin_status", "<status>"),
        ("sign_in", "<saml-auth-method>"),
    ] {
        let inner = answer
            .body
            .split_once(begin)
            .and_then(|(_, rest)| rest.split_once('<'));
        if let Some((value, _)) = inner.filter(|_| product != Product::Sstp) {
            run.keep(key, text::foreign(value));
        }
    }
    if product.is_of(answer) {
        return Ok(());
    }
    let title = product.title();
    let whom = run.whom();
    let status = answer.status;
    let finding = if status >= 400 {
        let detail = format!(
            "{whom}: asked for {title}, the server gave {status}: it is there and does not offer it, or not to this network"
        );
        run.fail(Reason::VpnRefused, detail)
    } else {
        let detail = format!(
            "{whom}: asked for {title}, something gave {status} and not the answer of {title}: a web server has this port"
        );
        run.fail(Reason::ProtocolError, detail)
    };
    Err(finding)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answers_of_the_products_are_known() {
        let vector = |name: &str| {
            let file = format!(
                "{}/tests/vectors/wire/{name}.hex",
                env!("CARGO_MANIFEST_DIR")
            );
            let text = std::fs::read_to_string(file).expect("a vector");
            let digits: String = text.lines().filter(|line| !line.starts_with('#')).collect();
            (0..digits.len() / 2)
                .map(|at| u8::from_str_radix(&digits[2 * at..2 * at + 2], 16).expect("hex"))
                .collect::<Vec<u8>>()
        };
        let sstp = parse(&vector("sstp-connect-rep"))
            .expect("HTTP")
            .expect("whole");
        assert!(Product::Sstp.is_of(&sstp) && Product::Sstp.is_enough(&sstp));
        let form = parse(&vector("anyconnect-init-rep"))
            .expect("HTTP")
            .expect("whole");
        assert!(Product::AnyConnect.is_of(&form) && Product::AnyConnect.is_enough(&form));
        assert!(!Product::GlobalProtect.is_of(&form) && !Product::Sstp.is_of(&form));
        let cut = vector("anyconnect-init-rep");
        assert_eq!(parse(&cut[..40]), Ok(None));
        let sent = vector("sstp-connect-req");
        let sent = String::from_utf8(sent).expect("text");
        let own = Product::Sstp.request(Product::Sstp.paths().0, "vpn.example.test");
        let own = String::from_utf8(own).expect("text");
        let without_id = |text: &str| -> Vec<String> {
            let lines = text
                .lines()
                .filter(|line| !line.starts_with("SSTPCORRELATIONID"));
            lines.map(str::to_owned).collect()
        };
        assert_eq!(without_id(&own), without_id(&sent));
        assert_eq!(
            correlation(u128::MAX),
            "FFFFFFFF-FFFF-4FFF-BFFF-FFFFFFFFFFFF"
        );
    }
}
