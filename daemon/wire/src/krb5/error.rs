//! KRB-ERROR, RFC 4120 §5.9.1, and what Active Directory puts into its e-data.

use super::{KRB_ERROR, integer_field, open, text_field};
use crate::Malformed;
use crate::ber::{self, context};
use crate::cursor::Cursor;
use crate::time;

/// PA-ETYPE-INFO2, RFC 4120 §5.2.7.5.
const PA_ETYPE_INFO2: i32 = 19;
/// PA-PW-SALT by number, but a KERB-EXT-ERROR by its 12 bytes: \[MS-KILE\] 2.2.2.
const PA_EXTENDED_ERROR: i32 = 3;
const EXTENDED_ERROR_LENGTH: usize = 12;

/// A moment on the KDC's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct KerberosTime {
    /// Seconds since 1970, UTC.
    pub seconds: i64,
    /// Microseconds, below 1 000 000.
    pub micros: u32,
}

/// An encryption type that the KDC has a key for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EtypeInfo {
    /// Number of the type, RFC 3961 §8: 18 and 17 are AES, 23 is RC4.
    pub etype: i32,
    /// What the password is mixed with.
    pub salt: Option<String>,
    /// Rounds of the key derivation, where the type has any (RFC 3962 §4).
    pub iterations: Option<u32>,
}

/// A refusal of a KDC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KrbError {
    /// error-code; [`code_name`](super::code_name) names it.
    pub code: i32,
    /// The KDC's clock when it wrote this.
    pub server_time: KerberosTime,
    /// The realm of the service that was asked for.
    pub realm: String,
    /// The client's realm. With code 68 it is the realm to ask instead.
    pub client_realm: Option<String>,
    /// e-text, for people.
    pub text: Option<String>,
    /// The keys that the account has, by ETYPE-INFO2.
    pub salts: Vec<EtypeInfo>,
    /// Types of the pre-authentication data, in order.
    pub padata: Vec<i32>,
    /// The NTSTATUS by which Windows says why: 0xc0000234 is a locked account, for example.
    pub nt_status: Option<u32>,
}

/// A KRB-ERROR with its e-data as it came, for protocols that use it in their own way.
pub(crate) struct Parsed<'a> {
    pub(crate) error: KrbError,
    pub(crate) data: Option<&'a [u8]>,
}

/// Reads a KRB-ERROR that is alone in `bytes`.
pub(crate) fn parse(mut bytes: Cursor<'_>) -> Result<Parsed<'_>, Malformed> {
    let mut fields = open(&mut bytes, KRB_ERROR, 30)?;
    let _client_time = fields.enter_if(context(2))?;
    let _client_micros = fields.enter_if(context(3))?;
    let server_time = server_time(&mut fields)?;
    let code = integer_field(&mut fields, 6, "an error code")?;
    let client_realm = optional_text(&mut fields, 7, "the client's realm")?;
    let _client_name = fields.enter_if(context(8))?;
    let realm = text_field(&mut fields, 9, "the realm")?;
    let _server_name = fields.enter(context(10), "the server's name")?;
    let text = optional_text(&mut fields, 11, "an error text")?;
    let data = match fields.enter_if(context(12))? {
        Some(mut data) => Some(data.enter(ber::OCTET_STRING, "error data")?),
        None => None,
    };
    // What e-data holds depends on the code and on the vendor, so that data of an unknown form is
    // no fault of the message: RFC 4120 §5.9.1.
    let extras = data.map(Extras::of).unwrap_or_default();
    let Extras {
        salts,
        padata,
        nt_status,
    } = extras;
    Ok(Parsed {
        error: KrbError {
            code,
            server_time,
            realm,
            client_realm,
            text,
            salts,
            padata,
            nt_status,
        },
        data: data.map(|data| data.rest()),
    })
}

fn server_time(fields: &mut Cursor<'_>) -> Result<KerberosTime, Malformed> {
    const EXPECTED: &str = "the server's time";
    // KerberosTime has no fraction and no zone but Z: RFC 4120 §5.2.3.
    const LENGTH: usize = 15;
    let mut time_field = fields.enter(context(4), EXPECTED)?;
    let text = time_field.enter(ber::GENERALIZED_TIME, EXPECTED)?;
    let seconds = Some(text.rest())
        .filter(|text| text.len() == LENGTH)
        .and_then(time::generalized)
        .ok_or_else(|| text.malformed("a time such as 20261122101148Z"))?;
    let before = *fields;
    let micros = integer_field(fields, 5, "microseconds")?;
    if micros > 999_999 {
        return Err(before.malformed("microseconds below a million"));
    }
    Ok(KerberosTime { seconds, micros })
}

fn optional_text(
    fields: &mut Cursor<'_>,
    number: u8,
    expected: &'static str,
) -> Result<Option<String>, Malformed> {
    match fields.enter_if(context(number))? {
        Some(mut field) => field.text(ber::GENERAL_STRING, expected).map(Some),
        None => Ok(None),
    }
}

/// The keys that pre-authentication data tells of; data of an unknown form tells of none.
pub(super) fn salts_of(data: Cursor<'_>) -> Vec<EtypeInfo> {
    Extras::of_method_data(data).unwrap_or_default().salts
}

#[derive(Debug, Default)]
struct Extras {
    salts: Vec<EtypeInfo>,
    padata: Vec<i32>,
    nt_status: Option<u32>,
}

impl Extras {
    fn of(data: Cursor<'_>) -> Self {
        Self::of_method_data(data)
            .or_else(|_| Self::of_error_data(data))
            .unwrap_or_default()
    }

    /// METHOD-DATA, RFC 4120 §5.9.1: a sequence of PA-DATA.
    fn of_method_data(mut data: Cursor<'_>) -> Result<Self, Malformed> {
        let mut extras = Self::default();
        let mut list = data.enter(ber::SEQUENCE, "pre-authentication data")?;
        while !list.is_empty() {
            let mut entry = list.enter(ber::SEQUENCE, "pre-authentication data")?;
            extras.read(&mut entry)?;
        }
        Ok(extras)
    }

    /// KERB-ERROR-DATA, \[MS-KILE\] 2.2.1: the same two fields, alone.
    fn of_error_data(mut data: Cursor<'_>) -> Result<Self, Malformed> {
        let mut extras = Self::default();
        let mut entry = data.enter(ber::SEQUENCE, "error data")?;
        extras.read(&mut entry)?;
        // This number counts kinds of error data, not of pre-authentication.
        extras.padata.clear();
        Ok(extras)
    }

    fn read(&mut self, entry: &mut Cursor<'_>) -> Result<(), Malformed> {
        let kind = integer_field(entry, 1, "a type of data")?;
        let value = match entry.enter_if(context(2))? {
            Some(mut value) => value.enter(ber::OCTET_STRING, "data")?,
            None => Cursor::new(&[]),
        };
        self.padata.push(kind);
        match kind {
            PA_ETYPE_INFO2 => self.salts.extend(etype_info(value).unwrap_or_default()),
            PA_EXTENDED_ERROR if value.rest().len() == EXTENDED_ERROR_LENGTH => {
                self.nt_status = value.rest().first_chunk().copied().map(u32::from_le_bytes);
            }
            _ => {}
        }
        Ok(())
    }
}

fn etype_info(mut value: Cursor<'_>) -> Result<Vec<EtypeInfo>, Malformed> {
    let mut list = value.enter(ber::SEQUENCE, "encryption types")?;
    let mut known = Vec::new();
    while !list.is_empty() {
        let mut entry = list.enter(ber::SEQUENCE, "an encryption type")?;
        let etype = integer_field(&mut entry, 0, "an encryption type")?;
        let salt = optional_text(&mut entry, 1, "a salt")?;
        let parameters = match entry.enter_if(context(2))? {
            Some(mut field) => Some(field.enter(ber::OCTET_STRING, "parameters of a key")?),
            None => None,
        };
        known.push(EtypeInfo {
            etype,
            salt,
            // Four bytes for AES: RFC 3962 §4. Other types have other parameters.
            iterations: parameters
                .and_then(|bytes| bytes.rest().try_into().ok())
                .map(u32::from_be_bytes),
        });
    }
    Ok(known)
}
