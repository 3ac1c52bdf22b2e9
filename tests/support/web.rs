//! Hosts of the Internet: what they answer over HTTP, with and without TLS.

use std::net::Ipv4Addr;
use std::sync::Arc;

use sightline::config::Config;
use sightline::endpoints::{List, Protocol as Spoken};

use super::behaviour::{Answer, Behaviour, Protocol, Then};
use super::tls::Shown;

/// A row of the list of endpoints whose hosts stand in this world. All others are left out of the
/// list.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    id: &'static str,
    pub(super) is_over_tls: bool,
    pub(super) hosts: Vec<Host>,
}

/// One of its hosts.
#[derive(Clone, Debug)]
pub(crate) struct Host {
    name: &'static str,
    address: Ipv4Addr,
    pub(crate) page: Page,
    pub(crate) certificate: Shown,
    pub(crate) behaviour: Behaviour,
}

impl Host {
    pub(super) const fn name(&self) -> &'static str {
        self.name
    }

    pub(super) const fn address(&self) -> Ipv4Addr {
        self.address
    }
}

/// What a host answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Page {
    /// What is documented, and 404 or a part of a file where nothing is.
    Genuine,
    /// The same, and the whole file where a part was asked for.
    WithoutRanges,
    /// A status without anything.
    Status(u16),
    /// A redirect to this place.
    Redirect(&'static str),
    /// The realm is federated, and this is the rest of the answer's JSON object.
    Federated(&'static str),
    /// The endpoints of the sign-in service whose path has this in it are switched off, so that they
    /// give this status.
    Off(&'static str, u16),
    /// A file of so many bytes.
    File(usize),
    /// The page of a portal.
    Portal,
    /// Headers without an end.
    EndlessHead,
    /// A body without an end.
    EndlessBody,
    /// Pieces of a body without an end (RFC 9112 §7.1).
    EndlessChunks,
    /// Preliminary answers without an end (RFC 9110 §15.2).
    EndlessPreliminary,
}

/// Two hosts of each: with and without TLS, decisive and not, with a documented answer and without.
const ROWS: [(&str, bool, &[&str]); 15] = [
    ("ncsi-web-v4", false, &["www.msftconnecttest.com"]),
    (
        "crl-microsoft",
        false,
        &["crl.microsoft.com", "www.microsoft.com"],
    ),
    ("ap-ztd", true, &["ztd.dds.microsoft.com"]),
    ("ap-cs", true, &["cs.dds.microsoft.com"]),
    ("ap-msa-device", true, &["login.live.com"]),
    ("wu-service", true, &["fe3.delivery.mp.microsoft.com"]),
    ("wu-content", false, &["download.windowsupdate.com"]),
    (
        "intune-core",
        true,
        &["manage.microsoft.com", "enrollment.manage.microsoft.com"],
    ),
    (
        "intune-win32-content",
        true,
        &["swda01-mscdn.manage.microsoft.com"],
    ),
    ("entra-login", true, &["login.microsoftonline.com"]),
    ("entra-realm", true, &["login.microsoftonline.com"]),
    (
        "entra-device-login",
        true,
        &["device.login.microsoftonline.com"],
    ),
    ("entra-drs", true, &["enterpriseregistration.windows.net"]),
    ("entra-signin-cdn", true, &["aadcdn.msauth.net"]),
    // Asked only where the tenant is federated.
    ("fed-sts", true, &["sts.corp.example"]),
];

/// The hosts of a healthy Internet.
pub(super) fn healthy() -> Vec<Row> {
    let mut names: Vec<&str> = Vec::new();
    ROWS.iter()
        .map(|(id, is_over_tls, hosts)| Row {
            id,
            is_over_tls: *is_over_tls,
            hosts: hosts
                .iter()
                .map(|name| {
                    if !names.contains(name) {
                        names.push(name);
                    }
                    let at = names.iter().position(|known| known == name);
                    let at = u8::try_from(at.expect("it was put there")).expect("a handful");
                    Host {
                        name,
                        address: Ipv4Addr::new(127, 0, 1, 1 + at),
                        page: Page::Genuine,
                        certificate: match *id {
                            "fed-sts" => Shown::OfTheCompany,
                            _ => Shown::Good,
                        },
                        behaviour: Behaviour::Serve,
                    }
                })
                .collect(),
        })
        .collect()
}

/// The table of the configuration by which sightline finds the rows, each at its port, and nothing
/// else of the Internet; without rows nothing at all.
pub(super) fn table(rows: &[(&Row, u16)]) -> String {
    let here = rows.iter().map(|(row, port)| {
        let names: Vec<_> = row.hosts.iter().map(|host| host.name).collect();
        format!(
            "{{ id = {:?}, hosts = {names:?}, ports = [\"tcp/{port}\"] }}",
            row.id
        )
    });
    let config = Config {
        domain: sightline::config::Domain {
            tenant: Some("corp.example".parse().expect("a name")),
            ..Config::default().domain
        },
        ..Config::default()
    };
    let all = List::embedded().applicable(&config);
    let elsewhere = all
        .iter()
        .filter(|endpoint| rows.iter().all(|(row, _)| row.id != endpoint.id))
        .filter(|endpoint| rows.is_empty() || endpoint.protocol != Spoken::Dns)
        .map(|endpoint| format!("{{ id = {:?}, disabled = true }}", endpoint.id));
    let entries: Vec<_> = here.chain(elsewhere).collect();
    format!("endpoint = [\n    {},\n]\n", entries.join(",\n    "))
}

/// What of a request matters.
struct Request<'a> {
    path: &'a str,
    is_part: bool,
}

/// A server behind one door.
pub(super) struct Server(pub(super) Arc<Page>);

impl Protocol for Server {
    fn answer(&self, received: &mut Vec<u8>) -> Option<Answer> {
        let end = received.windows(4).position(|four| four == b"\r\n\r\n")?;
        let head: Vec<u8> = received.drain(..end + 4).collect();
        let head = String::from_utf8_lossy(&head);
        let mut lines = head.lines();
        let path = lines.next()?.split(' ').nth(1)?;
        let request = Request {
            path,
            is_part: lines.any(|line| line.to_ascii_lowercase().starts_with("range:")),
        };
        Some(Answer {
            bytes: self.0.bytes(&request),
            then: Then::Close,
        })
    }

    fn endless(&self, _request: &[u8]) -> (Vec<u8>, Vec<u8>) {
        let (head, repeated) = match *self.0 {
            Page::EndlessHead => ("HTTP/1.1 200 OK\r\n", "X-More: and more\r\n".repeat(200)),
            Page::EndlessChunks => (
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
                format!("1000\r\n{}\r\n", "x".repeat(4096)),
            ),
            Page::EndlessPreliminary => ("", "HTTP/1.1 103 Early Hints\r\n\r\n".repeat(100)),
            _ => ("HTTP/1.1 200 OK\r\n\r\n", "x".repeat(4096)),
        };
        (head.into(), repeated.into())
    }
}

impl Page {
    /// Whether it never ends.
    pub(super) const fn is_endless(&self) -> bool {
        matches!(
            self,
            Self::EndlessHead | Self::EndlessBody | Self::EndlessChunks | Self::EndlessPreliminary
        )
    }

    fn bytes(&self, request: &Request<'_>) -> Vec<u8> {
        match self {
            Self::Genuine => genuine(request),
            Self::WithoutRanges => response("200 OK", &[], &"x".repeat(4096)),
            Self::Status(status) => response(&format!("{status} Somehow"), &[], ""),
            Self::Federated(more) if request.path.starts_with("/common/UserRealm/") => {
                let text = format!("{{\"NameSpaceType\":\"Federated\",{more}}}");
                response("200 OK", &[], &text)
            }
            Self::Off(part, status) if request.path.contains(part) => {
                response(&format!("{status} Off"), &[], "")
            }
            Self::File(size) if request.path.ends_with(".cab") => {
                response("206 Partial Content", &[], &"x".repeat(*size))
            }
            Self::Federated(_) | Self::Off(..) | Self::File(_) => genuine(request),
            Self::Redirect(to) => response("302 Found", &[("Location", to)], ""),
            Self::Portal => response(
                "200 OK",
                &[("Content-Type", "text/html"), ("Server", "portal/1")],
                "<html><title>Welcome to the hotel</title></html>",
            ),
            Self::EndlessHead
            | Self::EndlessBody
            | Self::EndlessChunks
            | Self::EndlessPreliminary => Vec::new(),
        }
    }
}

/// As Microsoft answers.
fn genuine(request: &Request<'_>) -> Vec<u8> {
    let json = [("Content-Type", "application/json")];
    match request.path {
        "/adfs/services/trust/mex" => response("200 OK", &[], "<wsdl:definitions/>"),
        path if path.ends_with("/windowstransport") => response(
            "401 Unauthorized",
            &[
                ("WWW-Authenticate", "Negotiate"),
                ("WWW-Authenticate", "NTLM"),
            ],
            "",
        ),
        "/common/oauth2" => response("302 Found", &[("Location", "/common/reprocess")], ""),
        "/common/reprocess" => response("200 OK", &[], ""),
        "/connecttest.txt" => response("200 OK", &[], "Microsoft Connect Test"),
        "/common/.well-known/openid-configuration" => response(
            "200 OK",
            &json,
            r#"{"issuer":"https://sts.windows.net/{tenantid}/"}"#,
        ),
        path if path.starts_with("/common/UserRealm/") => {
            response("200 OK", &json, r#"{"NameSpaceType":"Managed"}"#)
        }
        "/corp.example/discover?api-version=1.7" => {
            response("200 OK", &json, r#"{"DeviceRegistrationService":{}}"#)
        }
        _ if request.is_part => response(
            "206 Partial Content",
            &[("Content-Range", "bytes 0-1023/4096")],
            &"x".repeat(1024),
        ),
        _ => response("404 Not Found", &[], ""),
    }
}

fn response(status: &str, headers: &[(&str, &str)], body: &str) -> Vec<u8> {
    let mut text = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n", body.len());
    for (name, value) in headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    text.push_str("\r\n");
    text.push_str(body);
    text.into_bytes()
}
