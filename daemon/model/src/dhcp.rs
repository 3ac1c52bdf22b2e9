//! What the DHCP servers of a network hand out to a client.

use std::net::Ipv4Addr;
use std::time::Duration;

use serde::Serialize;

/// What kind of answer a server gave (RFC 2131 §3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DhcpKind {
    /// DHCPACK to a DHCPINFORM: options for somebody who has an address.
    Ack,
    /// DHCPOFFER to a DHCPDISCOVER: an address that was not taken.
    Offer,
}

impl DhcpKind {
    /// For people, in the words of the RFC.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Ack => "DHCPACK to DHCPINFORM",
            Self::Offer => "DHCPOFFER to DHCPDISCOVER",
        }
    }
}

/// The answer of one server (options of RFC 2132, and what is named).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct DhcpAnswer {
    /// The server identifier (option 54); whom the answer came from where there is none.
    pub server: Ipv4Addr,
    /// Its hardware address, where it is on the segment.
    pub hardware: Option<String>,
    /// What kind of answer it is.
    pub kind: DhcpKind,
    /// The address that an offer is for.
    pub offered: Option<Ipv4Addr>,
    /// Subnet mask (option 1).
    pub subnet_mask: Option<Ipv4Addr>,
    /// Routers (option 3), in the order of preference.
    pub routers: Vec<Ipv4Addr>,
    /// Resolvers (option 6), in the order of preference.
    pub resolvers: Vec<Ipv4Addr>,
    /// The DNS suffix of the connection (option 15).
    pub domain: Option<String>,
    /// The search list (option 119, RFC 3397).
    pub search: Vec<String>,
    /// Where the script for finding a proxy lies (option 252), without the NUL or the end of line
    /// that many servers put behind it.
    pub proxy_script_url: Option<String>,
    /// The API by which a captive portal is asked (option 114, RFC 8910).
    pub portal_api_url: Option<String>,
    /// How long the address is lent (option 51). Only an offer has one.
    pub lease: Option<Duration>,
}

impl DhcpAnswer {
    /// The value of option 114 by which a network says that it has no portal (RFC 8910 §2).
    pub const UNRESTRICTED: &'static str = "urn:ietf:params:capport:unrestricted";

    /// An answer without options.
    #[must_use]
    pub const fn new(server: Ipv4Addr, kind: DhcpKind) -> Self {
        Self {
            server,
            hardware: None,
            kind,
            offered: None,
            subnet_mask: None,
            routers: Vec::new(),
            resolvers: Vec::new(),
            domain: None,
            search: Vec::new(),
            proxy_script_url: None,
            portal_api_url: None,
            lease: None,
        }
    }

    /// The server for people: `10.1.0.1 (02:00:00:00:00:01)`.
    #[must_use]
    pub fn place(&self) -> String {
        match &self.hardware {
            Some(hardware) => format!("{} ({hardware})", self.server),
            None => self.server.to_string(),
        }
    }

    /// Every text of the server's own.
    pub fn texts_mut(&mut self) -> impl Iterator<Item = &mut String> {
        [
            &mut self.domain,
            &mut self.proxy_script_url,
            &mut self.portal_api_url,
        ]
        .into_iter()
        .flatten()
        .chain(&mut self.search)
    }

    /// The options by their names for people, in the order of their numbers, without what two servers
    /// that agree may differ in: the address of an offer and its lease.
    #[must_use]
    pub fn options(&self) -> Vec<(&'static str, String)> {
        let addresses = |list: &[Ipv4Addr]| {
            let shown: Vec<_> = list.iter().map(ToString::to_string).collect();
            (!shown.is_empty()).then(|| shown.join(", "))
        };
        [
            ("subnet mask", self.subnet_mask.map(|mask| mask.to_string())),
            ("routers", addresses(&self.routers)),
            ("resolvers", addresses(&self.resolvers)),
            ("domain", self.domain.clone()),
            ("portal API", self.portal_api_url.clone()),
            (
                "search list",
                (!self.search.is_empty()).then(|| self.search.join(", ")),
            ),
            ("proxy script", self.proxy_script_url.clone()),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)))
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_that_agree_show_the_same_options_whatever_address_they_offer() {
        let mut one = DhcpAnswer::new(Ipv4Addr::new(10, 1, 0, 1), DhcpKind::Offer);
        one.routers = vec![Ipv4Addr::new(10, 1, 0, 1)];
        one.domain = Some("corp.example.com".into());
        let mut two = DhcpAnswer {
            server: Ipv4Addr::new(10, 1, 0, 2),
            offered: Some(Ipv4Addr::new(10, 1, 0, 99)),
            lease: Some(Duration::from_secs(60)),
            ..one.clone()
        };
        assert_eq!(one.options(), two.options());
        assert_eq!(
            one.options(),
            [
                ("routers", "10.1.0.1".to_owned()),
                ("domain", "corp.example.com".to_owned())
            ]
        );
        two.resolvers.push(Ipv4Addr::new(8, 8, 8, 8));
        assert_ne!(one.options(), two.options());
    }
}
