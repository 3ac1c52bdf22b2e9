use super::*;
use crate::vectors::{self, names, read};

fn pass(bytes: &[u8]) -> Result<Vec<Vec<u8>>, Malformed> {
    Guard::default().push(bytes)
}

/// A message with this number, operation and whatever comes behind it.
fn message(message_id: i64, rest: &[Vec<u8>]) -> Vec<u8> {
    let mut parts = vec![ber::integer(ber::INTEGER, message_id)];
    parts.extend(rest.iter().cloned());
    ber::constructed(ber::SEQUENCE, &parts)
}

fn octets(content: &[u8]) -> Vec<u8> {
    ber::element(ber::OCTET_STRING, content)
}

fn result(tag: u8, code: i64, more: &[Vec<u8>]) -> Vec<u8> {
    let mut parts = vec![
        ber::integer(ber::ENUMERATED, code),
        octets(b""),
        octets(b""),
    ];
    parts.extend(more.iter().cloned());
    ber::constructed(tag, &parts)
}

fn attribute(name: &[u8], values: &[Vec<u8>]) -> Vec<u8> {
    ber::constructed(
        ber::SEQUENCE,
        &[octets(name), ber::constructed(ber::SET, values)],
    )
}

fn entry(name: &[u8], attributes: &[Vec<u8>]) -> Vec<u8> {
    ber::constructed(
        SEARCH_ENTRY,
        &[octets(name), ber::constructed(ber::SEQUENCE, attributes)],
    )
}

#[test]
fn a_root_dse_passes_as_it_came() {
    let bytes = read("ldap-rootdse-rep");
    let messages = pass(&bytes).unwrap();
    assert_eq!(messages.len(), 2);
    assert_eq!(messages.concat(), bytes);
    assert!(messages[1].ends_with(b"\x65\x07\x0a\x01\x00\x04\x00\x04\x00"));
}

#[test]
fn the_end_of_a_search_that_is_refused_passes() {
    let bytes = read("ldap-scp-anon-denied-rep");
    assert_eq!(pass(&bytes), Ok(vec![bytes]));
}

#[test]
fn messages_pass_when_their_last_byte_comes() {
    let bytes = read("ldap-rootdse-rep");
    let mut guard = Guard::default();
    let mut passed = Vec::new();
    for (number, byte) in bytes.iter().enumerate() {
        for message in guard.push(&[*byte]).unwrap() {
            passed.extend(message);
            assert_eq!(passed, bytes[..=number]);
        }
    }
    assert_eq!(passed, bytes);
}

#[test]
fn every_kind_that_a_search_can_get_passes() {
    let uri = octets(b"ldap://dc2.corp.example.test/");
    let control = ber::constructed(
        ber::SEQUENCE,
        &[
            octets(b"1.2.840.113556.1.4.319"),
            ber::element(ber::BOOLEAN, &[0xff]),
            octets(b"\x30\x00"),
        ],
    );
    let bare_control = ber::constructed(ber::SEQUENCE, &[octets(b"1.2.3")]);
    let controls = ber::constructed(0xa0, &[control, bare_control]);
    for (name, bytes) in [
        ("an empty entry", message(1, &[entry(b"", &[])])),
        (
            "values of any bytes",
            message(
                1,
                &[entry(
                    b"dc=x",
                    &[attribute(b"guid", &[octets(b"\xff\0"), octets(b"")])],
                )],
            ),
        ),
        (
            "an attribute without values",
            message(7, &[entry(b"", &[attribute(b"member", &[])])]),
        ),
        ("a result", message(1, &[result(SEARCH_DONE, 32, &[])])),
        (
            "a referral",
            message(
                1,
                &[result(
                    SEARCH_DONE,
                    10,
                    &[ber::constructed(0xa3, &[uri.clone()])],
                )],
            ),
        ),
        (
            "a result with controls",
            message(1, &[result(SEARCH_DONE, 0, &[]), controls]),
        ),
        (
            "a reference",
            message(
                1,
                &[ber::constructed(SEARCH_REFERENCE, &[uri.clone(), uri])],
            ),
        ),
        (
            "an intermediate response",
            message(
                1,
                &[ber::constructed(
                    INTERMEDIATE_RESPONSE,
                    &[ber::element(0x80, b"1.2.3"), ber::element(0x81, b"\xff")],
                )],
            ),
        ),
        (
            "the largest number",
            message(0x7fff_ffff, &[result(SEARCH_DONE, 0, &[])]),
        ),
    ] {
        assert_eq!(pass(&bytes), Ok(vec![bytes]), "{name}");
    }
}

#[test]
fn a_notice_of_disconnection_passes_in_both_forms() {
    let oid = ber::element(0x8a, b"1.3.6.1.4.1.1466.20036");
    let by_the_book = message(0, &[result(EXTENDED_RESPONSE, 52, &[oid.clone()])]);
    let active_directory = message(0, &[result(EXTENDED_RESPONSE, 52, &[]), oid]);
    for bytes in [by_the_book, active_directory] {
        assert_eq!(pass(&bytes), Ok(vec![bytes]));
    }
}

#[test]
fn answers_to_what_was_not_asked_are_refused() {
    for name in names("ldap-bind-").into_iter().chain([
        "ldap-anonbind-rep".to_owned(),
        "ldap-starttls-rep".to_owned(),
        "ldap-rootdse-req".to_owned(),
        "ldap-starttls-req".to_owned(),
        "ldap-unbind-req".to_owned(),
        "ldap-anonbind-req".to_owned(),
        "ldap-scp-search-req".to_owned(),
    ]) {
        assert!(pass(&read(&name)).is_err(), "{name}");
    }
}

#[test]
fn the_seven_bytes_that_stop_ldap3_are_refused() {
    assert!(pass(&[0x30, 0x05, 0x02, 0x01, 0x01, 0x67, 0x00]).is_err());
}

#[test]
fn what_ldap3_would_panic_on_is_refused() {
    let done = result(SEARCH_DONE, 0, &[]);
    let long_id = ber::element(ber::INTEGER, &[0, 0, 0, 0, 1]);
    let long_code = ber::element(ber::ENUMERATED, &[0; 5]);
    let control = |parts: &[Vec<u8>]| {
        let control = ber::constructed(ber::SEQUENCE, parts);
        message(1, &[done.clone(), ber::constructed(0xa0, &[control])])
    };
    let done_of = |parts: &[Vec<u8>]| message(1, &[ber::constructed(SEARCH_DONE, parts)]);
    let zero = ber::integer(ber::ENUMERATED, 0);
    let binary = octets(b"\xff");
    let constructed_octets = ber::constructed(0x24, &[octets(b"a")]);
    for (name, bytes) in [
        ("an empty message", vec![0x30, 0]),
        ("no operation", message(1, &[])),
        (
            "no number",
            ber::constructed(ber::SEQUENCE, &[done.clone()]),
        ),
        (
            "an empty number",
            ber::constructed(
                ber::SEQUENCE,
                &[ber::element(ber::INTEGER, b""), done.clone()],
            ),
        ),
        (
            "a long number",
            ber::constructed(ber::SEQUENCE, &[long_id, done.clone()]),
        ),
        ("a negative number", message(-1, &[done.clone()])),
        ("number 0 for a result", message(0, &[done.clone()])),
        ("number 0 for an entry", message(0, &[entry(b"", &[])])),
        (
            "an extended response to a request",
            message(1, &[result(EXTENDED_RESPONSE, 0, &[])]),
        ),
        (
            "the name of a notice behind a result",
            message(1, &[done.clone(), ber::element(0x8a, b"1")]),
        ),
        (
            "a primitive operation",
            message(1, &[ber::element(0x45, b"\x0a\x01\x00")]),
        ),
        (
            "a universal tag as operation",
            message(1, &[ber::element(0x04, b"")]),
        ),
        (
            "a second operation",
            message(1, &[done.clone(), done.clone()]),
        ),
        ("an empty result", done_of(&[])),
        (
            "a result with an integer as code",
            done_of(&[ber::integer(ber::INTEGER, 0), octets(b""), octets(b"")]),
        ),
        (
            "a result with a long code",
            done_of(&[long_code, octets(b""), octets(b"")]),
        ),
        (
            "a result with a negative code",
            done_of(&[ber::integer(ber::ENUMERATED, -1), octets(b""), octets(b"")]),
        ),
        (
            "a result without a message",
            done_of(&[zero.clone(), octets(b"")]),
        ),
        (
            "a matched name that is not UTF-8",
            done_of(&[zero.clone(), binary.clone(), octets(b"")]),
        ),
        (
            "a message that is not UTF-8",
            done_of(&[zero.clone(), octets(b""), binary.clone()]),
        ),
        (
            "a constructed message",
            done_of(&[zero.clone(), octets(b""), constructed_octets.clone()]),
        ),
        (
            "a bit string where ldap3 looks for a referral",
            done_of(&[
                zero.clone(),
                octets(b""),
                octets(b""),
                ber::element(ber::BIT_STRING, b"\0"),
            ]),
        ),
        (
            "a primitive referral",
            done_of(&[
                zero.clone(),
                octets(b""),
                octets(b""),
                ber::element(0x83, b"a"),
            ]),
        ),
        (
            "a referral that is not UTF-8",
            done_of(&[
                zero.clone(),
                octets(b""),
                octets(b""),
                ber::constructed(0xa3, &[binary.clone()]),
            ]),
        ),
        (
            "constructed credentials",
            done_of(&[
                zero,
                octets(b""),
                octets(b""),
                ber::constructed(0xa7, &[octets(b"")]),
            ]),
        ),
        (
            "an empty entry",
            message(1, &[ber::constructed(SEARCH_ENTRY, &[])]),
        ),
        (
            "an entry without attributes",
            message(1, &[ber::constructed(SEARCH_ENTRY, &[octets(b"")])]),
        ),
        (
            "an entry with a name that is not UTF-8",
            message(1, &[entry(b"\xff", &[])]),
        ),
        (
            "a primitive attribute",
            message(1, &[entry(b"", &[octets(b"")])]),
        ),
        (
            "an empty attribute",
            message(1, &[entry(b"", &[ber::constructed(ber::SEQUENCE, &[])])]),
        ),
        (
            "an attribute without a set",
            message(
                1,
                &[entry(
                    b"",
                    &[ber::constructed(ber::SEQUENCE, &[octets(b"a")])],
                )],
            ),
        ),
        (
            "an attribute whose name is not UTF-8",
            message(1, &[entry(b"", &[attribute(b"\xff", &[])])]),
        ),
        (
            "a constructed value",
            message(
                1,
                &[entry(
                    b"",
                    &[attribute(b"a", &[constructed_octets.clone()])],
                )],
            ),
        ),
        (
            "an empty reference",
            message(1, &[ber::constructed(SEARCH_REFERENCE, &[])]),
        ),
        (
            "a reference that is not UTF-8",
            message(1, &[ber::constructed(SEARCH_REFERENCE, &[binary.clone()])]),
        ),
        (
            "an intermediate response of an unknown kind",
            message(
                1,
                &[ber::constructed(
                    INTERMEDIATE_RESPONSE,
                    &[ber::element(0x82, b"")],
                )],
            ),
        ),
        (
            "primitive controls",
            message(1, &[done.clone(), ber::element(0x80, b"")]),
        ),
        ("an empty control", control(&[])),
        ("a control whose type is not UTF-8", control(&[binary])),
        (
            "a control with an empty boolean",
            control(&[octets(b"1"), ber::element(ber::BOOLEAN, b"")]),
        ),
        (
            "a control with a number",
            control(&[octets(b"1"), ber::integer(ber::INTEGER, 1)]),
        ),
        (
            "a control with a constructed value",
            control(&[octets(b"1"), constructed_octets]),
        ),
    ] {
        assert!(pass(&bytes).is_err(), "{name}");
    }
}

#[test]
fn nesting_is_refused_however_deep() {
    for depth in [3, 13, 8_000, 100_000] {
        let bomb = vectors::nested_sequences(depth);
        assert!(pass(&bomb).is_err(), "{depth}");
        assert!(parse_start_tls(&bomb).is_err(), "{depth}");
    }
}

#[test]
fn lengths_that_ldap_does_not_allow_are_refused_with_their_first_bytes() {
    for (name, bytes) in [
        ("an indefinite length", [0x30, 0x80].as_slice()),
        ("a length of five bytes", &[0x30, 0x85]),
        (
            "a length of four gibibytes",
            &[0x30, 0x84, 0xff, 0xff, 0xff, 0xff],
        ),
        ("a message above 256 KiB", &[0x30, 0x83, 0x04, 0x00, 0x00]),
        ("another protocol", b"H"),
    ] {
        assert!(pass(bytes).is_err(), "{name}");
    }
}

#[test]
fn an_indefinite_length_inside_is_refused() {
    let bytes = [0x30, 0x09, 0x02, 0x01, 0x01, 0x65, 0x80, 0, 0, 0, 0];
    assert_eq!(pass(&bytes).unwrap_err().at, 6);
}

#[test]
fn an_element_that_leaves_its_parent_is_refused_though_the_bytes_are_there() {
    let mut bytes = message(1, &[result(SEARCH_DONE, 0, &[])]);
    bytes[6] += 1;
    bytes.extend(read("ldap-rootdse-rep"));
    assert_eq!(pass(&bytes).unwrap_err().at, 7);
}

#[test]
fn a_message_may_have_256_kib_and_a_session_1_mib() {
    let value = vec![0; MESSAGE_MAX - 100];
    let mut large = message(1, &[entry(b"", &[attribute(b"a", &[octets(&value)])])]);
    assert!(large.len() <= MESSAGE_MAX);
    let mut guard = Guard::default();
    for _ in 0..4 {
        assert_eq!(guard.push(&large).map(|messages| messages.len()), Ok(1));
    }
    large.truncate(1000);
    assert_eq!(guard.push(&large).unwrap_err().at, SESSION_MAX);
}

#[test]
fn nothing_passes_after_an_error() {
    let good = message(1, &[result(SEARCH_DONE, 0, &[])]);
    let mut guard = Guard::default();
    assert_eq!(guard.push(&good), Ok(vec![good.clone()]));
    let error = guard.push(b"H").unwrap_err();
    assert_eq!(error.at, good.len(), "places count from the beginning");
    assert_eq!(guard.push(&good), Err(error));
}

#[test]
fn start_tls_is_asked_for_in_31_bytes() {
    assert_eq!(start_tls_request(1), read("ldap-starttls-req"));
}

#[test]
fn start_tls_is_granted_or_refused() {
    let answer = |bytes: &[u8]| parse_start_tls(bytes).map(|answer| answer.map(|it| it.code));
    assert_eq!(answer(&read("ldap-starttls-rep")), Ok(Some(0)));
    let refused = message(1, &[result(EXTENDED_RESPONSE, 52, &[])]);
    assert_eq!(answer(&refused), Ok(Some(52)));
    assert_eq!(answer(&refused[..refused.len() - 1]), Ok(None));
    let notice = message(0, &[result(EXTENDED_RESPONSE, 51, &[])]);
    assert_eq!(answer(&notice), Ok(Some(51)));
}

#[test]
fn a_notice_of_disconnection_cannot_grant_start_tls() {
    let notice = message(0, &[result(EXTENDED_RESPONSE, 0, &[])]);
    assert!(parse_start_tls(&notice).is_err());
}

#[test]
fn start_tls_has_no_other_answer() {
    for bytes in [
        message(1, &[result(SEARCH_DONE, 0, &[])]),
        message(1, &[]),
        read("ldap-starttls-req"),
        b"\x16\x03\x01".to_vec(),
        vec![0x30, 0x80],
    ] {
        assert!(parse_start_tls(&bytes).is_err(), "{bytes:x?}");
    }
}

#[test]
fn the_clock_of_a_root_dse_can_be_read() {
    assert_eq!(generalized_time("20261122101106.0Z"), Some(1_795_342_266));
    assert_eq!(generalized_time("20261122101106.0+0100"), None);
    assert_eq!(generalized_time("today"), None);
}
