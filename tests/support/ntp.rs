//! A clock on port 123 (RFC 5905 §7.3).

use std::time::{SystemTime, UNIX_EPOCH};

use super::behaviour::{Answer, Protocol};

/// UDP 123.
pub(crate) struct Clock {
    /// Seconds that it is ahead.
    pub(crate) ahead: i64,
    /// 0 is a kiss of death, 16 not synchronised.
    pub(crate) stratum: u8,
}

impl Protocol for Clock {
    fn answer(&self, received: &mut Vec<u8>) -> Option<Answer> {
        let request = std::mem::take(received);
        let cookie = request.get(40..48)?;
        let mut packet = vec![0x24, self.stratum, 6, 0xe9];
        packet.extend([0; 8]);
        packet.extend(if self.stratum == 0 {
            *b"RATE"
        } else {
            [10, 0, 0, 1]
        });
        packet.extend(self.now());
        packet.extend(cookie);
        packet.extend(self.now());
        packet.extend(self.now());
        Some(Answer::new(packet))
    }

    /// The answer to another cookie.
    fn mistake_id(&self, answer: &mut [u8]) {
        if let Some(byte) = answer.get_mut(24) {
            *byte ^= 0x55;
        }
    }
}

impl Clock {
    fn now(&self) -> [u8; 8] {
        const NTP_EPOCH: i64 = 2_208_988_800;
        let since = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .expect("this machine knows that it is after 1970");
        let seconds = i64::try_from(since.as_secs()).expect("this era fits");
        let [.., a, b, c, d] = (seconds + NTP_EPOCH + self.ahead).to_be_bytes();
        let fraction = (u64::from(since.subsec_nanos()) << 32) / 1_000_000_000;
        let [.., e, f, g, h] = fraction.to_be_bytes();
        [a, b, c, d, e, f, g, h]
    }
}
