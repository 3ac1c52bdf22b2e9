//! One question and its answer, over UDP or TCP.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use sightline_model::{Finding, Phase, Reason};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::{Instant, sleep_until};

use super::{fault, socket};
use crate::run::Run;
use crate::text;

/// When a datagram is sent, counted from the start: lost packets are no verdict.
pub const UDP_SENDS: [Duration; 3] = [
    Duration::ZERO,
    Duration::from_secs(1),
    Duration::from_secs(3),
];

/// The largest datagram that is read, in bytes. No answer that is asked for here is longer, and a
/// check waits for hundreds at once.
pub const UDP_MAX: usize = 8 * 1024;

/// The most that is read of one TCP answer.
pub const TCP_MAX: usize = 256 * 1024;

/// The address and port of a run's target.
///
/// # Errors
/// A finding of our own where the target has no address: whoever made the task did not look it up.
pub fn peer(run: &Run) -> Result<SocketAddr, Finding> {
    match (run.target().address, run.target().port) {
        (Some(address), Some(port)) => Ok(SocketAddr::new(address, port)),
        _ => Err(run.blind(
            Reason::InternalError,
            format!("{} has no address or port to ask", run.target()),
        )),
    }
}

/// The address of a run's target.
///
/// # Errors
/// As [`peer`].
pub fn address(run: &Run) -> Result<IpAddr, Finding> {
    run.target().address.ok_or_else(|| {
        run.blind(
            Reason::InternalError,
            format!("{} has no address to ask", run.target()),
        )
    })
}

/// An answer to a datagram, and the send and receive times around it.
#[derive(Debug)]
pub struct Answered<T> {
    /// What was read out of it.
    pub value: T,
    /// From the send that is answered to the answer; from the last one where the protocol does not
    /// tell which that is.
    pub round_trip: Duration,
    /// The middle between that send and the answer, by this box's clock in Unix seconds.
    pub midpoint: f64,
    /// How many datagrams were sent.
    pub sends: usize,
}

/// A value, and which of the sends it answers, where the protocol tells.
pub type Heard<T> = Option<(T, Option<usize>)>;

/// Sends `request` at 0, 1 and 3 seconds from one socket and hands each datagram that comes back
/// to `read`: `Ok(None)` waits for more, an error is a finding that ends the exchange. An answer to
/// an earlier send counts.
///
/// # Errors
/// What the network said, or what `read` found. Silence lasts until the run's deadline.
pub async fn udp<T>(
    run: &Run,
    request: &[u8],
    mut read: impl FnMut(&[u8]) -> Result<Option<T>, Finding>,
) -> Result<Answered<T>, Finding> {
    let requests = [request; UDP_SENDS.len()];
    udp_each(run, requests, |bytes| {
        Ok(read(bytes)?.map(|value| (value, None)))
    })
    .await
}

/// As [`udp`], with a request of its own for each send, so that `read` can tell which of them is
/// answered: a late answer must not look like a quick one to the send after it.
///
/// # Errors
/// As [`udp`].
pub async fn udp_each<T>(
    run: &Run,
    requests: [&[u8]; UDP_SENDS.len()],
    read: impl FnMut(&[u8]) -> Result<Heard<T>, Finding>,
) -> Result<Answered<T>, Finding> {
    let peer = peer(run)?;
    run.enter(Phase::Request);
    let socket = socket::udp(run.path(), peer).map_err(|error| fault::finding(run, &error))?;
    datagrams(run, &socket, requests, read).await
}

/// As [`udp_each`], over a socket that stands.
///
/// # Errors
/// As [`udp`].
pub async fn datagrams<T>(
    run: &Run,
    socket: &UdpSocket,
    requests: [&[u8]; UDP_SENDS.len()],
    mut read: impl FnMut(&[u8]) -> Result<Heard<T>, Finding>,
) -> Result<Answered<T>, Finding> {
    let begun = Instant::now();
    let mut due = UDP_SENDS
        .map(|delay| begun + delay)
        .into_iter()
        .zip(requests)
        .peekable();
    // When each send was made, by the monotonic and by the wall clock.
    let mut sent: Vec<(Instant, f64)> = Vec::new();
    let mut buffer = vec![0; UDP_MAX];
    loop {
        let next = due.peek().copied();
        tokio::select! {
            biased;
            received = socket.recv(&mut buffer) => {
                let length = received.map_err(|error| fault::finding(run, &error))?;
                let now = Instant::now();
                let datagram = buffer.get(..length).unwrap_or_default();
                if let Some((value, answers)) = read(datagram)? {
                    let last = sent.len().saturating_sub(1);
                    let (at, by_wall) = sent
                        .get(answers.unwrap_or(last))
                        .copied()
                        .unwrap_or_else(|| (now, crate::run::unix_seconds()));
                    let round_trip = now - at;
                    return Ok(Answered {
                        value,
                        round_trip,
                        midpoint: by_wall + round_trip.as_secs_f64() / 2.0,
                        sends: sent.len(),
                    });
                }
            }
            () = sleep_until(next.map_or(begun, |(at, _)| at)), if next.is_some() => {
                due.next();
                if let Some((_, request)) = next {
                    sent.push((Instant::now(), crate::run::unix_seconds()));
                    socket.send(request).await.map_err(|error| fault::finding(run, &error))?;
                }
            }
        }
    }
}

/// Connects to the run's target.
///
/// # Errors
/// What the network said.
pub async fn connect(run: &Run) -> Result<TcpStream, Finding> {
    let peer = peer(run)?;
    connect_to(run, peer).await
}

/// Connects to `peer`, which stands between this box and the run's target.
///
/// # Errors
/// What the network said.
pub async fn connect_to(run: &Run, peer: SocketAddr) -> Result<TcpStream, Finding> {
    run.enter(Phase::Connect);
    socket::tcp(run.path(), peer)
        .await
        .map_err(|error| fault::finding(run, &error))
}

/// Writes `request` and reads until `read` has what it wants: `Ok(None)` asks for more bytes.
/// `read` sees everything that came since the request. At most [`TCP_MAX`] bytes are kept.
///
/// # Errors
/// What the network said, what `read` found, or an answer without an end.
pub async fn ask<T, S>(
    run: &Run,
    stream: &mut S,
    request: &[u8],
    mut read: impl FnMut(&[u8]) -> Result<Option<T>, Finding>,
) -> Result<T, Finding>
where
    S: AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    run.enter(Phase::Request);
    stream
        .write_all(request)
        .await
        .map_err(|error| fault::finding(run, &error))?;
    let mut answer = Vec::new();
    let mut chunk = [0; 8192];
    loop {
        let length = stream
            .read(&mut chunk)
            .await
            .map_err(|error| fault::finding(run, &error))?;
        if length == 0 {
            let cut = io::Error::from(io::ErrorKind::UnexpectedEof);
            let mut finding = fault::finding(run, &cut);
            if !answer.is_empty() {
                finding.detail =
                    format!("{}; came: {}", finding.detail, text::first_bytes(&answer));
            }
            return Err(finding);
        }
        if answer.is_empty() {
            run.enter(Phase::Response);
        }
        answer.extend_from_slice(chunk.get(..length).unwrap_or_default());
        if let Some(value) = read(&answer)? {
            return Ok(value);
        }
        if answer.len() > TCP_MAX {
            return Err(run.fail(
                Reason::ProtocolError,
                format!("{}: more than {TCP_MAX} bytes and no end", run.doing()),
            ));
        }
    }
}

/// A finding for bytes that are not the protocol.
#[must_use]
pub fn malformed(run: &Run, error: &sightline_wire::Malformed, bytes: &[u8]) -> Finding {
    run.fail(
        Reason::ProtocolError,
        format!(
            "{}: {error}; came: {}",
            run.doing(),
            text::first_bytes(bytes)
        ),
    )
}
