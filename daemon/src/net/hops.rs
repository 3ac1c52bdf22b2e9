//! Who answers on the way to a port: packets that a router has to throw away after so many hops and
//! says so (ICMP time exceeded; RFC 792, RFC 4443). What it says is read from the error queue of the
//! socket that sent the packet (ip(7), `IP_RECVERR`), which the kernel fills by itself: no raw socket, and
//! no privilege.

use std::collections::BTreeMap;
use std::io::{self, IoSliceMut};
use std::mem::MaybeUninit;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::AsRawFd;
use std::time::Duration;

use nix::libc;
use nix::sys::socket::{
    ControlMessageOwned, MsgFlags, SockaddrStorage, recvmsg, setsockopt, sockopt,
};
use socket2::{Protocol, Socket, Type};
use tokio::time::{Instant, sleep};

use super::socket;
use crate::path::NetPath;

/// As far as anybody looks; a company's own network is not as deep.
const MOST_HOPS: u8 = 16;

/// Between two packets, so that no router is asked for many answers at once.
const APART: Duration = Duration::from_millis(12);

/// How often the sockets are looked at.
const TICK: Duration = Duration::from_millis(20);

/// So long after the last packet and the last answer nothing more is waited for.
const QUIET: Duration = Duration::from_millis(600);

/// However much still comes.
const LONGEST: Duration = Duration::from_millis(1500);

/// As many errors of one socket are read at a time.
const MOST_ERRORS: usize = 4;

/// What is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Speech {
    /// The first packet of a connection.
    Tcp,
    /// A datagram with this in it.
    Udp(Vec<u8>),
}

/// What came back for one packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// A router passed it on until its hops were used up there.
    Hop(IpAddr),
    /// Somebody says that it may or can not go on.
    Refused(IpAddr),
    /// The target itself answered.
    Target,
}

/// Sends a packet for each number of hops, and returns what came back, by that number.
///
/// # Errors
/// Whatever the system says when nothing could be sent.
pub async fn trace(
    path: &NetPath,
    peer: SocketAddr,
    speech: &Speech,
) -> io::Result<BTreeMap<u8, Heard>> {
    let begun = Instant::now();
    let mut waiting: Vec<(u8, Socket)> = Vec::new();
    let mut heard = BTreeMap::new();
    for hops in 1..=MOST_HOPS {
        waiting.push((hops, send(path, peer, speech, hops)?));
        sleep(APART).await;
        listen(&mut waiting, &mut heard, peer.ip());
    }
    let mut last = Instant::now();
    while last.elapsed() < QUIET && begun.elapsed() < LONGEST && !waiting.is_empty() {
        sleep(TICK).await;
        if listen(&mut waiting, &mut heard, peer.ip()) {
            last = Instant::now();
        }
    }
    Ok(heard)
}

fn send(path: &NetPath, peer: SocketAddr, speech: &Speech, hops: u8) -> io::Result<Socket> {
    let (kind, protocol) = match speech {
        Speech::Tcp => (Type::STREAM, Protocol::TCP),
        Speech::Udp(_) => (Type::DGRAM, Protocol::UDP),
    };
    let socket = socket::bound(path, peer.ip(), kind, protocol)?;
    if peer.is_ipv4() {
        socket.set_ttl_v4(hops.into())?;
        setsockopt(&socket, sockopt::Ipv4RecvErr, &true)?;
    } else {
        socket.set_unicast_hops_v6(hops.into())?;
        setsockopt(&socket, sockopt::Ipv6RecvErr, &true)?;
    }
    match socket.connect(&peer.into()) {
        Err(error) if error.raw_os_error() == Some(libc::EINPROGRESS) => {}
        connected => connected?,
    }
    if let Speech::Udp(bytes) = speech {
        socket.send(bytes)?;
    }
    Ok(socket)
}

/// Looks at each socket once; whether anything was new.
fn listen(
    waiting: &mut Vec<(u8, Socket)>,
    heard: &mut BTreeMap<u8, Heard>,
    target: IpAddr,
) -> bool {
    let before = waiting.len();
    waiting.retain(|(hops, socket)| match look(socket, target) {
        Look::Nothing => true,
        Look::Heard(what) => {
            heard.insert(*hops, what);
            false
        }
        Look::Gone => false,
    });
    waiting.len() < before
}

enum Look {
    Nothing,
    Heard(Heard),
    /// An error of this box: nothing will come.
    Gone,
}

fn look(socket: &Socket, target: IpAddr) -> Look {
    if let Some((from, is_used_up)) = queued(socket) {
        return Look::Heard(match is_used_up {
            _ if from == target => Heard::Target,
            true => Heard::Hop(from),
            false => Heard::Refused(from),
        });
    }
    match socket.take_error() {
        Ok(None) => {}
        Ok(Some(error)) if error.kind() == io::ErrorKind::ConnectionRefused => {
            return Look::Heard(Heard::Target);
        }
        Ok(Some(_)) | Err(_) => return Look::Gone,
    }
    let mut first = [MaybeUninit::uninit(); 1];
    match socket.recv(&mut first) {
        Ok(_) => Look::Heard(Heard::Target),
        // A connection that stands and has nothing to read yet.
        Err(error) if error.kind() == io::ErrorKind::WouldBlock && is_connected(socket) => {
            Look::Heard(Heard::Target)
        }
        Err(_) => Look::Nothing,
    }
}

/// Whether a TCP connection stands.
fn is_connected(socket: &Socket) -> bool {
    socket.r#type().is_ok_and(|kind| kind == Type::STREAM) && socket.peer_addr().is_ok()
}

/// Who has sent an error about a packet of this socket, and whether it is that its hops were used up.
fn queued(socket: &Socket) -> Option<(IpAddr, bool)> {
    (0..MOST_ERRORS).find_map(|_| {
        let mut packet = [0; 64];
        let mut buffers = [IoSliceMut::new(&mut packet)];
        let mut control = nix::cmsg_space!(libc::sock_extended_err, libc::sockaddr_in6);
        let message = recvmsg::<SockaddrStorage>(
            socket.as_raw_fd(),
            &mut buffers,
            Some(&mut control),
            MsgFlags::MSG_ERRQUEUE | MsgFlags::MSG_DONTWAIT,
        );
        let mut parts = message.ok()?.cmsgs().ok()?.collect::<Vec<_>>().into_iter();
        parts.find_map(|part| match part {
            ControlMessageOwned::Ipv4RecvErr(error, Some(from))
                if error.ee_origin == libc::SO_EE_ORIGIN_ICMP =>
            {
                let from = Ipv4Addr::from_bits(u32::from_be(from.sin_addr.s_addr));
                // Time exceeded, RFC 792.
                Some((IpAddr::V4(from), error.ee_type == 11))
            }
            ControlMessageOwned::Ipv6RecvErr(error, Some(from))
                if error.ee_origin == libc::SO_EE_ORIGIN_ICMP6 =>
            {
                let from = Ipv6Addr::from(from.sin6_addr.s6_addr);
                // Time exceeded, RFC 4443 §3.3.
                Some((IpAddr::V6(from), error.ee_type == 3))
            }
            _ => None,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_port_of_this_box_answers_at_once_whether_it_is_open_or_not() {
        let path = NetPath::direct("default");
        let open = std::net::TcpListener::bind("127.0.0.1:0").expect("loopback");
        let open = open.local_addr().expect("bound");
        let closed = SocketAddr::from(([127, 0, 0, 1], 9));
        for (peer, speech) in [
            (open, Speech::Tcp),
            (closed, Speech::Tcp),
            (closed, Speech::Udp(vec![0])),
        ] {
            let heard = trace(&path, peer, &speech).await.expect("loopback");
            assert_eq!(heard.get(&1), Some(&Heard::Target), "{peer} {speech:?}");
        }
    }

    #[tokio::test]
    async fn a_port_that_says_nothing_ends_in_time() {
        let silent = std::net::UdpSocket::bind("127.0.0.1:0").expect("loopback");
        let peer = silent.local_addr().expect("bound");
        let begun = Instant::now();
        let speech = Speech::Udp(vec![0]);
        let heard = trace(&NetPath::direct("default"), peer, &speech).await;
        assert_eq!(heard.expect("loopback"), BTreeMap::new());
        assert!(begun.elapsed() < LONGEST + QUIET);
    }
}
