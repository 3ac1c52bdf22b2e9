use super::*;
use crate::vectors::read;

fn answer(name: &str) -> Answer {
    let bytes = read(name);
    let message = unframe(&bytes)
        .unwrap_or_else(|error| panic!("{name}: {error}"))
        .unwrap_or_else(|| panic!("{name}: not complete"));
    parse(message).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn usual() -> Negotiated {
    Negotiated {
        dialect: 0x0311,
        signing_required: true,
        signing_enabled: true,
        server_guid: *b"dc1\0\0\0\0\0\0\0\0\0\0\0\0\0",
        capabilities: 7,
        max_transact: 8 << 20,
        max_read: 8 << 20,
        max_write: 8 << 20,
        system_time: Some((1_795_342_406, 329_128_000)),
        start_time: None,
    }
}

#[test]
fn the_request_offers_every_dialect_since_vista() {
    let mut client_guid = [0; 16];
    client_guid
        .iter_mut()
        .zip(0..)
        .for_each(|(byte, number)| *byte = number);
    let mut salt = [0; 32];
    salt.iter_mut()
        .zip(0..)
        .for_each(|(byte, number)| *byte = number);
    let request = Negotiate { client_guid, salt }.encode();
    assert_eq!(request, read("smb2-neg-req"));
}

#[test]
fn a_server_chooses_a_dialect_and_tells_its_time() {
    let expected = [
        ("smb2-neg-rep", usual()),
        (
            "smb2-neg-302-rep",
            Negotiated {
                dialect: 0x0302,
                system_time: Some((1_795_342_406, 362_642_000)),
                ..usual()
            },
        ),
        (
            "smb2-neg-wildcard-rep",
            Negotiated {
                dialect: 0x02ff,
                system_time: Some((1_795_342_406, 463_328_000)),
                ..usual()
            },
        ),
    ];
    for (name, negotiated) in expected {
        assert_eq!(answer(name), Answer::Negotiated(negotiated), "{name}");
    }
}

#[test]
fn a_refusal_carries_its_status() {
    for (name, status) in [
        ("smb2-neg-notsupported-rep", 0xc000_00bb),
        ("smb2-neg-invalidparam-rep", 0xc000_000d),
    ] {
        assert_eq!(answer(name), Answer::Refused { status }, "{name}");
    }
}

#[test]
fn a_wrong_offset_of_the_security_buffer_does_no_harm() {
    let Answer::Negotiated(negotiated) = answer("smb2-bad-secoff-rep") else {
        panic!("the fixed fields are whole");
    };
    assert_eq!(negotiated.dialect, 0x0311);
}

#[test]
fn a_message_that_is_cut_short_stays_incomplete() {
    assert_eq!(unframe(&read("smb2-bad-truncated-rep")), Ok(None));
}

#[test]
fn a_length_that_cannot_be_is_refused_before_the_message_comes() {
    for bytes in [
        [0, 1, 0, 1].as_slice(),
        &[0, 0xff, 0xff, 0xff],
        &[0x83, 0, 0, 1],
        &[0xff, 0xff, 0xff, 0xff],
        b"HTTP/1.1",
        b"H",
    ] {
        assert!(unframe(bytes).is_err(), "{bytes:x?}");
    }
    assert_eq!(unframe(&[0, 0, 0, 0]), Ok(Some([].as_slice())));
}

#[test]
fn an_answer_in_smb_1_is_told_apart() {
    assert_eq!(parse(b"\xffSMBr\0\0\0"), Ok(Answer::Smb1));
}

#[test]
fn what_is_not_the_answer_to_a_negotiate_is_malformed() {
    let whole = read("smb2-neg-rep");
    for (name, at, byte) in [
        ("another protocol", 0, 0xfd),
        ("a header of another size", 4, 65),
        ("another command", 12, 1),
        ("a request", 16, 0),
        ("a body of another size", 64, 64),
    ] {
        let mut message = whole[4..].to_vec();
        message[at] = byte;
        assert!(parse(&message).is_err(), "{name}");
    }
}

#[test]
fn the_request_itself_is_no_answer() {
    let request = read("smb2-neg-req");
    assert!(parse(&request[4..]).is_err());
}

#[test]
fn dialects_have_names() {
    for dialect in DIALECTS {
        assert!(dialect_name(dialect).starts_with("SMB "), "{dialect:#x}");
    }
    assert_eq!(dialect_name(0x0311), "SMB 3.1.1");
    assert_eq!(dialect_name(1), "an unknown dialect");
}
