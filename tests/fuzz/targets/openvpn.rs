//! The reset of a server is read alike over UDP, over TCP and out of its seals, and what is taken apart
//! goes together again.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sightline_wire::openvpn;

fuzz_target!(|bytes: &[u8]| {
    let plain = openvpn::parse(bytes);
    if let Err(error) = &plain {
        assert!(error.at <= bytes.len(), "{error}");
    }
    if let Some((header, rest)) = bytes.split_first_chunk::<9>() {
        let opened = openvpn::parse_opened(header, rest);
        assert_eq!(opened.ok(), plain.clone().ok());
    }
    if (14..=2048).contains(&bytes.len()) {
        let framed = openvpn::framed(bytes);
        assert_eq!(openvpn::unframe(&framed), Ok(Some(bytes)));
        assert_eq!(openvpn::unframe(&framed[..framed.len() - 1]), Ok(None));
    }
    if let Ok(Some(packet)) = openvpn::unframe(bytes) {
        assert!(packet.len() + 2 <= bytes.len());
    }
    for length in [20, 32, 48, 64] {
        if let Ok(sealed) = openvpn::open_auth(bytes, length) {
            let again = openvpn::auth(&sealed.header, sealed.code, &sealed.replay, sealed.rest);
            assert_eq!(again, bytes);
        }
    }
    if let Ok(sealed) = openvpn::open_crypt(bytes) {
        let again = openvpn::crypt(&sealed.header, &sealed.replay, sealed.code, sealed.rest);
        assert_eq!(again, bytes);
    }
});
