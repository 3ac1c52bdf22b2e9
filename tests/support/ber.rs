//! BER as the peers write it. Written apart from the product's own, so that a mistake there is
//! not repeated here.

pub(crate) const INTEGER: u8 = 0x02;
pub(crate) const OCTET_STRING: u8 = 0x04;
pub(crate) const ENUMERATED: u8 = 0x0a;
pub(crate) const GENERALIZED_TIME: u8 = 0x18;
pub(crate) const GENERAL_STRING: u8 = 0x1b;
pub(crate) const SEQUENCE: u8 = 0x30;
pub(crate) const SET: u8 = 0x31;

/// An element with a length of four bytes, as Windows writes every constructed one in LDAP.
pub(crate) fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len()).expect("test messages are short");
    let mut out = vec![tag, 0x84];
    out.extend(length.to_be_bytes());
    out.extend(content);
    out
}

/// An element with the shortest length, which Kerberos wants (DER).
pub(crate) fn short(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len();
    let mut out = vec![tag];
    match u8::try_from(length) {
        Ok(byte @ 0..0x80) => out.push(byte),
        Ok(byte) => out.extend([0x81, byte]),
        Err(_) => {
            let length = u16::try_from(length).expect("test messages are short");
            out.push(0x82);
            out.extend(length.to_be_bytes());
        }
    }
    out.extend(content);
    out
}

/// An element of others, with the shortest length.
pub(crate) fn all(tag: u8, parts: &[Vec<u8>]) -> Vec<u8> {
    short(tag, &parts.concat())
}

/// A whole number of up to four bytes.
pub(crate) fn number(tag: u8, value: i32) -> Vec<u8> {
    let bytes = value.to_be_bytes();
    let first = (0..3)
        .find(|&at| !matches!((bytes[at], bytes[at + 1] & 0x80), (0, 0) | (0xff, 0x80)))
        .unwrap_or(3);
    short(tag, &bytes[first..])
}

/// `levels` sequences, one in the other: what a reader that recurses dies of.
pub(crate) fn nested(levels: usize) -> Vec<u8> {
    // From the inside out, and turned round at the end, so that this itself does not take long.
    let mut reversed = Vec::new();
    for _ in 0..levels {
        let length = u32::try_from(reversed.len()).expect("a bomb is shorter than 4 GiB");
        reversed.extend(length.to_be_bytes().into_iter().rev());
        reversed.extend([0x84, SEQUENCE]);
    }
    reversed.reverse();
    reversed
}

/// The length of the first element of `bytes` with its header, once that has come.
pub(crate) fn first_length(bytes: &[u8]) -> Option<usize> {
    let [_tag, length, rest @ ..] = bytes else {
        return None;
    };
    if *length < 0x80 {
        return Some(2 + usize::from(*length));
    }
    let count = usize::from(length & 0x7f);
    let content = rest
        .get(..count)?
        .iter()
        .fold(0, |length, byte| (length << 8) | usize::from(*byte));
    Some(2 + count + content)
}

/// The tag and the content of the first element of `bytes`, and what follows it.
pub(crate) fn split(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let length = first_length(bytes)?;
    let header = match bytes.get(1)? {
        short @ 0..0x80 => length - usize::from(*short),
        long => 2 + usize::from(long & 0x7f),
    };
    Some((
        *bytes.first()?,
        bytes.get(header..length)?,
        bytes.get(length..)?,
    ))
}
