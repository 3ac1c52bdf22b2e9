//! A time is near the clock that it is read by, in every era, and never taken from an answer to
//! another question.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sightline_wire::ntp::{self, Answer};

const NEAR: i64 = 1_795_342_500;
const ERA: i64 = 1 << 32;

fuzz_target!(|bytes: &[u8]| {
    let cookie: [u8; 8] = bytes
        .get(24..)
        .and_then(<[u8]>::first_chunk)
        .copied()
        .unwrap_or_default();
    match ntp::parse(bytes, cookie, NEAR) {
        Err(error) => assert!(error.at <= bytes.len(), "{error}"),
        Ok(answer) => {
            let other = cookie.map(|byte| !byte);
            assert!(ntp::parse(bytes, other, NEAR).is_err());
            assert_eq!(ntp::parse(&bytes[..48], cookie, NEAR), Ok(answer.clone()));
            assert!(ntp::parse(&bytes[..47], cookie, NEAR).is_err());
            check(&answer, bytes, cookie);
        }
    }
});

fn check(answer: &Answer, bytes: &[u8], cookie: [u8; 8]) {
    match answer {
        Answer::KissOfDeath(code) => {
            assert!(matches!(code.len(), 1..=4) && bytes[1] == 0);
        }
        Answer::Unsynchronised(sample) => {
            assert!(sample.leap == 3 || !matches!(sample.stratum, 1..=15));
        }
        Answer::Time(sample) => {
            assert!(sample.leap != 3 && matches!(sample.stratum, 1..=15));
            let seconds = sample.transmit.unix_seconds();
            assert!((seconds - NEAR as f64).abs() <= ERA as f64 / 2.0 + 1.0);
            let Ok(Answer::Time(later)) = ntp::parse(bytes, cookie, NEAR + ERA) else {
                panic!("a time in every era");
            };
            let shift = later.transmit.unix_seconds() - seconds;
            assert!((shift - ERA as f64).abs() < 1e-3, "{shift}");
        }
    }
}
