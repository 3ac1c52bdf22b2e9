use super::*;

/// A value with these names behind the fixed part.
fn value(names: &[u8]) -> Vec<u8> {
    let mut value = vec![23, 0, 0, 0, 0xfd, 0x13, 0, 0];
    value.extend([0x11; 16]);
    value.extend(names);
    value.extend([5, 0, 0, 0, 0xff, 0xff, 0xff, 0xff]);
    value
}

fn refusal(names: &[u8]) -> Malformed {
    parse(Cursor::new(&value(names))).expect_err("a broken name")
}

/// Seven empty names, so that eight are there with the one before.
const REST: [u8; 7] = [0; 7];

#[test]
fn a_label_may_hold_dots_and_any_text() {
    let mut names = b"\x05base.\x02\xff!\x00".to_vec();
    names.extend(REST);
    let controller = parse(Cursor::new(&value(&names))).unwrap();
    assert_eq!(controller.forest, "base..\u{fffd}!");
}

#[test]
fn a_name_may_continue_in_an_earlier_one() {
    let mut names = b"\x01a\x01b\x00\x01c\xc0\x1a".to_vec();
    names.extend(&REST[1..]);
    let controller = parse(Cursor::new(&value(&names))).unwrap();
    assert_eq!(
        (controller.forest.as_str(), controller.domain.as_str()),
        ("a.b", "c.b")
    );
}

#[test]
fn a_pointer_that_does_not_lead_back_is_refused() {
    for (name, names) in [
        (
            "to itself",
            b"\xc0\x18\x00\x00\x00\x00\x00\x00\x00".as_slice(),
        ),
        ("forward", b"\xc0\x1a\x00\x00\x00\x00\x00\x00\x00"),
        (
            "to the labels before it",
            b"\x01a\xc0\x18\x00\x00\x00\x00\x00\x00",
        ),
        (
            "into the fixed part",
            b"\x00\xc0\x00\x00\x00\x00\x00\x00\x00",
        ),
        ("beyond the end", b"\xff\xff\x00\x00\x00\x00\x00\x00\x00"),
    ] {
        assert_eq!(
            refusal(names).expected,
            "a pointer to an earlier name",
            "{name}"
        );
    }
}

#[test]
fn two_pointers_to_each_other_are_refused() {
    let names = b"\x00\xc0\x1b\xc0\x19\x00\x00\x00\x00\x00";
    assert_eq!(refusal(names).expected, "a pointer to an earlier name");
}

#[test]
fn a_chain_of_pointers_ends_after_sixteen() {
    let chain = |pointers: u8| {
        let mut names = b"\x00".to_vec();
        names.extend([0xc0, 0x18]);
        for pointer in 1..pointers {
            names.extend([0xc0, 0x19 + 2 * (pointer - 1)]);
        }
        names
    };
    for (pointers, is_fine) in [(16, true), (17, false)] {
        let bytes = value(&chain(pointers));
        let last = bytes.len() - TRAILER - 2;
        let mut names = Names {
            value: Cursor::new(&bytes),
            next: Cursor::starting_at(&bytes[last..], last),
        };
        assert_eq!(names.name().is_ok(), is_fine, "{pointers}");
    }
}

#[test]
fn reserved_label_types_are_refused() {
    for length in [0x40, 0x7f, 0x80, 0xbf] {
        let names = [length, 0, 0, 0, 0, 0, 0, 0, 0];
        assert_eq!(
            refusal(&names).expected,
            "a label or a pointer",
            "{length:#x}"
        );
    }
}

#[test]
fn a_label_cannot_reach_into_the_trailer() {
    let names = b"\x00\x00\x00\x00\x00\x00\x00\x05abc";
    assert_eq!(refusal(names).expected, "a label within the names");
}

#[test]
fn names_end_at_255_bytes() {
    let mut names = Vec::new();
    for _ in 0..4 {
        names.push(63);
        names.extend([b'a'; 63]);
    }
    let longest = [names.as_slice(), &[0], &REST].concat();
    assert_eq!(
        parse(Cursor::new(&value(&longest))).unwrap().forest.len(),
        255
    );
    let longer = [names.as_slice(), &[1, b'a', 0], &REST].concat();
    assert_eq!(refusal(&longer).expected, "a name of up to 255 bytes");
}

#[test]
fn a_newer_server_may_tell_more() {
    let names = [[0; 8].as_slice(), b"whatever comes next"].concat();
    assert!(parse(Cursor::new(&value(&names))).is_ok());
}

#[test]
fn an_address_of_another_family_is_none() {
    let mut bytes = value(b"\0\0\0\0\0\0\0\0\x04\x17\x00\x00\x00");
    let version = bytes.len() - TRAILER;
    bytes[version] = 0x0d;
    assert_eq!(parse(Cursor::new(&bytes)).unwrap().address, None);
}

#[test]
fn flags_have_the_names_of_nltest() {
    let names = |bits| Flags(bits).names().join(" ");
    assert_eq!(
        names(0x13fd),
        "PDC GC DS LDAP KDC TIMESERV GTIMESERV WRITABLE CLOSE_SITE FULL_SECRET"
    );
    assert_eq!(
        names(0x28fc),
        "GC DS LDAP KDC TIMESERV CLOSE_SITE PARTIAL_SECRET WS"
    );
    assert_eq!(
        names(0x3_f37d & !0x37d),
        "FULL_SECRET WS DS_8 DS_9 DS_10 KEYLIST"
    );
    assert_eq!(
        names(0xe004_0002),
        "DNS_DC DNS_DOMAIN DNS_FOREST 0x2 0x40000"
    );
    assert_eq!(names(0), "");
}

#[test]
fn a_flag_is_contained_if_all_its_bits_are() {
    let flags = Flags(Flags::GC | Flags::LDAP);
    assert!(flags.contains(Flags::GC));
    assert!(!flags.contains(Flags::GC | Flags::KDC));
}
