//! The directory over TCP: rootDSE, StartTLS, and the messages that the ping shares (RFC 4511).

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::behaviour::{Answer, Protocol, Then};
use super::ber;
use super::says::Says;

const UNBIND: u8 = 0x42;
const BIND: u8 = 0x60;
const SEARCH: u8 = 0x63;
const EXTENDED: u8 = 0x77;
/// In the name of the service connection point.
const CONNECTION_POINT: &[u8] = b"CN=62a0ff2e-97b9-4513-943f-0d221bd30080,CN=Device Registration Configuration,CN=Services,CN=Configuration,DC=";
const START_TLS: &[u8] = b"1.3.6.1.4.1.1466.20037";

/// TCP 389, 636 and 3268.
pub(crate) struct Directory(pub(crate) Arc<Says>);

/// One request.
pub(crate) struct Request {
    pub(crate) id: i32,
    tag: u8,
    pub(crate) operation: Vec<u8>,
}

impl Request {
    /// Takes the first message off `received`, once it is whole.
    pub(crate) fn take(received: &mut Vec<u8>) -> Option<Self> {
        let length = ber::first_length(received).filter(|length| *length <= received.len())?;
        let message: Vec<u8> = received.drain(..length).collect();
        let (_, fields, _) = ber::split(&message)?;
        let (_, id, rest) = ber::split(fields)?;
        let (tag, operation, _) = ber::split(rest)?;
        Some(Self {
            id: id.iter().fold(0, |id, byte| (id << 8) | i32::from(*byte)),
            tag,
            operation: operation.to_vec(),
        })
    }
}

impl Protocol for Directory {
    fn answer(&self, received: &mut Vec<u8>) -> Option<Answer> {
        let request = Request::take(received)?;
        let said = &self.0.root_dse;
        let (bytes, then) = match request.tag {
            SEARCH if contains(&request.operation, CONNECTION_POINT) => {
                (self.connection_point(request.id), Then::Continue)
            }
            SEARCH => {
                let mut bytes = Vec::new();
                if said.result == 0 {
                    bytes = message(request.id, &self.root_dse());
                }
                bytes.extend(message(
                    request.id,
                    &result(0x65, said.result, "DSA is busy"),
                ));
                (bytes, Then::Continue)
            }
            EXTENDED if contains(&request.operation, START_TLS) => {
                let bytes = message(request.id, &result(0x78, said.start_tls, ""));
                let then = if said.start_tls == 0 {
                    Then::Tls
                } else {
                    Then::Continue
                };
                (bytes, then)
            }
            BIND => {
                let account = &self.0.account;
                account.binds.fetch_add(1, Ordering::SeqCst);
                let (code, text) = account.bind;
                let answer = || message(request.id, &result(0x61, code, text));
                let bytes = account.bind_bytes.clone().unwrap_or_else(answer);
                (bytes, Then::Continue)
            }
            UNBIND => (Vec::new(), Then::Close),
            _ => (message(request.id, &result(0x65, 2, "")), Then::Continue),
        };
        Some(Answer { bytes, then })
    }

    fn mistake_id(&self, answer: &mut [u8]) {
        mistake_ids(answer);
    }

    fn huge_length(&self, _request: &[u8]) -> Vec<u8> {
        vec![ber::SEQUENCE, 0x84, 0xff, 0xff, 0xff, 0xff]
    }

    /// Entries of our search, each well-formed, and never its end.
    fn endless(&self, request: &[u8]) -> (Vec<u8>, Vec<u8>) {
        let id = Request::take(&mut request.to_vec()).map_or(1, |request| request.id);
        (Vec::new(), message(id, &self.root_dse()))
    }
}

impl Directory {
    fn connection_point(&self, id: i32) -> Vec<u8> {
        let keywords = &self.0.account.keywords;
        if keywords.is_empty() {
            return message(id, &result(0x65, 32, "no such object"));
        }
        let values = keywords.iter().map(|word| word.clone().into_bytes());
        let mut bytes = message(id, &entry(&[("keywords", values.collect())]));
        bytes.extend(message(id, &result(0x65, 0, "")));
        bytes
    }

    fn root_dse(&self) -> Vec<u8> {
        let said = &self.0.root_dse;
        let context = said
            .domain
            .split('.')
            .map(|label| format!("DC={label}"))
            .collect::<Vec<_>>()
            .join(",");
        let is_synchronized = if said.is_synchronized {
            "TRUE"
        } else {
            "FALSE"
        };
        // 1.2.840.113556.1.4.800 is what makes it an Active Directory.
        let capabilities: &[&str] = if said.is_active_directory {
            &["1.2.840.113556.1.4.800", "1.2.840.113556.1.4.1670"]
        } else {
            &["1.2.840.113556.1.4.1851"]
        };
        let texts = |values: &[&str]| -> Vec<Vec<u8>> {
            values
                .iter()
                .map(|value| value.as_bytes().to_vec())
                .collect()
        };
        entry(&[
            (
                "currentTime",
                texts(&[&self.0.generalized_time().replace('Z', ".0Z")]),
            ),
            ("defaultNamingContext", texts(&[&context])),
            ("rootDomainNamingContext", texts(&[&context])),
            (
                "configurationNamingContext",
                texts(&[&format!("CN=Configuration,{context}")]),
            ),
            ("dnsHostName", texts(&[&said.dns_host_name])),
            ("isSynchronized", texts(&[is_synchronized])),
            ("isGlobalCatalogReady", texts(&["TRUE"])),
            ("domainControllerFunctionality", texts(&["7"])),
            (
                "supportedSASLMechanisms",
                texts(&["GSSAPI", "GSS-SPNEGO", "EXTERNAL", "DIGEST-MD5"]),
            ),
            ("supportedCapabilities", texts(capabilities)),
        ])
    }
}

/// LDAPMessage, RFC 4511 §4.1.1.
pub(crate) fn message(id: i32, operation: &[u8]) -> Vec<u8> {
    let mut content = ber::number(ber::INTEGER, id);
    content.extend(operation);
    ber::element(ber::SEQUENCE, &content)
}

/// SearchResultEntry of the root, RFC 4511 §4.5.2.
pub(crate) fn entry(attributes: &[(&str, Vec<Vec<u8>>)]) -> Vec<u8> {
    let list: Vec<u8> = attributes
        .iter()
        .flat_map(|(name, values)| {
            let values: Vec<u8> = values
                .iter()
                .flat_map(|value| ber::short(ber::OCTET_STRING, value))
                .collect();
            let mut attribute = ber::short(ber::OCTET_STRING, name.as_bytes());
            attribute.extend(ber::element(ber::SET, &values));
            ber::element(ber::SEQUENCE, &attribute)
        })
        .collect();
    let mut content = ber::short(ber::OCTET_STRING, b"");
    content.extend(ber::element(ber::SEQUENCE, &list));
    ber::element(0x64, &content)
}

/// A result with its application tag, RFC 4511 §4.1.9.
pub(crate) fn result(tag: u8, code: i32, text: &str) -> Vec<u8> {
    let text = if code == 0 { "" } else { text };
    ber::element(
        tag,
        &[
            ber::number(ber::ENUMERATED, code),
            ber::short(ber::OCTET_STRING, b""),
            ber::short(ber::OCTET_STRING, text.as_bytes()),
        ]
        .concat(),
    )
}

/// Changes the number in every message of an answer.
pub(crate) fn mistake_ids(mut answer: &mut [u8]) {
    /// Behind the tag of the message with its long length, and tag and length of the number.
    const AT: usize = 8;
    while let Some(length) = ber::first_length(answer) {
        let Some((message, rest)) = answer.split_at_mut_checked(length) else {
            return;
        };
        if let Some(byte) = message.get_mut(AT) {
            *byte ^= 0x20;
        }
        answer = rest;
    }
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}
