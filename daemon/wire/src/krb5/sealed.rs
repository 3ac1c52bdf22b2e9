//! What is encrypted in the AS exchange, and what stands inside: RFC 4120 §5.2.7.2, §5.2.9 and §5.4.2.

use super::{KerberosTime, field, integer_field};
use crate::Malformed;
use crate::ber::{self, context};
use crate::cursor::Cursor;
use crate::time;

const PA_ENC_TIMESTAMP: i64 = 2;
/// EncASRepPart, and EncTGSRepPart, which some KDCs put in its place (RFC 4120 §5.4.2).
const ENC_AS_REP_PART: u8 = 0x79;
const ENC_TGS_REP_PART: u8 = 0x7a;

/// EncryptedData, RFC 4120 §5.2.9.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    /// Number of the encryption type, RFC 3961 §8.
    pub etype: i32,
    /// The encrypted bytes with their checksum.
    pub cipher: Vec<u8>,
}

impl Sealed {
    /// Reads what is all of `bytes`.
    pub(super) fn read(bytes: &mut Cursor<'_>) -> Result<Self, Malformed> {
        let mut fields = bytes.enter(ber::SEQUENCE, "encrypted data")?;
        let etype = integer_field(&mut fields, 0, "an encryption type")?;
        let _version_of_key = fields.enter_if(context(1))?;
        let cipher = fields
            .enter(context(2), "encrypted bytes")?
            .enter(ber::OCTET_STRING, "encrypted bytes")?;
        Ok(Self {
            etype,
            cipher: cipher.rest().to_vec(),
        })
    }

    fn encode(&self) -> Vec<u8> {
        ber::constructed(
            ber::SEQUENCE,
            &[
                field(0, ber::integer(ber::INTEGER, self.etype.into())),
                field(2, ber::element(ber::OCTET_STRING, &self.cipher)),
            ],
        )
    }

    /// The pre-authentication data of a request, with this as its PA-ENC-TIMESTAMP.
    pub(super) fn padata(&self) -> Vec<u8> {
        let entry = ber::constructed(
            ber::SEQUENCE,
            &[
                field(1, ber::integer(ber::INTEGER, PA_ENC_TIMESTAMP)),
                field(2, ber::element(ber::OCTET_STRING, &self.encode())),
            ],
        );
        ber::constructed(ber::SEQUENCE, &[entry])
    }
}

/// PA-ENC-TS-ENC, RFC 4120 §5.2.7.2: what is encrypted to prove the knowledge of a key.
#[must_use]
pub fn timestamp(now: KerberosTime) -> Vec<u8> {
    let text = time::to_generalized(now.seconds);
    ber::constructed(
        ber::SEQUENCE,
        &[
            field(0, ber::element(ber::GENERALIZED_TIME, text.as_bytes())),
            field(1, ber::integer(ber::INTEGER, now.micros.into())),
        ],
    )
}

/// The nonce in the decrypted part of an AS-REP, EncKDCRepPart of RFC 4120 §5.4.2. It repeats that of
/// the request. What follows it is not looked at.
///
/// # Errors
/// If the bytes are no such part.
pub fn nonce_of_reply(bytes: &[u8]) -> Result<u32, Malformed> {
    let mut part = Cursor::new(bytes);
    let tag = match bytes.first() {
        Some(&ENC_TGS_REP_PART) => ENC_TGS_REP_PART,
        _ => ENC_AS_REP_PART,
    };
    let mut fields = part
        .enter(tag, "the part for the client")?
        .enter(ber::SEQUENCE, "the part for the client")?;
    let _session_key = fields.enter(context(0), "a session key")?;
    let _last_requests = fields.enter(context(1), "last requests")?;
    integer_field(&mut fields, 2, "a nonce")
}
