//! What the DHCP servers of a segment would tell a client, asked without taking a lease.

mod message;

use std::io;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::time::Duration;

use sightline_model::DhcpAnswer;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::UdpSocket;
use tokio::time::{Instant, sleep_until};

use message::Asker;
pub use message::Question;

/// Everybody on the segment, at the port of servers.
const SERVERS: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::BROADCAST, 67);

/// The port to which servers answer.
const CLIENT_PORT: u16 = 68;

/// The longest answer that is read, in bytes: two frames, where a server minds no limit.
const ANSWER_MAX: usize = 3000;

/// As many answers are kept. So many servers are on no segment.
const MOST_ANSWERS: usize = 16;

/// From where it is asked.
#[derive(Clone, Debug)]
pub struct Client {
    /// The interface that the questions leave by, and answers come in by.
    pub interface: String,
    /// Its address on the segment.
    pub hardware: [u8; 6],
    /// Its IPv4 address; without one only [`Question::Discover`] is asked.
    pub address: Option<Ipv4Addr>,
}

/// What is asked when, and how long is waited.
#[derive(Clone, Copy, Debug)]
pub struct Rhythm {
    /// Counted from the start; in this order.
    pub sends: &'static [(Duration, Question)],
    /// How long is waited where nobody answers.
    pub silence: Duration,
    /// How long is waited for other servers after the first answer.
    pub grace: Duration,
}

/// For a check: options for a client that has an address. Some small routers answer only those that
/// have none, so that they are asked as such from the second send on.
pub const BRIEFLY: Rhythm = Rhythm {
    sends: &[
        (Duration::ZERO, Question::Inform),
        (Duration::from_millis(300), Question::Inform),
        (Duration::from_millis(300), Question::Discover),
        (Duration::from_millis(800), Question::Inform),
        (Duration::from_millis(800), Question::Discover),
    ],
    silence: Duration::from_millis(1500),
    grace: Duration::from_millis(200),
};

/// For what a client is given, where everything else follows from it: as patient as any other question.
pub const CAREFULLY: Rhythm = Rhythm {
    sends: &[
        (Duration::ZERO, Question::Inform),
        (Duration::ZERO, Question::Discover),
        (Duration::from_secs(1), Question::Inform),
        (Duration::from_secs(1), Question::Discover),
        (Duration::from_secs(3), Question::Inform),
        (Duration::from_secs(3), Question::Discover),
    ],
    silence: Duration::from_secs(5),
    grace: Duration::from_millis(500),
};

/// For a client that has no address yet.
pub const WITHOUT_ADDRESS: Rhythm = Rhythm {
    sends: &[
        (Duration::ZERO, Question::Discover),
        (Duration::from_millis(300), Question::Discover),
        (Duration::from_millis(800), Question::Discover),
    ],
    ..BRIEFLY
};

/// Asks all servers of the segment and takes what they answer: one answer of each, by their
/// identifiers. An acknowledgement comes before an offer of the same server.
///
/// # Errors
/// What the system says about the port, the interface or the first send. Silence is none.
pub async fn ask(client: &Client, rhythm: Rhythm) -> io::Result<Vec<DhcpAnswer>> {
    let any = open(Some(&client.interface), Ipv4Addr::UNSPECIFIED, CLIENT_PORT)?;
    // Whoever has a lease holds the port for its own address. Of two that do, the later one hears what
    // is sent to that address; broadcasts are heard by all.
    let own = match client.address {
        Some(own) => Some(open(Some(&client.interface), own, CLIENT_PORT)?),
        None => None,
    };
    exchange((&any, own.as_ref()), SERVERS, client, rhythm).await
}

/// A socket of its own beside those of a DHCP client that runs here. Most allow that.
fn open(interface: Option<&str>, address: Ipv4Addr, port: u16) -> io::Result<UdpSocket> {
    let kind = Type::DGRAM.nonblocking().cloexec();
    let socket = Socket::new(Domain::IPV4, kind, Some(Protocol::UDP))?;
    socket.set_reuse_address(true)?;
    socket.set_broadcast(true)?;
    if let Some(interface) = interface {
        socket.bind_device(Some(interface.as_bytes()))?;
    }
    socket.bind(&SocketAddrV4::new(address, port).into())?;
    UdpSocket::from_std(socket.into())
}

/// As [`ask`], over sockets that stand. Sends by the one that has an address, where there is one.
async fn exchange(
    (any, own): (&UdpSocket, Option<&UdpSocket>),
    servers: SocketAddrV4,
    client: &Client,
    rhythm: Rhythm,
) -> io::Result<Vec<DhcpAnswer>> {
    let asker = Asker {
        hardware: client.hardware,
        address: client.address,
    };
    let transactions: [u32; 2] = [rand::random(), rand::random()];
    let xid_of = |question| match question {
        Question::Inform => transactions[0],
        Question::Discover => transactions[1],
    };
    let begun = Instant::now();
    let mut end = begun + rhythm.silence;
    let mut due = rhythm.sends.iter().copied().peekable();
    let mut answers: Vec<DhcpAnswer> = Vec::new();
    let mut was_sent = false;
    let (mut heard, mut heard_own) = (vec![0; ANSWER_MAX], vec![0; ANSWER_MAX]);
    // Who floods us with datagrams must not keep us.
    while Instant::now() < end {
        // After the first answer, only others to the same question are waited for.
        let next = due.peek().filter(|_| answers.is_empty()).copied();
        // What is due goes out before anything is read: who answers one question only must hear it.
        let received = tokio::select! {
            biased;
            () = sleep_until(end) => break,
            () = sleep_until(next.map_or(end, |(at, _)| begun + at)), if next.is_some() => {
                due.next();
                let Some((_, question)) = next else { continue };
                let bytes = message::write(question, xid_of(question), asker)
                    .map_err(io::Error::other)?;
                if let Some(bytes) = bytes {
                    let sent = own.unwrap_or(any).send_to(&bytes, SocketAddr::V4(servers)).await;
                    // A later one may fail for a moment: those before it are on their way.
                    if let (Err(error), false) = (sent, was_sent) {
                        return Err(error);
                    }
                    was_sent = true;
                }
                continue;
            }
            received = any.recv_from(&mut heard) => {
                received.map(|(length, from)| (heard.get(..length), from))
            }
            received = receive(own, &mut heard_own) => {
                received.map(|(length, from)| (heard_own.get(..length), from))
            }
        };
        // What was sent may be told to be unreachable; somebody else may answer all the same.
        let Ok((Some(bytes), SocketAddr::V4(from))) = received else {
            continue;
        };
        let Some(answer) = message::read(bytes, *from.ip(), asker, xid_of) else {
            continue;
        };
        if answers.is_empty() {
            end = end.min(Instant::now() + rhythm.grace);
        }
        let of_same =
            |known: &DhcpAnswer| (known.server, known.kind) == (answer.server, answer.kind);
        if answers.len() < MOST_ANSWERS && !answers.iter().any(of_same) {
            answers.push(answer);
        }
    }
    answers.sort_by_key(|answer| (answer.server, answer.kind));
    answers.dedup_by_key(|answer| answer.server);
    Ok(answers)
}

async fn receive(socket: Option<&UdpSocket>, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
    match socket {
        Some(socket) => socket.recv_from(buffer).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests;
