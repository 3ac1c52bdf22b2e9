use super::*;
use crate::ldap::Guard;
use crate::vectors::{names, read};

/// A message with the number 1, and these bytes for operation and controls.
fn message(rest: &[u8]) -> Vec<u8> {
    numbered(b"\x02\x01\x01", rest)
}

fn numbered(number: &[u8], rest: &[u8]) -> Vec<u8> {
    ber::element(ber::SEQUENCE, &[number, rest].concat())
}

fn pass(bytes: &[u8]) -> Result<Vec<Vec<u8>>, Malformed> {
    Guard::default().push(bytes)
}

/// A whole SearchResultDone with the code 0.
const DONE: &[u8] = b"\x65\x07\x0a\x01\x00\x04\x00\x04\x00";

#[test]
fn every_kind_that_a_search_can_get_passes() {
    for (name, rest) in [
        ("an empty entry", b"\x64\x04\x04\x00\x30\x00".as_slice()),
        (
            "an attribute without values",
            b"\x64\x0b\x04\x00\x30\x07\x30\x05\x04\x01a\x31\x00",
        ),
        (
            "values of any bytes",
            b"\x64\x11\x04\x00\x30\x0d\x30\x0b\x04\x01a\x31\x06\x04\x02\xff\x00\x04\x00",
        ),
        ("a result", DONE),
        (
            "a referral",
            b"\x65\x10\x0a\x01\x0a\x04\x00\x04\x00\xa3\x07\x04\x05ldap:",
        ),
        (
            "a reference to two servers",
            b"\x73\x0e\x04\x05ldap:\x04\x05ldap:",
        ),
        ("an empty intermediate response", b"\x79\x00"),
        (
            "an intermediate response",
            b"\x79\x08\x80\x031.2\x81\x01\xff",
        ),
        (
            "a result with controls",
            b"\x65\x07\x0a\x01\x00\x04\x00\x04\x00\
              \xa0\x13\x30\x0a\x04\x01\x31\x01\x01\xff\x04\x02\x30\x00\x30\x05\x04\x031.2",
        ),
        (
            "an empty list of controls",
            b"\x64\x04\x04\x00\x30\x00\xa0\x00",
        ),
    ] {
        let bytes = message(rest);
        assert_eq!(pass(&bytes), Ok(vec![bytes]), "{name}");
    }
    let largest = numbered(b"\x02\x04\x7f\xff\xff\xff", DONE);
    assert_eq!(pass(&largest), Ok(vec![largest]));
}

#[test]
fn a_notice_of_disconnection_passes_in_both_forms() {
    for (name, rest) in [
        (
            "as RFC 4511 has it",
            b"\x78\x0c\x0a\x01\x34\x04\x00\x04\x00\x8a\x031.3".as_slice(),
        ),
        (
            "as Active Directory has it",
            b"\x78\x07\x0a\x01\x34\x04\x00\x04\x00\x8a\x031.3",
        ),
    ] {
        let bytes = numbered(b"\x02\x01\x00", rest);
        assert_eq!(pass(&bytes), Ok(vec![bytes]), "{name}");
    }
}

#[test]
fn answers_to_what_was_not_asked_are_refused() {
    let binds = names("ldap-bind-");
    assert_eq!(binds.len(), 8);
    let others = [
        "ldap-anonbind-rep",
        "ldap-starttls-rep",
        "ldap-rootdse-req",
        "ldap-starttls-req",
        "ldap-unbind-req",
        "ldap-anonbind-req",
        "ldap-scp-search-req",
    ];
    for name in binds.iter().map(String::as_str).chain(others) {
        assert!(pass(&read(name)).is_err(), "{name}");
    }
}

#[test]
fn the_answer_to_a_bind_passes_once_and_before_everything_else() {
    let done = message(DONE);
    for name in names("ldap-bind-").iter().map(String::as_str) {
        let bytes = read(name);
        let id = i32::from(bytes[bytes.iter().position(|&byte| byte == 0x02).unwrap() + 2]);
        let mut guard = Guard::binding(id);
        assert_eq!(guard.push(&bytes), Ok(vec![bytes.clone()]), "{name}");
        assert_eq!(guard.push(&done), Ok(vec![done.clone()]), "{name}");
        assert!(guard.push(&bytes).is_err(), "{name} a second time");
        assert!(Guard::binding(id + 1).push(&bytes).is_err(), "{name}");
    }
    let bound = b"\x61\x07\x0a\x01\x00\x04\x00\x04\x00".as_slice();
    let with_credentials = b"\x61\x0a\x0a\x01\x00\x04\x00\x04\x00\x87\x01\xff".as_slice();
    for rest in [bound, with_credentials] {
        let bytes = message(rest);
        assert_eq!(Guard::binding(1).push(&bytes), Ok(vec![bytes]));
    }
    let notice = numbered(b"\x02\x01\x00", b"\x78\x07\x0a\x01\x34\x04\x00\x04\x00");
    assert_eq!(Guard::binding(1).push(&notice), Ok(vec![notice]));
    for (name, bytes) in [
        ("a result of a search", done),
        ("an entry", message(b"\x64\x04\x04\x00\x30\x00")),
        ("a reference", message(b"\x73\x07\x04\x05ldap:")),
        ("an intermediate response", message(b"\x79\x00")),
        (
            "a bind without a message",
            message(b"\x61\x05\x0a\x01\x00\x04\x00"),
        ),
        (
            "constructed credentials",
            message(b"\x61\x0b\x0a\x01\x00\x04\x00\x04\x00\xa7\x02\x04\x00"),
        ),
        (
            "a name as of an extended response",
            message(b"\x61\x0a\x0a\x01\x00\x04\x00\x04\x00\x8a\x011"),
        ),
        (
            "a message that is not UTF-8",
            message(b"\x61\x08\x0a\x01\x00\x04\x00\x04\x01\xff"),
        ),
        ("the number 0", numbered(b"\x02\x01\x00", bound)),
        ("another number", numbered(b"\x02\x01\x02", bound)),
    ] {
        assert!(Guard::binding(1).push(&bytes).is_err(), "{name}");
    }
}

#[test]
fn results_tell_code_and_message() {
    for (name, code, part) in [
        ("ldap-anonbind-rep", 0, ""),
        (
            "ldap-bind-strongauth-rep",
            8,
            "Transport encryption required.",
        ),
        ("ldap-bind-52e-rep", 49, "data 52e,"),
        ("ldap-bind-533-rep", 49, "data 533,"),
        ("ldap-bind-701-rep", 49, "data 701,"),
        ("ldap-bind-773-rep", 49, "data 773,"),
        ("ldap-bind-win-775-rep", 49, "data 775,"),
        ("ldap-bind-win-cbt-rep", 49, "data 80090346,"),
        ("ldap-bind-win-signing-rep", 8, "integrity checking"),
        ("ldap-scp-anon-denied-rep", 1, "without authentication"),
        ("ldap-starttls-rep", 0, ""),
    ] {
        let bytes = read(name);
        let mut fields = Cursor::new(&bytes)
            .enter(ber::SEQUENCE, "a message")
            .unwrap();
        let message_id = number(&mut fields, ber::INTEGER, "a number").unwrap();
        assert!(message_id >= 1, "{name}");
        let mut operation = fields.element().unwrap().content;
        let (found, message) = result(&mut operation).unwrap();
        assert_eq!(found, code, "{name}");
        assert!(message.contains(part), "{name}: {message}");
    }
}

#[test]
fn the_seven_bytes_that_stop_ldap3_are_refused() {
    assert!(pass(b"\x30\x05\x02\x01\x01\x67\x00").is_err());
}

#[test]
fn a_number_that_ldap3_would_misread_is_refused() {
    for (name, number) in [
        ("none", b"".as_slice()),
        ("empty", b"\x02\x00"),
        ("five bytes", b"\x02\x05\x00\x00\x00\x00\x01"),
        ("beyond 31 bits", b"\x02\x04\x80\x00\x00\x00"),
        ("negative", b"\x02\x01\xff"),
        ("an enumerated", b"\x0a\x01\x01"),
        ("0 for a result", b"\x02\x01\x00"),
    ] {
        assert!(pass(&numbered(number, DONE)).is_err(), "{name}");
    }
}

#[test]
fn an_operation_that_ldap3_would_panic_on_is_refused() {
    for (name, rest) in [
        ("none", b"".as_slice()),
        ("primitive", b"\x45\x03\x0a\x01\x00"),
        ("a universal tag", b"\x04\x00"),
        ("a tag number above 30", b"\x7f\x24\x00"),
        (
            "an extended response to a request",
            b"\x78\x07\x0a\x01\x00\x04\x00\x04\x00",
        ),
        ("a bind response", b"\x61\x07\x0a\x01\x00\x04\x00\x04\x00"),
        (
            "two of them",
            b"\x64\x04\x04\x00\x30\x00\x64\x04\x04\x00\x30\x00",
        ),
        (
            "the name of a notice behind",
            b"\x64\x04\x04\x00\x30\x00\x8a\x011",
        ),
        ("an empty reference", b"\x73\x00"),
        ("a reference that is not UTF-8", b"\x73\x03\x04\x01\xff"),
        ("a reference in a sequence", b"\x73\x05\x30\x03\x04\x01a"),
        ("an unknown intermediate response", b"\x79\x02\x82\x00"),
        (
            "an intermediate name that is not UTF-8",
            b"\x79\x03\x80\x01\xff",
        ),
        ("an indefinite length", b"\x65\x80\x00\x00"),
    ] {
        assert!(pass(&message(rest)).is_err(), "{name}");
    }
}

#[test]
fn a_result_that_ldap3_would_panic_on_is_refused() {
    for (name, content) in [
        ("empty", b"".as_slice()),
        ("an integer as code", b"\x02\x01\x00\x04\x00\x04\x00"),
        ("an empty code", b"\x0a\x00\x04\x00\x04\x00"),
        (
            "a code of five bytes",
            b"\x0a\x05\x00\x00\x00\x00\x00\x04\x00\x04\x00",
        ),
        ("a negative code", b"\x0a\x01\xff\x04\x00\x04\x00"),
        ("no message", b"\x0a\x01\x00\x04\x00"),
        (
            "a matched name that is not UTF-8",
            b"\x0a\x01\x00\x04\x01\xff\x04\x00",
        ),
        (
            "a message that is not UTF-8",
            b"\x0a\x01\x00\x04\x00\x04\x01\xff",
        ),
        (
            "a constructed message",
            b"\x0a\x01\x00\x04\x00\x24\x02\x04\x00",
        ),
        (
            "a bit string taken for a referral",
            b"\x0a\x01\x00\x04\x00\x04\x00\x03\x01\x00",
        ),
        (
            "a primitive referral",
            b"\x0a\x01\x00\x04\x00\x04\x00\x83\x01a",
        ),
        ("an empty referral", b"\x0a\x01\x00\x04\x00\x04\x00\xa3\x00"),
        (
            "a referral that is not UTF-8",
            b"\x0a\x01\x00\x04\x00\x04\x00\xa3\x03\x04\x01\xff",
        ),
        (
            "constructed credentials",
            b"\x0a\x01\x00\x04\x00\x04\x00\xa7\x02\x04\x00",
        ),
        (
            "a name as of an extended response",
            b"\x0a\x01\x00\x04\x00\x04\x00\x8a\x011",
        ),
    ] {
        let rest = ber::element(0x65, content);
        assert!(pass(&message(&rest)).is_err(), "{name}");
    }
}

#[test]
fn an_entry_that_ldap3_would_panic_on_is_refused() {
    for (name, content) in [
        ("empty", b"".as_slice()),
        ("no attributes", b"\x04\x00"),
        ("a name that is not UTF-8", b"\x04\x01\xff\x30\x00"),
        ("a set of attributes", b"\x04\x00\x31\x00"),
        ("more behind the attributes", b"\x04\x00\x30\x00\x04\x00"),
        ("a primitive attribute", b"\x04\x00\x30\x02\x04\x00"),
        ("an empty attribute", b"\x04\x00\x30\x02\x30\x00"),
        (
            "an attribute without a set",
            b"\x04\x00\x30\x05\x30\x03\x04\x01a",
        ),
        (
            "an attribute that is not UTF-8",
            b"\x04\x00\x30\x07\x30\x05\x04\x01\xff\x31\x00",
        ),
        (
            "a sequence of values",
            b"\x04\x00\x30\x07\x30\x05\x04\x01a\x30\x00",
        ),
        (
            "a constructed value",
            b"\x04\x00\x30\x0b\x30\x09\x04\x01a\x31\x04\x24\x02\x04\x00",
        ),
        (
            "a sequence as value",
            b"\x04\x00\x30\x09\x30\x07\x04\x01a\x31\x02\x30\x00",
        ),
    ] {
        let rest = ber::element(0x64, content);
        assert!(pass(&message(&rest)).is_err(), "{name}");
    }
}

#[test]
fn controls_that_ldap3_would_panic_on_are_refused() {
    for (name, controls) in [
        ("primitive", b"\x80\x00".as_slice()),
        ("a primitive control", b"\xa0\x02\x04\x00"),
        ("an empty control", b"\xa0\x02\x30\x00"),
        ("a type that is not UTF-8", b"\xa0\x05\x30\x03\x04\x01\xff"),
        ("an empty boolean", b"\xa0\x07\x30\x05\x04\x011\x01\x00"),
        (
            "a boolean of two bytes",
            b"\xa0\x09\x30\x07\x04\x011\x01\x02\xff\xff",
        ),
        ("a number", b"\xa0\x08\x30\x06\x04\x011\x02\x01\x01"),
        (
            "a constructed value",
            b"\xa0\x09\x30\x07\x04\x011\x24\x02\x04\x00",
        ),
        ("two lists", b"\xa0\x00\xa0\x00"),
    ] {
        let rest = [DONE, controls].concat();
        assert!(pass(&message(&rest)).is_err(), "{name}");
    }
}

#[test]
fn an_element_that_leaves_its_parent_is_refused_though_the_bytes_are_there() {
    let mut bytes = message(DONE);
    bytes[6] += 1;
    bytes.extend(read("ldap-rootdse-rep"));
    assert_eq!(pass(&bytes).unwrap_err().at, 7);
}
