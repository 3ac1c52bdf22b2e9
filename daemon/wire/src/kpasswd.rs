//! The password change protocol on port 464: RFC 3244.
//!
//! The request names the service and carries a ticket of zeros. No server can act on it, but a
//! live one says so.

use crate::Malformed;
use crate::ber;
use crate::cursor::Cursor;
use crate::krb5::{self, KRB_ERROR, KrbError, NT_SRV_INST, field, message, principal, text};

const AP_REQ: u8 = 0x6e;
const AP_REP: u8 = 0x6f;
const TICKET: u8 = 0x61;
const KRB_PRIV: u8 = 0x75;
/// The version that RFC 3244 §2 gives to requests, so that a password could be set for others.
const VERSION: [u8; 2] = [0xff, 0x80];
const KERBEROS: i64 = 5;

/// A request that no server can fulfil, as it goes into a datagram; [`krb5::frame`] makes it fit
/// for TCP. `realm` is the DNS domain in upper case.
#[must_use]
pub fn request(realm: &str) -> Vec<u8> {
    let ticket = [
        field(0, ber::integer(ber::INTEGER, KERBEROS)),
        field(1, text(realm)),
        field(2, principal(NT_SRV_INST, &["kadmin", "changepw"])),
        field(3, zeros_as_aes256()),
    ];
    let ap_req = message(
        AP_REQ,
        &[
            field(0, ber::integer(ber::INTEGER, KERBEROS)),
            field(1, ber::integer(ber::INTEGER, 14)),
            field(2, ber::element(ber::BIT_STRING, &[0; 5])),
            field(3, message(TICKET, &ticket)),
            field(4, zeros_as_aes256()),
        ],
    );
    let krb_priv = message(
        KRB_PRIV,
        &[
            field(0, ber::integer(ber::INTEGER, KERBEROS)),
            field(1, ber::integer(ber::INTEGER, 21)),
            field(3, zeros_as_aes256()),
        ],
    );
    let length = |bytes: usize| {
        u16::try_from(bytes)
            .expect("a realm is shorter than 64 KiB")
            .to_be_bytes()
    };
    let header = 6;
    let mut request = Vec::new();
    request.extend(length(header + ap_req.len() + krb_priv.len()));
    request.extend(VERSION);
    request.extend(length(ap_req.len()));
    request.extend(ap_req);
    request.extend(krb_priv);
    request
}

/// EncryptedData, RFC 4120 §5.2.9, in form only.
fn zeros_as_aes256() -> Vec<u8> {
    const AES256_CTS_HMAC_SHA1_96: i64 = 18;
    ber::constructed(
        ber::SEQUENCE,
        &[
            field(0, ber::integer(ber::INTEGER, AES256_CTS_HMAC_SHA1_96)),
            field(2, ber::element(ber::OCTET_STRING, &[0; 32])),
        ],
    )
}

/// What a server says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// A refusal, which is what a healthy server sends to us. The number is the result code of
    /// RFC 3244 §2 if the error carries one: 1 malformed, 2 hard error, 3 authentication error,
    /// 4 soft error, 5 access denied, 6 bad version, 7 initial flag needed.
    Error(KrbError, Option<u16>),
    /// The form of a success: an AP-REP and a KRB-PRIV.
    ApReply,
}

/// Reads one message without its TCP length: the framed form of RFC 3244 §2, or a bare KRB-ERROR,
/// as some servers send.
///
/// # Errors
/// If it is neither, or if its lengths do not add up.
pub fn parse(bytes: &[u8]) -> Result<Answer, Malformed> {
    let mut message = Cursor::new(bytes);
    if bytes.first() == Some(&KRB_ERROR) {
        return error(message);
    }
    if usize::from(message.u16_be("a length")?) != bytes.len() {
        return Err(Cursor::new(bytes).malformed("the length of this message"));
    }
    let _version = message.u16_be("a version")?;
    match message.u16_be("the length of an AP-REP")? {
        0 => error(message),
        length => {
            let mut ap_rep = message.part(length.into(), "an AP-REP")?;
            let _encrypted = ap_rep.enter(AP_REP, "an AP-REP")?;
            ap_rep.end("the end of the AP-REP")?;
            let _encrypted = message.enter(KRB_PRIV, "a KRB-PRIV")?;
            message.end("the end of the message")?;
            Ok(Answer::ApReply)
        }
    }
}

fn error(message: Cursor<'_>) -> Result<Answer, Malformed> {
    let parsed = krb5::parse_error(message)?;
    let result = parsed.data.and_then(<[u8]>::first_chunk).copied();
    Ok(Answer::Error(parsed.error, result.map(u16::from_be_bytes)))
}

#[cfg(test)]
mod tests;
