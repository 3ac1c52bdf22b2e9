//! The one place that makes sockets, so that every packet leaves on the path that it is meant to
//! test.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use rustix::net::sockopt::{self, Ipv4PathMtuDiscovery, Ipv6PathMtuDiscovery};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpSocket, TcpStream, UdpSocket};

use crate::path::NetPath;

/// Lets this process open as many descriptors as the system permits: a check asks everything at once,
/// and the usual soft limit of 1024 is for programs that call select(2). What is not permitted stays
/// as it is and shows as `overloaded`.
pub fn raise_descriptor_limit() {
    let mut limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    limit.current = limit.maximum;
    let _as_before = rustix::process::setrlimit(rustix::process::Resource::Nofile, limit);
}

/// A UDP socket connected to `peer`: only a connected one hears that a port is closed, and only
/// from `peer`.
///
/// # Errors
/// Whatever the system says about socket, device, source address or route.
pub fn udp(path: &NetPath, peer: SocketAddr) -> io::Result<UdpSocket> {
    let socket = bound(path, peer.ip(), Type::DGRAM, Protocol::UDP)?;
    socket.connect(&peer.into())?;
    UdpSocket::from_std(socket.into())
}

/// A UDP socket that is bound and not connected, for a library that sends by itself.
///
/// # Errors
/// As [`udp`].
pub fn udp_unconnected(path: &NetPath, peer: IpAddr) -> io::Result<UdpSocket> {
    let socket = bound(path, peer, Type::DGRAM, Protocol::UDP)?;
    if path.source_for(peer).is_none() {
        socket.bind(&any(peer).into())?;
    }
    UdpSocket::from_std(socket.into())
}

/// As [`udp`], for datagrams that no router may cut (DF) and that may be as long as the interface
/// takes, whatever is known of the path already.
///
/// # Errors
/// As [`udp`].
pub fn udp_whole(path: &NetPath, peer: SocketAddr) -> io::Result<UdpSocket> {
    let socket = bound(path, peer.ip(), Type::DGRAM, Protocol::UDP)?;
    match peer {
        SocketAddr::V4(_) => sockopt::set_ip_mtu_discover(&socket, Ipv4PathMtuDiscovery::PROBE)?,
        SocketAddr::V6(_) => sockopt::set_ipv6_mtu_discover(&socket, Ipv6PathMtuDiscovery::PROBE)?,
    }
    socket.connect(&peer.into())?;
    UdpSocket::from_std(socket.into())
}

/// The longest packet that the kernel believes to fit through to the peer of a connected socket, in
/// bytes with the IP header: what the interface takes, or what a router has said.
#[must_use]
pub fn path_mtu(socket: &UdpSocket) -> Option<usize> {
    let known = match socket.peer_addr().ok()? {
        SocketAddr::V4(_) => sockopt::ip_mtu(socket),
        SocketAddr::V6(_) => sockopt::ipv6_mtu(socket),
    };
    usize::try_from(known.ok()?).ok()
}

/// The longest segment that a connection sends, in bytes without headers: what both sides and whoever
/// meddles on the way (MSS clamping) agreed upon.
#[must_use]
pub fn segment_size(stream: &TcpStream) -> Option<usize> {
    let size = socket2::SockRef::from(stream).tcp_mss().ok()?;
    usize::try_from(size).ok()
}

/// A TCP connection to `peer`. The caller sets the deadline.
///
/// # Errors
/// As [`udp`], and what the peer answers.
pub async fn tcp(path: &NetPath, peer: SocketAddr) -> io::Result<TcpStream> {
    let socket = bound(path, peer.ip(), Type::STREAM, Protocol::TCP)?;
    let stream = TcpSocket::from_std_stream(socket.into())
        .connect(peer)
        .await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// A datagram socket for ICMP echo, connected to `peer`. The kernel chooses the identifier and
/// hands back only answers to it; it must permit the process's group
/// (`net.ipv4.ping_group_range`).
///
/// # Errors
/// `PermissionDenied` where the kernel does not permit it; else as [`udp`].
pub fn icmp(path: &NetPath, peer: IpAddr) -> io::Result<UdpSocket> {
    let protocol = match peer {
        IpAddr::V4(_) => Protocol::ICMPV4,
        IpAddr::V6(_) => Protocol::ICMPV6,
    };
    let socket = match bound(path, peer, Type::DGRAM, protocol) {
        // A privileged process may open a raw socket where the group range shuts it out.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            bound(path, peer, Type::RAW, protocol)?
        }
        other => other?,
    };
    socket.connect(&SocketAddr::new(peer, 0).into())?;
    UdpSocket::from_std(socket.into())
}

/// Whether this box has a route and a source address towards `peer`. Sends nothing.
///
/// # Errors
/// The system's own word for what is missing.
pub fn reachable_by_route(path: &NetPath, peer: IpAddr) -> io::Result<()> {
    let socket = bound(path, peer, Type::DGRAM, Protocol::UDP)?;
    socket.connect(&SocketAddr::new(peer, 9).into())
}

/// A socket on the path, for the modules beside that do more with it than send and receive.
///
/// # Errors
/// Whatever the system says about socket, device or source address.
pub(super) fn bound(
    path: &NetPath,
    peer: IpAddr,
    kind: Type,
    protocol: Protocol,
) -> io::Result<Socket> {
    let domain = match peer {
        IpAddr::V4(_) => Domain::IPV4,
        IpAddr::V6(_) => Domain::IPV6,
    };
    let socket = Socket::new(domain, kind.nonblocking().cloexec(), Some(protocol))?;
    if let Some(interface) = &path.interface {
        socket.bind_device(Some(interface.as_bytes()))?;
    }
    if let Some(source) = path.source_for(peer) {
        socket.bind(&SocketAddr::new(source, 0).into())?;
    }
    Ok(socket)
}

fn any(peer: IpAddr) -> SocketAddr {
    match peer {
        IpAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        IpAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[tokio::test]
    async fn a_connected_socket_hears_that_a_udp_port_is_closed() {
        let closed = std::net::UdpSocket::bind("127.0.0.1:0")
            .and_then(|socket| socket.local_addr())
            .expect("loopback has a free port");
        let socket = udp(&NetPath::direct("default"), closed).expect("loopback is reachable");
        socket.send(b"?").await.expect("the first send succeeds");
        let error = socket.recv(&mut [0; 1]).await.expect_err("nobody listens");
        assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
    }

    #[tokio::test]
    async fn packets_leave_from_the_configured_source() {
        let peer = UdpSocket::bind("127.0.0.1:0").await.expect("loopback");
        let mut path = NetPath::direct("default");
        path.sources = vec![IpAddr::V4(Ipv4Addr::new(127, 0, 0, 9))];
        let socket = udp(&path, peer.local_addr().expect("bound")).expect("loopback");
        assert_eq!(
            socket.local_addr().expect("connected").ip(),
            IpAddr::V4(Ipv4Addr::new(127, 0, 0, 9))
        );
    }

    #[tokio::test]
    async fn a_datagram_that_may_not_be_cut_is_refused_where_it_is_longer_than_the_interface_takes()
    {
        for host in ["127.0.0.1:9", "[::1]:9"] {
            let peer = host.parse().expect("an address");
            let Ok(socket) = udp_whole(&NetPath::direct("default"), peer) else {
                continue;
            };
            let fits = path_mtu(&socket).expect("loopback has a size");
            let error = socket.send(&vec![0; fits]).await.expect_err("headers");
            assert_eq!(
                error.raw_os_error(),
                Some(rustix::io::Errno::MSGSIZE.raw_os_error())
            );
        }
    }

    #[tokio::test]
    async fn an_interface_that_does_not_exist_is_an_error_and_no_other_is_used() {
        let mut path = NetPath::direct("default");
        path.interface = Some("no-such-if0".into());
        assert!(udp(&path, (Ipv4Addr::LOCALHOST, 9).into()).is_err());
    }
}
