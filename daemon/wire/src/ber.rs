//! BER as LDAP and Kerberos use it: tags of one byte, definite lengths.
//!
//! Reading is by hand rather than with a library because a place is wanted for every error, and
//! because lengths that a library forgives are the attacks here: indefinite ones, lengths of more
//! than four bytes, children that leave their parent. Nothing recurses: each format names the
//! levels that it enters, so nesting costs a peer's bytes and nothing of ours.

use crate::Malformed;
use crate::cursor::Cursor;

pub(crate) const BOOLEAN: u8 = 0x01;
pub(crate) const INTEGER: u8 = 0x02;
pub(crate) const BIT_STRING: u8 = 0x03;
pub(crate) const OCTET_STRING: u8 = 0x04;
pub(crate) const ENUMERATED: u8 = 0x0a;
pub(crate) const GENERALIZED_TIME: u8 = 0x18;
pub(crate) const GENERAL_STRING: u8 = 0x1b;
pub(crate) const SEQUENCE: u8 = 0x30;
pub(crate) const SET: u8 = 0x31;

/// The constructed context-specific tag `number`, which wraps every field in Kerberos.
pub(crate) const fn context(number: u8) -> u8 {
    0xa0 | number
}

/// One element: its tag byte and what is inside.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Element<'a> {
    pub(crate) tag: u8,
    pub(crate) content: Cursor<'a>,
}

impl<'a> Cursor<'a> {
    /// Reads the next element, which ends at or before the end of this cursor.
    pub(crate) fn element(&mut self) -> Result<Element<'a>, Malformed> {
        let before = *self;
        let (tag, length) = header(self)?.ok_or_else(|| before.malformed("an element"))?;
        let content = self.part(length, "an element within its parent")?;
        Ok(Element { tag, content })
    }

    /// Length of the next element with its header, or `None` while the header is not complete: the
    /// element itself may still be on its way.
    pub(crate) fn element_length(&self) -> Result<Option<usize>, Malformed> {
        let mut after = *self;
        let header = header(&mut after)?;
        Ok(header.map(|(_, length)| (after.at() - self.at()).saturating_add(length)))
    }

    /// Reads the next element and insists on its tag.
    pub(crate) fn enter(&mut self, tag: u8, expected: &'static str) -> Result<Self, Malformed> {
        if self.rest().first() == Some(&tag) {
            self.element().map(|element| element.content)
        } else {
            Err(self.malformed(expected))
        }
    }

    /// Reads the next element if it has this tag.
    pub(crate) fn enter_if(&mut self, tag: u8) -> Result<Option<Self>, Malformed> {
        if self.rest().first() == Some(&tag) {
            self.element().map(|element| Some(element.content))
        } else {
            Ok(None)
        }
    }

    /// Reads an integer with the tag `tag` that fits into an `i64`.
    pub(crate) fn integer(&mut self, tag: u8, expected: &'static str) -> Result<i64, Malformed> {
        let here = *self;
        let content = self.enter(tag, expected)?.rest();
        if content.is_empty() || content.len() > size_of::<i64>() {
            return Err(here.malformed(expected));
        }
        let is_negative = content.first().is_some_and(|first| first & 0x80 != 0);
        let sign = if is_negative { -1 } else { 0 };
        Ok(content
            .iter()
            .fold(sign, |value, &byte| (value << 8) | i64::from(byte)))
    }

    /// Like [`Cursor::integer`], within the range of `T`.
    pub(crate) fn integer_in<T: TryFrom<i64>>(
        &mut self,
        tag: u8,
        expected: &'static str,
    ) -> Result<T, Malformed> {
        let here = *self;
        T::try_from(self.integer(tag, expected)?).map_err(|_| here.malformed(expected))
    }

    /// Text of an element with the tag `tag`; what is not UTF-8 becomes the replacement character.
    pub(crate) fn text(&mut self, tag: u8, expected: &'static str) -> Result<String, Malformed> {
        let content = self.enter(tag, expected)?.rest();
        Ok(String::from_utf8_lossy(content).into_owned())
    }
}

/// Reads tag and length of the next element, or `None` if the bytes end before. RFC 4511 §5.1
/// allows the definite form only, and no protocol here needs more than four length bytes or a tag
/// number above 30.
fn header(cursor: &mut Cursor<'_>) -> Result<Option<(u8, usize)>, Malformed> {
    let Ok(tag) = cursor.u8("a tag") else {
        return Ok(None);
    };
    if tag & 0x1f == 0x1f {
        return Err(cursor.malformed("a tag number up to 30 before this"));
    }
    let before = *cursor;
    let length = match cursor.u8("a length") {
        Err(_) => return Ok(None),
        Ok(short @ 0..=0x7f) => usize::from(short),
        Ok(count @ 0x81..=0x84) => {
            let Ok(bytes) = cursor.take(usize::from(count & 0x7f), "a length") else {
                return Ok(None);
            };
            bytes
                .iter()
                .fold(0, |length, &byte| (length << 8) | usize::from(byte))
        }
        Ok(_) => return Err(before.malformed("a definite length of up to four bytes")),
    };
    Ok(Some((tag, length)))
}

/// Writes an element around `content`, with the shortest length.
pub(crate) fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len().to_be_bytes();
    let significant: Vec<u8> = length.into_iter().skip_while(|&byte| byte == 0).collect();
    let mut out = vec![tag];
    match significant.as_slice() {
        [] => out.push(0),
        [short @ 0..=0x7f] => out.push(*short),
        long => {
            // At most eight bytes, so that the count fits beside the bit of the long form.
            out.extend([0x80, 0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88].get(long.len()));
            out.extend(long);
        }
    }
    out.extend(content);
    out
}

/// Writes an element around other elements.
pub(crate) fn constructed(tag: u8, parts: &[Vec<u8>]) -> Vec<u8> {
    element(tag, &parts.concat())
}

/// Writes an integer in the fewest bytes.
pub(crate) fn integer(tag: u8, value: i64) -> Vec<u8> {
    let bytes = value.to_be_bytes();
    let filler = if value < 0 { 0xff } else { 0x00 };
    let sign = filler & 0x80;
    let redundant = bytes
        .iter()
        .zip(bytes.iter().skip(1))
        .take_while(|&(&byte, &next)| byte == filler && next & 0x80 == sign)
        .count();
    element(tag, bytes.get(redundant..).unwrap_or(&bytes))
}

#[cfg(test)]
mod tests;
