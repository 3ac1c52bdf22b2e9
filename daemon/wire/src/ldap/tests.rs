use super::*;
use crate::vectors::{nested_sequences, read};

fn pass(bytes: &[u8]) -> Result<Vec<Vec<u8>>, Malformed> {
    Guard::default().push(bytes)
}

/// A whole message: the end of a search.
const DONE: &[u8] = b"\x30\x0c\x02\x01\x01\x65\x07\x0a\x01\x00\x04\x00\x04\x00";

/// A message whose only value makes it this long.
fn entry_of(length: usize) -> Vec<u8> {
    let value = vec![0; length - 44];
    let around = |tag, content: &[u8], before: &[u8]| {
        let length = u32::try_from(before.len() + content.len()).unwrap();
        [
            &[tag, 0x84],
            length.to_be_bytes().as_slice(),
            before,
            content,
        ]
        .concat()
    };
    let values = around(0x31, &around(0x04, &value, b""), b"");
    let attributes = around(0x30, &around(0x30, &values, b"\x04\x01a"), b"");
    around(
        0x30,
        &around(0x64, &attributes, b"\x04\x00"),
        b"\x02\x01\x01",
    )
}

#[test]
fn a_root_dse_passes_as_it_came() {
    let bytes = read("ldap-rootdse-rep");
    let messages = pass(&bytes).unwrap();
    assert_eq!(messages.concat(), bytes);
    let [entry, done] = messages.as_slice() else {
        panic!("an entry and the end of the search");
    };
    assert_eq!(done, DONE);
    for (name, values) in [
        (
            "defaultNamingContext",
            ["DC=corp,DC=example,DC=test"].as_slice(),
        ),
        ("rootDomainNamingContext", &["DC=corp,DC=example,DC=test"]),
        ("dnsHostName", &["dc1.corp.example.test"]),
        (
            "ldapServiceName",
            &["corp.example.test:dc1$@CORP.EXAMPLE.TEST"],
        ),
        ("currentTime", &["20261122101106.0Z"]),
        ("isSynchronized", &["TRUE"]),
        ("isGlobalCatalogReady", &["TRUE"]),
        ("domainControllerFunctionality", &["4"]),
        ("supportedSASLMechanisms", &["GSS-SPNEGO", "GSSAPI", "NTLM"]),
    ] {
        let octets = |text: &str| ber::element(ber::OCTET_STRING, text.as_bytes());
        let values: Vec<_> = values.iter().map(|value| octets(value)).collect();
        let attribute = [octets(name), ber::constructed(ber::SET, &values)].concat();
        let found = entry.windows(attribute.len()).any(|part| part == attribute);
        assert!(found, "{name}");
    }
}

#[test]
fn the_end_of_a_search_that_was_denied_passes() {
    let bytes = read("ldap-scp-anon-denied-rep");
    assert_eq!(bytes[9], 1, "operationsError");
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
fn nesting_is_refused_however_deep() {
    for depth in [3, 13, 8_000, 100_000] {
        let bomb = nested_sequences(depth);
        assert!(pass(&bomb).is_err(), "{depth}");
        assert!(parse_start_tls(&bomb).is_err(), "{depth}");
        let inner = nested_sequences(depth.min(8_000));
        for start in [
            b"\x02\x01\x01".as_slice(),
            b"\x02\x01\x01\x64\x04\x04\x00\x30\x00",
        ] {
            let bomb = ber::element(ber::SEQUENCE, &[start, &inner].concat());
            assert!(pass(&bomb).is_err(), "{depth} behind {start:x?}");
        }
    }
}

#[test]
fn lengths_that_ldap_does_not_allow_are_refused_with_their_first_bytes() {
    for (name, bytes) in [
        ("an indefinite length", [0x30, 0x80].as_slice()),
        ("a length of five bytes", &[0x30, 0x85]),
        ("four gibibytes", &[0x30, 0x84, 0xff, 0xff, 0xff, 0xff]),
        ("more than 32 KiB", &[0x30, 0x82, 0x80, 0x00]),
        ("another protocol", b"H"),
    ] {
        assert!(pass(bytes).is_err(), "{name}");
        assert!(parse_start_tls(bytes).is_err(), "{name}");
    }
}

#[test]
fn a_message_may_have_32_kib() {
    let largest = entry_of(MESSAGE_MAX);
    assert_eq!(largest.len(), MESSAGE_MAX);
    assert_eq!(pass(&largest), Ok(vec![largest]));
    let error = pass(&entry_of(MESSAGE_MAX + 1)).unwrap_err();
    assert_eq!(error.expected, "a message of up to 32 KiB");
}

#[test]
fn a_session_may_have_64_kib() {
    let mut guard = Guard::default();
    for _ in 0..SESSION_MAX / MESSAGE_MAX {
        let passed = guard.push(&entry_of(MESSAGE_MAX)).unwrap();
        assert_eq!(passed.len(), 1);
    }
    assert_eq!(guard.push(b""), Ok(Vec::new()));
    assert_eq!(guard.push(b"\x30").unwrap_err().at, SESSION_MAX);
}

#[test]
fn nothing_passes_after_an_error() {
    let mut guard = Guard::default();
    assert_eq!(guard.push(DONE), Ok(vec![DONE.to_vec()]));
    let error = guard.push(b"H").unwrap_err();
    assert_eq!(error.at, DONE.len(), "places count from the beginning");
    assert_eq!(guard.push(DONE), Err(error));
}

#[test]
fn start_tls_is_asked_for_in_31_bytes() {
    assert_eq!(start_tls_request(1), read("ldap-starttls-req"));
}

#[test]
fn start_tls_is_granted_or_refused() {
    let code = |bytes: &[u8]| parse_start_tls(bytes).map(|answer| answer.map(|it| it.code));
    assert_eq!(code(&read("ldap-starttls-rep")), Ok(Some(0)));
    let refused = b"\x30\x0e\x02\x01\x01\x78\x09\x0a\x01\x34\x04\x00\x04\x02no";
    let answer = StartTls {
        code: 52,
        message: "no".to_owned(),
    };
    assert_eq!(parse_start_tls(refused), Ok(Some(answer)));
    for end in 0..refused.len() {
        assert_eq!(code(&refused[..end]), Ok(None), "{end}");
    }
    let notice = b"\x30\x0c\x02\x01\x00\x78\x07\x0a\x01\x33\x04\x00\x04\x00";
    assert_eq!(code(notice), Ok(Some(51)));
}

#[test]
fn a_notice_of_disconnection_cannot_grant_start_tls() {
    let notice = b"\x30\x0c\x02\x01\x00\x78\x07\x0a\x01\x00\x04\x00\x04\x00";
    assert!(parse_start_tls(notice).is_err());
}

#[test]
fn start_tls_has_no_other_answer() {
    for bytes in [
        DONE,
        b"\x30\x03\x02\x01\x01",
        b"\x16\x03\x01\x00\x00",
        &read("ldap-starttls-req"),
        &read("ldap-anonbind-rep"),
    ] {
        assert!(parse_start_tls(bytes).is_err(), "{bytes:x?}");
    }
}

#[test]
fn the_clock_of_a_root_dse_can_be_read() {
    assert_eq!(generalized_time("20261122101106.0Z"), Some(1_795_342_266));
    assert_eq!(generalized_time("20261122101106.0+0100"), None);
    assert_eq!(generalized_time("today"), None);
}
