//! Connection-oriented DCE/RPC, as far as a bind and a question to the endpoint mapper need it:
//! C706 chapter 12, appendices L and O, \[MS-RPCE\] 2.2.1.2.
//!
//! The endpoint mapper on port 135 tells on which dynamic port an interface is served. Everything
//! is little-endian, because our requests say so and servers answer in the order of the request.

mod tower;

pub use tower::{Mapping, map_request, parse_map};

use crate::Malformed;
use crate::cursor::Cursor;

const VERSION: u8 = 5;
/// Little-endian integers, ASCII, IEEE floats: C706 §14.1.
const DATA_REPRESENTATION: [u8; 4] = [0x10, 0, 0, 0];
const HEADER_SIZE: usize = 16;
const FIRST_FRAGMENT: u8 = 0x01;
const LAST_FRAGMENT: u8 = 0x02;
/// The largest fragment that we offer to take, the usual number of Windows clients.
const FRAGMENT_OFFERED: u16 = 4280;

/// Types of PDUs, C706 §12.6.4.
const REQUEST: u8 = 0;
const RESPONSE: u8 = 2;
const FAULT: u8 = 3;
const BIND: u8 = 11;
const BIND_ACK: u8 = 12;
const BIND_NAK: u8 = 13;

/// The largest answer that is read, in bytes: all its fragments with their headers.
pub const ANSWER_MAX: usize = 64 * 1024;

/// What a server can be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interface {
    /// Name for people.
    pub name: &'static str,
    /// The UUID as it goes over the wire: its first three groups little-endian.
    uuid: [u8; 16],
    major: u16,
    minor: u16,
}

/// The endpoint mapper itself, e1af8308-5d1f-11c9-91a4-08002b14a0fa v3.0: C706 appendix O.
pub const EPM: Interface = Interface {
    name: "the endpoint mapper",
    uuid: [
        0x08, 0x83, 0xaf, 0xe1, 0x1f, 0x5d, 0xc9, 0x11, 0x91, 0xa4, 0x08, 0x00, 0x2b, 0x14, 0xa0,
        0xfa,
    ],
    major: 3,
    minor: 0,
};

/// Netlogon, 12345678-1234-abcd-ef00-01234567cffb v1.0: \[MS-NRPC\] 1.9.
pub const NETLOGON: Interface = Interface {
    name: "Netlogon",
    uuid: [
        0x78, 0x56, 0x34, 0x12, 0x34, 0x12, 0xcd, 0xab, 0xef, 0x00, 0x01, 0x23, 0x45, 0x67, 0xcf,
        0xfb,
    ],
    major: 1,
    minor: 0,
};

/// The encoding of arguments, 8a885d04-1ceb-11c9-9fe8-08002b104860 v2.0: C706 §14.
const NDR: Interface = Interface {
    name: "NDR",
    uuid: [
        0x04, 0x5d, 0x88, 0x8a, 0xeb, 0x1c, 0xc9, 0x11, 0x9f, 0xe8, 0x08, 0x00, 0x2b, 0x10, 0x48,
        0x60,
    ],
    major: 2,
    minor: 0,
};

impl Interface {
    /// p_syntax_id_t, C706 §12.6.3.1.
    fn syntax(&self) -> [u8; 20] {
        let mut syntax = [0; 20];
        let (uuid, version) = syntax.split_at_mut(16);
        let (major, minor) = version.split_at_mut(2);
        uuid.copy_from_slice(&self.uuid);
        major.copy_from_slice(&self.major.to_le_bytes());
        minor.copy_from_slice(&self.minor.to_le_bytes());
        syntax
    }
}

/// The first PDU of a connection: asks for one interface in NDR (C706 §12.6.4.3).
#[must_use]
pub fn bind(interface: &Interface, call_id: u32) -> Vec<u8> {
    let mut body = Vec::new();
    body.extend(FRAGMENT_OFFERED.to_le_bytes());
    body.extend(FRAGMENT_OFFERED.to_le_bytes());
    // No association group yet, and one context, whose id is 0, with one transfer syntax.
    body.extend(0_u32.to_le_bytes());
    body.extend([1, 0, 0, 0]);
    body.extend([0, 0, 1, 0]);
    body.extend(interface.syntax());
    body.extend(NDR.syntax());
    pdu(BIND, call_id, &body)
}

/// A PDU in one fragment without authentication.
fn pdu(kind: u8, call_id: u32, body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(HEADER_SIZE + body.len()).expect("our requests are short");
    let mut pdu = vec![VERSION, 0, kind, FIRST_FRAGMENT | LAST_FRAGMENT];
    pdu.extend(DATA_REPRESENTATION);
    pdu.extend(length.to_le_bytes());
    pdu.extend(0_u16.to_le_bytes());
    pdu.extend(call_id.to_le_bytes());
    pdu.extend(body);
    pdu
}

/// What a server says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pdu {
    /// The answer to a bind, which may still be a refusal of the interface.
    BindAck {
        /// 0 accepted, 1 refused by the user, 2 refused by the provider (C706 §12.6.3.1).
        result: u16,
        /// Why it is refused: 1 the interface is not offered, 2 the transfer syntax is not.
        reason: u16,
    },
    /// A refusal of the whole bind.
    BindNak {
        /// 4 is an unsupported version of the protocol (C706 §12.6.3.1).
        reason: u16,
    },
    /// The answer to a request: the results of the operation in NDR.
    Response(Vec<u8>),
    /// A request that was not carried out.
    Fault {
        /// 5 is access denied, 0x1c010002 an unknown operation (C706 appendix E).
        status: u32,
    },
}

/// Reads one answer out of what a TCP stream has brought so far, and says how many bytes it took.
/// `None` while bytes are missing. The fragments of a response are put together.
///
/// # Errors
/// If the bytes are no PDU that answers the call `call_id`, or if the fragments are longer than
/// [`ANSWER_MAX`].
pub fn read_pdu(bytes: &[u8], call_id: u32) -> Result<Option<(Pdu, usize)>, Malformed> {
    let mut stream = Cursor::new(bytes);
    let mut stub = Vec::new();
    let mut expected_flag = FIRST_FRAGMENT;
    loop {
        let start = stream;
        let Some(fragment) = Fragment::next(&mut stream, call_id)? else {
            return Ok(None);
        };
        if fragment.flags & FIRST_FRAGMENT != expected_flag {
            return Err(start.malformed("fragments in order"));
        }
        let is_last = fragment.flags & LAST_FRAGMENT != 0;
        if fragment.kind == RESPONSE {
            stub.extend(response_stub(fragment.body)?.rest());
            if is_last {
                return Ok(Some((Pdu::Response(stub), stream.at())));
            }
            expected_flag = 0;
        } else if expected_flag == FIRST_FRAGMENT && is_last {
            return Ok(Some((other_pdu(start, &fragment)?, stream.at())));
        } else {
            return Err(start.malformed("one fragment, or one that continues a response"));
        }
    }
}

struct Fragment<'a> {
    kind: u8,
    flags: u8,
    body: Cursor<'a>,
}

impl<'a> Fragment<'a> {
    /// Reads the common header, C706 §12.6.3.1, and takes what its length covers.
    fn next(stream: &mut Cursor<'a>, call_id: u32) -> Result<Option<Self>, Malformed> {
        let start = *stream;
        // Bytes that cannot begin a PDU are refused at once: another protocol may send no more.
        if start.rest().first().is_some_and(|&first| first != VERSION) {
            return Err(start.malformed("version 5 of DCE/RPC"));
        }
        let mut header = start;
        let Ok(header) = header.part(HEADER_SIZE, "a header") else {
            return Ok(None);
        };
        let (kind, flags, length) = Self::header(header, call_id)?;
        if start.at() + length > ANSWER_MAX {
            return Err(start.malformed("an answer of up to 64 KiB"));
        }
        let Ok(mut fragment) = stream.part(length, "a fragment") else {
            return Ok(None);
        };
        let _header = fragment.take(HEADER_SIZE, "a header")?;
        Ok(Some(Self {
            kind,
            flags,
            body: fragment,
        }))
    }

    fn header(mut header: Cursor<'_>, call_id: u32) -> Result<(u8, u8, usize), Malformed> {
        let start = header;
        let [_version, minor, kind, flags] = header.array("the start of a header")?;
        if minor > 1 {
            return Err(start.malformed("version 5.0 or 5.1 of DCE/RPC"));
        }
        let before = header;
        // Characters and floats do not occur in what is read here.
        let [order, ..] = header.array::<4>("a data representation")?;
        let [little_endian, ..] = DATA_REPRESENTATION;
        if order & 0xf0 != little_endian {
            return Err(before.malformed("little-endian integers"));
        }
        let before = header;
        let length = usize::from(header.u16_le("the length of a fragment")?);
        if length < HEADER_SIZE {
            return Err(before.malformed("a length that covers the header"));
        }
        let before = header;
        if header.u16_le("the length of authentication")? != 0 {
            return Err(before.malformed("no authentication, as in our request"));
        }
        let before = header;
        if header.u32_le("a call id")? != call_id {
            return Err(before.malformed("the call id of our request"));
        }
        Ok((kind, flags, length))
    }
}

/// C706 §12.6.4.10: three numbers, then the results.
fn response_stub(mut body: Cursor<'_>) -> Result<Cursor<'_>, Malformed> {
    let _hint_context_and_cancels = body.array::<8>("the start of a response")?;
    Ok(body)
}

fn other_pdu(start: Cursor<'_>, fragment: &Fragment<'_>) -> Result<Pdu, Malformed> {
    let body = fragment.body;
    match fragment.kind {
        BIND_ACK => bind_ack(body, start.at()),
        BIND_NAK => bind_nak(body),
        FAULT => fault(body),
        _ => Err(start.malformed("bind_ack, bind_nak, response or fault")),
    }
}

/// C706 §12.6.4.4. The list of results begins at a multiple of four bytes from `start`, the
/// beginning of the PDU.
fn bind_ack(mut body: Cursor<'_>, start: usize) -> Result<Pdu, Malformed> {
    let _fragment_sizes_and_group = body.array::<8>("the start of a bind_ack")?;
    let address_length = body.u16_le("the length of an address")?;
    let _secondary_address = body.take(address_length.into(), "a secondary address")?;
    align(&mut body, start)?;
    let before = body;
    if body.u8("a number of results")? != 1 {
        return Err(before.malformed("one result, as for the one context of our bind"));
    }
    let _reserved = body.array::<3>("three bytes of padding")?;
    let result = body.u16_le("the result of a bind")?;
    let reason = body.u16_le("the reason of a refusal")?;
    let before = body;
    let syntax: [u8; 20] = body.array("a transfer syntax")?;
    if result == 0 && syntax != NDR.syntax() {
        return Err(before.malformed("NDR, the transfer syntax of our bind"));
    }
    Ok(Pdu::BindAck { result, reason })
}

/// C706 §12.6.4.5. The versions that follow are not of use: we speak one.
fn bind_nak(mut body: Cursor<'_>) -> Result<Pdu, Malformed> {
    body.u16_le("the reason of a refusal")
        .map(|reason| Pdu::BindNak { reason })
}

/// C706 §12.6.4.7.
fn fault(mut body: Cursor<'_>) -> Result<Pdu, Malformed> {
    let _hint_context_and_cancels = body.array::<8>("the start of a fault")?;
    body.u32_le("the status of a fault")
        .map(|status| Pdu::Fault { status })
}

/// Moves on to a multiple of four bytes from `start`.
fn align(cursor: &mut Cursor<'_>, start: usize) -> Result<(), Malformed> {
    let padding = (cursor.at() - start).wrapping_neg() % 4;
    cursor.take(padding, "padding").map(|_| ())
}

#[cfg(test)]
mod tests;
