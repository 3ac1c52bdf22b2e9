//! Router Solicitation and Router Advertisement, RFC 4861 §4.1 and §4.2, with the options that tell
//! a client its resolvers (RFC 8106) and its captive portal (RFC 8910).
//!
//! What is in front of the ICMPv6 message is not seen here: whoever receives one has to see to its
//! hop limit of 255 and to its link-local source (RFC 4861 §6.1.2).

use std::net::Ipv6Addr;

use crate::Malformed;
use crate::cursor::Cursor;

/// ICMPv6 types.
const SOLICITATION: u8 = 133;
const ADVERTISEMENT: u8 = 134;

/// Options.
const SOURCE_LINK_LAYER: u8 = 1;
const PREFIX: u8 = 3;
const MTU: u8 = 5;
const RDNSS: u8 = 25;
const DNSSL: u8 = 31;
const CAPTIVE_PORTAL: u8 = 37;

/// Lengths of options are in units of so many bytes.
const UNIT: usize = 8;

/// The longest name in characters, and the longest label (RFC 1035 §2.3.4).
const NAME_MAX: usize = 253;
const LABEL_MAX: usize = 63;

/// Asks all routers for their advertisements. `hardware` is the sender's address on the link. The
/// kernel fills in the checksum.
#[must_use]
pub fn solicitation(hardware: Option<[u8; 6]>) -> Vec<u8> {
    let mut message = vec![SOLICITATION, 0, 0, 0, 0, 0, 0, 0];
    if let Some(hardware) = hardware {
        message.extend([SOURCE_LINK_LAYER, 1]);
        message.extend(hardware);
    }
    message
}

/// What a router says. Lifetimes are in seconds; all ones mean forever.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Advertisement {
    /// The hop limit that clients are to use; 0 for none.
    pub hop_limit: u8,
    /// The flag M: addresses come by DHCPv6.
    pub is_managed: bool,
    /// The flag O: other settings come by DHCPv6.
    pub has_other: bool,
    /// How long it may be used as a default router; 0 where it is none.
    pub lifetime: u16,
    /// Its address on the link, where that is one of 48 bits.
    pub hardware: Option<[u8; 6]>,
    /// The largest packet of the link, in bytes.
    pub mtu: Option<u32>,
    /// Prefixes of the link.
    pub prefixes: Vec<Prefix>,
    /// Resolvers, each with its lifetime; 0 takes one back.
    pub resolvers: Vec<(Ipv6Addr, u32)>,
    /// Suffixes, without a dot at the end, each with its lifetime; 0 takes one back.
    pub suffixes: Vec<(String, u32)>,
    /// The API by which a captive portal is asked.
    pub portal_api_url: Option<String>,
}

/// Prefix information, RFC 4861 §4.6.2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Prefix {
    /// Its first bits.
    pub address: Ipv6Addr,
    /// How many of them count, at most 128.
    pub length: u8,
    /// The flag L: addresses in it are on the link.
    pub is_on_link: bool,
    /// The flag A: clients make addresses in it.
    pub is_autonomous: bool,
    /// How long it is on the link, in seconds.
    pub valid: u32,
    /// How long addresses in it are preferred, in seconds.
    pub preferred: u32,
}

/// Reads an advertisement. Unknown options are passed over, and so is one whose content makes no
/// sense: it costs no other.
///
/// # Errors
/// If it is no advertisement, or an option has no length or goes beyond the end (RFC 4861 §6.1.2).
pub fn parse(bytes: &[u8]) -> Result<Advertisement, Malformed> {
    let mut message = Cursor::new(bytes);
    let start = message;
    if message.array("an ICMPv6 message")? != [ADVERTISEMENT, 0] {
        return Err(start.malformed("a router advertisement (type 134, code 0)"));
    }
    let _checksum = message.array::<2>("a checksum")?;
    let hop_limit = message.u8("a hop limit")?;
    let flags = message.u8("flags")?;
    let lifetime = message.u16_be("a router lifetime")?;
    let _reachable_retransmitted = message.array::<8>("timers")?;
    let mut said = Advertisement {
        hop_limit,
        is_managed: flags & 0x80 != 0,
        has_other: flags & 0x40 != 0,
        lifetime,
        ..Advertisement::default()
    };
    while !message.is_empty() {
        let kind = message.u8("an option")?;
        let before = message;
        let units = usize::from(message.u8("the length of an option")?);
        // The two bytes before the content count.
        let Some(length) = (units * UNIT).checked_sub(2) else {
            return Err(before.malformed("an option with a length"));
        };
        let content = message.part(length, "a whole option")?;
        let _makes_no_sense = said.take(kind, content);
    }
    Ok(said)
}

impl Advertisement {
    /// Takes what one option says.
    fn take(&mut self, kind: u8, mut option: Cursor<'_>) -> Result<(), Malformed> {
        match kind {
            SOURCE_LINK_LAYER => {
                let hardware = option.array("an address of 48 bits")?;
                option.end("an address of 48 bits")?;
                self.hardware = Some(hardware);
            }
            PREFIX => {
                let prefix = prefix(&mut option)?;
                self.prefixes.push(prefix);
            }
            MTU => {
                let _reserved = option.array::<2>("an MTU")?;
                self.mtu = Some(option.u32_be("an MTU")?);
            }
            RDNSS => {
                let _reserved = option.array::<2>("a lifetime")?;
                let lifetime = option.u32_be("a lifetime")?;
                let mut resolvers = Vec::new();
                while !option.is_empty() {
                    let address = option.array::<16>("the address of a resolver")?;
                    resolvers.push((Ipv6Addr::from(address), lifetime));
                }
                self.resolvers.extend(resolvers);
            }
            DNSSL => {
                let _reserved = option.array::<2>("a lifetime")?;
                let lifetime = option.u32_be("a lifetime")?;
                let mut suffixes = Vec::new();
                while let Some(suffix) = name(&mut option)? {
                    suffixes.push((suffix, lifetime));
                }
                self.suffixes.extend(suffixes);
            }
            CAPTIVE_PORTAL => {
                let text = option.rest();
                let end = text.iter().rposition(|byte| *byte != 0);
                let text = text.get(..end.map_or(0, |last| last + 1));
                let url = text.and_then(|text| std::str::from_utf8(text).ok());
                let url = url.filter(|url| !url.is_empty());
                self.portal_api_url = url.map(str::to_owned).or(self.portal_api_url.take());
            }
            _ => {}
        }
        Ok(())
    }
}

fn prefix(option: &mut Cursor<'_>) -> Result<Prefix, Malformed> {
    let before = *option;
    let length = option.u8("the length of a prefix")?;
    if length > 128 {
        return Err(before.malformed("a prefix of at most 128 bits"));
    }
    let flags = option.u8("flags")?;
    let valid = option.u32_be("a lifetime")?;
    let preferred = option.u32_be("a lifetime")?;
    let _reserved = option.array::<4>("a prefix")?;
    let address = Ipv6Addr::from(option.array::<16>("a prefix")?);
    Ok(Prefix {
        address,
        length,
        is_on_link: flags & 0x80 != 0,
        is_autonomous: flags & 0x40 != 0,
        valid,
        preferred,
    })
}

/// The next name: labels without compression, RFC 8106 §5.2. `None` where only the zeros are left that
/// fill up the option.
fn name(option: &mut Cursor<'_>) -> Result<Option<String>, Malformed> {
    let mut name = String::new();
    while !option.is_empty() {
        let before = *option;
        let length = usize::from(option.u8("a label")?);
        if length == 0 {
            if name.is_empty() {
                continue;
            }
            return Ok(Some(name));
        }
        if length > LABEL_MAX {
            return Err(before.malformed("a label of at most 63 bytes"));
        }
        let label = option.take(length, "a whole label")?;
        let is_plain = |byte: &u8| byte.is_ascii_graphic() && *byte != b'.';
        let text = std::str::from_utf8(label)
            .ok()
            .filter(|_| label.iter().all(is_plain));
        let Some(text) = text else {
            return Err(before.malformed("a label of printable ASCII"));
        };
        if !name.is_empty() {
            name.push('.');
        }
        name.push_str(text);
        if name.len() > NAME_MAX {
            return Err(before.malformed("a name of at most 253 characters"));
        }
    }
    if name.is_empty() {
        Ok(None)
    } else {
        Err(option.malformed("the end of a name"))
    }
}

#[cfg(test)]
mod tests;
