//! What the kernel knows of links, addresses, routes and neighbours (rtnetlink).

mod segment;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use futures_util::TryStreamExt;
use rtnetlink::packet_route::AddressFamily;
use rtnetlink::packet_route::address::{
    AddressAttribute, AddressFlags, AddressMessage, AddressScope,
};
use rtnetlink::packet_route::link::{LinkAttribute, LinkFlags, LinkLayerType, LinkMessage};
use rtnetlink::packet_route::neighbour::{
    NeighbourAddress, NeighbourAttribute, NeighbourMessage, NeighbourState,
};
use rtnetlink::packet_route::route::{
    RouteAddress, RouteAttribute, RouteFlags, RouteMessage, RouteType,
};
use rtnetlink::{Error, Handle, RouteMessageBuilder};
use sightline_model::Traffic;

/// A link.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Link {
    /// Number of the interface.
    pub index: u32,
    /// Name of the interface.
    pub name: String,
    /// Switched on.
    pub is_up: bool,
    /// The other side is there too.
    pub has_carrier: bool,
    /// Loopback is no way out.
    pub is_loopback: bool,
    /// The largest packet, in bytes.
    pub mtu: u32,
    /// The address on the segment, where it is one of 48 bits (Ethernet, Wi-Fi).
    pub hardware: Option<[u8; 6]>,
    /// Packets that it has counted.
    pub traffic: Traffic,
}

/// An address that can be sent from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// Number of the interface.
    pub link: u32,
    /// The address.
    pub address: IpAddr,
    /// Length of the prefix, in bits.
    pub prefix: u8,
}

/// A default route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DefaultRoute {
    /// Number of the interface.
    pub link: u32,
    /// The next hop; `None` on links without one.
    pub gateway: Option<IpAddr>,
}

/// A route that leads somewhere, in any table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// Number of the interface.
    pub link: u32,
    /// The network that it leads to.
    pub network: IpAddr,
    /// Length of the prefix, in bits.
    pub prefix: u8,
}

/// Links, usable addresses and routes at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// All links.
    pub links: Vec<Link>,
    /// Usable addresses, without those that count on one segment only.
    pub addresses: Vec<Address>,
    /// Usable addresses that count on one segment only.
    pub locals: Vec<Address>,
    /// Default routes, IPv4 first.
    pub defaults: Vec<DefaultRoute>,
    /// Routes of all tables, at most [`MOST_ROUTES`].
    pub routes: Vec<Route>,
}

impl Snapshot {
    /// The networks to which routes lead through an interface.
    #[must_use]
    pub fn routes_through(&self, link: u32) -> Vec<(IpAddr, u8)> {
        let routes = self.routes.iter().filter(|route| route.link == link);
        routes.map(|route| (route.network, route.prefix)).collect()
    }
}

/// As many routes are kept; a box with more is a router.
pub const MOST_ROUTES: usize = 4096;

/// A netlink socket and the task that serves it.
#[derive(Debug)]
pub struct Kernel {
    handle: Handle,
    service: tokio::task::JoinHandle<()>,
}

impl Drop for Kernel {
    fn drop(&mut self) {
        self.service.abort();
    }
}

impl Kernel {
    /// Opens a netlink socket.
    ///
    /// # Errors
    /// What the system says.
    pub fn open() -> std::io::Result<Self> {
        let (connection, handle, _) = rtnetlink::new_connection()?;
        Ok(Self {
            handle,
            service: tokio::spawn(connection),
        })
    }

    /// Reads links, addresses and default routes.
    ///
    /// # Errors
    /// What the kernel answers. A family that it does not have is no error.
    pub async fn snapshot(&self) -> Result<Snapshot, Error> {
        let links: Vec<LinkMessage> = self.handle.link().get().execute().try_collect().await?;
        let addresses: Vec<AddressMessage> =
            self.handle.address().get().execute().try_collect().await?;
        let v4 = RouteMessageBuilder::<Ipv4Addr>::new().build();
        let v6 = RouteMessageBuilder::<Ipv6Addr>::new().build();
        let mut routes: Vec<RouteMessage> =
            self.handle.route().get(v4).execute().try_collect().await?;
        if let Ok(more) = self
            .handle
            .route()
            .get(v6)
            .execute()
            .try_collect::<Vec<_>>()
            .await
        {
            routes.extend(more);
        }
        let is_local = |message: &&AddressMessage| message.header.scope == AddressScope::Link;
        let is_wide = |message: &&AddressMessage| !is_local(message);
        Ok(Snapshot {
            links: links.iter().map(link).collect(),
            addresses: addresses
                .iter()
                .filter(is_wide)
                .filter_map(address)
                .collect(),
            locals: addresses
                .iter()
                .filter(is_local)
                .filter_map(address)
                .collect(),
            defaults: routes.iter().filter_map(default_route).collect(),
            routes: routes.iter().flat_map(leading).take(MOST_ROUTES).collect(),
        })
    }

    /// Whether rules and tables lead to `peer`, over a link and from a source where these are set.
    /// Sends nothing.
    ///
    /// The kernel is asked for the entry that matches. Connecting a socket would say less: for one
    /// that is bound to an interface, whatever no entry matches is a neighbour on that interface.
    pub async fn leads_to(&self, peer: IpAddr, link: Option<u32>, source: Option<IpAddr>) -> bool {
        let mut question = RouteMessage::default();
        (
            question.header.address_family,
            question.header.destination_prefix_length,
        ) = match peer {
            IpAddr::V4(_) => (AddressFamily::Inet, 32),
            IpAddr::V6(_) => (AddressFamily::Inet6, 128),
        };
        question.header.flags = RouteFlags::FibMatch;
        question.attributes = vec![RouteAttribute::Destination(peer.into())];
        question.attributes.extend(link.map(RouteAttribute::Oif));
        if let Some(source) = source {
            question.header.source_prefix_length = question.header.destination_prefix_length;
            question
                .attributes
                .push(RouteAttribute::Source(source.into()));
        }
        // That nothing leads there is an error here (ENETUNREACH, EHOSTUNREACH).
        let found: Result<Vec<RouteMessage>, Error> = self
            .handle
            .route()
            .get(question)
            .execute()
            .try_collect()
            .await;
        found.is_ok_and(|routes| {
            routes
                .iter()
                .any(|route| route.header.kind == RouteType::Unicast)
        })
    }

    /// The state of a neighbour; `None` if the kernel has never looked for it.
    ///
    /// # Errors
    /// What the kernel answers.
    pub async fn neighbour(
        &self,
        link: u32,
        peer: IpAddr,
    ) -> Result<Option<NeighbourState>, Error> {
        let known = self.known_neighbour(link, peer).await?;
        Ok(known.map(|neighbour| neighbour.header.state))
    }

    /// The hardware address of a neighbour, as `02:00:00:00:00:01`; `None` if the kernel does not know it.
    ///
    /// # Errors
    /// What the kernel answers.
    pub async fn hardware(&self, link: u32, peer: IpAddr) -> Result<Option<String>, Error> {
        let known = self.known_neighbour(link, peer).await?;
        Ok(known.and_then(|neighbour| {
            neighbour
                .attributes
                .iter()
                .find_map(|attribute| match attribute {
                    NeighbourAttribute::LinkLayerAddress(bytes) if bytes.len() == 6 => {
                        let pairs: Vec<_> =
                            bytes.iter().map(|byte| format!("{byte:02x}")).collect();
                        Some(pairs.join(":"))
                    }
                    _ => None,
                })
        }))
    }

    async fn known_neighbour(
        &self,
        link: u32,
        peer: IpAddr,
    ) -> Result<Option<NeighbourMessage>, Error> {
        let family = match peer {
            IpAddr::V4(_) => AddressFamily::Inet,
            IpAddr::V6(_) => AddressFamily::Inet6,
        };
        let known: Vec<NeighbourMessage> = self
            .handle
            .neighbours()
            .get()
            .set_address_family(family)
            .execute()
            .try_collect()
            .await?;
        Ok(known.into_iter().find(|neighbour| {
            neighbour.header.ifindex == link
                && neighbour.attributes.iter().any(|attribute| {
                    matches!(attribute, NeighbourAttribute::Destination(destination)
                        if neighbour_address(destination) == Some(peer))
                })
        }))
    }

    /// Asks the kernel to probe a neighbour that it believes to know. Needs `CAP_NET_ADMIN`;
    /// without it the kernel finds out in its own time.
    ///
    /// # Errors
    /// What the kernel answers.
    pub async fn probe_neighbour(&self, link: u32, peer: IpAddr) -> Result<(), Error> {
        self.handle
            .neighbours()
            .add(link, peer)
            .replace()
            .state(NeighbourState::Probe)
            .execute()
            .await
    }
}

fn link(message: &LinkMessage) -> Link {
    let flags = message.header.flags;
    let mut link = Link {
        index: message.header.index,
        is_up: flags.contains(LinkFlags::Up),
        has_carrier: flags.contains(LinkFlags::LowerUp),
        is_loopback: flags.contains(LinkFlags::Loopback),
        ..Link::default()
    };
    for attribute in &message.attributes {
        match attribute {
            LinkAttribute::IfName(name) => link.name.clone_from(name),
            LinkAttribute::Mtu(mtu) => link.mtu = *mtu,
            LinkAttribute::Stats64(counted) => {
                link.traffic = Traffic {
                    sent: counted.tx_packets,
                    received: counted.rx_packets,
                };
            }
            LinkAttribute::Address(address)
                if message.header.link_layer_type == LinkLayerType::Ether =>
            {
                link.hardware = address.as_slice().try_into().ok();
            }
            _ => {}
        }
    }
    link
}

fn address(message: &AddressMessage) -> Option<Address> {
    let is_unusable = message.attributes.iter().any(|attribute| {
        matches!(attribute, AddressAttribute::Flags(flags)
            if flags.intersects(AddressFlags::Dadfailed | AddressFlags::Tentative))
    });
    if is_unusable {
        return None;
    }
    // A point-to-point link has its own address as `Local` and the other side's as `Address`.
    let local = message
        .attributes
        .iter()
        .find_map(|attribute| match attribute {
            AddressAttribute::Local(address) => Some(*address),
            _ => None,
        });
    let any = message
        .attributes
        .iter()
        .find_map(|attribute| match attribute {
            AddressAttribute::Address(address) => Some(*address),
            _ => None,
        });
    Some(Address {
        link: message.header.index,
        address: local.or(any)?,
        prefix: message.header.prefix_len,
    })
}

fn default_route(message: &RouteMessage) -> Option<DefaultRoute> {
    const MAIN_TABLE: u8 = 254;
    if message.header.destination_prefix_length != 0
        || message.header.kind != RouteType::Unicast
        || message.header.table != MAIN_TABLE
        || !matches!(
            message.header.address_family,
            AddressFamily::Inet | AddressFamily::Inet6
        )
    {
        return None;
    }
    let mut route = DefaultRoute {
        link: 0,
        gateway: None,
    };
    for attribute in &message.attributes {
        match attribute {
            RouteAttribute::Oif(link) => route.link = *link,
            RouteAttribute::Gateway(_) => route.gateway = gateway(attribute),
            RouteAttribute::MultiPath(hops) => {
                if let Some(hop) = hops.first() {
                    route.link = hop.interface_index;
                    route.gateway = hop.attributes.iter().find_map(gateway);
                }
            }
            _ => {}
        }
    }
    (route.link != 0).then_some(route)
}

/// Where a route leads, over each of its links.
fn leading(message: &RouteMessage) -> Vec<Route> {
    let everywhere: IpAddr = match message.header.address_family {
        AddressFamily::Inet => Ipv4Addr::UNSPECIFIED.into(),
        AddressFamily::Inet6 => Ipv6Addr::UNSPECIFIED.into(),
        _ => return Vec::new(),
    };
    if message.header.kind != RouteType::Unicast {
        return Vec::new();
    }
    let mut network = everywhere;
    let mut links = Vec::new();
    for attribute in &message.attributes {
        match attribute {
            RouteAttribute::Destination(RouteAddress::Inet(v4)) => network = IpAddr::V4(*v4),
            RouteAttribute::Destination(RouteAddress::Inet6(v6)) => network = IpAddr::V6(*v6),
            RouteAttribute::Oif(link) => links.push(*link),
            RouteAttribute::MultiPath(hops) => {
                links.extend(hops.iter().map(|hop| hop.interface_index));
            }
            _ => {}
        }
    }
    let prefix = message.header.destination_prefix_length;
    let route = |link| Route {
        link,
        network,
        prefix,
    };
    links.into_iter().map(route).collect()
}

fn gateway(attribute: &RouteAttribute) -> Option<IpAddr> {
    match attribute {
        RouteAttribute::Gateway(RouteAddress::Inet(v4)) => Some(IpAddr::V4(*v4)),
        RouteAttribute::Gateway(RouteAddress::Inet6(v6)) => Some(IpAddr::V6(*v6)),
        _ => None,
    }
}

fn neighbour_address(address: &NeighbourAddress) -> Option<IpAddr> {
    match address {
        NeighbourAddress::Inet(v4) => Some(IpAddr::V4(*v4)),
        NeighbourAddress::Inet6(v6) => Some(IpAddr::V6(*v6)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_kernel_says_what_it_leads_to_and_what_it_does_not() {
        let kernel = Kernel::open().expect("netlink needs no permission");
        let snapshot = kernel.snapshot().await.expect("links and routes");
        let loopback = snapshot.links.iter().find(|link| link.is_loopback);
        let loopback = loopback.expect("every box has a loopback interface").index;
        let documentation: IpAddr = "203.0.113.1".parse().expect("an address");
        // A socket that is bound to it may connect there all the same.
        assert!(!kernel.leads_to(documentation, Some(loopback), None).await);
        let own = snapshot
            .defaults
            .iter()
            .find(|route| route.gateway.is_some_and(|gateway| gateway.is_ipv4()));
        if let Some(own) = own {
            assert!(kernel.leads_to(documentation, Some(own.link), None).await);
            assert!(kernel.leads_to(documentation, None, None).await);
        }
    }
}
