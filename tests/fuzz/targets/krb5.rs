//! A message is whole and alone: neither a byte less nor a byte more is one.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sightline_wire::krb5::{self, Reply};

fuzz_target!(|bytes: &[u8]| {
    let framed = krb5::frame(bytes);
    if bytes.len() <= krb5::MESSAGE_MAX {
        assert_eq!(krb5::unframe(&framed), Ok(Some(bytes)));
    }
    if let Err(error) = krb5::nonce_of_reply(bytes) {
        assert!(error.at <= bytes.len(), "{error}");
    }
    match krb5::parse(bytes) {
        Err(error) => assert!(error.at <= bytes.len(), "{error}"),
        Ok(reply) => {
            assert!(krb5::parse(&bytes[..bytes.len() - 1]).is_err());
            assert!(krb5::parse(&[bytes, b"\0"].concat()).is_err());
            check(&reply, bytes.len());
        }
    }
});

fn check(reply: &Reply, length: usize) {
    match reply {
        Reply::Ticket {
            realm,
            client,
            salts,
            sealed,
        } => {
            assert!(realm.len() + client.len() <= 3 * length);
            assert!(salts.len() + sealed.cipher.len() <= length);
            // Whoever has the key may say anything, too.
            let _nonce = krb5::nonce_of_reply(&sealed.cipher);
        }
        Reply::Error(error) => {
            assert!(error.server_time.micros < 1_000_000);
            assert!(error.salts.len() + error.padata.len() <= length);
            assert!(error.nt_status.is_none() || length > 12);
        }
    }
}
