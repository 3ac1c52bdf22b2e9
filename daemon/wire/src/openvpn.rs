//! The first packet of OpenVPN, the hard reset of its control channel, and the answer to it: OpenVPN
//! wire protocol (doc/doxygen/doc_protocol_overview.h of the project); there is no RFC.
//!
//! A server may want its packets sealed with a static key: with a code in front (tls-auth), or
//! encrypted too (tls-crypt). This module lays out what is sealed; who has the key computes the code.

use crate::Malformed;
use crate::cursor::Cursor;

/// P_CONTROL_HARD_RESET_CLIENT_V2, key 0.
const CLIENT_RESET: u8 = 7 << 3;
/// P_CONTROL_HARD_RESET_SERVER_V2, key 0.
const SERVER_RESET: u8 = 8 << 3;

/// The code of tls-crypt: HMAC-SHA256.
pub const CRYPT_TAG: usize = 32;

/// Opcode and session identifier: what is never encrypted.
pub type Header = [u8; 9];

/// Number of a sealed packet and the Unix time of its sender: a repeated one is dropped.
pub type Replay = [u8; 8];

/// Behind the header of a first packet: nothing is acknowledged, and it is packet 0.
pub const FIRST: [u8; 5] = [0; 5];

/// The header of our reset. `session` is random.
#[must_use]
pub fn header(session: [u8; 8]) -> Header {
    let mut header = [CLIENT_RESET; 9];
    if let Some(own) = header.last_chunk_mut() {
        *own = session;
    }
    header
}

/// Number 1 at a time, in Unix seconds.
#[must_use]
pub fn replay(now: u32) -> Replay {
    let mut replay = [0, 0, 0, 1, 0, 0, 0, 0];
    if let Some(time) = replay.last_chunk_mut() {
        *time = now.to_be_bytes();
    }
    replay
}

/// A packet that is not sealed.
#[must_use]
pub fn plain(header: &Header) -> Vec<u8> {
    [header.as_slice(), &FIRST].concat()
}

/// What the code of tls-auth is computed over.
#[must_use]
pub fn auth_input(header: &Header, replay: &Replay, rest: &[u8]) -> Vec<u8> {
    [replay.as_slice(), header, rest].concat()
}

/// A packet under tls-auth.
#[must_use]
pub fn auth(header: &Header, code: &[u8], replay: &Replay, rest: &[u8]) -> Vec<u8> {
    [header.as_slice(), code, replay, rest].concat()
}

/// What the code of tls-crypt is computed over; its first 16 octets are the counter block of the
/// encryption (AES-256 in counter mode).
#[must_use]
pub fn crypt_input(header: &Header, replay: &Replay, rest: &[u8]) -> Vec<u8> {
    [header.as_slice(), replay, rest].concat()
}

/// A packet under tls-crypt.
#[must_use]
pub fn crypt(header: &Header, replay: &Replay, code: &[u8], encrypted: &[u8]) -> Vec<u8> {
    [header.as_slice(), replay, code, encrypted].concat()
}

/// A packet over TCP has its length in front.
#[must_use]
pub fn framed(packet: &[u8]) -> Vec<u8> {
    let length = u16::try_from(packet.len()).unwrap_or(u16::MAX);
    [&length.to_be_bytes(), packet].concat()
}

/// The packet that a stream begins with; `None` asks for more octets.
///
/// # Errors
/// If no packet can have this length.
pub fn unframe(bytes: &[u8]) -> Result<Option<&[u8]>, Malformed> {
    let mut stream = Cursor::new(bytes);
    let start = stream;
    let Ok(length) = stream.u16_be("a length") else {
        return Ok(None);
    };
    // From the shortest reset to what fits into a packet with every option.
    if !(14..=2048).contains(&length) {
        return Err(start.malformed("the length of a packet of OpenVPN"));
    }
    Ok(stream.take(usize::from(length), "a packet").ok())
}

/// A packet that is sealed, taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sealed<'a> {
    /// Opcode and session.
    pub header: Header,
    /// Number and time.
    pub replay: Replay,
    /// The code.
    pub code: &'a [u8],
    /// What is behind: plain under tls-auth, encrypted under tls-crypt.
    pub rest: &'a [u8],
}

/// Takes a packet under tls-auth apart, whose codes have `length` octets.
///
/// # Errors
/// If it is too short.
pub fn open_auth(packet: &[u8], length: usize) -> Result<Sealed<'_>, Malformed> {
    let mut packet = Cursor::new(packet);
    Ok(Sealed {
        header: packet.array("the header of a packet")?,
        code: packet.take(length, "a code")?,
        replay: packet.array("the number and time of a packet")?,
        rest: packet.rest(),
    })
}

/// Takes a packet under tls-crypt apart.
///
/// # Errors
/// If it is too short.
pub fn open_crypt(packet: &[u8]) -> Result<Sealed<'_>, Malformed> {
    let mut packet = Cursor::new(packet);
    Ok(Sealed {
        header: packet.array("the header of a packet")?,
        replay: packet.array("the number and time of a packet")?,
        code: packet.take(CRYPT_TAG, "a code")?,
        rest: packet.rest(),
    })
}

/// What a server answers to a reset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Its session.
    pub session: [u8; 8],
    /// Whose packets it acknowledges; nobody's where it acknowledges none.
    pub to: Option<[u8; 8]>,
}

/// Reads a packet that is not sealed.
///
/// # Errors
/// If it is no reset of a server.
pub fn parse(packet: &[u8]) -> Result<Answer, Malformed> {
    let mut cursor = Cursor::new(packet);
    let header = cursor.array("the header of a packet")?;
    read(&header, cursor)
}

/// Reads what was behind the header of a sealed packet, once its code was found right.
///
/// # Errors
/// If it is no reset of a server.
pub fn parse_opened(header: &Header, rest: &[u8]) -> Result<Answer, Malformed> {
    read(header, Cursor::new(rest))
}

fn read(header: &Header, mut rest: Cursor<'_>) -> Result<Answer, Malformed> {
    let mut start = Cursor::new(header);
    let before = start;
    if start.u8("an opcode")? & 0xf8 != SERVER_RESET {
        return Err(Malformed {
            at: 0,
            ..before.malformed("the reset of a server")
        });
    }
    let session = start.array("a session")?;
    let acknowledged = rest.u8("the number of acknowledgements")?;
    let _numbers = rest.take(4 * usize::from(acknowledged), "acknowledged packets")?;
    let to = if acknowledged > 0 {
        Some(rest.array("the session that is acknowledged")?)
    } else {
        None
    };
    let _number = rest.u32_be("the number of a packet")?;
    // Newer servers append what they can do.
    Ok(Answer { session, to })
}

#[cfg(test)]
mod tests;
