//! The LDAP ping over UDP by which Windows finds out whether a controller is usable: \[MS-ADTS\]
//! 6.3.3. Nothing but an LDAP search (RFC 4511 §4.5) whose answer is one attribute,
//! [`netlogon`].

use crate::Malformed;
use crate::ber;
use crate::cursor::Cursor;
use crate::ldap::{SEARCH_DONE, SEARCH_ENTRY, SEARCH_REFERENCE};
use crate::netlogon::{self, Controller};

/// NtVersion that is asked for: V5, V5EX and WITH_CLOSEST_SITE (\[MS-ADTS\] 6.3.1.1), little-endian.
const NT_VERSION: [u8; 4] = [0x16, 0, 0, 0];
const ATTRIBUTE: &[u8] = b"Netlogon";
/// A filter element that means nothing.
const PADDING: &str = "SightlinePad";

const SEARCH_REQUEST: u8 = 0x63;
const FILTER_AND: u8 = 0xa0;
const FILTER_EQUALITY: u8 = 0xa3;

/// One LDAP ping, \[MS-ADTS\] 6.3.3.1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ping {
    /// DNS name of the domain that is looked for.
    pub domain: String,
    /// NetBIOS name of the asker. It ends up in the controller's log and nowhere else.
    pub host: Option<String>,
    /// Number of the request, at least 1 (RFC 4511 §4.1.1.1); the answer repeats it.
    pub message_id: i32,
}

impl Ping {
    /// The datagram to send: a search of the root for `Netlogon` with the filter
    /// `(&(DnsDomain=…)(Host=…)(NtVer=\16\00\00\00))`.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        self.padded(None)
    }

    /// The same with a filter element that no server knows and each has to ignore (\[MS-ADTS\]
    /// 6.3.3.1), so that the datagram is `length` bytes long. It is a byte or two shorter where no
    /// padding makes it as long, which happens below 600 bytes only, and longer where the bare one
    /// is.
    #[must_use]
    pub fn encode_to(&self, length: usize) -> Vec<u8> {
        let mut padding = length.saturating_sub(self.padded(Some(0)).len());
        loop {
            let bytes = self.padded(Some(padding));
            match bytes.len().checked_sub(length) {
                Some(excess) if excess > 0 && padding > 0 => {
                    padding = padding.saturating_sub(excess);
                }
                _ => return bytes,
            }
        }
    }

    fn padded(&self, padding: Option<usize>) -> Vec<u8> {
        let mut filter = vec![equality("DnsDomain", self.domain.as_bytes())];
        filter.extend(
            self.host
                .iter()
                .map(|host| equality("Host", host.as_bytes())),
        );
        filter.push(equality("NtVer", &NT_VERSION));
        filter.extend(padding.map(|length| equality(PADDING, &vec![b'x'; length])));
        let search = [
            ber::element(ber::OCTET_STRING, b""),
            // Scope base, aliases never followed, no limits, values wanted.
            ber::integer(ber::ENUMERATED, 0),
            ber::integer(ber::ENUMERATED, 0),
            ber::integer(ber::INTEGER, 0),
            ber::integer(ber::INTEGER, 0),
            ber::element(ber::BOOLEAN, &[0]),
            ber::constructed(FILTER_AND, &filter),
            ber::constructed(ber::SEQUENCE, &[ber::element(ber::OCTET_STRING, ATTRIBUTE)]),
        ];
        ber::constructed(
            ber::SEQUENCE,
            &[
                ber::integer(ber::INTEGER, self.message_id.into()),
                ber::constructed(SEARCH_REQUEST, &search),
            ],
        )
    }
}

fn equality(attribute: &str, value: &[u8]) -> Vec<u8> {
    ber::constructed(
        FILTER_EQUALITY,
        &[
            ber::element(ber::OCTET_STRING, attribute.as_bytes()),
            ber::element(ber::OCTET_STRING, value),
        ],
    )
}

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "one at a time, and not for long")]
pub enum Answer {
    /// A controller of the domain describes itself, perhaps as paused.
    Controller(Controller),
    /// A netlogon answer in a layout from before Windows 2000: our NtVersion was not honoured.
    OldForm {
        /// 19, 20 or 21 (\[MS-ADTS\] 6.3.1.3).
        opcode: u16,
    },
    /// A directory server is there, but it does not serve the domain (\[MS-ADTS\] 6.3.3.3).
    NotServed,
    /// The search failed.
    Result {
        /// resultCode, RFC 4511 §4.1.9; never 0.
        code: u32,
        /// The server's diagnostic message.
        message: String,
    },
}

/// Whether a datagram is an LDAP message for another request than `message_id`: it is somebody
/// else's, and to be dropped. What is no LDAP message is ours to complain about.
#[must_use]
pub fn is_for_another(datagram: &[u8], message_id: i32) -> bool {
    self::message_id(datagram).is_some_and(|id| id != i64::from(message_id))
}

/// The number of the request that a datagram answers; `None` for one that is no LDAP message.
#[must_use]
pub fn message_id(datagram: &[u8]) -> Option<i64> {
    Cursor::new(datagram)
        .enter(ber::SEQUENCE, "an LDAP message")
        .and_then(|mut message| message.integer(ber::INTEGER, "a message id"))
        .ok()
}

/// Reads all datagrams that have come so far, one after the other in `bytes`. The result is `None`
/// while SearchResultDone is missing, which alone decides; what follows it is a second answer to a
/// repeated request and is not looked at.
///
/// # Errors
/// If the bytes are not LDAP messages, answer another request than `message_id`, or carry a
/// netlogon value that breaks its rules.
pub fn parse(bytes: &[u8], message_id: i32) -> Result<Option<Answer>, Malformed> {
    let mut stream = Cursor::new(bytes);
    let mut found = None;
    while !stream.is_empty() {
        let mut message = stream.enter(ber::SEQUENCE, "an LDAP message")?;
        let id = message;
        if message.integer(ber::INTEGER, "a message id")? != i64::from(message_id) {
            return Err(id.malformed("the message id of our request"));
        }
        let before = message;
        let operation = message.element()?;
        match operation.tag {
            SEARCH_ENTRY => {
                let value = netlogon_value(operation.content)?;
                if let Some(value) = value.filter(|_| found.is_none()) {
                    found = Some(answer(value)?);
                }
            }
            SEARCH_REFERENCE => {}
            SEARCH_DONE => return done(operation.content, found).map(Some),
            _ => return Err(before.malformed("a search result")),
        }
    }
    Ok(None)
}

fn answer(value: Cursor<'_>) -> Result<Answer, Malformed> {
    Ok(match netlogon::opcode(value)? {
        opcode @ 19..=21 => Answer::OldForm { opcode },
        _ => Answer::Controller(netlogon::parse(value)?),
    })
}

/// SearchResultEntry, RFC 4511 §4.5.2: the first value of the attribute that was asked for. Servers
/// spell its name in different cases.
fn netlogon_value(mut entry: Cursor<'_>) -> Result<Option<Cursor<'_>>, Malformed> {
    let _name = entry.enter(ber::OCTET_STRING, "the name of an entry")?;
    let mut attributes = entry.enter(ber::SEQUENCE, "the attributes of an entry")?;
    let mut found = None;
    while !attributes.is_empty() {
        let mut attribute = attributes.enter(ber::SEQUENCE, "an attribute")?;
        let name = attribute.enter(ber::OCTET_STRING, "the name of an attribute")?;
        let mut values = attribute.enter(ber::SET, "the values of an attribute")?;
        if found.is_none() && name.rest().eq_ignore_ascii_case(ATTRIBUTE) && !values.is_empty() {
            found = Some(values.enter(ber::OCTET_STRING, "a value")?);
        }
    }
    Ok(found)
}

/// SearchResultDone, an LDAPResult of RFC 4511 §4.1.9.
fn done(mut result: Cursor<'_>, found: Option<Answer>) -> Result<Answer, Malformed> {
    let code = result.integer_in(ber::ENUMERATED, "a result code")?;
    let _matched = result.enter(ber::OCTET_STRING, "the matched name")?;
    let message = result.text(ber::OCTET_STRING, "a diagnostic message")?;
    Ok(match code {
        0 => found.unwrap_or(Answer::NotServed),
        code => Answer::Result { code, message },
    })
}

#[cfg(test)]
mod tests;
