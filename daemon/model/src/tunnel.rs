//! What the kernel knows of the tunnel of a VPN.

use std::net::IpAddr;

/// What the kernel knows of a tunnel.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TunnelFacts {
    /// Networks to which a route leads through it, with the lengths of their prefixes in bits.
    pub routes: Vec<(IpAddr, u8)>,
    /// What its interface has counted so far.
    pub traffic: Traffic,
}

impl TunnelFacts {
    /// Whether a route leads to an address through it.
    #[must_use]
    pub fn leads_to(&self, address: IpAddr) -> bool {
        self.routes.iter().any(|(network, length)| {
            let (network, address, width) = match (network, address) {
                (IpAddr::V4(network), IpAddr::V4(address)) => (
                    u128::from(network.to_bits()),
                    u128::from(address.to_bits()),
                    32,
                ),
                (IpAddr::V6(network), IpAddr::V6(address)) => {
                    (network.to_bits(), address.to_bits(), 128)
                }
                _ => return false,
            };
            let shift = width - u32::from(*length).min(width);
            // A default route has no bits to compare.
            shift == 128 || network >> shift == address >> shift
        })
    }
}

/// Packets that an interface has counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Packets that went out.
    pub sent: u64,
    /// Packets that came in.
    pub received: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tunnel_leads_to_what_its_routes_cover() {
        let route = |text: &str, length| (text.parse::<IpAddr>().expect("an address"), length);
        let facts = |routes: &[(IpAddr, u8)]| TunnelFacts {
            routes: routes.to_vec(),
            ..TunnelFacts::default()
        };
        let leads =
            |facts: &TunnelFacts, text: &str| facts.leads_to(text.parse().expect("an address"));
        let some = facts(&[route("10.2.0.0", 16), route("fd00:2::", 32)]);
        assert!(leads(&some, "10.2.255.1") && leads(&some, "fd00:2::1"));
        assert!(!leads(&some, "10.3.0.1") && !leads(&some, "fd00:3::1"));
        let all = facts(&[route("0.0.0.0", 0), route("::", 0)]);
        assert!(leads(&all, "192.0.2.1") && leads(&all, "2001:db8::1"));
        assert!(leads(&facts(&[route("10.2.0.10", 32)]), "10.2.0.10"));
        assert!(!leads(&facts(&[route("10.2.0.10", 32)]), "10.2.0.11"));
        assert!(!leads(&facts(&[]), "10.2.0.10"));
    }
}
