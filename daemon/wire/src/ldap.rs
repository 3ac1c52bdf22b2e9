//! LDAP over a stream, as far as the ldap3 crate cannot be left alone with it: RFC 4511.
//!
//! ldap3 0.12 reads BER by recursion, takes a message of any length, and panics on elements that
//! it does not expect. [`Guard`] stands in front of it. StartTLS is here because it comes before
//! the stream that ldap3 gets.

mod shape;

use crate::Malformed;
use crate::ber;
use crate::cursor::Cursor;
use crate::time;

/// The longest message that is let through, in bytes. A rootDSE has a few kilobytes.
pub const MESSAGE_MAX: usize = 32 * 1024;
/// The most that is let through in one session, in bytes: ldap3 keeps all entries of a search, and
/// five times their size in memory.
pub const SESSION_MAX: usize = 64 * 1024;

/// Operations by their tag, RFC 4511 §4.2 to §4.13.
const BIND_RESPONSE: u8 = 0x61;
pub(crate) const SEARCH_ENTRY: u8 = 0x64;
pub(crate) const SEARCH_DONE: u8 = 0x65;
pub(crate) const SEARCH_REFERENCE: u8 = 0x73;
const EXTENDED_REQUEST: u8 = 0x77;
const EXTENDED_RESPONSE: u8 = 0x78;
const INTERMEDIATE_RESPONSE: u8 = 0x79;

const REQUEST_NAME: u8 = 0x80;
/// RFC 4511 §4.14.1.
const START_TLS: &[u8] = b"1.3.6.1.4.1.1466.20037";

/// Cuts the stream of a server into messages and lets only those through that a client which
/// searches, and does nothing else, can get: search entries, references, results, intermediate
/// responses, and the notice of disconnection.
///
/// Results of other operations are refused, because ldap3 panics if one carries the number of a
/// search. A client that binds first, and searches once it is bound, says so with [`Guard::binding`].
/// Of what passes, every element down to the last is of the expected kind, at most six
/// levels deep; names are UTF-8, as ldap3 wants them; values are any bytes.
#[derive(Debug, Default)]
pub struct Guard {
    /// The beginning of a message whose end is missing.
    pending: Vec<u8>,
    /// Bytes of whole messages so far.
    passed: usize,
    refused: Option<Malformed>,
    /// The message id of a bind whose answer has not come.
    bind: Option<i32>,
}

impl Guard {
    /// A guard for a client whose first request is the bind `message_id`, and which asks for nothing
    /// before that is answered. The first message is the answer to this bind (RFC 4511 §4.2.2), or a
    /// notice of disconnection; there is no second one, since ldap3 takes it for one to a search.
    #[must_use]
    pub fn binding(message_id: i32) -> Self {
        Self {
            bind: Some(message_id),
            ..Self::default()
        }
    }

    /// Takes what came next, and returns the messages that are complete now, each as it came.
    /// At most [`MESSAGE_MAX`] bytes stay behind.
    ///
    /// # Errors
    /// If a message is not of a kind to let through, or if limits are exceeded. The place counts
    /// from the beginning of the stream. Nothing passes after an error, which every further call
    /// repeats.
    pub fn push(&mut self, bytes: &[u8]) -> Result<Vec<Vec<u8>>, Malformed> {
        if let Some(refused) = self.refused {
            return Err(refused);
        }
        self.cut(bytes).inspect_err(|malformed| {
            self.refused = Some(*malformed);
            self.pending = Vec::new();
        })
    }

    fn cut(&mut self, bytes: &[u8]) -> Result<Vec<Vec<u8>>, Malformed> {
        if bytes.len() > SESSION_MAX - self.passed - self.pending.len() {
            return Err(Malformed {
                at: SESSION_MAX,
                expected: "the end of a session of up to 64 KiB",
            });
        }
        self.pending.extend(bytes);
        let mut stream = Cursor::starting_at(&self.pending, self.passed);
        let mut messages = Vec::new();
        while let Some(message) = next_message(&mut stream)? {
            match self.bind.take() {
                Some(message_id) => shape::check_bind(message, message_id)?,
                None => shape::check(message)?,
            }
            messages.push(message.rest().to_vec());
        }
        let taken = stream.at() - self.passed;
        self.passed = stream.at();
        self.pending.drain(..taken);
        Ok(messages)
    }
}

/// Takes the next message with its header, or `None` while bytes are missing.
fn next_message<'a>(stream: &mut Cursor<'a>) -> Result<Option<Cursor<'a>>, Malformed> {
    // Bytes that cannot begin a message are refused at once: another protocol may send no more.
    if stream
        .rest()
        .first()
        .is_some_and(|&tag| tag != ber::SEQUENCE)
    {
        return Err(stream.malformed("an LDAP message"));
    }
    let Some(length) = stream.element_length()? else {
        return Ok(None);
    };
    if length > MESSAGE_MAX {
        return Err(stream.malformed("a message of up to 32 KiB"));
    }
    Ok(stream.part(length, "a message").ok())
}

/// The request to begin TLS on this connection, RFC 4511 §4.14.1. `message_id` is at least 1.
#[must_use]
pub fn start_tls_request(message_id: i32) -> Vec<u8> {
    ber::constructed(
        ber::SEQUENCE,
        &[
            ber::integer(ber::INTEGER, message_id.into()),
            ber::constructed(EXTENDED_REQUEST, &[ber::element(REQUEST_NAME, START_TLS)]),
        ],
    )
}

/// What a server says to StartTLS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StartTls {
    /// resultCode, RFC 4511 §4.1.9. 0 is consent: what the server sends next is TLS.
    pub code: u32,
    /// The server's diagnostic message.
    pub message: String,
}

/// Reads the answer to [`start_tls_request`] out of what the stream has brought so far, or `None`
/// while bytes are missing. What follows it in `bytes` came before TLS began, so that anyone on
/// the way may have put it there: do not use it.
///
/// A server that closes the connection says so with the message id 0 (RFC 4511 §4.4.1), and its
/// code counts as the answer, unless it is 0.
///
/// # Errors
/// If the bytes are not an extended response.
pub fn parse_start_tls(bytes: &[u8]) -> Result<Option<StartTls>, Malformed> {
    let Some(mut message) = next_message(&mut Cursor::new(bytes))? else {
        return Ok(None);
    };
    let mut fields = message.enter(ber::SEQUENCE, "an LDAP message")?;
    let before = fields;
    let message_id = shape::number(&mut fields, ber::INTEGER, "a message id")?;
    let mut response = fields.enter(EXTENDED_RESPONSE, "an extended response")?;
    let (code, message) = shape::result(&mut response)?;
    if (message_id, code) == (0, 0) {
        return Err(before.malformed("the message id of our request"));
    }
    Ok(Some(StartTls {
        code,
        message: message.to_owned(),
    }))
}

/// A value of GeneralizedTime syntax, such as currentTime of the rootDSE, as seconds since 1970:
/// RFC 4517 §3.3.13. `None` if it is not in UTC or is no time.
#[must_use]
pub fn generalized_time(value: &str) -> Option<i64> {
    time::generalized(value.as_bytes())
}

#[cfg(test)]
mod tests;
