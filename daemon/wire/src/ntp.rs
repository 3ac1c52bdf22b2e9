//! NTP as a client: one question without state, RFC 5905 §7.3 and §14.
//!
//! The transmit timestamp of the question is a random cookie and not our time: the answer repeats
//! it as its origin, which no stranger can guess, and our clock stays ours (RFC 5905 §15 names the
//! check).

use crate::Malformed;
use crate::cursor::Cursor;

/// Leap 0, version 4, mode 3 (client).
const CLIENT: u8 = 0x23;
const SERVER_MODE: u8 = 4;
/// Leap indicator "clock not synchronised".
const ALARM: u8 = 3;
/// Strata from here on are not synchronised: RFC 5905 figure 11.
const STRATUM_MAX: u8 = 16;
const PACKET_SIZE: usize = 48;

/// Seconds between 1900, where era 0 begins, and 1970.
const NTP_EPOCH: i64 = 2_208_988_800;
const ERA: i64 = 1 << 32;

/// The question, RFC 5905 §7.3. `cookie` is random.
#[must_use]
pub fn request(cookie: [u8; 8]) -> [u8; PACKET_SIZE] {
    let mut packet = [0; PACKET_SIZE];
    if let Some(first) = packet.first_mut() {
        *first = CLIENT;
    }
    if let Some(transmit) = packet.last_chunk_mut() {
        *transmit = cookie;
    }
    packet
}

/// What a server says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// The time.
    Time(Sample),
    /// The server is there, but its own clock follows no other: what it says is not to be used.
    Unsynchronised(Sample),
    /// A kiss of death (RFC 5905 §7.4), such as `RATE` or `DENY`: no time, and the wish to be
    /// asked less or never.
    KissOfDeath(String),
}

/// What an answer tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sample {
    /// Leap indicator: 0 none, 1 and 2 a leap second today, 3 not synchronised.
    pub leap: u8,
    /// 1 for a reference clock, 2 to 15 for its followers, 0 and 16 for none.
    pub stratum: u8,
    /// Reference identifier: an IPv4 address, or four letters at stratum 1.
    pub reference: [u8; 4],
    /// When the question arrived, by the server's clock.
    pub receive: Timestamp,
    /// When the answer left, by the server's clock.
    pub transmit: Timestamp,
}

/// A moment on a server's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp {
    /// Since 1970.
    seconds: i64,
    /// In units of 2^-32 seconds.
    fraction: u32,
}

impl Timestamp {
    /// Seconds since 1970, exact to a microsecond for the next centuries.
    #[must_use]
    pub fn unix_seconds(self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "exact up to 2^53 seconds")]
        let seconds = self.seconds as f64;
        seconds + f64::from(self.fraction) / 4_294_967_296.0
    }

    /// Reads a timestamp, whose seconds begin anew every 136 years (next in 2036), in the era
    /// that puts it nearest to `near`: RFC 5905 §6. `None` if it says "unknown".
    fn read(packet: &mut Cursor<'_>, near: i64) -> Result<Option<Self>, Malformed> {
        let seconds = packet.u32_be("the seconds of a timestamp")?;
        let fraction = packet.u32_be("the fraction of a timestamp")?;
        if (seconds, fraction) == (0, 0) {
            return Ok(None);
        }
        let ahead = (i64::from(seconds) - NTP_EPOCH - near.rem_euclid(ERA)).rem_euclid(ERA);
        let distance = if ahead < ERA / 2 { ahead } else { ahead - ERA };
        Ok(Some(Self {
            seconds: near.saturating_add(distance),
            fraction,
        }))
    }
}

/// Whether a server's answer is to another request than the one with `cookie`: it is somebody
/// else's, and to be dropped. What is no answer of a server is ours to complain about.
#[must_use]
pub fn is_for_another(datagram: &[u8], cookie: [u8; 8]) -> bool {
    const ORIGIN: usize = 24;
    let is_answer = datagram.first().is_some_and(|first| is_server(*first));
    is_answer
        && datagram.len() >= PACKET_SIZE
        && datagram.get(ORIGIN..ORIGIN + cookie.len()) != Some(cookie.as_slice())
}

/// Some servers answer in version 3 whatever the version of the question.
fn is_server(first: u8) -> bool {
    first & 7 == SERVER_MODE && matches!((first >> 3) & 7, 3 | 4)
}

/// Reads the answer to the request with `cookie`. `near` is a time within 68 years of the
/// server's, in seconds since 1970.
///
/// # Errors
/// If it is not an answer of a server, or answers another question.
pub fn parse(bytes: &[u8], cookie: [u8; 8], near: i64) -> Result<Answer, Malformed> {
    let mut packet = Cursor::new(bytes);
    let start = packet;
    let first = packet.u8("an NTP packet")?;
    let leap = first >> 6;
    if !is_server(first) {
        return Err(start.malformed("a server's answer in version 3 or 4"));
    }
    let stratum = packet.u8("a stratum")?;
    let _poll_precision_delay_dispersion = packet.array::<10>("delay and dispersion")?;
    let reference = packet.array("a reference identifier")?;
    let _reference_time = packet.array::<8>("a reference timestamp")?;
    let before = packet;
    if packet.array("an origin timestamp")? != cookie {
        return Err(before.malformed("the timestamp of our request as the origin"));
    }
    let receive = Timestamp::read(&mut packet, near)?;
    let before_transmit = packet;
    let transmit = Timestamp::read(&mut packet, near)?;
    if let Some(code) = kiss_code(stratum, reference) {
        return Ok(Answer::KissOfDeath(code));
    }
    let (Some(receive), Some(transmit)) = (receive, transmit) else {
        return Err(before_transmit.malformed("known times of receipt and transmission"));
    };
    let sample = Sample {
        leap,
        stratum,
        reference,
        receive,
        transmit,
    };
    Ok(if leap == ALARM || !(1..STRATUM_MAX).contains(&stratum) {
        Answer::Unsynchronised(sample)
    } else {
        Answer::Time(sample)
    })
}

/// Up to four ASCII letters or digits at stratum 0, filled up with zeros: RFC 5905 §7.4.
fn kiss_code(stratum: u8, reference: [u8; 4]) -> Option<String> {
    let code = std::str::from_utf8(&reference).ok()?.trim_end_matches('\0');
    let is_code = !code.is_empty() && code.bytes().all(|byte| byte.is_ascii_graphic());
    (stratum == 0 && is_code).then(|| code.to_owned())
}

/// How far the server's clock is ahead of ours, in seconds: RFC 5905 §8. `sent` and `received` are
/// by our clock, `receive` and `transmit` by the server's.
#[must_use]
pub fn offset(sent: f64, receive: f64, transmit: f64, received: f64) -> f64 {
    f64::midpoint(receive - sent, transmit - received)
}

#[cfg(test)]
mod tests;
