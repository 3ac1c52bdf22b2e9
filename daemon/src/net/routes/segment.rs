//! The segment that the clients of a network are on, and who else is there.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use super::{Address, Kernel, Link, Snapshot};
use crate::net::socket;
use crate::path::NetPath;

impl Snapshot {
    /// The link on which clients of a network are: the interface of the path, else that of the default
    /// route, else one that has a segment.
    ///
    /// # Errors
    /// A sentence that says what is missing.
    pub fn segment(&self, path: &NetPath) -> Result<&Link, String> {
        let mut links = self.links.iter();
        if let Some(wanted) = &path.interface {
            return links
                .find(|link| link.name == *wanted)
                .ok_or_else(|| format!("this box has no interface {wanted}"));
        }
        let by_route = self.defaults.iter().find_map(|route| {
            let mut links = self.links.iter();
            links.find(|link| link.index == route.link)
        });
        let able = |link: &&Link| {
            !link.is_loopback && link.is_up && link.has_carrier && link.hardware.is_some()
        };
        by_route
            .or_else(|| {
                let mut able = self.links.iter().filter(able);
                able.find(|link| self.address_v4(link).is_some())
            })
            .or_else(|| links.find(able))
            .ok_or_else(|| "no link of this box is up".to_owned())
    }

    /// Forgets links by their names, with their addresses and default routes; nothing, where no other link but
    /// loopback would be left.
    pub fn leave_out(&mut self, names: &[String]) {
        let is_named = |link: &Link| names.contains(&link.name);
        if !self
            .links
            .iter()
            .any(|link| !is_named(link) && !link.is_loopback)
        {
            return;
        }
        let (gone, left): (Vec<_>, Vec<_>) = self.links.drain(..).partition(is_named);
        let is_left = |index: u32| gone.iter().all(|link| link.index != index);
        self.links = left;
        self.addresses.retain(|address| is_left(address.link));
        self.defaults.retain(|route| is_left(route.link));
    }

    /// The first IPv4 address of a link.
    #[must_use]
    pub fn address_v4(&self, link: &Link) -> Option<Ipv4Addr> {
        let of_link = |address: &&Address| address.link == link.index;
        let mut addresses = self.addresses.iter().filter(of_link);
        addresses.find_map(|address| match address.address {
            IpAddr::V4(v4) => Some(v4),
            IpAddr::V6(_) => None,
        })
    }
}

impl Kernel {
    /// The hardware address of somebody on the segment, by which a switch port is found. The kernel is made
    /// to look for it.
    pub async fn hardware_of(
        &self,
        path: &NetPath,
        link: u32,
        mut peer: SocketAddr,
    ) -> Option<String> {
        const DISCARD: u16 = 9;
        const POLL: Duration = Duration::from_millis(20);
        const POLLS: u32 = 10;

        peer.set_port(DISCARD);
        // RFC 863.
        if let Ok(socket) = socket::udp(path, peer) {
            let _refused = socket.send(&[]).await;
        }
        for _ in 0..POLLS {
            if let Ok(Some(found)) = self.hardware(link, peer.ip()).await {
                return Some(found);
            }
            tokio::time::sleep(POLL).await;
        }
        None
    }
}
