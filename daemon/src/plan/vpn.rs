//! The VPNs of the site, complete: every port is known, and what belongs together stands together.

use std::net::SocketAddr;
use std::path::PathBuf;

use crate::config;
pub use crate::config::{KeyDigest, KeyDirection, VpnTransport, wireguard_key};

/// A VPN whose gateway is asked whether it lives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vpn {
    /// Its name.
    pub name: String,
    /// Name or address of its gateway.
    pub host: String,
    /// Port of its gateway.
    pub port: u16,
    /// Where the tunnel ends, if this box has it up.
    pub interface: Option<String>,
    /// The network that the tunnel runs over; any, where the box has only one.
    pub network: Option<String>,
    /// Resolvers that are asked through the tunnel; those of the network are asked without it, where there is
    /// none.
    pub resolvers: Vec<SocketAddr>,
    /// Whether WireGuard is asked for the age of its last handshake.
    pub asks_handshake: bool,
    /// Whether the flow cannot do without it.
    pub is_required: bool,
    /// What the gateway speaks.
    pub speaks: Speaks,
}

/// What a gateway speaks, and with which keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Speaks {
    /// IKEv2.
    Ikev2,
    /// OpenVPN.
    OpenVpn(VpnTransport, Option<StaticKey>),
    /// WireGuard.
    WireGuard(Option<PeerKeys>),
    /// SSTP.
    Sstp,
    /// Cisco AnyConnect, ocserv.
    AnyConnect,
    /// Palo Alto GlobalProtect.
    GlobalProtect,
}

/// Where the static key of OpenVPN is, and what it is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StaticKey {
    /// The file that holds it.
    pub file: PathBuf,
    /// What it is for.
    pub seals: Seals,
}

/// What a static key of OpenVPN is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seals {
    /// tls-auth.
    Auth(KeyDirection, KeyDigest),
    /// tls-crypt.
    Crypt,
}

/// The keys of a handshake of WireGuard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerKeys {
    /// The file with the private key.
    pub private_file: PathBuf,
    /// The public key of the gateway.
    pub peer: [u8; 32],
    /// The file with the preshared key.
    pub preshared_file: Option<PathBuf>,
}

impl Vpn {
    /// The interface where its tunnel ends, if it ends on this box and runs over this network.
    #[must_use]
    pub fn interface_in(&self, network: &str) -> Option<&str> {
        let is_over = self.network.as_ref().is_none_or(|over| over == network);
        self.interface.as_deref().filter(|_| is_over)
    }

    /// Completes what is configured.
    #[must_use]
    pub fn new(vpn: &config::Vpn) -> Self {
        Self {
            name: vpn.name.to_string(),
            host: vpn.gateway.host.clone(),
            port: vpn.gateway.port.unwrap_or_else(|| vpn.kind.usual_port()),
            interface: vpn.interface.as_ref().map(ToString::to_string),
            network: vpn.network.as_ref().map(ToString::to_string),
            resolvers: vpn.resolvers.clone(),
            asks_handshake: vpn.handshake_age,
            is_required: vpn.required,
            speaks: match vpn.kind {
                config::VpnKind::Ikev2 => Speaks::Ikev2,
                config::VpnKind::Openvpn => {
                    Speaks::OpenVpn(vpn.transport.unwrap_or(VpnTransport::Udp), static_key(vpn))
                }
                config::VpnKind::Wireguard => Speaks::WireGuard(peer_keys(vpn)),
                config::VpnKind::Sstp => Speaks::Sstp,
                config::VpnKind::Anyconnect => Speaks::AnyConnect,
                config::VpnKind::Globalprotect => Speaks::GlobalProtect,
            },
        }
    }
}

fn static_key(vpn: &config::Vpn) -> Option<StaticKey> {
    Some(StaticKey {
        file: vpn.key_file.clone()?,
        seals: match vpn.key? {
            config::KeyUse::TlsAuth => Seals::Auth(
                vpn.key_direction.unwrap_or(KeyDirection::One),
                vpn.digest.unwrap_or(KeyDigest::Sha1),
            ),
            config::KeyUse::TlsCrypt => Seals::Crypt,
        },
    })
}

fn peer_keys(vpn: &config::Vpn) -> Option<PeerKeys> {
    Some(PeerKeys {
        private_file: vpn.private_key_file.clone()?,
        peer: vpn.peer_public_key.as_ref()?.octets,
        preshared_file: vpn.preshared_key_file.clone(),
    })
}
