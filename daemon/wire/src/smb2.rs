//! SMB2 NEGOTIATE, the first exchange of every client of a file share: \[MS-SMB2\] 2.2.3, 2.2.4.
//! It needs no credentials, and the answer carries the server's clock.

use crate::Malformed;
use crate::cursor::Cursor;
use crate::time;

const PROTOCOL_SMB2: [u8; 4] = [0xfe, b'S', b'M', b'B'];
const PROTOCOL_SMB1: [u8; 4] = [0xff, b'S', b'M', b'B'];
const HEADER_SIZE: u16 = 64;
const SERVER_TO_CLIENT: u32 = 0x1;

/// Dialects that are offered, in ascending order: 2.0.2, 2.1, 3.0, 3.0.2, 3.1.1.
const DIALECTS: [u16; 5] = [0x0202, 0x0210, 0x0300, 0x0302, 0x0311];

/// The largest answer that is read, in bytes.
pub const MESSAGE_MAX: usize = 64 * 1024;

/// A NEGOTIATE request for every dialect from 2.0.2 to 3.1.1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Negotiate {
    /// Random; a server uses it to recognise a client's other connections.
    pub client_guid: [u8; 16],
    /// Random; goes into the pre-authentication integrity hash of 3.1.1.
    pub salt: [u8; 32],
}

impl Negotiate {
    /// The request with the length of four bytes in front that direct TCP needs
    /// (\[MS-SMB2\] 2.1).
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut message = Vec::new();
        message.extend(PROTOCOL_SMB2);
        message.extend(HEADER_SIZE.to_le_bytes());
        // Credit charge, status and command are zero; one credit is asked for; all else is zero.
        message.extend([0; 8]);
        message.extend(1_u16.to_le_bytes());
        message.extend([0; 48]);

        message.extend(36_u16.to_le_bytes());
        message.extend(5_u16.to_le_bytes());
        // Signing enabled, not required; no capabilities.
        message.extend(1_u16.to_le_bytes());
        message.extend([0; 2 + 4]);
        message.extend(self.client_guid);
        // The only context begins at the next multiple of eight after the dialects.
        message.extend(0x70_u32.to_le_bytes());
        message.extend(1_u16.to_le_bytes());
        message.extend([0; 2]);
        for dialect in DIALECTS {
            message.extend(dialect.to_le_bytes());
        }
        message.extend([0; 2]);

        // SMB2_PREAUTH_INTEGRITY_CAPABILITIES, [MS-SMB2] 2.2.3.1.1: one hash, SHA-512, and a salt.
        message.extend(1_u16.to_le_bytes());
        message.extend(38_u16.to_le_bytes());
        message.extend([0; 4]);
        message.extend(1_u16.to_le_bytes());
        message.extend(32_u16.to_le_bytes());
        message.extend(1_u16.to_le_bytes());
        message.extend(self.salt);

        let length = u32::try_from(message.len()).expect("the request has 158 bytes");
        let mut framed = length.to_be_bytes().to_vec();
        framed.extend(message);
        framed
    }
}

/// Takes the first message out of what a TCP stream has brought so far, or `None` while bytes are
/// missing.
///
/// # Errors
/// If the first byte is not zero, or if the length is above [`MESSAGE_MAX`].
pub fn unframe(bytes: &[u8]) -> Result<Option<&[u8]>, Malformed> {
    let start = Cursor::new(bytes);
    let mut stream = start;
    let Ok(length) = stream.u32_be("a length") else {
        return match bytes.first() {
            None | Some(0) => Ok(None),
            Some(_) => Err(start.malformed("a zero byte before the length")),
        };
    };
    if length > 0x00ff_ffff {
        return Err(start.malformed("a zero byte before the length"));
    }
    let length = usize::try_from(length)
        .ok()
        .filter(|&length| length <= MESSAGE_MAX)
        .ok_or_else(|| start.malformed("a length of up to 64 KiB"))?;
    Ok(stream.take(length, "a message").ok())
}

/// What a server says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// It chose a dialect.
    Negotiated(Negotiated),
    /// It chose none.
    Refused {
        /// NTSTATUS, never 0: 0xc00000bb is "no dialect in common".
        status: u32,
    },
    /// It answers in SMB 1, which was not offered.
    Smb1,
}

/// The choice of a server, \[MS-SMB2\] 2.2.4.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Negotiated {
    /// DialectRevision; [`dialect_name`] names it.
    pub dialect: u16,
    /// Whether the server refuses sessions without signatures.
    pub signing_required: bool,
    /// Whether the server can sign.
    pub signing_enabled: bool,
    /// The same on every address of one server.
    pub server_guid: [u8; 16],
    /// Capabilities: 0x1 DFS, 0x2 leasing, 0x4 large MTU, 0x40 encryption.
    pub capabilities: u32,
    /// The largest transaction, in bytes.
    pub max_transact: u32,
    /// The largest read, in bytes.
    pub max_read: u32,
    /// The largest write, in bytes.
    pub max_write: u32,
    /// The server's clock: seconds since 1970 and nanoseconds. `None` if it tells none.
    pub system_time: Option<(i64, u32)>,
    /// When the server started, as for `system_time`. Current servers do not tell.
    pub start_time: Option<(i64, u32)>,
}

/// Reads one message without its TCP length.
///
/// # Errors
/// If it is not the answer to a NEGOTIATE.
pub fn parse(bytes: &[u8]) -> Result<Answer, Malformed> {
    let mut message = Cursor::new(bytes);
    let protocol = message.array("an SMB header")?;
    if protocol == PROTOCOL_SMB1 {
        return Ok(Answer::Smb1);
    }
    if protocol != PROTOCOL_SMB2 {
        return Err(Cursor::new(bytes).malformed("fe S M B"));
    }
    constant(&mut message, HEADER_SIZE, "a header of 64 bytes")?;
    let _credit_charge = message.u16_le("a credit charge")?;
    let status = message.u32_le("a status")?;
    constant(&mut message, 0, "the command NEGOTIATE")?;
    let _credits = message.u16_le("credits")?;
    let before = message;
    if message.u32_le("flags")? & SERVER_TO_CLIENT == 0 {
        return Err(before.malformed("the flag of an answer"));
    }
    let _ids_and_signature = message.take(44, "the rest of the header")?;
    if status != 0 {
        return Ok(Answer::Refused { status });
    }
    constant(&mut message, 65, "the body of a NEGOTIATE answer")?;
    let security_mode = message.u16_le("a security mode")?;
    let dialect = message.u16_le("a dialect")?;
    let _contexts = message.u16_le("a number of contexts")?;
    // The security buffer and the contexts lie behind the fixed part, where their offsets say; they
    // are not followed, so wrong offsets do no harm.
    Ok(Answer::Negotiated(Negotiated {
        dialect,
        signing_required: security_mode & 0x2 != 0,
        signing_enabled: security_mode & 0x1 != 0,
        server_guid: message.array("the server's GUID")?,
        capabilities: message.u32_le("capabilities")?,
        max_transact: message.u32_le("the largest transaction")?,
        max_read: message.u32_le("the largest read")?,
        max_write: message.u32_le("the largest write")?,
        system_time: moment(message.u64_le("the server's time")?),
        start_time: {
            let start_time = moment(message.u64_le("the server's start time")?);
            let _buffer_and_contexts = message.array::<8>("the offsets of a NEGOTIATE answer")?;
            start_time
        },
    }))
}

fn constant(message: &mut Cursor<'_>, value: u16, expected: &'static str) -> Result<(), Malformed> {
    let before = *message;
    if message.u16_le(expected)? == value {
        Ok(())
    } else {
        Err(before.malformed(expected))
    }
}

fn moment(filetime: u64) -> Option<(i64, u32)> {
    (filetime != 0).then(|| time::of_filetime(filetime))
}

/// A dialect as people write it.
#[must_use]
pub fn dialect_name(dialect: u16) -> &'static str {
    match dialect {
        0x0202 => "SMB 2.0.2",
        0x0210 => "SMB 2.1",
        0x02ff => "SMB 2.???",
        0x0300 => "SMB 3.0",
        0x0302 => "SMB 3.0.2",
        0x0311 => "SMB 3.1.1",
        _ => "an unknown dialect",
    }
}

#[cfg(test)]
mod tests;
