//! The AS exchange of Kerberos: RFC 4120 §5.4, §5.9 and §7.2.
//!
//! A KDC answers even a request that it refuses, and with every refusal tells its clock. What is
//! encrypted comes and goes as bytes: no key is known here.

mod codes;
mod error;
mod sealed;

pub use codes::code_name;
pub(crate) use error::parse as parse_error;
pub use error::{EtypeInfo, KerberosTime, KrbError};
pub use sealed::{Sealed, nonce_of_reply, timestamp};

use crate::Malformed;
use crate::ber::{self, context};
use crate::cursor::Cursor;

pub(crate) const KRB_ERROR: u8 = 0x7e;
const AS_REQ: u8 = 0x6a;
const AS_REP: u8 = 0x6b;
const VERSION: i64 = 5;

/// Name types of RFC 4120 §6.2.
const NT_PRINCIPAL: i64 = 1;
/// RFC 6806 §5: a name that the KDC looks up, such as a UPN whose suffix is not the realm.
const NT_ENTERPRISE: i64 = 10;
pub(crate) const NT_SRV_INST: i64 = 2;

/// The largest message over TCP that is read, in bytes. No answer without a ticket comes near.
pub const MESSAGE_MAX: usize = 64 * 1024;

/// An AS-REQ, RFC 4120 §5.4.1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AsRequest<'a> {
    /// The realm, for Active Directory the DNS domain in upper case. ASCII.
    pub realm: &'a str,
    /// The client's name, one component. ASCII. With an `@` in it the KDC is asked to look it up
    /// (RFC 6806 §5), otherwise it is a name of the realm.
    pub client: &'a str,
    /// A random number below 2^31, which an AS-REP repeats.
    pub nonce: u32,
    /// Encryption types, the preferred one first (RFC 3961 §8).
    pub etypes: &'a [i32],
}

impl AsRequest<'_> {
    /// The message without pre-authentication, as it goes into a datagram; [`frame`] makes it fit
    /// for TCP.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        self.encode_with(None)
    }

    /// As [`Self::encode`], with the [`timestamp`] that proves the knowledge of the key, encrypted
    /// for the key usage 1 (PA-ENC-TIMESTAMP, RFC 4120 §5.2.7.2).
    #[must_use]
    pub fn encode_with(&self, proof: Option<&Sealed>) -> Vec<u8> {
        // The bit renewable-ok. A ticket is not wanted, so its end does not matter.
        const OPTIONS: [u8; 5] = [0, 0, 0, 0, 0x10];
        // The bit canonicalize beside it (RFC 6806 §3).
        const CANONICALIZE: [u8; 5] = [0, 0, 0x01, 0, 0x10];
        const TILL: &[u8] = b"20370913024805Z";
        let etypes: Vec<_> = self
            .etypes
            .iter()
            .map(|&etype| ber::integer(ber::INTEGER, etype.into()))
            .collect();
        let (options, name_type) = if self.client.contains('@') {
            (CANONICALIZE, NT_ENTERPRISE)
        } else {
            (OPTIONS, NT_PRINCIPAL)
        };
        let body = [
            field(0, ber::element(ber::BIT_STRING, &options)),
            field(1, principal(name_type, &[self.client])),
            field(2, text(self.realm)),
            field(3, principal(NT_SRV_INST, &["krbtgt", self.realm])),
            field(5, ber::element(ber::GENERALIZED_TIME, TILL)),
            field(7, ber::integer(ber::INTEGER, self.nonce.into())),
            field(8, ber::constructed(ber::SEQUENCE, &etypes)),
        ];
        let mut fields = vec![
            field(1, ber::integer(ber::INTEGER, VERSION)),
            field(2, ber::integer(ber::INTEGER, 10)),
        ];
        fields.extend(proof.map(|proof| field(3, proof.padata())));
        fields.push(field(4, ber::constructed(ber::SEQUENCE, &body)));
        message(AS_REQ, &fields)
    }
}

/// An application tag around a sequence of fields, the outside of every Kerberos message.
pub(crate) fn message(tag: u8, fields: &[Vec<u8>]) -> Vec<u8> {
    ber::element(tag, &ber::constructed(ber::SEQUENCE, fields))
}

/// A field of a sequence: `value` within the context-specific tag `number`.
pub(crate) fn field(number: u8, value: Vec<u8>) -> Vec<u8> {
    ber::element(context(number), &value)
}

/// A KerberosString, RFC 4120 §5.2.1.
pub(crate) fn text(value: &str) -> Vec<u8> {
    ber::element(ber::GENERAL_STRING, value.as_bytes())
}

/// A PrincipalName, RFC 4120 §5.2.2.
pub(crate) fn principal(name_type: i64, components: &[&str]) -> Vec<u8> {
    let components: Vec<_> = components.iter().map(|part| text(part)).collect();
    ber::constructed(
        ber::SEQUENCE,
        &[
            field(0, ber::integer(ber::INTEGER, name_type)),
            field(1, ber::constructed(ber::SEQUENCE, &components)),
        ],
    )
}

/// Puts the length of four bytes in front that TCP needs, RFC 4120 §7.2.2.
#[must_use]
pub fn frame(message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(message.len()).expect("our messages are short");
    let mut framed = length.to_be_bytes().to_vec();
    framed.extend(message);
    framed
}

/// Takes the first message out of what a TCP stream has brought so far, or `None` while bytes are
/// missing.
///
/// # Errors
/// If the length is above [`MESSAGE_MAX`]. A set top bit would announce an extension of RFC 5021,
/// which nobody asked for.
pub fn unframe(bytes: &[u8]) -> Result<Option<&[u8]>, Malformed> {
    let mut stream = Cursor::new(bytes);
    let Ok(length) = stream.u32_be("a length") else {
        return Ok(None);
    };
    let length = usize::try_from(length)
        .ok()
        .filter(|&length| length <= MESSAGE_MAX)
        .ok_or_else(|| Cursor::new(bytes).malformed("a length of up to 64 KiB"))?;
    Ok(stream.take(length, "a message").ok())
}

/// What a KDC says to an [`AsRequest`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// A refusal, which is what a healthy KDC sends to us.
    Error(KrbError),
    /// An AS-REP: the pre-authentication was good, or the account needs none.
    Ticket {
        /// Realm of the client.
        realm: String,
        /// Name of the client, components joined by `/`.
        client: String,
        /// The keys that the account has, where the KDC tells them again.
        salts: Vec<EtypeInfo>,
        /// The part for the client, for the key usage 3; [`nonce_of_reply`] reads it.
        sealed: Sealed,
    },
}

/// Reads one message without its TCP length.
///
/// # Errors
/// If it is neither a KRB-ERROR nor an AS-REP, or breaks the rules of its kind.
pub fn parse(bytes: &[u8]) -> Result<Reply, Malformed> {
    let start = Cursor::new(bytes);
    match bytes.first() {
        Some(&KRB_ERROR) => Ok(Reply::Error(parse_error(start)?.error)),
        Some(&AS_REP) => parse_as_rep(start),
        _ => Err(start.malformed("a KRB-ERROR or an AS-REP")),
    }
}

/// KDC-REP, RFC 4120 §5.4.2. The ticket is not looked into, and not wanted.
fn parse_as_rep(mut bytes: Cursor<'_>) -> Result<Reply, Malformed> {
    let mut fields = open(&mut bytes, AS_REP, 11)?;
    let padata = fields.enter_if(context(2))?;
    let salts = padata.map(error::salts_of).unwrap_or_default();
    let realm = text_field(&mut fields, 3, "the client's realm")?;
    let mut name = fields.enter(context(4), "the client's name")?;
    let client = principal_text(&mut name)?;
    let _ticket = fields.enter(context(5), "a ticket")?;
    let mut encrypted = fields.enter(context(6), "an encrypted part")?;
    let sealed = Sealed::read(&mut encrypted)?;
    Ok(Reply::Ticket {
        realm,
        client,
        salts,
        sealed,
    })
}

/// Opens a message that is alone in `bytes`: tag, sequence, version 5 and message type, whose two
/// fields carry the numbers 0 and 1.
pub(crate) fn open<'a>(
    bytes: &mut Cursor<'a>,
    tag: u8,
    message_type: i64,
) -> Result<Cursor<'a>, Malformed> {
    let mut message = bytes.enter(tag, "a Kerberos message")?;
    bytes.end("the end of the message")?;
    let mut fields = message.enter(ber::SEQUENCE, "the fields of a message")?;
    for (number, value) in [(0, VERSION), (1, message_type)] {
        let before = fields;
        if integer_field::<i64>(&mut fields, number, "version and message type")? != value {
            return Err(before.malformed("Kerberos 5 and the type that the tag announces"));
        }
    }
    Ok(fields)
}

pub(crate) fn integer_field<T: TryFrom<i64>>(
    fields: &mut Cursor<'_>,
    number: u8,
    expected: &'static str,
) -> Result<T, Malformed> {
    fields
        .enter(context(number), expected)?
        .integer_in(ber::INTEGER, expected)
}

pub(crate) fn text_field(
    fields: &mut Cursor<'_>,
    number: u8,
    expected: &'static str,
) -> Result<String, Malformed> {
    fields
        .enter(context(number), expected)?
        .text(ber::GENERAL_STRING, expected)
}

fn principal_text(bytes: &mut Cursor<'_>) -> Result<String, Malformed> {
    let mut principal = bytes.enter(ber::SEQUENCE, "a principal's name")?;
    let _name_type: i64 = integer_field(&mut principal, 0, "the type of a name")?;
    let mut parts = principal
        .enter(context(1), "the components of a name")?
        .enter(ber::SEQUENCE, "the components of a name")?;
    let mut components = Vec::new();
    while !parts.is_empty() {
        components.push(parts.text(ber::GENERAL_STRING, "a component of a name")?);
    }
    Ok(components.join("/"))
}

#[cfg(test)]
mod tests;
