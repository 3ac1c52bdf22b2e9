//! A message is as long as it says, and a refusal in it reads like the same refusal alone.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sightline_wire::kpasswd::{self, Answer};

fuzz_target!(|bytes: &[u8]| match kpasswd::parse(bytes) {
    Err(error) => assert!(error.at <= bytes.len(), "{error}"),
    Ok(answer) => {
        assert!(kpasswd::parse(&bytes[..bytes.len() - 1]).is_err());
        assert!(kpasswd::parse(&[bytes, b"\0"].concat()).is_err());
        let is_framed = bytes[0] != 0x7e;
        if is_framed {
            let length = u16::from_be_bytes([bytes[0], bytes[1]]);
            assert_eq!(usize::from(length), bytes.len());
        }
        if matches!(answer, Answer::Error(..)) && is_framed {
            assert_eq!(kpasswd::parse(&bytes[6..]), Ok(answer));
        }
    }
});
