use super::tower::{self, FLOOR_TCP};
use super::*;
use crate::vectors::read;

/// The call id that a vector carries.
fn call_id(bytes: &[u8]) -> u32 {
    Cursor::new(&bytes[12..]).u32_le("a call id").unwrap()
}

fn answer(name: &str) -> Pdu {
    let bytes = read(name);
    let (pdu, length) = read_pdu(&bytes, call_id(&bytes))
        .unwrap_or_else(|error| panic!("{name}: {error}"))
        .unwrap_or_else(|| panic!("{name}: not complete"));
    assert_eq!(length, bytes.len(), "{name}");
    pdu
}

fn stub(name: &str) -> Vec<u8> {
    match answer(name) {
        Pdu::Response(stub) => stub,
        other => panic!("{name}: {other:?}"),
    }
}

/// A response in fragments of these flags, each with these bytes.
fn fragments(parts: &[(u8, &[u8])]) -> Vec<u8> {
    let one = |(flags, stub): &(u8, &[u8])| {
        let mut bytes = pdu(RESPONSE, 2, &[&[0; 8], *stub].concat());
        bytes[3] = *flags;
        bytes
    };
    parts.iter().flat_map(one).collect()
}

#[test]
fn binds_are_encoded_as_the_mapper_and_netlogon_accept_them() {
    assert_eq!(bind(&EPM, 1), read("rpc-epm-bind-req"));
    assert_eq!(bind(&NETLOGON, 1), read("rpc-netlogon-bind-req"));
}

#[test]
fn a_question_to_the_mapper_names_the_interface() {
    assert_eq!(map_request(&NETLOGON, 2), read("rpc-epm-map-netlogon-req"));
    let lsarpc = Interface {
        name: "LSARPC",
        uuid: *b"\x78\x57\x34\x12\x34\x12\xcd\xab\xef\x00\x01\x23\x45\x67\x89\xab",
        major: 0,
        minor: 0,
    };
    assert_eq!(map_request(&lsarpc, 3), read("rpc-epm-map-lsarpc-req"));
    let drsuapi = Interface {
        name: "DRSUAPI",
        uuid: *b"\x35\x42\x51\xe3\x06\x4b\xd1\x11\xab\x04\x00\xc0\x4f\xc2\xdc\xd2",
        major: 4,
        minor: 0,
    };
    assert_eq!(map_request(&drsuapi, 4), read("rpc-epm-map-drsuapi-req"));
}

#[test]
fn a_tower_of_ours_leads_to_the_mapper() {
    let tower = tower::tower(&NETLOGON);
    assert_eq!(tower::tcp_port(Cursor::new(&tower)), Ok(Some(135)));
}

#[test]
fn binds_are_accepted_and_refused() {
    let ack = |result, reason| Pdu::BindAck { result, reason };
    for (name, expected) in [
        ("rpc-epm-bind-ack", ack(0, 0)),
        ("rpc-netlogon-bind-ack", ack(0, 0)),
        ("rpc-bind-rejected-ack", ack(2, 1)),
        ("rpc-bind-nak", Pdu::BindNak { reason: 4 }),
        (
            "rpc-fault",
            Pdu::Fault {
                status: 0x1c01_0002,
            },
        ),
    ] {
        assert_eq!(answer(name), expected, "{name}");
    }
}

#[test]
fn the_mapper_tells_ports_in_order() {
    for (name, ports, status) in [
        ("rpc-epm-map-netlogon-rep", [49152].as_slice(), 0),
        ("rpc-epm-map-lsarpc-rep", &[49153], 0),
        ("rpc-epm-map-drsuapi-rep", &[49153], 0),
        ("rpc-epm-map-two-rep", &[49670, 49671], 0),
        ("rpc-epm-map-unregistered-rep", &[], 0x16c9_a0d6),
    ] {
        let ports = ports.to_vec();
        assert_eq!(
            parse_map(&stub(name)),
            Ok(Mapping { ports, status }),
            "{name}"
        );
    }
}

#[test]
fn a_port_is_told_once() {
    let mut stub = stub("rpc-epm-map-two-rep");
    let second = stub
        .windows(2)
        .position(|bytes| bytes == 49671_u16.to_be_bytes())
        .expect("the second port");
    stub[second..second + 2].copy_from_slice(&49670_u16.to_be_bytes());
    assert_eq!(parse_map(&stub).unwrap().ports, [49670]);
}

#[test]
fn towers_that_do_not_lead_over_tcp_are_passed_over() {
    let mut stub = stub("rpc-epm-map-two-rep");
    let tcp = stub
        .windows(5)
        .position(|bytes| bytes == [1, 0, FLOOR_TCP, 2, 0])
        .expect("the floor of the first port");
    stub[tcp + 2] = 0x08;
    assert_eq!(parse_map(&stub).unwrap().ports, [49671]);
    stub[tcp + 2] = FLOOR_TCP;
    stub[tcp + 5..tcp + 7].fill(0);
    assert_eq!(parse_map(&stub).unwrap().ports, [49671], "port 0");
}

#[test]
fn a_null_pointer_has_no_tower() {
    let mut stub = vec![0; 20];
    for number in [1_u32, 4, 0, 1, 0, 0] {
        stub.extend(number.to_le_bytes());
    }
    let nothing = Mapping {
        ports: Vec::new(),
        status: 0,
    };
    assert_eq!(parse_map(&stub), Ok(nothing));
}

#[test]
fn more_towers_than_asked_for_are_refused() {
    let error = parse_map(&stub("rpc-bad-count-rep")).unwrap_err();
    assert_eq!(error.expected, "as many towers as were asked for at most");
}

#[test]
fn a_tower_longer_than_the_answer_is_refused() {
    for length in [77, 0x1_0000, u32::MAX] {
        let mut stub = stub("rpc-epm-map-netlogon-rep");
        let at = 20 + 4 * 5;
        stub[at..at + 4].copy_from_slice(&length.to_le_bytes());
        assert!(parse_map(&stub).is_err(), "capacity alone, {length}");
        stub[at + 4..at + 8].copy_from_slice(&length.to_le_bytes());
        assert!(parse_map(&stub).is_err(), "{length}");
    }
}

#[test]
fn a_floor_that_leaves_its_tower_is_refused() {
    let whole = stub("rpc-epm-map-netlogon-rep");
    let floors = 20 + 4 * 5 + 8;
    for (name, at, byte) in [
        ("more floors", floors, 6),
        ("a longer left side", floors + 3, 1),
        ("a longer right side", floors + 24, 1),
    ] {
        let mut stub = whole.clone();
        stub[at] = byte;
        assert!(parse_map(&stub).is_err(), "{name}");
    }
}

#[test]
fn a_fragment_that_does_not_come_to_its_end_stays_incomplete() {
    assert_eq!(read_pdu(&read("rpc-bad-fraglen-rep"), 2), Ok(None));
}

#[test]
fn fragments_are_put_together() {
    let bytes = fragments(&[(1, b"one "), (0, b"and "), (0, b""), (2, b"two")]);
    let whole = (Pdu::Response(b"one and two".to_vec()), bytes.len());
    assert_eq!(read_pdu(&bytes, 2), Ok(Some(whole)));
    for end in 0..bytes.len() {
        assert_eq!(read_pdu(&bytes[..end], 2), Ok(None), "{end}");
    }
}

#[test]
fn bytes_behind_an_answer_are_left() {
    let mut bytes = fragments(&[(3, b"whole")]);
    let length = bytes.len();
    bytes.extend(b"more");
    let answer = (Pdu::Response(b"whole".to_vec()), length);
    assert_eq!(read_pdu(&bytes, 2), Ok(Some(answer)));
}

#[test]
fn fragments_out_of_order_are_refused() {
    for parts in [
        [(0, b"".as_slice()), (2, b"")],
        [(2, b""), (1, b"")],
        [(1, b""), (1, b"")],
        [(1, b""), (3, b"")],
    ] {
        assert!(read_pdu(&fragments(&parts), 2).is_err(), "{parts:?}");
    }
    let mut mixed = fragments(&[(1, b"one")]);
    mixed.extend(pdu(FAULT, 2, &[0; 16]));
    assert!(read_pdu(&mixed, 2).is_err());
}

#[test]
fn only_a_response_comes_in_fragments() {
    let mut bytes = read("rpc-epm-bind-ack");
    bytes[3] = FIRST_FRAGMENT;
    assert!(read_pdu(&bytes, 1).is_err());
}

#[test]
fn fragments_without_an_end_are_refused_at_64_kib() {
    let mut bytes = fragments(&[(1, &[0; 4000])]);
    while bytes.len() <= ANSWER_MAX {
        bytes.extend(fragments(&[(0, &[0; 4000])]));
    }
    assert!(read_pdu(&bytes, 2).is_err());
    let nothing = fragments(&[(0, b"")]);
    let drip = [fragments(&[(1, b"")]), nothing.repeat(ANSWER_MAX / 24)].concat();
    assert!(read_pdu(&drip, 2).is_err());
}

#[test]
fn a_header_that_cannot_be_is_refused() {
    let whole = read("rpc-epm-bind-ack");
    for (name, at, byte) in [
        ("version 4", 0, 4),
        ("minor version 2", 1, 2),
        ("a request", 2, REQUEST),
        ("big-endian", 4, 0),
        ("a length below that of the header", 8, 15),
        ("authentication", 10, 8),
        ("another call", 12, 2),
        ("two results", 32, 2),
        ("another transfer syntax", 40, 0),
    ] {
        let mut bytes = whole.clone();
        bytes[at] = byte;
        assert!(read_pdu(&bytes, 1).is_err(), "{name}");
    }
    assert!(
        read_pdu(b"H", 1).is_err(),
        "another protocol, at its first byte"
    );
}

#[test]
fn a_secondary_address_that_leaves_the_answer_is_refused() {
    let mut bytes = read("rpc-epm-bind-ack");
    bytes[24..26].copy_from_slice(&u16::MAX.to_le_bytes());
    assert!(read_pdu(&bytes, 1).is_err());
}

#[test]
fn our_requests_are_no_answers() {
    for name in [
        "rpc-epm-bind-req",
        "rpc-epm-map-netlogon-req",
        "rpc-epm-map-lsarpc-req",
        "rpc-epm-map-drsuapi-req",
    ] {
        let bytes = read(name);
        assert!(read_pdu(&bytes, call_id(&bytes)).is_err(), "{name}");
    }
}
