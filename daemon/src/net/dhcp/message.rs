//! The messages of DHCP (RFC 2131), made and read with dhcproto. Pure.
//!
//! Only the fixed part and the list of options are taken from there. The options themselves are read
//! one by one: one that makes no sense then costs no other.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::Duration;

use dhcproto::v4::borrowed::{self, DhcpOptionIterator};
use dhcproto::v4::{DhcpOption, Flags, MAGIC, MIN_PACKET_SIZE, Message, MessageType, OptionCode};
use dhcproto::{Decoder, Encodable, error::EncodeError};
use sightline_model::{DhcpAnswer, DhcpKind};

/// What is asked for: mask, routers, resolvers, domain, WINS, portal, search list, proxy script.
const WANTED: [u8; 8] = [1, 3, 6, 15, 44, 114, 119, 252];

/// The vendor class of Windows (\[MS-DHCPE\] 2.2.3): servers may have options for it alone.
const VENDOR_CLASS: &[u8] = b"MSFT 5.0";

/// The largest answer that we can take, in bytes: a frame of Ethernet.
const LARGEST: u16 = 1500;

/// As many addresses or names of one option are kept.
const MOST: usize = 16;

/// Where the fixed part ends and the options begin, behind the magic number.
const FIXED: usize = 240;
/// Fields of the fixed part that may hold options too (option 52).
const FILE: std::ops::Range<usize> = 108..236;
const SERVER_NAME: std::ops::Range<usize> = 44..108;

/// What is asked. Neither takes a lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Question {
    /// DHCPINFORM: which options are there for me, who have an address (RFC 2131 §3.4)? By this
    /// Windows looks for a proxy.
    Inform,
    /// DHCPDISCOVER: what would I get? What is offered is never requested; the server takes the
    /// address back by itself (RFC 2131 §3.1).
    Discover,
}

/// Who asks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asker {
    /// Its address on the segment.
    pub(super) hardware: [u8; 6],
    /// Its address; without one there is nothing to inform it about.
    pub(super) address: Option<Ipv4Addr>,
}

/// A question as it goes over the wire. `None` where it cannot be asked: DHCPINFORM without an
/// address.
///
/// # Errors
/// None that can happen: all that is written is ours.
pub(super) fn write(
    question: Question,
    xid: u32,
    asker: Asker,
) -> Result<Option<Vec<u8>>, EncodeError> {
    const NONE: Ipv4Addr = Ipv4Addr::UNSPECIFIED;
    let (kind, own) = match (question, asker.address) {
        (Question::Inform, Some(own)) => (MessageType::Inform, own),
        (Question::Inform, None) => return Ok(None),
        (Question::Discover, _) => (MessageType::Discover, NONE),
    };
    let mut message = Message::new_with_id(xid, own, NONE, NONE, NONE, &asker.hardware);
    if question == Question::Discover {
        // Nobody can send to an address that we do not have.
        message.set_flags(Flags::default().set_broadcast());
    }
    let options = message.opts_mut();
    options.insert(DhcpOption::MessageType(kind));
    options.insert(DhcpOption::ClassIdentifier(VENDOR_CLASS.to_vec()));
    options.insert(DhcpOption::MaxMessageSize(LARGEST));
    let wanted = WANTED.map(OptionCode::from).to_vec();
    options.insert(DhcpOption::ParameterRequestList(wanted));
    let mut bytes = message.to_vec()?;
    // Some servers still want the smallest message of BOOTP (RFC 1542 §2.1).
    bytes.resize(bytes.len().max(MIN_PACKET_SIZE), 0);
    Ok(Some(bytes))
}

/// Reads an answer. `None` for whatever is no answer to us: another transaction, another asker, a
/// refusal, bytes that are not DHCP.
pub(super) fn read(
    bytes: &[u8],
    from: Ipv4Addr,
    asker: Asker,
    xid_of: impl Fn(Question) -> u32,
) -> Option<DhcpAnswer> {
    const REPLY: u8 = 2;
    let message = borrowed::Message::new(bytes).ok()?;
    let is_for_us = u8::from(message.opcode()) == REPLY
        // Checked first: for a longer one dhcproto would look for the address beyond the message.
        && usize::from(message.hlen()) == asker.hardware.len()
        && message.chaddr() == asker.hardware
        && bytes.get(FIXED - MAGIC.len()..FIXED) == Some(MAGIC.as_slice());
    if !is_for_us {
        return None;
    }
    let options = options(bytes);
    let value = |code: u8| options.get(&code).map(Vec::as_slice);
    let (kind, question) = match MessageType::from(*value(53)?.first()?) {
        MessageType::Ack => (DhcpKind::Ack, Question::Inform),
        MessageType::Offer => (DhcpKind::Offer, Question::Discover),
        _ => return None,
    };
    if message.xid() != xid_of(question) {
        return None;
    }
    let mut answer = DhcpAnswer::new(value(54).and_then(address).unwrap_or(from), kind);
    answer.offered = (kind == DhcpKind::Offer).then(|| message.yiaddr());
    answer.subnet_mask = value(1).and_then(address);
    answer.routers = value(3).map(addresses).unwrap_or_default();
    answer.resolvers = value(6).map(addresses).unwrap_or_default();
    answer.domain = value(15).and_then(text);
    answer.search = value(119).map(names).unwrap_or_default();
    answer.proxy_script_url = value(252).and_then(text);
    answer.portal_api_url = value(114).and_then(text);
    answer.lease = value(51)
        .and_then(|value| <[u8; 4]>::try_from(value).ok())
        .map(|seconds| Duration::from_secs(u32::from_be_bytes(seconds).into()));
    Some(answer)
}

/// All options; pieces of the same one are joined (RFC 3396), also those that stand in the fields
/// for a file and the server's name.
fn options(bytes: &[u8]) -> BTreeMap<u8, Vec<u8>> {
    let mut found: BTreeMap<u8, Vec<u8>> = BTreeMap::new();
    let mut keep = |bytes: Option<&[u8]>| {
        for option in DhcpOptionIterator::new(bytes.unwrap_or_default()) {
            let value = found.entry(option.code().into()).or_default();
            value.extend_from_slice(option.data());
        }
        found.get(&52).and_then(|value| value.first()).copied()
    };
    let overload = keep(bytes.get(FIXED..)).unwrap_or_default();
    if overload & 1 != 0 {
        keep(bytes.get(FILE));
    }
    if overload & 2 != 0 {
        keep(bytes.get(SERVER_NAME));
    }
    found
}

fn address(value: &[u8]) -> Option<Ipv4Addr> {
    Decoder::new(value).read_ipv4(value.len()).ok()
}

fn addresses(value: &[u8]) -> Vec<Ipv4Addr> {
    let mut all = Decoder::new(value)
        .read_ipv4s(value.len())
        .unwrap_or_default();
    all.truncate(MOST);
    all
}

/// Without what many servers put behind a text: a NUL, and the end of a line.
fn text(value: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(value);
    let text = text.trim_matches(|c: char| c == '\0' || c.is_whitespace());
    (!text.is_empty()).then(|| text.to_owned())
}

/// Names in the compressed form of DNS (RFC 3397).
fn names(value: &[u8]) -> Vec<String> {
    let names = Decoder::new(value)
        .read_domains(value.len())
        .unwrap_or_default();
    names
        .iter()
        .map(|name| name.to_string().trim_end_matches('.').to_owned())
        .filter(|name| !name.is_empty())
        .take(MOST)
        .collect()
}

#[cfg(test)]
pub(super) mod tests;
