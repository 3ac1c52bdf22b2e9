//! Consent to TLS comes from an answer with the number of a request, and what follows it does not
//! count.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sightline_wire::ldap;

fuzz_target!(|bytes: &[u8]| {
    let longer = [bytes, b"\x16"].concat();
    match ldap::parse_start_tls(bytes) {
        Err(error) => assert!(error.at <= bytes.len(), "{error}"),
        Ok(None) => assert!(bytes.len() < ldap::MESSAGE_MAX),
        Ok(Some(answer)) => {
            assert!(answer.message.len() <= bytes.len());
            if answer.code == 0 {
                let mut disconnection = bytes.to_vec();
                let number = bytes
                    .iter()
                    .position(|&byte| byte == 0x02)
                    .expect("the message id");
                let length = usize::from(bytes[number + 1]);
                if length <= 4 {
                    disconnection[number + 2..][..length].fill(0);
                    let refused = ldap::parse_start_tls(&disconnection);
                    assert!(refused.is_err(), "{refused:?}");
                }
            }
            assert_eq!(ldap::parse_start_tls(&longer), Ok(Some(answer)));
        }
    }
});
