//! What a domain controller says about itself: NETLOGON_SAM_LOGON_RESPONSE_EX, \[MS-ADTS\] 6.3.1.9.
//!
//! The value of the attribute `netlogon` in the answer to an LDAP ping. Names in it are labels with
//! the compression pointers of RFC 1035 §4.1.4, which count from the first byte of the value.

use std::net::Ipv4Addr;

use crate::Malformed;
use crate::cursor::Cursor;

/// LOGON_SAM_LOGON_RESPONSE_EX: the controller is at work.
const RESPONSE: u16 = 23;
/// LOGON_SAM_PAUSE_RESPONSE_EX: Netlogon is paused.
const PAUSED: u16 = 24;
/// LOGON_SAM_USER_UNKNOWN_EX: at work, but the asked user does not exist.
const USER_UNKNOWN: u16 = 25;

/// Where the names begin: after opcode, padding, flags and GUID.
const NAMES_AT: usize = 24;
/// NtVersion and the two tokens, at the end.
const TRAILER: usize = 8;
/// NtVersion bit NETLOGON_NT_VERSION_5EX_WITH_IP.
const WITH_ADDRESS: u32 = 0x8;
/// NtVersion bit NETLOGON_NT_VERSION_WITH_CLOSEST_SITE.
const WITH_CLOSEST_SITE: u32 = 0x10;

/// A controller's account of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Controller {
    /// 23 as usual, 24 while Netlogon is paused, 25 if the asked user is unknown
    /// (\[MS-ADTS\] 6.3.1.3).
    pub opcode: u16,
    /// What the controller offers.
    pub flags: Flags,
    /// GUID of the domain, lower-case, as `6f0c3a52-9b1e-4c53-8d59-0d2f5c2a7e11`.
    pub domain_guid: String,
    /// DNS name of the forest.
    pub forest: String,
    /// DNS name of the domain.
    pub domain: String,
    /// DNS name of the controller.
    pub host: String,
    /// NetBIOS name of the domain.
    pub netbios_domain: String,
    /// NetBIOS name of the controller.
    pub netbios_host: String,
    /// The user that the ping asked for; empty if it asked for none.
    pub user: String,
    /// The site that the controller is in.
    pub dc_site: String,
    /// The site that the controller computed from the source address of the ping; empty if no
    /// subnet of the forest has that address.
    pub client_site: String,
    /// The site closest to the client's, if the controller tells it.
    pub next_closest_site: Option<String>,
    /// The controller's own IPv4 address, if it tells it. Behind NAT it is not the one to use.
    pub address: Option<Ipv4Addr>,
    /// NtVersion bits that describe this answer (\[MS-ADTS\] 6.3.1.1).
    pub nt_version: u32,
}

impl Controller {
    /// Whether Netlogon is paused there, so that clients go on to the next controller.
    #[must_use]
    pub fn is_paused(&self) -> bool {
        self.opcode == PAUSED
    }
}

/// DS_FLAG bits of a controller, \[MS-ADTS\] 6.3.1.2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Flags(
    /// The bits as they came.
    pub u32,
);

impl Flags {
    /// Holds the role of PDC emulator.
    pub const PDC: u32 = 0x0000_0001;
    /// Is a global catalog.
    pub const GC: u32 = 0x0000_0004;
    /// Serves LDAP.
    pub const LDAP: u32 = 0x0000_0008;
    /// Is a domain controller.
    pub const DS: u32 = 0x0000_0010;
    /// Runs a Kerberos key distribution center.
    pub const KDC: u32 = 0x0000_0020;
    /// Runs the Windows time service.
    pub const TIMESERV: u32 = 0x0000_0040;
    /// Is in the site of the client.
    pub const CLOSEST: u32 = 0x0000_0080;
    /// Is writable, so not a read-only controller.
    pub const WRITABLE: u32 = 0x0000_0100;
    /// Has a reliable time source.
    pub const GOOD_TIMESERV: u32 = 0x0000_0200;
    /// The answer is about an application partition, not about a domain.
    pub const NDNC: u32 = 0x0000_0400;
    /// Is a read-only controller (Windows Server 2008 or later).
    pub const SELECT_SECRET: u32 = 0x0000_0800;
    /// Is a writable controller of Windows Server 2008 or later.
    pub const FULL_SECRET: u32 = 0x0000_1000;
    /// Runs Active Directory Web Services.
    pub const WS: u32 = 0x0000_2000;
    /// Runs Windows Server 2012 or later.
    pub const DS_8: u32 = 0x0000_4000;
    /// Runs Windows Server 2012 R2 or later.
    pub const DS_9: u32 = 0x0000_8000;
    /// Runs Windows Server 2016 or later.
    pub const DS_10: u32 = 0x0001_0000;
    /// Supports key list requests.
    pub const KEYLIST: u32 = 0x0002_0000;
    /// The controller's name is a DNS name.
    pub const DNS_DC: u32 = 0x2000_0000;
    /// The domain's name is a DNS name.
    pub const DNS_DOMAIN: u32 = 0x4000_0000;
    /// The forest's name is a DNS name.
    pub const DNS_FOREST: u32 = 0x8000_0000;

    /// The names that `nltest /dsgetdc` prints, in its order.
    const NAMES: [(u32, &'static str); 20] = [
        (Self::PDC, "PDC"),
        (Self::GC, "GC"),
        (Self::DS, "DS"),
        (Self::LDAP, "LDAP"),
        (Self::KDC, "KDC"),
        (Self::TIMESERV, "TIMESERV"),
        (Self::GOOD_TIMESERV, "GTIMESERV"),
        (Self::WRITABLE, "WRITABLE"),
        (Self::DNS_DC, "DNS_DC"),
        (Self::DNS_DOMAIN, "DNS_DOMAIN"),
        (Self::DNS_FOREST, "DNS_FOREST"),
        (Self::CLOSEST, "CLOSE_SITE"),
        (Self::NDNC, "NDNC"),
        (Self::FULL_SECRET, "FULL_SECRET"),
        (Self::SELECT_SECRET, "PARTIAL_SECRET"),
        (Self::WS, "WS"),
        (Self::DS_8, "DS_8"),
        (Self::DS_9, "DS_9"),
        (Self::DS_10, "DS_10"),
        (Self::KEYLIST, "KEYLIST"),
    ];

    /// Whether all of `bits` are set.
    #[must_use]
    pub fn contains(self, bits: u32) -> bool {
        self.0 & bits == bits
    }

    /// The set bits as `nltest /dsgetdc` names them, so that both outputs can be compared; a bit
    /// without a name is a hexadecimal number such as `0x40000`.
    #[must_use]
    pub fn names(self) -> Vec<String> {
        let named = Self::NAMES.into_iter().fold(0, |bits, (bit, _)| bits | bit);
        let known = Self::NAMES
            .into_iter()
            .filter(|&(bit, _)| self.contains(bit))
            .map(|(_, name)| name.to_owned());
        let unknown = (0..u32::BITS)
            .map(|position| 1 << position)
            .filter(|bit| self.0 & !named & bit != 0)
            .map(|bit| format!("{bit:#x}"));
        known.chain(unknown).collect()
    }
}

/// Reads the opcode, which decides about the layout of the rest.
pub(crate) fn opcode(value: Cursor<'_>) -> Result<u16, Malformed> {
    let mut value = value;
    value.u16_le("the opcode of a netlogon answer")
}

/// Reads a value in the extended layout. `value` begins at the opcode.
pub(crate) fn parse(value: Cursor<'_>) -> Result<Controller, Malformed> {
    let mut fixed = value;
    let opcode = fixed.u16_le("the opcode of a netlogon answer")?;
    if !matches!(opcode, RESPONSE | PAUSED | USER_UNKNOWN) {
        return Err(value.malformed("opcode 23, 24 or 25"));
    }
    let _padding = fixed.u16_le("two bytes of padding")?;
    let flags = Flags(fixed.u32_le("the flags of a controller")?);
    let domain_guid = guid(fixed.array("the GUID of a domain")?);

    // NtVersion says which optional fields there are, and it stands at the end: [MS-ADTS] 6.3.1.9.
    let names_length = value.rest().len().checked_sub(NAMES_AT + TRAILER);
    let names_length = names_length.ok_or_else(|| value.malformed("a whole netlogon answer"))?;
    let names = fixed.part(names_length, "the names of a controller")?;
    let nt_version = fixed.u32_le("the version of a netlogon answer")?;
    let tokens = fixed;
    if fixed.array("the LM tokens")? != [0xff; 4] {
        return Err(tokens.malformed("ff ff ff ff"));
    }

    let mut names = Names { value, next: names };
    Ok(Controller {
        opcode,
        flags,
        domain_guid,
        forest: names.name()?,
        domain: names.name()?,
        host: names.name()?,
        netbios_domain: names.name()?,
        netbios_host: names.name()?,
        user: names.name()?,
        dc_site: names.name()?,
        client_site: names.name()?,
        address: if nt_version & WITH_ADDRESS == 0 {
            None
        } else {
            names.address()?
        },
        // The site is left out where the controller knows none.
        next_closest_site: if nt_version & WITH_CLOSEST_SITE == 0 || names.next.is_empty() {
            None
        } else {
            Some(names.name()?)
        },
        nt_version,
    })
}

fn guid(bytes: [u8; 16]) -> String {
    let [a3, a2, a1, a0, b1, b0, c1, c0, rest @ ..] = bytes;
    let [d0, d1, node @ ..] = rest;
    let group = |bytes: &[u8]| {
        bytes
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect::<String>()
    };
    [
        group(&[a0, a1, a2, a3]),
        group(&[b0, b1]),
        group(&[c0, c1]),
        group(&[d0, d1]),
        group(&node),
    ]
    .join("-")
}

/// The variable part of a value. A newer server may have more in it than is read here.
struct Names<'a> {
    value: Cursor<'a>,
    next: Cursor<'a>,
}

impl Names<'_> {
    /// Reads one compressed name as text, labels joined by dots.
    ///
    /// A label may hold any text, even a dot. Each pointer has to lead below the name itself and
    /// below the pointer before it, so that no chain of them can come back.
    fn name(&mut self) -> Result<String, Malformed> {
        const LONGEST_NAME: usize = 255;
        const MOST_POINTERS: usize = 16;

        let origin = self.value.at();
        let end_of_names = self.value.rest().len().saturating_sub(TRAILER);
        let mut text: Vec<u8> = Vec::new();
        let mut is_first = true;
        let mut limit = self.next.at() - origin;
        let mut pointers = 0;
        let mut reading = self.next;
        loop {
            let before = reading;
            let length = reading.u8("a label")?;
            match length {
                0 => break,
                1..=63 => {
                    let label = reading.take(usize::from(length), "a label within the names")?;
                    if !is_first {
                        text.push(b'.');
                    }
                    is_first = false;
                    text.extend(label);
                    if text.len() > LONGEST_NAME {
                        return Err(before.malformed("a name of up to 255 bytes"));
                    }
                }
                0xc0.. => {
                    let low = reading.u8("the second byte of a pointer")?;
                    if pointers == 0 {
                        self.next = reading;
                    }
                    pointers += 1;
                    let target = usize::from(u16::from_be_bytes([length & 0x3f, low]));
                    if target < NAMES_AT || target >= limit || pointers > MOST_POINTERS {
                        return Err(before.malformed("a pointer to an earlier name"));
                    }
                    limit = target;
                    let names = self.value.rest().get(target..end_of_names);
                    reading = Cursor::starting_at(names.unwrap_or_default(), origin + target);
                }
                _ => return Err(before.malformed("a label or a pointer")),
            }
        }
        if pointers == 0 {
            self.next = reading;
        }
        Ok(String::from_utf8_lossy(&text).into_owned())
    }

    /// Reads DcSockAddr: its size, then a `sockaddr_in` whose family is little-endian.
    fn address(&mut self) -> Result<Option<Ipv4Addr>, Malformed> {
        const AF_INET: u16 = 2;
        let size = self.next.u8("the size of an address")?;
        let mut socket_address = self.next.part(usize::from(size), "an address")?;
        if socket_address.u16_le("a family of addresses")? != AF_INET {
            return Ok(None);
        }
        let _port = socket_address.u16_be("a port")?;
        let address: [u8; 4] = socket_address.array("an IPv4 address")?;
        Ok(Some(address.into()))
    }
}

#[cfg(test)]
mod tests;
