//! What the routers of a network advertise to its clients (RFC 4861, RFC 8106, RFC 8910).

use std::net::Ipv6Addr;
use std::time::Duration;

use serde::Serialize;

/// A prefix of the link (RFC 4861 §4.6.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct RouterPrefix {
    /// Its first bits.
    pub address: Ipv6Addr,
    /// How many of them count.
    pub length: u8,
    /// Whether addresses in it are on the link (flag L).
    pub is_on_link: bool,
    /// Whether clients make addresses in it (flag A).
    pub is_autonomous: bool,
    /// How long it is valid; zero takes it back.
    pub valid: Duration,
}

/// What one router says.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct RouterAnswer {
    /// Its link-local address.
    pub router: Ipv6Addr,
    /// Its hardware address.
    pub hardware: Option<String>,
    /// How long it may be the default router; zero where it is none.
    pub lifetime: Duration,
    /// Whether addresses come by DHCPv6 (flag M).
    pub is_managed: bool,
    /// Whether other settings come by DHCPv6 (flag O).
    pub has_other: bool,
    /// The largest packet of the link, in bytes.
    pub mtu: Option<u32>,
    /// Prefixes of the link.
    pub prefixes: Vec<RouterPrefix>,
    /// Resolvers (RDNSS), each with its lifetime; zero takes one back.
    pub resolvers: Vec<(Ipv6Addr, Duration)>,
    /// Suffixes (DNSSL), each with its lifetime; zero takes one back.
    pub search: Vec<(String, Duration)>,
    /// The API by which a captive portal is asked (option 37).
    pub portal_api_url: Option<String>,
}

impl RouterAnswer {
    /// The lifetime that never ends (RFC 4861 §4.6.2, RFC 8106 §5.1).
    pub const FOREVER: Duration = Duration::from_secs(u32::MAX as u64);

    /// An answer without options, of a router that is no default router.
    #[must_use]
    pub const fn new(router: Ipv6Addr) -> Self {
        Self {
            router,
            hardware: None,
            lifetime: Duration::ZERO,
            is_managed: false,
            has_other: false,
            mtu: None,
            prefixes: Vec::new(),
            resolvers: Vec::new(),
            search: Vec::new(),
            portal_api_url: None,
        }
    }

    /// The router for people: `fe80::1 (02:00:00:00:00:01)`.
    #[must_use]
    pub fn place(&self) -> String {
        match &self.hardware {
            Some(hardware) => format!("{} ({hardware})", self.router),
            None => self.router.to_string(),
        }
    }

    /// The resolvers that it hands out and has not taken back.
    pub fn handed_out(&self) -> impl Iterator<Item = Ipv6Addr> {
        let lives = |(_, lifetime): &&(Ipv6Addr, Duration)| !lifetime.is_zero();
        self.resolvers
            .iter()
            .filter(lives)
            .map(|(resolver, _)| *resolver)
    }

    /// The suffixes that it hands out and has not taken back.
    pub fn suffixes(&self) -> impl Iterator<Item = &String> {
        let lives = |(_, lifetime): &&(String, Duration)| !lifetime.is_zero();
        self.search.iter().filter(lives).map(|(suffix, _)| suffix)
    }

    /// Every text of the router's own.
    pub fn texts_mut(&mut self) -> impl Iterator<Item = &mut String> {
        let suffixes = self.search.iter_mut().map(|(suffix, _)| suffix);
        suffixes.chain(&mut self.portal_api_url)
    }

    /// What it says for people, one part a setting, the most useful first.
    #[must_use]
    pub fn settings(&self) -> Vec<String> {
        let mut settings = Vec::new();
        let mut list = |name: &str, values: Vec<String>| {
            if !values.is_empty() {
                settings.push(format!("{name} {}", values.join(", ")));
            }
        };
        let resolvers = self.resolvers.iter();
        let resolvers = resolvers.map(|(resolver, time)| format!("{resolver} {}", span(*time)));
        list("resolvers", resolvers.collect());
        let suffixes = self.search.iter();
        let suffixes = suffixes.map(|(suffix, time)| format!("{suffix} {}", span(*time)));
        list("search list", suffixes.collect());
        list("portal API", self.portal_api_url.iter().cloned().collect());
        let prefix = |prefix: &RouterPrefix| {
            let flags = match (prefix.is_on_link, prefix.is_autonomous) {
                (true, true) => " (flags L, A)",
                (true, false) => " (flag L)",
                (false, true) => " (flag A)",
                (false, false) => "",
            };
            let (address, length) = (prefix.address, prefix.length);
            format!("{address}/{length}{flags} {}", span(prefix.valid))
        };
        list("prefixes", self.prefixes.iter().map(prefix).collect());
        list("MTU", self.mtu.iter().map(ToString::to_string).collect());
        let flags = [(self.is_managed, "M"), (self.has_other, "O")];
        let flags = flags.iter().filter(|(is_set, _)| *is_set);
        list(
            "DHCPv6 flags",
            flags.map(|(_, name)| (*name).to_owned()).collect(),
        );
        settings.push(if self.lifetime.is_zero() {
            "no default router".to_owned()
        } else {
            format!("default router {}", span(self.lifetime))
        });
        settings
    }
}

fn span(time: Duration) -> String {
    if time.is_zero() {
        "taken back".to_owned()
    } else if time >= RouterAnswer::FOREVER {
        "forever".to_owned()
    } else {
        format!("for {} s", time.as_secs())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_back_is_shown_and_not_handed_out() {
        let address = |text: &str| text.parse().expect("an address");
        let mut said = RouterAnswer::new(address("fe80::1"));
        assert_eq!(said.settings(), ["no default router"]);
        said.lifetime = Duration::from_secs(1800);
        said.has_other = true;
        said.prefixes = vec![RouterPrefix {
            address: address("2001:db8:1::"),
            length: 64,
            is_on_link: true,
            is_autonomous: true,
            valid: RouterAnswer::FOREVER,
        }];
        said.resolvers = vec![
            (address("2001:db8::53"), Duration::from_secs(600)),
            (address("2001:db8::54"), Duration::ZERO),
        ];
        said.search = vec![("corp.example.com".into(), Duration::ZERO)];
        assert_eq!(
            said.handed_out().collect::<Vec<_>>(),
            [address("2001:db8::53")]
        );
        assert_eq!(said.suffixes().count(), 0);
        assert_eq!(
            said.settings(),
            [
                "resolvers 2001:db8::53 for 600 s, 2001:db8::54 taken back",
                "search list corp.example.com taken back",
                "prefixes 2001:db8:1::/64 (flags L, A) forever",
                "DHCPv6 flags O",
                "default router for 1800 s",
            ]
        );
    }
}
