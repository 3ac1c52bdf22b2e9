//! Only the fixed part of an answer decides, so that no offset in it can lead anywhere.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sightline_wire::smb2::{self, Answer};

const HEADER: usize = 64;
const FIXED_PART: usize = 128;

fuzz_target!(|bytes: &[u8]| {
    match smb2::unframe(bytes) {
        Err(error) => assert!(error.at <= bytes.len(), "{error}"),
        Ok(None) => assert!(bytes.len() < 4 + smb2::MESSAGE_MAX),
        Ok(Some(message)) => {
            assert_eq!(message, &bytes[4..4 + message.len()]);
            check(message);
        }
    }
});

fn check(message: &[u8]) {
    let answer = match smb2::parse(message) {
        Err(error) => {
            assert!(error.at <= message.len(), "{error}");
            return;
        }
        Ok(answer) => answer,
    };
    let decisive = match &answer {
        Answer::Smb1 => 4,
        Answer::Refused { status } => {
            assert_ne!(*status, 0);
            HEADER
        }
        Answer::Negotiated(negotiated) => {
            let nanos = negotiated.system_time.map_or(0, |(_, nanos)| nanos);
            assert!(nanos < 1_000_000_000);
            FIXED_PART
        }
    };
    assert!(smb2::parse(&message[..decisive - 1]).is_err());
    assert_eq!(smb2::parse(&message[..decisive]), Ok(answer));
}
