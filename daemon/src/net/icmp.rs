//! ICMP echo over a datagram socket (RFC 792, RFC 4443). Nice to have: many sites drop it.

use std::io;
use std::net::IpAddr;
use std::time::Duration;

use sightline_model::{Finding, Reason};
use tokio::net::UdpSocket;
use tokio::time::{Instant, timeout};

use super::{exchange, fault, socket};
use crate::path::NetPath;
use crate::run::Run;

/// How long one [`Echoes::hear`] lasts at most.
const TICK: Duration = Duration::from_millis(20);

/// Length of the payload by which an answer is recognised: the kernel rewrites the identifier.
const COOKIE: usize = 16;

/// Asks the run's target for an echo. Returns the round trip.
///
/// # Errors
/// What the network said; `no_permission` where this box may not send ICMP.
pub async fn echo(run: &Run) -> Result<Duration, Finding> {
    let address = exchange::address(run)?;
    let socket = socket::icmp(run.path(), address).map_err(|error| fault::finding(run, &error))?;
    let cookie: [u8; COOKIE] = rand::random();
    let request = request(address, cookie);
    let answered = exchange::datagrams(run, &socket, [&request; 3], |bytes| {
        Ok(is_reply(address, bytes, cookie).then_some(((), None)))
    })
    .await
    .map_err(|mut finding| {
        if finding.reason == Reason::NoPermission {
            finding.detail = format!(
                "{}; the process's group must lie in net.ipv4.ping_group_range",
                finding.detail
            );
        }
        finding
    })?;
    Ok(answered.round_trip)
}

/// Echoes to one address, several under way on one socket, and which of them are answered.
#[derive(Debug)]
pub struct Echoes {
    socket: UdpSocket,
    address: IpAddr,
    /// The payload of each ends with its number.
    cookie: [u8; COOKIE],
    sent: Vec<(Instant, Option<Duration>)>,
}

impl Echoes {
    /// Opens the socket.
    ///
    /// # Errors
    /// As [`socket::icmp`].
    pub fn open(path: &NetPath, address: IpAddr) -> io::Result<Self> {
        Ok(Self {
            socket: socket::icmp(path, address)?,
            address,
            cookie: rand::random(),
            sent: Vec::new(),
        })
    }

    /// How long each answer took, in the order of the questions; `None` while there is none.
    pub fn round_trips(&self) -> impl Iterator<Item = Option<Duration>> {
        self.sent.iter().map(|(_, took)| *took)
    }

    /// Sends one more.
    ///
    /// # Errors
    /// Whatever the system says.
    pub async fn send(&mut self) -> io::Result<()> {
        let cookie = self.numbered(self.sent.len());
        let at = Instant::now();
        self.socket.send(&request(self.address, cookie)).await?;
        self.sent.push((at, None));
        Ok(())
    }

    /// Waits for a moment for an answer.
    ///
    /// # Errors
    /// What the network says.
    pub async fn hear(&mut self) -> io::Result<()> {
        let mut buffer = [0; 512];
        let received = timeout(TICK, self.socket.recv(&mut buffer)).await;
        let Ok(length) = received else { return Ok(()) };
        let bytes = buffer.get(..length?).unwrap_or_default();
        for number in 0..self.sent.len() {
            let cookie = self.numbered(number);
            if is_reply(self.address, bytes, cookie)
                && let Some((at, took)) = self.sent.get_mut(number)
            {
                took.get_or_insert(at.elapsed());
            }
        }
        Ok(())
    }

    fn numbered(&self, number: usize) -> [u8; COOKIE] {
        let mut cookie = self.cookie;
        let [.., last] = &mut cookie;
        *last = u8::try_from(number).unwrap_or(u8::MAX);
        cookie
    }
}

/// Type 8 (RFC 792) or 128 (RFC 4443), code 0. The kernel fills in identifier and, for IPv6, the
/// checksum.
fn request(address: IpAddr, cookie: [u8; COOKIE]) -> Vec<u8> {
    let kind = if address.is_ipv4() { 8 } else { 128 };
    let mut message = vec![kind, 0, 0, 0, 0, 0, 0, 1];
    message.extend_from_slice(&cookie);
    let [high, low] = checksum(&message).to_be_bytes();
    if let [_, _, a, b, ..] = message.as_mut_slice() {
        (*a, *b) = (high, low);
    }
    message
}

/// The Internet checksum (RFC 1071).
fn checksum(message: &[u8]) -> u16 {
    let mut sum: u32 = message
        .chunks(2)
        .map(|pair| match pair {
            [high, low] => u32::from(u16::from_be_bytes([*high, *low])),
            [high] => u32::from(*high) << 8,
            _ => 0,
        })
        .sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !u16::try_from(sum).unwrap_or(u16::MAX)
}

/// Whether `bytes` is the echo reply with our payload. A raw IPv4 socket hands over the IP header
/// too.
fn is_reply(address: IpAddr, bytes: &[u8], cookie: [u8; COOKIE]) -> bool {
    let icmp = match bytes.first() {
        Some(first) if address.is_ipv4() && first >> 4 == 4 => bytes
            .get(usize::from(first & 0x0f) * 4..)
            .unwrap_or_default(),
        _ => bytes,
    };
    let expected = if address.is_ipv4() { 0 } else { 129 };
    icmp.first() == Some(&expected) && icmp.get(8..8 + COOKIE) == Some(&cookie)
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    const PEER: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    #[test]
    fn the_checksum_of_a_request_with_its_checksum_is_zero() {
        assert_eq!(checksum(&request(PEER, [7; COOKIE])), 0);
    }

    #[test]
    fn only_a_reply_with_our_payload_counts() {
        let mut reply = request(PEER, [7; COOKIE]);
        assert!(!is_reply(PEER, &reply, [7; COOKIE]), "our own request");
        reply[0] = 0;
        assert!(is_reply(PEER, &reply, [7; COOKIE]));
        assert!(!is_reply(PEER, &reply, [8; COOKIE]));
        let mut raw = vec![0x45; 20];
        raw.extend_from_slice(&reply);
        assert!(is_reply(PEER, &raw, [7; COOKIE]));
        for length in 0..raw.len() {
            assert!(!is_reply(PEER, &raw[..length], [7; COOKIE]));
        }
    }
}
