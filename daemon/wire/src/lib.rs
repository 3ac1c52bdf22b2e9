//! Bytes to values and back, for the protocols that sightline speaks itself.
//!
//! This crate owns the formats and nothing else: it opens no socket, reads no clock and draws no
//! random number. What comes from a peer is a slice of bytes; what does not parse is
//! [`Malformed`], with the place. No decoder panics, recurses, or allocates by a length it has not
//! compared with the bytes that are there.
//!
//! | Module | Format | Source |
//! |---|---|---|
//! | [`cldap`] | the LDAP ping of the domain controller locator | \[MS-ADTS\] 6.3.3, RFC 4511 |
//! | [`netlogon`] | what a controller says about itself in that ping | \[MS-ADTS\] 6.3.1.9 |
//! | [`krb5`] | AS-REQ and the answers to it | RFC 4120 |
//! | [`kpasswd`] | the password change protocol | RFC 3244 |
//! | [`smb2`] | NEGOTIATE | \[MS-SMB2\] 2.2.3, 2.2.4 |
//! | [`epm`] | DCE/RPC bind and the endpoint mapper | C706, \[MS-RPCE\] |
//! | [`ntp`] | client mode of NTP | RFC 5905 |
//! | [`pac`] | proxy scripts, read and not run | Netscape proxy auto-config format, WinHTTP `FindProxyForURL` |
//! | [`ike`] | IKE_SA_INIT of IKEv2 | RFC 7296 |
//! | [`openvpn`] | the hard reset of OpenVPN, sealed or not | OpenVPN wire protocol |
//! | [`ra`] | router advertisements with resolvers and portal, router solicitation | RFC 4861, RFC 8106, RFC 8910 |
//! | [`ldap`] | the guard in front of the ldap3 crate, StartTLS | RFC 4511 |

#![warn(clippy::indexing_slicing, missing_docs)]

pub mod cldap;
pub mod epm;
pub mod ike;
pub mod kpasswd;
pub mod krb5;
pub mod ldap;
pub mod netlogon;
pub mod ntp;
pub mod openvpn;
pub mod pac;
pub mod ra;
pub mod smb2;

mod ber;
mod cursor;
mod time;

#[cfg(test)]
mod hostile;
#[cfg(test)]
mod vectors;

use std::fmt;

/// Bytes that are not what the protocol allows at this place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Malformed {
    /// Offset into the slice that was given to the parser, in bytes.
    pub at: usize,
    /// What the format wants there, as a noun that fits after "expected".
    pub expected: &'static str,
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { at, expected } = self;
        write!(f, "malformed at byte {at}: expected {expected}")
    }
}

impl std::error::Error for Malformed {}
