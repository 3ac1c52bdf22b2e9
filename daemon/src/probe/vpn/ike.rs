//! IKEv2 as far as its first answer (RFC 7296 §1.2), on UDP 500 and, behind the marker, on UDP 4500.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use aws_lc_rs::digest;
use sightline_model::{Finding, Phase, Reason, Severity};
use sightline_wire::ike::{self, Accepted, Answer, Chosen, NON_ESP_MARKER, Question};
use tokio::net::UdpSocket;
use tokio::time::{Instant, sleep_until};

use super::{Silence, meaning, udp};
use crate::net::{exchange, fault};
use crate::run::Run;
use crate::text;

/// UDP port of IKE.
pub(super) const PORT: u16 = 500;

/// When the question is sent to each of the two ports: four packets a run.
const SENDS: [Duration; 2] = [Duration::ZERO, Duration::from_secs(1)];

/// The largest answer that is read, in octets.
const MOST: usize = 4096;

const SILENCE: &str = "a filter drops it, the gateway is down, or it answers nobody that it does not know, as some do";

/// Asks on both ports. Whatever the gateway says in its protocol, it lives.
pub(super) async fn ask(
    run: &Run,
    peer: SocketAddr,
    behind_nat: Option<u16>,
) -> Result<(), Finding> {
    // Where a gateway was moved to the port of NAT, the marker belongs there as well.
    let is_marked = peer.port() == super::BEHIND_NAT;
    let share = if behind_nat.is_some() { 0.5 } else { 1.0 };
    let first = knock(run, peer, is_marked, ike::USUAL_GROUP, share).await;
    let Some(port) = behind_nat else {
        return alone(run, peer, first);
    };
    // A gateway that takes the first question has to remember it for a while; the second one is made
    // so that it need not.
    let group = match first {
        Ok(Answer::Accepted(_)) => ike::UNUSUAL_GROUP,
        _ => ike::USUAL_GROUP,
    };
    let second = SocketAddr::new(peer.ip(), port);
    let second = knock(run, second, true, group, 1.0).await;
    run.enter(Phase::Response);
    let ports = (peer.port(), port);
    keep(run, "udp_500", &first);
    keep(run, "udp_4500", &second);
    match (first, second) {
        (Ok(first), Ok(second)) => verdict(run, &[first, second]),
        (Err(lost), Err(other)) if lost.severity == Severity::Inconclusive => {
            Err(if other.severity > lost.severity {
                other
            } else {
                lost
            })
        }
        (Err(lost), Err(_)) => Err(lost),
        (Ok(_), Err(lost)) => Err(half(
            &lost,
            format!(
                "{}: UDP {} answers and UDP {} does not: a client that goes on to {1}, as behind NAT, gets no tunnel; {}",
                run.whom(),
                ports.0,
                ports.1,
                lost.detail
            ),
        )),
        (Err(lost), Ok(_)) => Err(half(
            &lost,
            format!(
                "{}: UDP {} answers and UDP {} does not, where clients begin; {}",
                run.whom(),
                ports.1,
                ports.0,
                lost.detail
            ),
        )),
    }
}

fn alone(run: &Run, peer: SocketAddr, heard: Result<Answer, Finding>) -> Result<(), Finding> {
    run.enter(Phase::Response);
    keep(
        run,
        if peer.port() == super::BEHIND_NAT {
            "udp_4500"
        } else {
            "udp_500"
        },
        &heard,
    );
    verdict(run, &[heard?])
}

/// One of two ports: what is wrong with it, in more words.
fn half(lost: &Finding, detail: String) -> Finding {
    Finding {
        detail,
        ..lost.clone()
    }
}

/// Asks one port within its share of the time that is left.
async fn knock(
    run: &Run,
    peer: SocketAddr,
    is_marked: bool,
    group: u16,
    share: f32,
) -> Result<Answer, Finding> {
    let socket = udp(run, peer)?;
    let local = socket
        .local_addr()
        .map_err(|error| fault::finding(run, &error))?;
    let question = question(local, peer, group);
    let message = ike::request(&question);
    let datagram = if is_marked {
        [&NON_ESP_MARKER, message.as_slice()].concat()
    } else {
        message
    };
    let limit = run
        .remaining()
        .saturating_sub(Duration::from_millis(100))
        .mul_f32(share);
    let heard = tokio::time::timeout(
        limit,
        answer(run, &socket, &datagram, is_marked, question.spi),
    );
    let answer = match heard.await {
        Ok(answer) => answer,
        Err(_elapsed) => Err(run.fail(
            Reason::ReadTimeout,
            format!(
                "{}: nothing came back from UDP {} within {}",
                run.whom(),
                peer.port(),
                shown(limit)
            ),
        )),
    }
    .map_err(|finding| meaning(run, finding, Silence::Means(SILENCE)))?;
    if let Answer::Accepted(accepted) = &answer {
        keep_accepted(run, accepted, &question, local, peer);
    }
    Ok(answer)
}

async fn answer(
    run: &Run,
    socket: &UdpSocket,
    datagram: &[u8],
    is_marked: bool,
    spi: [u8; 8],
) -> Result<Answer, Finding> {
    let begun = Instant::now();
    let mut due = SENDS.map(|delay| begun + delay).into_iter().peekable();
    let mut buffer = vec![0; MOST];
    loop {
        let next = due.peek().copied();
        tokio::select! {
            biased;
            received = socket.recv(&mut buffer) => {
                let length = received.map_err(|error| fault::finding(run, &error))?;
                let bytes = buffer.get(..length).unwrap_or_default();
                let message = if is_marked {
                    // Without the marker it is no message of IKE but a packet of somebody's tunnel.
                    let Some(message) = bytes.strip_prefix(&NON_ESP_MARKER) else { continue };
                    message
                } else {
                    bytes
                };
                if !ike::is_for_another(message, spi) {
                    return ike::parse(message, spi)
                        .map_err(|error| exchange::malformed(run, &error, bytes));
                }
            }
            () = sleep_until(next.unwrap_or(begun)), if next.is_some() => {
                due.next();
                socket.send(datagram).await.map_err(|error| fault::finding(run, &error))?;
            }
        }
    }
}

fn question(local: SocketAddr, peer: SocketAddr, group: u16) -> Question {
    let mut spi: [u8; 8] = rand::random();
    // Zero stands for an exchange that nobody has answered yet.
    if spi == [0; 8] {
        spi = [1; 8];
    }
    let halves: [[u8; 32]; 8] = rand::random();
    let mut public = [0; 256];
    public.copy_from_slice(halves.as_flattened());
    // Below the prime, whose first bit is set; and not 0 or 1.
    if let Some(first) = public.first_mut() {
        *first = *first & 0x7f | 0x40;
    }
    Question {
        spi,
        group,
        public,
        nonce: rand::random(),
        source: nat_hash(spi, [0; 8], local),
        destination: nat_hash(spi, [0; 8], peer),
    }
}

fn nat_hash(spi: [u8; 8], responder: [u8; 8], at: SocketAddr) -> [u8; 20] {
    let octets = match at.ip() {
        IpAddr::V4(v4) => v4.octets().to_vec(),
        IpAddr::V6(v6) => v6.octets().to_vec(),
    };
    let input = ike::nat_input(spi, responder, &octets, at.port());
    let hash = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, &input);
    hash.as_ref().first_chunk().copied().unwrap_or_default()
}

fn keep(run: &Run, key: &'static str, heard: &Result<Answer, Finding>) {
    match heard {
        Ok(answer) => run.keep(key, said(answer)),
        Err(finding) => run.keep(key, finding.reason.code()),
    }
    match heard {
        Ok(Answer::WantsGroup(group)) => run.keep("group_wanted", u32::from(*group)),
        Ok(Answer::Cookie(cookie)) => {
            let hex: String = cookie
                .iter()
                .take(64)
                .map(|octet| format!("{octet:02x}"))
                .collect();
            run.keep("cookie", hex);
        }
        Ok(Answer::Redirect(to)) => run.keep("redirect", text::foreign(to)),
        _ => {}
    }
}

/// What is to be learned from a proposal that was accepted.
fn keep_accepted(
    run: &Run,
    accepted: &Accepted,
    question: &Question,
    local: SocketAddr,
    peer: SocketAddr,
) {
    run.keep("proposal", proposal(&accepted.chosen));
    let differs = |theirs: Option<[u8; 20]>, at: SocketAddr| {
        theirs.map(|theirs| theirs != nat_hash(question.spi, accepted.spi, at))
    };
    for (key, is_behind) in [
        ("nat_before_this_box", differs(accepted.destination, local)),
        ("nat_before_gateway", differs(accepted.source, peer)),
    ] {
        if let Some(is_behind) = is_behind {
            run.keep(key, is_behind);
        }
    }
}

fn said(answer: &Answer) -> String {
    match answer {
        Answer::Accepted(_) => "accepts a proposal".to_owned(),
        Answer::Cookie(_) => "asks for its cookie first".to_owned(),
        Answer::WantsGroup(group) => format!("wants group {group}"),
        Answer::NoProposal => "accepts no proposal".to_owned(),
        Answer::OtherVersion => "speaks another version".to_owned(),
        Answer::Redirect(_) => "sends elsewhere".to_owned(),
        Answer::Notify(number) => format!("answers with notify {number}"),
    }
}

/// Every answer is one of a gateway that lives; one of them says that it does not speak IKEv2.
fn verdict(run: &Run, answers: &[Answer]) -> Result<(), Finding> {
    if answers.contains(&Answer::OtherVersion) {
        return Err(run.fail(
            Reason::VpnRefused,
            format!(
                "{} lives and speaks another version of IKE, not IKEv2",
                run.whom()
            ),
        ));
    }
    Ok(())
}

/// The names that administrators use for the numbers of IANA.
fn proposal(chosen: &Chosen) -> String {
    let encryption = chosen.encryption.map(|(id, bits)| {
        let name = match id {
            3 => "3des".to_owned(),
            12 => "aes-cbc".to_owned(),
            20 => "aes-gcm-16".to_owned(),
            id => format!("encryption {id}"),
        };
        bits.map_or_else(|| name.clone(), |bits| format!("{name}-{bits}"))
    });
    let sha = |id: u16, what: &str| match id {
        2 => format!("{what} sha1"),
        5 | 12 => format!("{what} sha2-256"),
        6 | 13 => format!("{what} sha2-384"),
        7 | 14 => format!("{what} sha2-512"),
        id => format!("{what} {id}"),
    };
    [
        encryption,
        chosen.integrity.map(|id| sha(id, "integrity")),
        chosen.prf.map(|id| sha(id, "prf")),
        chosen.group.map(|id| format!("group {id}")),
    ]
    .into_iter()
    .flatten()
    .collect::<Vec<_>>()
    .join(", ")
}

fn shown(limit: Duration) -> String {
    text::duration(Duration::from_secs(limit.as_secs().max(1)))
}
