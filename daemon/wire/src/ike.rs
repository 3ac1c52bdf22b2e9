//! The first message of IKEv2, IKE_SA_INIT, and what answers it: RFC 7296 §1.2, §2.6, §2.7, §2.23.
//!
//! The exchange is never finished, so that no key is made: the public value of the question is any
//! number, and hashes and random bytes come from the caller.

use crate::Malformed;
use crate::cursor::Cursor;

/// Octets of the header, RFC 7296 §3.1.
const HEADER: usize = 28;
const VERSION_2: u8 = 0x20;
const IKE_SA_INIT: u8 = 34;
const FLAG_INITIATOR: u8 = 0x08;
const FLAG_RESPONSE: u8 = 0x20;

/// Payloads, RFC 7296 §3.2.
const SECURITY_ASSOCIATION: u8 = 33;
const KEY_EXCHANGE: u8 = 34;
const NONCE: u8 = 40;
const NOTIFY: u8 = 41;

/// Notifies, RFC 7296 §3.10.1 and RFC 5685 §3.
const INVALID_MAJOR_VERSION: u16 = 5;
const NO_PROPOSAL_CHOSEN: u16 = 14;
const INVALID_KE_PAYLOAD: u16 = 17;
const FIRST_STATUS: u16 = 16384;
const NAT_DETECTION_SOURCE_IP: u16 = 16388;
const NAT_DETECTION_DESTINATION_IP: u16 = 16389;
const COOKIE: u16 = 16390;
const REDIRECT: u16 = 16407;

/// Types of transforms, RFC 7296 §3.3.2.
const ENCRYPTION: u8 = 1;
const PRF: u8 = 2;
const INTEGRITY: u8 = 3;
const GROUP: u8 = 4;

/// Attribute "key length" in its short form, RFC 7296 §3.3.5.
const KEY_LENGTH: u16 = 0x800e;

/// The group that most gateways take (RFC 8247 §2.4).
pub const USUAL_GROUP: u16 = 14;

/// A group with a public value of the same size that hardly a gateway takes any more (RFC 8247 §2.4):
/// with it the question is a wrong guess, which is answered and not remembered (RFC 7296 §1.3).
pub const UNUSUAL_GROUP: u16 = 24;

/// Four octets in front of every message over UDP 4500: RFC 3948 §2.2. Without them it is a packet of
/// the tunnel.
pub const NON_ESP_MARKER: [u8; 4] = [0; 4];

/// A transform: type, number, and the bits of its key where that varies.
type Transform = (u8, u16, Option<u16>);

/// What common gateways take, with and without an integrity algorithm of its own.
const PROPOSALS: [&[Transform]; 2] = [
    &[
        (ENCRYPTION, 12, Some(256)),
        (ENCRYPTION, 12, Some(128)),
        (PRF, 7, None),
        (PRF, 5, None),
        (PRF, 2, None),
        (INTEGRITY, 14, None),
        (INTEGRITY, 12, None),
        (INTEGRITY, 2, None),
        (GROUP, USUAL_GROUP, None),
        (GROUP, 19, None),
        (GROUP, 20, None),
        (GROUP, 2, None),
    ],
    &[
        (ENCRYPTION, 20, Some(256)),
        (ENCRYPTION, 20, Some(128)),
        (PRF, 7, None),
        (PRF, 6, None),
        (PRF, 5, None),
        (GROUP, USUAL_GROUP, None),
        (GROUP, 19, None),
        (GROUP, 20, None),
    ],
];

/// What a question is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// Our identifier of the exchange: random, and not zero.
    pub spi: [u8; 8],
    /// The group that the public value is said to be of: [`USUAL_GROUP`], or [`UNUSUAL_GROUP`], which is
    /// offered last then.
    pub group: u16,
    /// A public value: above 1 and below the prime of the group, whose first bit is set.
    pub public: [u8; 256],
    /// Random.
    pub nonce: [u8; 32],
    /// SHA-1 of [`nat_input`] for the address and port that we send from.
    pub source: [u8; 20],
    /// The same for those that we send to.
    pub destination: [u8; 20],
}

/// What is hashed to tell whether somebody on the way changes addresses: RFC 7296 §2.23.
#[must_use]
pub fn nat_input(spi: [u8; 8], responder: [u8; 8], address: &[u8], port: u16) -> Vec<u8> {
    [&spi, &responder, address, &port.to_be_bytes()].concat()
}

/// The question, without [`NON_ESP_MARKER`].
#[must_use]
pub fn request(question: &Question) -> Vec<u8> {
    let payloads = [
        (SECURITY_ASSOCIATION, association(question.group)),
        (
            KEY_EXCHANGE,
            [
                &question.group.to_be_bytes(),
                &[0, 0],
                question.public.as_slice(),
            ]
            .concat(),
        ),
        (NONCE, question.nonce.to_vec()),
        (NOTIFY, notify(NAT_DETECTION_SOURCE_IP, &question.source)),
        (
            NOTIFY,
            notify(NAT_DETECTION_DESTINATION_IP, &question.destination),
        ),
    ];
    let mut body = Vec::new();
    let followers = payloads.iter().skip(1).map(|(kind, _)| *kind).chain([0]);
    for ((_, content), next) in payloads.iter().zip(followers) {
        body.extend([next, 0]);
        body.extend(short(content.len() + 4));
        body.extend(content);
    }
    let mut message = Vec::with_capacity(HEADER + body.len());
    message.extend(question.spi);
    message.extend([0; 8]);
    message.extend([SECURITY_ASSOCIATION, VERSION_2, IKE_SA_INIT, FLAG_INITIATOR]);
    message.extend([0; 4]);
    message.extend([0, 0]);
    message.extend(short(HEADER + body.len()));
    message.extend(body);
    message
}

fn association(group: u16) -> Vec<u8> {
    let mut content = Vec::new();
    for (number, usual) in (1_u8..).zip(PROPOSALS) {
        let guessed = (group != USUAL_GROUP).then_some((GROUP, group, None));
        let transforms: Vec<Transform> = usual.iter().copied().chain(guessed).collect();
        let mut inner = Vec::new();
        for (place, (kind, id, bits)) in transforms.iter().enumerate() {
            let is_last = place + 1 == transforms.len();
            let attribute: Vec<u8> = bits
                .iter()
                .flat_map(|bits| [KEY_LENGTH.to_be_bytes(), bits.to_be_bytes()])
                .flatten()
                .collect();
            inner.extend([if is_last { 0 } else { 3 }, 0]);
            inner.extend(short(8 + attribute.len()));
            inner.extend([*kind, 0]);
            inner.extend(id.to_be_bytes());
            inner.extend(attribute);
        }
        let is_last = usize::from(number) == PROPOSALS.len();
        content.extend([if is_last { 0 } else { 2 }, 0]);
        content.extend(short(8 + inner.len()));
        // Protocol IKE, no SPI, and how many transforms follow.
        content.extend([
            number,
            1,
            0,
            u8::try_from(transforms.len()).unwrap_or(u8::MAX),
        ]);
        content.extend(inner);
    }
    content
}

fn notify(kind: u16, data: &[u8]) -> Vec<u8> {
    [&[0, 0], kind.to_be_bytes().as_slice(), data].concat()
}

/// A length of this module: its messages have some hundred octets.
fn short(length: usize) -> [u8; 2] {
    u16::try_from(length).unwrap_or(u16::MAX).to_be_bytes()
}

/// What a gateway says. Each of these comes from somebody who speaks the protocol.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// It takes a proposal. It keeps what it needs for the next message, and forgets it soon.
    Accepted(Accepted),
    /// It wants to see first that we hear it: RFC 7296 §2.6. It has kept nothing.
    Cookie(Vec<u8>),
    /// It would take a public value of this group: RFC 7296 §1.3. It has kept nothing.
    WantsGroup(u16),
    /// It takes none of the proposals, or knows nobody at our address.
    NoProposal,
    /// It speaks another version.
    OtherVersion,
    /// It sends us elsewhere, RFC 5685: an address or a name.
    Redirect(String),
    /// Another notify, by its number.
    Notify(u16),
}

/// What an accepted question brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// The gateway's identifier of the exchange.
    pub spi: [u8; 8],
    /// What it chose.
    pub chosen: Chosen,
    /// Its hash of the address and port that it sends from, where it tells.
    pub source: Option<[u8; 20]>,
    /// Its hash of those that it sends to, which are ours as it sees them.
    pub destination: Option<[u8; 20]>,
}

/// The algorithms that a gateway chose, by their IANA numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Chosen {
    /// Encryption, and the bits of its key.
    pub encryption: Option<(u16, Option<u16>)>,
    /// Pseudo-random function.
    pub prf: Option<u16>,
    /// Integrity, where the encryption has none of its own.
    pub integrity: Option<u16>,
    /// Diffie-Hellman group.
    pub group: Option<u16>,
}

/// Whether a datagram is an answer to another question than the one with `spi`.
#[must_use]
pub fn is_for_another(message: &[u8], spi: [u8; 8]) -> bool {
    message.len() >= HEADER && message.first_chunk() != Some(&spi)
}

/// Reads the answer to the question with `spi`, without [`NON_ESP_MARKER`].
///
/// # Errors
/// If it is no answer, or not to this question.
pub fn parse(bytes: &[u8], spi: [u8; 8]) -> Result<Answer, Malformed> {
    let mut message = Cursor::new(bytes);
    let start = message;
    if message.array("our identifier of the exchange")? != spi {
        return Err(start.malformed("our identifier of the exchange"));
    }
    let responder: [u8; 8] = message.array("the gateway's identifier of the exchange")?;
    let first = message.u8("a kind of payload")?;
    let before = message;
    let version = message.u8("a version")?;
    let exchange = message.u8("an exchange")?;
    let flags = message.u8("flags")?;
    let _id = message.u32_be("a message number")?;
    let before_length = message;
    let length = message.u32_be("a length")?;
    if usize::try_from(length) != Ok(bytes.len()) {
        return Err(before_length.malformed("the length of the message"));
    }
    match version >> 4 {
        // An old one says so in its own version, whose payloads are others (RFC 2408 §3.1).
        1 => return Ok(Answer::OtherVersion),
        2 => {}
        _ => return Err(before.malformed("version 1 or 2")),
    }
    if exchange != IKE_SA_INIT || flags & FLAG_RESPONSE == 0 {
        return Err(before.malformed("a response to IKE_SA_INIT"));
    }
    payloads(message, first, responder)
}

fn payloads(mut rest: Cursor<'_>, first: u8, spi: [u8; 8]) -> Result<Answer, Malformed> {
    let mut next = first;
    let mut chosen = None;
    let (mut has_public, mut has_nonce) = (false, false);
    let (mut source, mut destination) = (None, None);
    let mut said = None;
    while next != 0 {
        let kind = next;
        next = rest.u8("a kind of payload")?;
        let _critical = rest.u8("flags of a payload")?;
        let before = rest;
        let length = usize::from(rest.u16_be("the length of a payload")?);
        let content = length
            .checked_sub(4)
            .ok_or_else(|| before.malformed("a payload of at least 4 octets"))?;
        let mut payload = rest.part(content, "a whole payload")?;
        match kind {
            SECURITY_ASSOCIATION => chosen = Some(proposal(payload)?),
            KEY_EXCHANGE => has_public = true,
            NONCE => has_nonce = true,
            NOTIFY => {
                let _protocol = payload.u8("the protocol of a notify")?;
                let spi_size = payload.u8("the size of an identifier")?;
                let kind = payload.u16_be("the kind of a notify")?;
                let _spi = payload.take(usize::from(spi_size), "an identifier")?;
                match kind {
                    NAT_DETECTION_SOURCE_IP => source = payload.array("a hash").ok(),
                    NAT_DETECTION_DESTINATION_IP => destination = payload.array("a hash").ok(),
                    // Of several, what refuses counts.
                    kind if kind < FIRST_STATUS || said.is_none() => {
                        said = meaning(kind, payload)?.or(said);
                    }
                    _ => {}
                }
            }
            _ => {}
        }
    }
    rest.end("nothing behind the last payload")?;
    match (chosen, said) {
        (Some(chosen), _) if has_public && has_nonce => Ok(Answer::Accepted(Accepted {
            spi,
            chosen,
            source,
            destination,
        })),
        (_, Some(said)) => Ok(said),
        (_, None) => Err(rest.malformed("a proposal with its key, or a notify that refuses")),
    }
}

/// What a notify says, if it decides anything.
fn meaning(kind: u16, mut data: Cursor<'_>) -> Result<Option<Answer>, Malformed> {
    Ok(Some(match kind {
        NO_PROPOSAL_CHOSEN => Answer::NoProposal,
        INVALID_MAJOR_VERSION => Answer::OtherVersion,
        INVALID_KE_PAYLOAD => Answer::WantsGroup(data.u16_be("a group")?),
        COOKIE => Answer::Cookie(data.rest().to_vec()),
        REDIRECT => Answer::Redirect(redirect(data)?),
        kind if kind < FIRST_STATUS => Answer::Notify(kind),
        _ => return Ok(None),
    }))
}

/// Where a redirect leads: RFC 5685 §6.
fn redirect(mut data: Cursor<'_>) -> Result<String, Malformed> {
    let kind = data.u8("the kind of a gateway's name")?;
    let length = data.u8("the length of a gateway's name")?;
    let before = data;
    let name = data.take(usize::from(length), "a gateway's name")?;
    Ok(match (kind, name) {
        (1, &[a, b, c, d]) => std::net::Ipv4Addr::new(a, b, c, d).to_string(),
        (2, name) => {
            let v6 = <[u8; 16]>::try_from(name).map_err(|_| before.malformed("an IPv6 address"))?;
            std::net::Ipv6Addr::from(v6).to_string()
        }
        (_, name) => String::from_utf8_lossy(name).into_owned(),
    })
}

/// The one proposal of an answer: RFC 7296 §3.3.
fn proposal(mut payload: Cursor<'_>) -> Result<Chosen, Malformed> {
    let _last_and_reserved = payload.u16_be("a proposal")?;
    let before = payload;
    let length = usize::from(payload.u16_be("the length of a proposal")?);
    let content = length
        .checked_sub(4)
        .ok_or_else(|| before.malformed("a proposal of at least 8 octets"))?;
    let mut proposal = payload.part(content, "a whole proposal")?;
    let _number_and_protocol = proposal.u16_be("the number of a proposal")?;
    let spi_size = proposal.u8("the size of an identifier")?;
    let count = proposal.u8("the number of transforms")?;
    let _spi = proposal.take(usize::from(spi_size), "an identifier")?;
    let mut chosen = Chosen::default();
    for _ in 0..count {
        let _last_and_reserved = proposal.u16_be("a transform")?;
        let before = proposal;
        let length = usize::from(proposal.u16_be("the length of a transform")?);
        let content = length
            .checked_sub(4)
            .ok_or_else(|| before.malformed("a transform of at least 8 octets"))?;
        let mut transform = proposal.part(content, "a whole transform")?;
        let kind = transform.u8("the type of a transform")?;
        let _reserved = transform.u8("the type of a transform")?;
        let id = transform.u16_be("the number of a transform")?;
        match kind {
            ENCRYPTION => chosen.encryption = Some((id, key_bits(transform))),
            PRF => chosen.prf = Some(id),
            INTEGRITY => chosen.integrity = Some(id),
            GROUP => chosen.group = Some(id),
            _ => {}
        }
    }
    proposal.end("as many transforms as were announced")?;
    Ok(chosen)
}

fn key_bits(mut attributes: Cursor<'_>) -> Option<u16> {
    let kind = attributes.u16_be("an attribute").ok()?;
    let value = attributes.u16_be("the value of an attribute").ok()?;
    (kind == KEY_LENGTH).then_some(value)
}

#[cfg(test)]
mod tests;
