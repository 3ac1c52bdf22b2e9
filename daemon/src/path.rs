//! How packets leave this box. Knows no sockets.

use std::net::IpAddr;

/// How packets leave: from which network, on which path, through what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetPath {
    /// Name of the network.
    pub network: String,
    /// Name of the path: `direct`, or a VPN by its name.
    pub name: String,
    /// The interface that sockets are bound to; `None` leaves the choice to the routing table.
    pub interface: Option<String>,
    /// Addresses to send from, at most one a family.
    pub sources: Vec<IpAddr>,
}

impl NetPath {
    /// The direct path of a network, by the routing table.
    #[must_use]
    pub fn direct(network: &str) -> Self {
        Self {
            network: network.to_owned(),
            name: sightline_model::DIRECT.to_owned(),
            interface: None,
            sources: Vec::new(),
        }
    }

    /// The address to send from to `peer`, where one is set.
    #[must_use]
    pub fn source_for(&self, peer: IpAddr) -> Option<IpAddr> {
        self.sources
            .iter()
            .copied()
            .find(|source| source.is_ipv4() == peer.is_ipv4())
    }
}
