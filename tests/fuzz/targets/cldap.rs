//! An end of the search decides, wherever in the bytes it is, and nothing after it counts.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sightline_wire::cldap;

const DONE: &[u8] = b"\x30\x0c\x02\x01\x01\x65\x07\x0a\x01\x00\x04\x00\x04\x00";

fuzz_target!(|bytes: &[u8]| {
    match cldap::parse(bytes, 1) {
        Err(error) => assert!(error.at <= bytes.len(), "{error}"),
        Ok(None) => {
            let ended = cldap::parse(&[bytes, DONE].concat(), 1);
            assert!(matches!(ended, Ok(Some(_))), "{ended:?}");
        }
        Ok(Some(answer)) => {
            let longer = [bytes, b"\xff"].concat();
            assert_eq!(cldap::parse(&longer, 1), Ok(Some(answer)));
        }
    }
});
