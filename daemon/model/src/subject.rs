//! What a check or a finding is about.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use serde::{Serialize, Serializer};

/// Whom one run asks. Written `host:port`, or `host` where the protocol has no ports.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Target {
    /// Name for people: a host name or an address.
    pub host: String,
    /// Where the packets go, once it is known.
    pub address: Option<IpAddr>,
    /// Port, where the protocol has one.
    pub port: Option<u16>,
}

impl Target {
    /// A target known by its address alone.
    #[must_use]
    pub fn at(address: SocketAddr) -> Self {
        Self {
            host: bracketed(address.ip()),
            address: Some(address.ip()),
            port: Some(address.port()),
        }
    }
}

fn bracketed(address: IpAddr) -> String {
    match address {
        IpAddr::V4(v4) => v4.to_string(),
        IpAddr::V6(v6) => format!("[{v6}]"),
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.port {
            Some(port) => write!(f, "{}:{port}", self.host),
            None => f.pad(&self.host),
        }
    }
}

impl Serialize for Target {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// What a resolver is asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Topic {
    /// Names of the Internet.
    Internet,
    /// The SOA record of the Active Directory zone.
    Zone,
    /// The SRV records by which a client without a site finds any domain controller.
    Locator,
    /// SRV records that help and are not decisive: the site's own, Kerberos, global catalog.
    Records,
    /// Names that do not exist.
    Rewriting,
    /// Whether TCP 53 works.
    Tcp,
}

/// How the clients of a network hear of a proxy script, the first that they look for first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ScriptSource {
    /// DHCP option 252.
    Dhcp,
    /// The name `wpad` below the suffixes of the network.
    Dns,
}

/// The thing that a check is about. The judge knows these and no probe kinds, so a new kind that
/// looks at one of them needs no rule of its own.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// Link, addresses, routes and gateway of a network.
    Uplink,
    /// What the DHCP servers of a network hand out.
    Dhcp,
    /// What the routers of a network advertise.
    RouterAdvertisements,
    /// The API of a captive portal, which DHCP or a router announces (RFC 8908).
    PortalApi {
        /// Its host.
        name: String,
    },
    /// One resolver of the network, asked about one topic.
    Resolver {
        /// Where it listens.
        server: SocketAddr,
        /// What it is asked about.
        topic: Topic,
    },
    /// The address lookup of a name that an SRV record points at.
    ControllerName {
        /// The target of the SRV record.
        name: String,
        /// The resolver that is asked.
        server: SocketAddr,
    },
    /// One service of one domain controller at one of its addresses.
    Controller {
        /// Its name in the SRV record.
        name: String,
        /// The address that is asked.
        address: IpAddr,
    },
    /// How far packets come on the way to a silent port of a domain controller.
    LastHop {
        /// Its name in the SRV record.
        name: String,
        /// The address that is asked.
        address: IpAddr,
        /// The door of the check that found it silent.
        door: String,
    },
    /// A host of the Internet, asked as a client of the flow would.
    Host {
        /// Its name.
        name: String,
    },
    /// The script that tells the clients of the network their proxies.
    ProxyScript {
        /// How they hear of it.
        source: ScriptSource,
    },
    /// A proxy of the network.
    Proxy {
        /// As `host:port`.
        name: String,
    },
    /// The service connection point of hybrid join, which the directory has for all controllers.
    ConnectionPoint {
        /// The account that it is read with; empty where none is configured.
        account: String,
    },
    /// The logon of an account of our own.
    Logon {
        /// The account.
        account: String,
    },
    /// The clock of this box, by its own word.
    OwnClock,
    /// How fast content comes from a host.
    Content {
        /// Its name.
        name: String,
    },
    /// The tunnel of a VPN, where it ends on this box.
    Tunnel {
        /// The name of the VPN.
        name: String,
    },
    /// The gateway of a VPN.
    VpnGateway {
        /// The name of the VPN.
        name: String,
    },
    /// A source of Internet time.
    TimeSource {
        /// Host name or address as configured.
        name: String,
    },
}

impl Subject {
    /// The resolver that the subject is about, if it is one.
    #[must_use]
    pub fn resolver(&self) -> Option<(SocketAddr, Topic)> {
        match self {
            Self::Resolver { server, topic } => Some((*server, *topic)),
            _ => None,
        }
    }

    /// The domain controller that the subject is about, if it is one.
    #[must_use]
    pub fn controller(&self) -> Option<(&str, IpAddr)> {
        match self {
            Self::Controller { name, address } => Some((name, *address)),
            _ => None,
        }
    }
}
