//! Ports that are free on several addresses at once, and doors that are shut in different ways.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};

/// Below the range that the kernel takes for connections, so that none of those stands in the way.
const FIRST: u16 = 10_240;
const COUNT: u16 = 20_000;

/// A port on one address, bound for TCP and UDP. Nobody listens yet.
#[derive(Debug)]
pub(crate) struct Door {
    pub(crate) address: SocketAddr,
    tcp: Socket,
    udp: Socket,
    /// Connections that fill the queue of a listener that answers nobody.
    fillers: Vec<Socket>,
}

/// The same port, free on all of `addresses`; a door for each, in their order.
pub(crate) fn doors(addresses: &[Ipv4Addr]) -> (u16, Vec<Door>) {
    let free = std::iter::repeat_with(|| FIRST + rand::random::<u16>() % COUNT)
        .take(1000)
        .find_map(|port| {
            let doors: io::Result<Vec<Door>> = addresses
                .iter()
                .map(|address| Door::bind((*address, port).into()))
                .collect();
            doors.ok().map(|doors| (port, doors))
        });
    free.expect("one of a thousand ports is free on loopback")
}

impl Door {
    fn bind(address: SocketAddr) -> io::Result<Self> {
        let tcp = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP))?;
        tcp.bind(&address.into())?;
        let udp = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
        udp.bind(&address.into())?;
        for socket in [&tcp, &udp] {
            socket.set_nonblocking(true)?;
        }
        Ok(Self {
            address,
            tcp,
            udp,
            fillers: Vec::new(),
        })
    }

    /// A listener; the door can be shut or opened again later.
    pub(crate) fn listen(&mut self) -> io::Result<std::net::TcpListener> {
        self.fillers.clear();
        self.tcp.listen(256)?;
        Ok(self.tcp.try_clone()?.into())
    }

    pub(crate) fn datagrams(&self) -> io::Result<std::net::UdpSocket> {
        Ok(self.udp.try_clone()?.into())
    }

    /// TCP as behind a firewall that drops. The kernel does not answer a first packet while the
    /// queue of a listener is full, and a queue of length 0 is full with one connection.
    pub(crate) fn silence_tcp(&mut self) -> io::Result<()> {
        const MOST: usize = 64;
        self.tcp.listen(0)?;
        for _ in 0..MOST {
            let filler = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP))?;
            match filler.connect_timeout(&self.address.into(), Duration::from_millis(50)) {
                Ok(()) => self.fillers.push(filler),
                Err(_full) => return Ok(()),
            }
        }
        Err(io::Error::other("a queue of length 0 took 64 connections"))
    }

    /// A UDP port that is ours and refuses: a connected socket takes nothing from others, and the
    /// kernel tells them so. For TCP it is enough not to listen.
    pub(crate) fn refuse_udp(&self) -> io::Result<()> {
        let nobody = SocketAddr::from((Ipv4Addr::LOCALHOST, 9));
        self.udp.connect(&nobody.into())
    }
}
