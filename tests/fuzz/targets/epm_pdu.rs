//! What was said about bytes stays true when more come.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sightline_wire::epm::{self, Pdu};

fuzz_target!(|bytes: &[u8]| {
    let call_id = bytes
        .get(12..)
        .and_then(<[u8]>::first_chunk)
        .copied()
        .map_or(0, u32::from_le_bytes);
    let longer = [bytes, b"\x05"].concat();
    match epm::read_pdu(bytes, call_id) {
        Err(error) => {
            assert!(error.at <= bytes.len(), "{error}");
            assert_eq!(epm::read_pdu(&longer, call_id), Err(error));
        }
        Ok(None) => {
            assert!(bytes.len() < epm::ANSWER_MAX);
            let shorter = &bytes[..bytes.len() / 2];
            assert_eq!(epm::read_pdu(shorter, call_id), Ok(None));
        }
        Ok(Some((pdu, length))) => {
            if let Pdu::Response(stub) = &pdu {
                assert!(stub.len() + 24 <= length);
            }
            assert_eq!(epm::read_pdu(&bytes[..length - 1], call_id), Ok(None));
            assert_eq!(epm::read_pdu(&longer, call_id), Ok(Some((pdu, length))));
        }
    }
});
