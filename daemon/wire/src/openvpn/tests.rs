use super::*;
use crate::vectors::read;

const SESSION: [u8; 8] = [0x53, 0x47, 0x48, 0x54, 0, 0, 0, 1];

#[test]
fn the_reset_is_the_one_that_a_server_took() {
    assert_eq!(plain(&header(SESSION)), read("openvpn-req"));
}

#[test]
fn a_server_acknowledges_our_session() {
    let answer = parse(&read("openvpn-rep")).expect("a reset");
    assert_eq!(answer.to, Some(SESSION));
    let stream = read("openvpn-tcp-rep");
    let packet = unframe(&stream).expect("a length").expect("whole");
    assert_eq!(parse(packet).expect("a reset").to, Some(SESSION));
    assert_eq!(framed(packet), stream);
    assert_eq!(unframe(&stream[..stream.len() - 1]), Ok(None));
}

#[test]
fn a_packet_under_tls_auth_comes_apart_and_together() {
    for (vector, ours) in [
        ("openvpn-tlsauth-req", true),
        ("openvpn-tlsauth-rep", false),
    ] {
        let packet = read(vector);
        let sealed = open_auth(&packet, 20).expect("long enough");
        let again = auth(&sealed.header, sealed.code, &sealed.replay, sealed.rest);
        assert_eq!(again, packet);
        if ours {
            assert_eq!(sealed.header, header(SESSION));
            assert_eq!(sealed.rest, FIRST);
            assert_eq!(sealed.replay, replay(0x6b02_c152));
        } else {
            let answer = parse_opened(&sealed.header, sealed.rest).expect("a reset");
            assert_eq!(answer.to, Some(SESSION));
        }
    }
}

#[test]
fn a_packet_under_tls_crypt_comes_apart_and_together() {
    for vector in ["openvpn-tlscrypt-req", "openvpn-tlscrypt-rep"] {
        let packet = read(vector);
        let sealed = open_crypt(&packet).expect("long enough");
        let again = crypt(&sealed.header, &sealed.replay, sealed.code, sealed.rest);
        assert_eq!(again, packet);
    }
}

#[test]
fn other_packets_are_no_answer() {
    assert!(parse(&read("openvpn-req")).is_err(), "our own");
    assert!(parse(b"HTTP/1.1 400 Bad Request\r\n").is_err());
    assert!(unframe(b"HTTP/1.1 400").is_err());
    assert!(unframe(&[0x15, 0x03, 0x03]).is_err(), "an alert of TLS");
}
