//! How long packets to a domain controller may be: LDAP pings of the length that this box would send,
//! which no router may cut (DF). Where they are lost and short ones are not, TCP is asked what that
//! means to the flow.

mod ladder;

use std::io;
use std::time::Duration;

use sightline_model::{Finding, Phase, Reason};
use sightline_wire::cldap::Ping;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, timeout};

use super::{Ground, Kind, Thing};
use crate::net::pings::Pings;
use crate::net::{exchange, fault, ldap, socket};
use crate::run::{Probe, Run, Running, Task};
use ladder::{Size, Step, Try};

pub(super) const KIND: Kind = Kind {
    name: "mtu",
    help: "Sends LDAP pings as long as the interface takes, which no router may cut, and looks for the longest that is answered.",
    reasons: &[Reason::MtuBlackhole, Reason::NotTested],
    tasks,
};

/// The longest packet that is tried, whatever the interface takes: devices stand in Ethernet.
const ETHERNET: usize = 1500;

/// How long a first answer is waited for.
const FIRST_WAIT: Duration = Duration::from_secs(1);

/// How long TCP has for a long question or answer: a lost segment is repeated after 0.2, 0.6 and
/// 1.4 s (RFC 6298, with the least timeout of Linux).
const TCP_WAIT: Duration = Duration::from_secs(2);

/// A question that needs several segments of every usual size, in bytes.
const LONG_QUESTION: usize = 3000;

fn tasks(ground: &Ground<'_>, thing: &Thing) -> Vec<Task> {
    let (Thing::Controller { name, address }, Some(domain)) = (thing, ground.domain) else {
        return Vec::new();
    };
    let mtu = Mtu {
        domain: domain.to_owned(),
    };
    let port = ground.plan.ports.ldap;
    let mut task = ground.controller_task(KIND.name, (name, *address), ("udp", port), mtu);
    // Silence here is the matter of the LDAP ping.
    task.check.is_of_host = true;
    task.check.closed_as = Reason::CldapNoAnswer;
    vec![task]
}

#[derive(Debug)]
struct Mtu {
    domain: String,
}

impl Probe for Mtu {
    fn run<'a>(&'a self, run: &'a Run) -> Running<'a> {
        Box::pin(async move {
            run.enter(Phase::Request);
            match self.measured(run).await {
                Ok(measured) => Self::judged(run, measured).await,
                // Why nothing could be sent, or who refuses, is the matter of the LDAP ping.
                Err(error) => {
                    run.keep("not_measured", fault::describe(&error));
                    Ok(())
                }
            }
        })
    }
}

/// What the pings showed.
struct Measured {
    size: Size,
    /// The longest packet that this box would send.
    full: usize,
    /// Headers of IP and TCP.
    tcp_headers: usize,
    ping: Ping,
}

impl Mtu {
    async fn measured(&self, run: &Run) -> io::Result<Measured> {
        let peer = exchange::peer(run).map_err(|finding| io::Error::other(finding.detail))?;
        let mut pings = Pings::open(run.path(), peer, &self.domain)?;
        let mut full = ETHERNET;
        let size = loop {
            let tried: Vec<Try> = pings
                .sent()
                .iter()
                .map(|ping| Try {
                    size: ping.size,
                    is_answered: ping.round_trip.is_some(),
                })
                .collect();
            match ladder::next(full, pings.path_mtu(), &tried) {
                Step::Done(size) => break size,
                Step::Send(sizes) => full = round(&mut pings, &sizes, full).await?,
            }
        };
        Ok(Measured {
            size,
            full,
            tcp_headers: pings.headers() + 12,
            ping: pings.ping(1),
        })
    }

    async fn judged(run: &Run, measured: Measured) -> Result<(), Finding> {
        let Measured { size, full, .. } = measured;
        let keep = |key, size: usize| run.keep(key, u32::try_from(size).unwrap_or(u32::MAX));
        keep("sent_mtu_bytes", full);
        match size {
            Size::Whole => {
                keep("path_mtu_bytes", full);
                Ok(())
            }
            Size::Silent => {
                run.keep("not_measured", "the LDAP ping is not answered");
                Ok(())
            }
            Size::Scattered => {
                run.keep(
                    "not_measured",
                    "longer pings were answered and shorter ones lost",
                );
                Ok(())
            }
            Size::Unpadded => Err(not_measured(
                run,
                "the LDAP ping is answered, and none with padding, however short",
            )),
            Size::Lowered(told) => {
                keep("path_mtu_bytes", told);
                run.keep("told_by_router", true);
                lowered(run, &measured, told).await
            }
            Size::Hole {
                answered,
                lost,
                count,
            } => {
                let tcp = over_tcp(run, &measured).await;
                let packet = tcp.segment.map(|size| size + measured.tcp_headers);
                match packet.filter(|packet| tcp.arrives() && *packet >= lost) {
                    Some(packet) => keep("path_mtu_bytes", packet),
                    None => keep("path_mtu_bytes", answered),
                }
                run.keep("told_by_router", false);
                Err(hole(run, &measured, &tcp, (answered, lost, count)))
            }
        }
    }
}

/// A router says how much fits, and that does: what comes back may still be too long for a router
/// that says nothing.
async fn lowered(run: &Run, measured: &Measured, told: usize) -> Result<(), Finding> {
    let tcp = over_tcp(run, measured).await;
    if tcp.long_answer == Part::Lost && tcp.is_alive {
        let said = format!(
            "{} answers LDAP pings of {told} bytes, which fit as a router on the way says; but its long answer over TCP does not arrive (the whole rootDSE; {}): the controller is not told of the limit; {}",
            run.whom(),
            text_of(&tcp),
            clamping(told, measured)
        );
        return Err(run.fail(Reason::MtuBlackhole, said));
    }
    Ok(())
}

/// Long pings are lost and nobody says so. What that means to the flow, TCP tells: most of it goes over
/// TCP, which may have been made to send less at once.
fn hole(
    run: &Run,
    measured: &Measured,
    tcp: &Tcp,
    (answered, lost, count): (usize, usize, usize),
) -> Finding {
    let seen = format!(
        "{count} LDAP pings of {lost} to {} bytes with DF are lost on the way to {}, one of {answered} is answered, and no router said so",
        measured.full,
        run.whom()
    );
    let segments = text_of(tcp);
    if tcp.arrives() {
        let packet = tcp.segment.map(|segment| segment + measured.tcp_headers);
        return if packet.is_some_and(|packet| packet >= lost) {
            let why = format!(
                "{seen}; but TCP gets through with {segments}: somebody drops long LDAP pings only"
            );
            not_measured(run, &why)
        } else {
            let said = format!(
                "{seen}; TCP gets through with {segments}, so that only long datagrams suffer; let ICMP through"
            );
            run.warn(Reason::MtuBlackhole, said)
        };
    }
    let clamping = clamping(answered, measured);
    if tcp.is_alive && [tcp.long_question, tcp.long_answer].contains(&Part::Lost) {
        let said = format!(
            "{seen}; over TCP a long question or answer is lost, too ({segments}); {clamping}"
        );
        return run.fail(Reason::MtuBlackhole, said);
    }
    let said = format!("{seen}; whether TCP gets through could not be told; {clamping}");
    run.warn(Reason::MtuBlackhole, said)
}

/// What would mend it.
fn clamping(fits: usize, measured: &Measured) -> String {
    format!(
        "this box sends up to {}: let ICMP through, or set MSS clamping to {}",
        measured.full,
        fits.saturating_sub(measured.tcp_headers)
    )
}

fn text_of(tcp: &Tcp) -> String {
    match tcp.segment {
        Some(segment) => format!("segments of {segment} bytes"),
        None => "no connection".to_owned(),
    }
}

/// Nothing is said about the size, so that it is no second word about what others find.
fn not_measured(run: &Run, why: &str) -> Finding {
    let said = format!(
        "the size of the path to {} was not measured: {why}",
        run.whom()
    );
    run.info(Reason::NotTested, said)
}

/// Sends, and waits until all is answered or a router has said something, or for as long as an answer
/// may take. Returns the longest packet that this box sends.
async fn round(pings: &mut Pings, sizes: &[Option<usize>], mut full: usize) -> io::Result<usize> {
    let before = pings.sent().len();
    for size in sizes {
        match pings.send(*size).await {
            // The interface itself takes less.
            Err(error) if is_too_long(&error) && *size == Some(full) => {
                let fits = pings.path_mtu().unwrap_or_default();
                full = fits.min(full.saturating_sub(1));
                pings.send(Some(full)).await?;
            }
            sent => sent?,
        }
    }
    let known = pings.path_mtu();
    let begun = Instant::now();
    loop {
        let mut sent = pings.sent().iter().skip(before);
        if sent.all(|ping| ping.round_trip.is_some()) || pings.path_mtu() != known {
            return Ok(full);
        }
        // What has come while this process was kept from looking still counts.
        let (is_late, answered) = (
            begun.elapsed() >= patience(pings.quickest()),
            pings.answered(),
        );
        pings.hear().await?;
        if is_late && pings.answered() == answered {
            return Ok(full);
        }
    }
}

/// How long an answer is waited for, by how long the quickest took.
fn patience(quickest: Option<Duration>) -> Duration {
    quickest.map_or(FIRST_WAIT, |took| {
        (took * 2 + Duration::from_millis(250)).min(FIRST_WAIT)
    })
}

fn is_too_long(error: &io::Error) -> bool {
    error.raw_os_error() == Some(rustix::io::Errno::MSGSIZE.raw_os_error())
}

/// What became of a part of an exchange over TCP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Arrived,
    /// The connection stood, and nothing came.
    Lost,
    /// Something else was in the way.
    Unknown,
}

/// How TCP fares on the same path.
struct Tcp {
    /// Whether a short question is answered.
    is_alive: bool,
    long_question: Part,
    long_answer: Part,
    /// The longest segment that this box sends, in bytes without headers.
    segment: Option<usize>,
}

impl Tcp {
    fn arrives(&self) -> bool {
        self.long_question == Part::Arrived && self.long_answer == Part::Arrived
    }
}

/// Asks over TCP with a question, and for an answer, of several full segments, on connections of their
/// own, and with a short question to compare.
async fn over_tcp(run: &Run, measured: &Measured) -> Tcp {
    let ping = &measured.ping;
    let (short, long) = (ping.encode(), ping.encode_to(LONG_QUESTION));
    let (alive, question, answer) =
        tokio::join!(answered(run, &short), answered(run, &long), root_dse(run));
    Tcp {
        is_alive: alive.0 == Part::Arrived,
        long_question: question.0,
        long_answer: answer,
        segment: question.1,
    }
}

/// Whether anything comes back for a question, and the size of segments.
async fn answered(run: &Run, question: &[u8]) -> (Part, Option<usize>) {
    let (Some(mut stream), Some(limit)) = (connected(run).await, limit(run)) else {
        return (Part::Unknown, None);
    };
    let mut first = [0; 1];
    let exchange = async {
        stream.write_all(question).await?;
        stream.read(&mut first).await
    };
    let part = match timeout(limit, exchange).await {
        Ok(Ok(1)) => Part::Arrived,
        Ok(_) => Part::Unknown,
        Err(_elapsed) => Part::Lost,
    };
    (part, socket::segment_size(&stream))
}

/// Whether the whole rootDSE comes back, which is some kilobytes.
async fn root_dse(run: &Run) -> Part {
    let (Some(stream), Some(limit)) = (connected(run).await, limit(run)) else {
        return Part::Unknown;
    };
    match timeout(limit, ldap::root_dse(run, stream, &["*", "+"])).await {
        Ok(Ok(_)) => Part::Arrived,
        Ok(Err(_)) => Part::Unknown,
        Err(_elapsed) => Part::Lost,
    }
}

async fn connected(run: &Run) -> Option<tokio::net::TcpStream> {
    let peer = exchange::peer(run).ok()?;
    let connecting = socket::tcp(run.path(), peer);
    timeout(limit(run)?, connecting).await.ok()?.ok()
}

/// How long to wait, so that there is time for a sentence; `None` where that is too short to tell.
fn limit(run: &Run) -> Option<Duration> {
    let left = run.remaining().saturating_sub(Duration::from_millis(200));
    (left >= TCP_WAIT / 2).then(|| TCP_WAIT.min(left))
}
