//! LDAP pings of any length, several under way on one socket, and which of them are answered.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use rustix::io::Errno;
use sightline_wire::cldap::{self, Ping};
use tokio::net::UdpSocket;
use tokio::time::Instant;

use super::{exchange, socket};
use crate::path::NetPath;

/// How the asker calls itself in the controller's netlogon.log.
const ASKER: &str = "SIGHTLINE";

/// How long one [`Pings::hear`] lasts at most: the kernel keeps what routers say for whoever asks.
const TICK: Duration = Duration::from_millis(20);

/// One ping that was sent.
#[derive(Clone, Copy, Debug)]
pub struct Sent {
    /// Length in bytes, with the headers of IP and UDP; `None` without padding.
    pub size: Option<usize>,
    /// When.
    pub at: Instant,
    /// How long the answer took; `None` while there is none.
    pub round_trip: Option<Duration>,
}

/// Pings of one controller that no router may cut.
#[derive(Debug)]
pub struct Pings {
    socket: UdpSocket,
    peer: SocketAddr,
    domain: String,
    /// Message id of the first; each further one counts up.
    first_id: i32,
    sent: Vec<Sent>,
}

impl Pings {
    /// Opens the socket.
    ///
    /// # Errors
    /// Whatever the system says.
    pub fn open(path: &NetPath, peer: SocketAddr, domain: &str) -> io::Result<Self> {
        Ok(Self {
            socket: socket::udp_whole(path, peer)?,
            peer,
            domain: domain.to_owned(),
            first_id: i32::from(rand::random::<u16>()) + 1,
            sent: Vec::new(),
        })
    }

    /// What was sent, in order.
    #[must_use]
    pub fn sent(&self) -> &[Sent] {
        &self.sent
    }

    /// How many are answered.
    #[must_use]
    pub fn answered(&self) -> usize {
        let is_answered = |ping: &&Sent| ping.round_trip.is_some();
        self.sent.iter().filter(is_answered).count()
    }

    /// The quickest answer.
    #[must_use]
    pub fn quickest(&self) -> Option<Duration> {
        self.sent.iter().filter_map(|ping| ping.round_trip).min()
    }

    /// What the kernel believes to fit, in bytes with the IP header.
    #[must_use]
    pub fn path_mtu(&self) -> Option<usize> {
        socket::path_mtu(&self.socket)
    }

    /// The headers before the ping itself, in bytes.
    #[must_use]
    pub fn headers(&self) -> usize {
        let ip = if self.peer.is_ipv4() { 20 } else { 40 };
        ip + 8
    }

    /// Sends a ping of `size` bytes with all headers, or one without padding.
    ///
    /// # Errors
    /// `EMSGSIZE` where the interface does not take so long a packet; else whatever the system says.
    pub async fn send(&mut self, size: Option<usize>) -> io::Result<()> {
        let count = i32::try_from(self.sent.len()).unwrap_or(i32::MAX);
        let ping = self.ping(self.first_id.saturating_add(count));
        let bytes = match size {
            Some(size) => ping.encode_to(size.saturating_sub(self.headers())),
            None => ping.encode(),
        };
        let at = Instant::now();
        let mut sent = self.socket.send(&bytes).await;
        // What a router said of an earlier datagram is reported once, in place of a send.
        if sent.as_ref().is_err_and(is_too_long) {
            sent = self.socket.send(&bytes).await;
        }
        sent?;
        self.sent.push(Sent {
            size,
            at,
            round_trip: None,
        });
        Ok(())
    }

    /// The ping as such, for another transport.
    #[must_use]
    pub fn ping(&self, message_id: i32) -> Ping {
        Ping {
            domain: self.domain.clone(),
            host: Some(ASKER.to_owned()),
            message_id,
        }
    }

    /// Waits for a moment for answers. What is no answer to a ping of ours is nobody's.
    ///
    /// # Errors
    /// What the network says, but for routers that say that a packet was too long: that changes
    /// [`Pings::path_mtu`].
    pub async fn hear(&mut self) -> io::Result<()> {
        let mut buffer = vec![0; exchange::UDP_MAX];
        let received = tokio::time::timeout(TICK, self.socket.recv(&mut buffer)).await;
        match received {
            Ok(Ok(length)) => {
                self.take(buffer.get(..length).unwrap_or_default());
                return Ok(());
            }
            Ok(Err(error)) if !is_too_long(&error) => return Err(error),
            Ok(Err(_)) | Err(_) => {}
        }
        match self.socket.take_error()? {
            Some(error) if !is_too_long(&error) => Err(error),
            _ => Ok(()),
        }
    }

    fn take(&mut self, datagram: &[u8]) {
        let number = cldap::message_id(datagram)
            .and_then(|id| usize::try_from(id - i64::from(self.first_id)).ok());
        if let Some(ping) = number.and_then(|number| self.sent.get_mut(number)) {
            ping.round_trip.get_or_insert(ping.at.elapsed());
        }
    }
}

fn is_too_long(error: &io::Error) -> bool {
    error.raw_os_error() == Some(Errno::MSGSIZE.raw_os_error())
}
