//! The exact form of the messages that pass the guard.

use super::{
    BIND_RESPONSE, EXTENDED_RESPONSE, INTERMEDIATE_RESPONSE, SEARCH_DONE, SEARCH_ENTRY,
    SEARCH_REFERENCE,
};
use crate::Malformed;
use crate::ber::{self, context};
use crate::cursor::Cursor;

const CONTROLS: u8 = context(0);
const REFERRAL: u8 = context(3);
/// serverSaslCreds of a bind response.
const SASL_CREDENTIALS: u8 = 0x87;
/// responseName and responseValue of an extended response.
const EXTENDED_NAME: u8 = 0x8a;
const EXTENDED_VALUE: u8 = 0x8b;
/// The same of an intermediate response.
const INTERMEDIATE_NAME: u8 = 0x80;
const INTERMEDIATE_VALUE: u8 = 0x81;

/// Checks one message, LDAPMessage of RFC 4511 §4.1.1, which is all of `message`. Each function
/// here enters the levels that it names and insists on the end of each, so that no element is left
/// that was not looked at.
pub(super) fn check(message: Cursor<'_>) -> Result<(), Malformed> {
    checked(message, None)
}

/// As [`check`], for the message that answers the bind with the number `bind`.
pub(super) fn check_bind(message: Cursor<'_>, bind: i32) -> Result<(), Malformed> {
    checked(message, Some(bind))
}

fn checked(mut message: Cursor<'_>, bind: Option<i32>) -> Result<(), Malformed> {
    let mut fields = message.enter(ber::SEQUENCE, "an LDAP message")?;
    message.end("the end of the message")?;
    let message_id = number(&mut fields, ber::INTEGER, "a message id")?;
    let before = fields;
    let operation = fields.element()?;
    let content = operation.content;
    // The number 0 belongs to the notice of disconnection, and to nothing else: RFC 4511 §4.4.
    match (operation.tag, message_id, bind) {
        (BIND_RESPONSE, id, Some(bind)) if id == bind => bound(content)?,
        (SEARCH_ENTRY, 1.., None) => entry(content)?,
        (SEARCH_DONE, 1.., None) => done(content)?,
        (SEARCH_REFERENCE, 1.., None) => names(content, "a reference")?,
        (INTERMEDIATE_RESPONSE, 1.., None) => intermediate(content)?,
        (EXTENDED_RESPONSE, 0, _) => {
            extended(content)?;
            // Active Directory puts the name of the notice behind the operation, not into it.
            optional_name(&mut fields, EXTENDED_NAME)?;
        }
        (_, _, Some(_)) => {
            return Err(before.malformed("the answer to our bind or a notice of disconnection"));
        }
        _ => return Err(before.malformed("the answer to a search or a notice of disconnection")),
    }
    if let Some(list) = fields.enter_if(CONTROLS)? {
        controls(list)?;
    }
    fields.end("the end of the message")
}

/// SearchResultEntry, RFC 4511 §4.5.2.
fn entry(mut content: Cursor<'_>) -> Result<(), Malformed> {
    name(&mut content, ber::OCTET_STRING)?;
    let mut attributes = content.enter(ber::SEQUENCE, "the attributes of an entry")?;
    content.end("the end of the entry")?;
    while !attributes.is_empty() {
        let mut attribute = attributes.enter(ber::SEQUENCE, "an attribute")?;
        name(&mut attribute, ber::OCTET_STRING)?;
        let mut values = attribute.enter(ber::SET, "the values of an attribute")?;
        attribute.end("the end of the attribute")?;
        while !values.is_empty() {
            let _value = values.enter(ber::OCTET_STRING, "a value")?;
        }
    }
    Ok(())
}

fn done(mut content: Cursor<'_>) -> Result<(), Malformed> {
    result(&mut content)?;
    content.end("the end of the result")
}

/// BindResponse, RFC 4511 §4.2.2.
fn bound(mut content: Cursor<'_>) -> Result<(), Malformed> {
    result(&mut content)?;
    let _credentials = content.enter_if(SASL_CREDENTIALS)?;
    content.end("the end of the bind response")
}

/// LDAPResult, RFC 4511 §4.1.9: the code, and the diagnostic message.
pub(super) fn result<'a>(content: &mut Cursor<'a>) -> Result<(u32, &'a str), Malformed> {
    let before = *content;
    let code = number(content, ber::ENUMERATED, "a result code")?;
    let code = u32::try_from(code).map_err(|_| before.malformed("a result code"))?;
    let _matched = name(content, ber::OCTET_STRING)?;
    let message = name(content, ber::OCTET_STRING)?;
    if let Some(referral) = content.enter_if(REFERRAL)? {
        names(referral, "a referral")?;
    }
    Ok((code, message))
}

/// ExtendedResponse, RFC 4511 §4.12.
fn extended(mut content: Cursor<'_>) -> Result<(), Malformed> {
    result(&mut content)?;
    optional_name(&mut content, EXTENDED_NAME)?;
    let _value = content.enter_if(EXTENDED_VALUE)?;
    content.end("the end of the extended response")
}

/// IntermediateResponse, RFC 4511 §4.13.
fn intermediate(mut content: Cursor<'_>) -> Result<(), Malformed> {
    optional_name(&mut content, INTERMEDIATE_NAME)?;
    let _value = content.enter_if(INTERMEDIATE_VALUE)?;
    content.end("the end of the intermediate response")
}

/// Controls, RFC 4511 §4.1.11.
fn controls(mut list: Cursor<'_>) -> Result<(), Malformed> {
    while !list.is_empty() {
        let mut control = list.enter(ber::SEQUENCE, "a control")?;
        name(&mut control, ber::OCTET_STRING)?;
        if let Some(criticality) = control.enter_if(ber::BOOLEAN)?
            && criticality.rest().len() != 1
        {
            return Err(criticality.malformed("a boolean of one byte"));
        }
        let _value = control.enter_if(ber::OCTET_STRING)?;
        control.end("the end of the control")?;
    }
    Ok(())
}

/// A list of URIs and nothing else.
fn names(mut list: Cursor<'_>, expected: &'static str) -> Result<(), Malformed> {
    if list.is_empty() {
        return Err(list.malformed(expected));
    }
    while !list.is_empty() {
        name(&mut list, ber::OCTET_STRING)?;
    }
    Ok(())
}

/// LDAPString, LDAPDN and LDAPOID: RFC 4511 §4.1.2. ldap3 panics if it is not UTF-8.
fn name<'a>(cursor: &mut Cursor<'a>, tag: u8) -> Result<&'a str, Malformed> {
    let content = cursor.enter(tag, "a string")?;
    std::str::from_utf8(content.rest()).map_err(|_| content.malformed("UTF-8"))
}

fn optional_name(cursor: &mut Cursor<'_>, tag: u8) -> Result<(), Malformed> {
    if cursor.rest().first() == Some(&tag) {
        let _name = name(cursor, tag)?;
    }
    Ok(())
}

/// A number of one to four bytes: RFC 4511 §4.1.1 ends at 2^31 - 1.
pub(super) fn number(
    cursor: &mut Cursor<'_>,
    tag: u8,
    expected: &'static str,
) -> Result<i32, Malformed> {
    let before = *cursor;
    let length = cursor.enter(tag, expected)?.rest().len();
    *cursor = before;
    if length > size_of::<i32>() {
        return Err(before.malformed(expected));
    }
    cursor.integer_in(tag, expected)
}

#[cfg(test)]
mod tests;
