use ldap3_lber::parse::parse_tag;
use ldap3_lber::structure::PL;
use proptest::prelude::*;

use super::*;

#[test]
fn an_indefinite_length_or_one_of_more_than_four_bytes_is_malformed() {
    for bytes in [
        [0x30, 0x80, 0, 0, 0, 0, 0, 0],
        [0x30, 0x85, 0, 0, 0, 0, 1, 0],
        [0x30, 0xff, 0, 0, 0, 0, 1, 0],
    ] {
        let error = Cursor::new(&bytes).element().unwrap_err();
        assert_eq!(error.at, 1, "{bytes:x?}");
        assert_eq!(Cursor::new(&bytes).element_length().unwrap_err().at, 1);
    }
}

#[test]
fn a_tag_number_above_30_is_malformed() {
    for tag in [0x1f, 0x3f, 0x5f, 0x7f, 0x9f, 0xbf, 0xdf, 0xff] {
        assert!(Cursor::new(&[tag, 1, 0]).element().is_err(), "{tag:#x}");
    }
}

#[test]
fn a_child_that_leaves_its_parent_is_malformed_though_the_bytes_are_there() {
    let bytes = [0x30, 0x03, 0x04, 0x02, b'a', b'b', b'c'];
    let mut parent = Cursor::new(&bytes).enter(SEQUENCE, "a parent").unwrap();
    assert_eq!(parent.element().unwrap_err().at, 4);
}

#[test]
fn a_length_of_four_gibibytes_is_malformed_and_reserves_nothing() {
    let bytes = [0x04, 0x84, 0xff, 0xff, 0xff, 0xff, 1, 2, 3];
    assert!(Cursor::new(&bytes).element().is_err());
    assert_eq!(
        Cursor::new(&bytes).element_length(),
        Ok(Some(6 + 0xffff_ffff))
    );
}

#[test]
fn a_length_may_be_longer_than_it_has_to_be() {
    for bytes in [
        [0x04, 0x81, 0x01, b'a'].as_slice(),
        &[0x04, 0x82, 0, 0x01, b'a'],
        &[0x04, 0x83, 0, 0, 0x01, b'a'],
        &[0x04, 0x84, 0, 0, 0, 0x01, b'a'],
    ] {
        let element = Cursor::new(bytes).element().unwrap();
        assert_eq!(element.content.rest(), b"a", "{bytes:x?}");
    }
}

#[test]
fn the_length_of_an_element_is_known_once_its_header_is_there() {
    let bytes = element(OCTET_STRING, &[7; 300]);
    for end in 0..4 {
        let beginning = Cursor::new(&bytes[..end]);
        assert_eq!(beginning.element_length(), Ok(None), "{end}");
    }
    assert_eq!(Cursor::new(&bytes[..4]).element_length(), Ok(Some(304)));
    assert_eq!(Cursor::new(&bytes).element_length(), Ok(Some(304)));
}

#[test]
fn integers_without_content_or_beyond_64_bits_are_malformed() {
    for bytes in [
        [0x02, 0x00].as_slice(),
        &[0x02, 0x09, 1, 2, 3, 4, 5, 6, 7, 8, 9],
        &[0x04, 0x01, 1],
        &[],
    ] {
        assert!(
            Cursor::new(bytes).integer(INTEGER, "a number").is_err(),
            "{bytes:x?}"
        );
    }
    let mut too_large = Cursor::new(&[0x02, 0x02, 0x01, 0x00]);
    assert!(too_large.integer_in::<u8>(INTEGER, "a byte").is_err());
}

#[test]
fn integers_take_the_fewest_bytes() {
    for (value, bytes) in [
        (0, [0x02, 0x01, 0x00].as_slice()),
        (127, &[0x02, 0x01, 0x7f]),
        (128, &[0x02, 0x02, 0x00, 0x80]),
        (-1, &[0x02, 0x01, 0xff]),
        (-128, &[0x02, 0x01, 0x80]),
        (-129, &[0x02, 0x02, 0xff, 0x7f]),
        (
            i64::MAX,
            &[0x02, 0x08, 0x7f, 255, 255, 255, 255, 255, 255, 255],
        ),
        (i64::MIN, &[0x02, 0x08, 0x80, 0, 0, 0, 0, 0, 0, 0]),
    ] {
        assert_eq!(integer(INTEGER, value), bytes, "{value}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_integer_survives_the_wire(value: i64) {
        let bytes = integer(ENUMERATED, value);
        prop_assert_eq!(Cursor::new(&bytes).integer(ENUMERATED, "a number"), Ok(value));
    }

    #[test]
    fn an_element_survives_the_wire_and_another_library_reads_it_the_same(
        length in prop_oneof![0..300_usize, 65_000..70_000_usize],
        byte: u8,
    ) {
        let content = vec![byte; length];
        let bytes = element(OCTET_STRING, &content);
        let read = Cursor::new(&bytes).enter(OCTET_STRING, "an element").unwrap();
        prop_assert_eq!(read.rest(), content.as_slice());
        let (rest, tag) = parse_tag(&bytes, 2).unwrap();
        prop_assert!(rest.is_empty());
        prop_assert_eq!(tag.payload, PL::P(content));
    }
}
