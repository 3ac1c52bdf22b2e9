//! What the routers of a segment advertise to a client that asks (RFC 4861 §6.3.7). Nothing of this box
//! changes by it: the kernel takes or leaves advertisements as it is set to.

use std::io;
use std::net::{Ipv6Addr, SocketAddr, SocketAddrV6};
use std::time::Duration;

use sightline_model::{RouterAnswer, RouterPrefix};
use sightline_wire::ra::{self, Advertisement};
use socket2::{Domain, Protocol, SockFilter, Socket, Type};
use tokio::net::UdpSocket;
use tokio::time::{Instant, sleep_until};

/// All routers of the link.
const ROUTERS: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 2);

/// The hop limit that nobody beyond the link can make arrive (RFC 4861 §6.1).
const FROM_THE_LINK: u32 = 255;

/// Type of an advertisement.
const ADVERTISEMENT: u32 = 134;

/// The longest advertisement that is read, in bytes: none may come in fragments (RFC 6980), and this is a
/// large frame.
const ANSWER_MAX: usize = 9216;

/// As many routers are kept, and as many entries of each kind of one that says more and more.
const MOST_ROUTERS: usize = 16;
const MOST_ENTRIES: usize = 32;

/// When it is asked, counted from the start. A router takes up to half a second (RFC 4861 §6.2.6).
const SENDS: [Duration; 2] = [Duration::ZERO, Duration::from_millis(500)];

/// How long is waited where nobody answers.
const SILENCE: Duration = Duration::from_millis(1100);

/// Until when other routers may answer the first question, once one has.
const OTHERS: Duration = Duration::from_millis(650);

/// How long is waited for others after the first answer, at least.
const GRACE: Duration = Duration::from_millis(200);

/// From where it is asked.
#[derive(Clone, Debug)]
pub struct Client {
    /// The interface that the question leaves by, and answers come in by.
    pub interface: String,
    /// Its number.
    pub link: u32,
    /// Its hardware address.
    pub hardware: [u8; 6],
    /// Its link-local address.
    pub address: Ipv6Addr,
}

/// Asks all routers of the segment and takes what they advertise, by their addresses. One that was said by
/// two cards, of which one calls itself by the other's address, stands there twice.
///
/// # Errors
/// What the system says about the socket, the interface or the first send; `PermissionDenied` without
/// `CAP_NET_RAW`. Silence is none.
pub async fn ask(client: &Client) -> io::Result<Vec<RouterAnswer>> {
    let socket = open(client)?;
    let question = ra::solicitation(Some(client.hardware));
    let routers = SocketAddr::V6(SocketAddrV6::new(ROUTERS, 0, 0, client.link));
    let begun = Instant::now();
    let mut end = begun + SILENCE;
    let mut due = SENDS.map(|at| begun + at).into_iter().peekable();
    let mut answers: Vec<RouterAnswer> = Vec::new();
    let mut was_sent = false;
    let mut heard = vec![0; ANSWER_MAX];
    // Who floods us with advertisements must not keep us.
    while Instant::now() < end {
        let next = due.peek().filter(|_| answers.is_empty()).copied();
        let received = tokio::select! {
            biased;
            () = sleep_until(end) => break,
            () = sleep_until(next.unwrap_or(end)), if next.is_some() => {
                due.next();
                let sent = socket.send_to(&question, routers).await;
                // The second one may fail for a moment: the first is on its way.
                if let (Err(error), false) = (sent, was_sent) {
                    return Err(error);
                }
                was_sent = true;
                continue;
            }
            received = socket.recv_from(&mut heard) => received,
        };
        let Ok((length, SocketAddr::V6(from))) = received else {
            continue;
        };
        let said = heard.get(..length).map(ra::parse);
        let Some(Ok(said)) = said.filter(|_| from.ip().is_unicast_link_local()) else {
            continue;
        };
        if answers.is_empty() {
            let others = (begun + OTHERS).max(Instant::now() + GRACE);
            end = end.min(others);
        }
        take(&mut answers, answer(*from.ip(), &said));
    }
    answers.sort();
    Ok(answers)
}

/// A raw socket that hears advertisements of its own link only.
fn open(client: &Client) -> io::Result<UdpSocket> {
    let kind = Type::RAW.nonblocking().cloexec();
    let socket = Socket::new(Domain::IPV6, kind, Some(Protocol::ICMPV6))?;
    socket.attach_filter(&ADVERTISEMENTS_OF_THE_LINK)?;
    socket.bind_device(Some(client.interface.as_bytes()))?;
    socket.set_multicast_hops_v6(FROM_THE_LINK)?;
    socket.set_unicast_hops_v6(FROM_THE_LINK)?;
    socket.set_multicast_if_v6(client.link)?;
    socket.bind(&SocketAddrV6::new(client.address, 0, 0, client.link).into())?;
    let socket = UdpSocket::from_std(socket.into())?;
    // What came before the filter stood was not filtered. It cannot be much.
    for _ in 0..MOST_ENTRIES {
        if socket.try_recv(&mut [0; 1]).is_err() {
            break;
        }
    }
    Ok(socket)
}

/// A program for the kernel (linux/filter.h), as the received hop limit comes by no safe call of the
/// libraries here: the hop limit in the IPv6 header is 255, the type is that of an advertisement.
const ADVERTISEMENTS_OF_THE_LINK: [SockFilter; 6] = {
    const LOAD_BYTE: u16 = 0x30;
    const JUMP_IF_EQUAL: u16 = 0x15;
    const RETURN: u16 = 0x06;
    /// Offsets from here on count from the IPv6 header, others from the ICMPv6 message (`SKF_NET_OFF`).
    const NETWORK_HEADER: u32 = 0xfff0_0000;
    const HOP_LIMIT: u32 = 7;
    [
        SockFilter::new(LOAD_BYTE, 0, 0, NETWORK_HEADER + HOP_LIMIT),
        SockFilter::new(JUMP_IF_EQUAL, 0, 3, FROM_THE_LINK),
        SockFilter::new(LOAD_BYTE, 0, 0, 0),
        SockFilter::new(JUMP_IF_EQUAL, 0, 1, ADVERTISEMENT),
        SockFilter::new(RETURN, 0, 0, u32::MAX),
        SockFilter::new(RETURN, 0, 0, 0),
    ]
};

fn answer(router: Ipv6Addr, said: &Advertisement) -> RouterAnswer {
    let seconds = |seconds: u32| Duration::from_secs(seconds.into());
    let prefixes = said.prefixes.iter().map(|prefix| RouterPrefix {
        address: prefix.address,
        length: prefix.length,
        is_on_link: prefix.is_on_link,
        is_autonomous: prefix.is_autonomous,
        valid: seconds(prefix.valid),
    });
    let resolvers = said.resolvers.iter();
    let suffixes = said.suffixes.iter();
    RouterAnswer {
        router,
        hardware: said.hardware.map(in_words),
        lifetime: seconds(said.lifetime.into()),
        is_managed: said.is_managed,
        has_other: said.has_other,
        mtu: said.mtu,
        prefixes: prefixes.collect(),
        resolvers: resolvers.map(|(of, time)| (*of, seconds(*time))).collect(),
        search: suffixes
            .map(|(of, time)| (of.clone(), seconds(*time)))
            .collect(),
        portal_api_url: said.portal_api_url.clone(),
    }
}

/// As people and switches write it.
fn in_words(hardware: [u8; 6]) -> String {
    hardware.map(|byte| format!("{byte:02x}")).join(":")
}

/// A router may spread what it says over several advertisements (RFC 4861 §6.2.3), and the later word about the
/// same thing counts.
fn take(answers: &mut Vec<RouterAnswer>, new: RouterAnswer) {
    let is_same =
        |known: &RouterAnswer| known.router == new.router && known.hardware == new.hardware;
    if !answers.iter().any(is_same) && answers.len() < MOST_ROUTERS {
        answers.push(RouterAnswer {
            hardware: new.hardware.clone(),
            ..RouterAnswer::new(new.router)
        });
    }
    let Some(known) = answers.iter_mut().find(|known| is_same(known)) else {
        return;
    };
    known.lifetime = new.lifetime;
    known.is_managed = new.is_managed;
    known.has_other = new.has_other;
    known.mtu = new.mtu.or(known.mtu);
    update(&mut known.prefixes, new.prefixes, |prefix| {
        (prefix.address, prefix.length)
    });
    update(&mut known.resolvers, new.resolvers, |(resolver, _)| {
        *resolver
    });
    update(&mut known.search, new.search, |(suffix, _)| suffix.clone());
    known.portal_api_url = new.portal_api_url.or(known.portal_api_url.take());
}

fn update<T, K: PartialEq>(known: &mut Vec<T>, new: Vec<T>, key: impl Fn(&T) -> K) {
    for entry in new {
        if let Some(same) = known.iter_mut().find(|known| key(known) == key(&entry)) {
            *same = entry;
        } else if known.len() < MOST_ENTRIES {
            known.push(entry);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(hardware: u8, resolvers: &[(u16, u32)]) -> RouterAnswer {
        let resolver = |last| Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, last);
        let advertisement = Advertisement {
            hardware: Some([2, 0, 0, 0, 0, hardware]),
            lifetime: 1800,
            resolvers: resolvers
                .iter()
                .map(|(last, time)| (resolver(*last), *time))
                .collect(),
            ..Advertisement::default()
        };
        answer(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1), &advertisement)
    }

    fn handed_out(answers: &[RouterAnswer]) -> Vec<Vec<String>> {
        let of_one = |said: &RouterAnswer| said.handed_out().map(|of| of.to_string()).collect();
        answers.iter().map(of_one).collect()
    }

    #[test]
    fn what_a_router_says_in_parts_is_put_together_and_its_last_word_counts() {
        let mut answers = Vec::new();
        take(&mut answers, said(1, &[(0x53, 600)]));
        take(&mut answers, said(1, &[(0x54, 600)]));
        assert_eq!(handed_out(&answers), [["2001:db8::53", "2001:db8::54"]]);
        take(&mut answers, said(1, &[(0x53, 0)]));
        assert_eq!(handed_out(&answers), [["2001:db8::54"]]);
    }

    #[test]
    fn another_card_with_the_address_of_a_router_is_another_router() {
        let mut answers = Vec::new();
        take(&mut answers, said(1, &[(0x53, 600)]));
        take(&mut answers, said(2, &[(0x66, 600)]));
        assert_eq!(handed_out(&answers), [["2001:db8::53"], ["2001:db8::66"]]);
        assert_eq!(answers[1].place(), "fe80::1 (02:00:00:00:00:02)");
    }

    #[test]
    fn who_says_more_and_more_is_kept_within_bounds() {
        let mut answers = Vec::new();
        for number in 0..1000 {
            take(&mut answers, said(1, &[(number, 600)]));
            let card = u8::try_from(number % 256).expect("a byte");
            take(&mut answers, said(card, &[(0x53, 600)]));
        }
        assert_eq!(answers.len(), MOST_ROUTERS);
        assert!(
            answers
                .iter()
                .all(|said| said.resolvers.len() <= MOST_ENTRIES)
        );
    }
}
