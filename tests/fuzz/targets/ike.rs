//! What a gateway says is for our question only, and holds no more than came.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sightline_wire::ike::{self, Answer};

fuzz_target!(|bytes: &[u8]| {
    let spi: [u8; 8] = bytes.first_chunk().copied().unwrap_or_default();
    let other = spi.map(|byte| !byte);
    assert!(ike::parse(bytes, other).is_err());
    match ike::parse(bytes, spi) {
        Err(error) => assert!(error.at <= bytes.len(), "{error}"),
        Ok(answer) => {
            assert!(!ike::is_for_another(bytes, spi));
            assert!(ike::is_for_another(bytes, other));
            // The length in the message is that of the datagram.
            assert!(ike::parse(&bytes[..bytes.len() - 1], spi).is_err());
            match answer {
                Answer::Cookie(cookie) => assert!(cookie.len() < bytes.len()),
                Answer::Redirect(name) => assert!(name.len() <= 3 * 255),
                Answer::Accepted(_)
                | Answer::WantsGroup(_)
                | Answer::NoProposal
                | Answer::OtherVersion
                | Answer::Notify(_) => {}
            }
        }
    }
});
