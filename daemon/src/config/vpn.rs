//! The VPNs that lead the devices of a site to their domain controllers.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use super::endpoint::words;
use super::names::{InterfaceName, NetworkName};
use super::problem::quoted;
use super::values;

/// A VPN that devices of the site use before the sign-in.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Vpn {
    /// Its name in reports and metrics.
    pub name: NetworkName,
    /// What its gateway speaks.
    pub kind: VpnKind,
    /// The gateway, "vpn.example.com" or "vpn.example.com:1194"; the usual port of its kind without one.
    pub gateway: Gateway,
    /// The interface where the tunnel ends, if it ends on this box: whether it is there, up, and has an
    /// address, and whether a domain controller is reached through it.
    pub interface: Option<InterfaceName>,
    /// The network that the tunnel runs over, where the box has several: in the others nobody can see what is
    /// behind the VPN.
    pub network: Option<NetworkName>,
    /// The resolvers that the VPN hands out, which are asked through the tunnel. Without any, the
    /// controllers that the resolvers of the network name are tried through it.
    #[serde(
        default,
        deserialize_with = "values::resolvers",
        serialize_with = "values::written"
    )]
    #[schemars(with = "Vec<String>")]
    pub resolvers: Vec<SocketAddr>,
    /// Whether `wg` is asked for the age of the last handshake, which it tells only with CAP_NET_ADMIN.
    #[serde(default)]
    pub handshake_age: bool,
    /// No device comes to a domain controller without it.
    #[serde(default)]
    pub required: bool,
    /// How OpenVPN is carried: "udp", which it is without this key, or "tcp".
    pub transport: Option<VpnTransport>,
    /// The static key of OpenVPN that every client of the gateway has. It is read when it is used.
    pub key_file: Option<PathBuf>,
    /// What that key is for.
    pub key: Option<KeyUse>,
    /// The direction of the key on the side of clients, for "tls-auth"; "1" without it.
    pub key_direction: Option<KeyDirection>,
    /// The digest of "tls-auth"; "sha1" without it, as in OpenVPN.
    pub digest: Option<KeyDigest>,
    /// The private key of WireGuard that only this box has. It is read when it is used.
    pub private_key_file: Option<PathBuf>,
    /// The public key of the WireGuard gateway.
    pub peer_public_key: Option<PublicKey>,
    /// The key that WireGuard mixes in, where the gateway wants one.
    pub preshared_key_file: Option<PathBuf>,
}

words! {
    /// What the gateway of a VPN speaks.
    VpnKind {
        /// IKEv2, as Always On VPN does.
        Ikev2 = "ikev2",
        /// OpenVPN.
        Openvpn = "openvpn",
        /// WireGuard.
        Wireguard = "wireguard",
        /// SSTP, of Windows RRAS.
        Sstp = "sstp",
        /// Cisco AnyConnect, now Secure Client, and ocserv.
        Anyconnect = "anyconnect",
        /// Palo Alto GlobalProtect.
        Globalprotect = "globalprotect",
    }
}

impl VpnKind {
    /// The port that its gateways usually have.
    #[must_use]
    pub const fn usual_port(self) -> u16 {
        match self {
            Self::Ikev2 => 500,
            Self::Openvpn => 1194,
            Self::Wireguard => 51820,
            Self::Sstp | Self::Anyconnect | Self::Globalprotect => 443,
        }
    }
}

words! {
    /// What is known of the way to the domain controllers without a VPN.
    #[derive(Default)]
    DirectPath {
        /// It is there while one of them answers.
        #[default]
        Auto = "auto",
        /// It has to be there.
        Expected = "expected",
    }
}

words! {
    /// How OpenVPN is carried.
    VpnTransport {
        /// UDP.
        Udp = "udp",
        /// TCP.
        Tcp = "tcp",
    }
}

words! {
    /// What a static key of OpenVPN is for.
    KeyUse {
        /// Packets carry a code.
        #[serde(rename = "tls-auth")]
        TlsAuth = "tls-auth",
        /// Packets are encrypted too.
        #[serde(rename = "tls-crypt")]
        TlsCrypt = "tls-crypt",
    }
}

words! {
    /// Which half of a static key a client sends with.
    KeyDirection {
        /// The one that clients usually have.
        #[serde(rename = "1")]
        One = "1",
        /// The other.
        #[serde(rename = "0")]
        Zero = "0",
        /// Both sides use the same.
        #[serde(rename = "none")]
        None = "none",
    }
}

words! {
    /// The digest of a code.
    KeyDigest {
        /// SHA-1.
        Sha1 = "sha1",
        /// SHA-256.
        Sha256 = "sha256",
        /// SHA-384.
        Sha384 = "sha384",
        /// SHA-512.
        Sha512 = "sha512",
    }
}

/// A gateway by name or address, with a port where it is not the usual one.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Gateway {
    /// Name or address; an IPv6 address has no brackets.
    pub host: String,
    /// The port, where it is written.
    pub port: Option<u16>,
}

impl FromStr for Gateway {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let unfit = |why: &str| {
            format!(
                "{} is no gateway: {why}; write \"vpn.example.com\" or \"vpn.example.com:1194\"",
                quoted(text)
            )
        };
        let (host, port) = values::host_and_port(text).map_err(unfit)?;
        Ok(Self { host, port })
    }
}

impl TryFrom<String> for Gateway {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Gateway> for String {
    fn from(gateway: Gateway) -> Self {
        gateway.to_string()
    }
}

impl fmt::Display for Gateway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.port, self.host.contains(':')) {
            (None, _) => f.write_str(&self.host),
            (Some(port), false) => write!(f, "{}:{port}", self.host),
            (Some(port), true) => write!(f, "[{}]:{port}", self.host),
        }
    }
}

/// A public key of WireGuard, 32 octets in Base64.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct PublicKey {
    text: String,
    /// The key.
    pub octets: [u8; 32],
}

impl TryFrom<String> for PublicKey {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match wireguard_key(&text) {
            Some(octets) => Ok(Self { text, octets }),
            // Whoever takes the one key for the other shall not find the private one in an output.
            None => Err(
                "this is no public key of WireGuard: 44 characters of Base64, the last of them `=`"
                    .to_owned(),
            ),
        }
    }
}

impl From<PublicKey> for String {
    fn from(key: PublicKey) -> Self {
        key.text
    }
}

macro_rules! is_text {
    ($($name:ident $pattern:literal)*) => {$(
        impl JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "string", "pattern": $pattern })
            }
        }
    )*};
}

is_text!(Gateway "^[^/@ ]+$" PublicKey "^[A-Za-z0-9+/]{43}=$");

/// Reads a key of WireGuard as its own tools write it: 32 octets in Base64 (RFC 4648 §4).
#[must_use]
pub fn wireguard_key(text: &str) -> Option<[u8; 32]> {
    let digits = text.strip_suffix('=').filter(|rest| rest.len() == 43)?;
    let mut key = [0; 32];
    let mut octets = key.iter_mut();
    let (mut bits, mut held) = (0_u32, 0_u32);
    for digit in digits.bytes() {
        let value = match digit {
            b'A'..=b'Z' => digit - b'A',
            b'a'..=b'z' => digit - b'a' + 26,
            b'0'..=b'9' => digit - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = bits << 6 | u32::from(value);
        held += 6;
        if held >= 8 {
            held -= 8;
            *octets.next()? = u8::try_from(bits >> held & 0xff).ok()?;
        }
    }
    // The last digit has two bits too many, which are zero.
    (bits & 0b11 == 0).then_some(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gateway_reads_back_as_it_was_written() {
        for (text, host, port) in [
            ("vpn.example.com", "vpn.example.com", None),
            ("vpn.example.com:1194", "vpn.example.com", Some(1194)),
            ("203.0.113.9:443", "203.0.113.9", Some(443)),
            ("2001:db8::9", "2001:db8::9", None),
            ("[2001:db8::9]:500", "2001:db8::9", Some(500)),
        ] {
            let gateway: Gateway = text.parse().expect(text);
            assert_eq!((gateway.host.as_str(), gateway.port), (host, port));
            assert_eq!(gateway.to_string(), text);
        }
    }

    #[test]
    fn what_is_no_gateway_is_told_why() {
        for (text, why) in [
            ("", "neither a name nor an address"),
            ("https://vpn.example.com", "no number from 1"),
            ("vpn.example.com:0", "no number from 1"),
            ("vpn.example.com:https", "no number from 1"),
            ("[2001:db8::9", "a bracket is missing"),
            ("[2001:db8::9]500", "behind the bracket"),
            ("[vpn]:500", "no address"),
            ("a b", "neither a name nor an address"),
        ] {
            let error = text.parse::<Gateway>().expect_err(text);
            assert!(error.contains(why), "{error}");
        }
    }

    #[test]
    fn a_key_of_wireguard_has_32_octets() {
        let key = wireguard_key("AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA=").expect("a key");
        assert_eq!(
            key,
            std::array::from_fn(|place| u8::try_from(place + 1).unwrap())
        );
        for text in [
            "",
            "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA",
            "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyB=",
            "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eH!A=",
            "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHy==",
        ] {
            assert_eq!(wireguard_key(text), None, "{text}");
        }
        let error = PublicKey::try_from("S3cret".to_owned()).expect_err("no key");
        assert!(!error.contains("S3cret"), "{error}");
    }
}
