use super::*;
use crate::vectors::read;

/// A moment of the day on which the vectors were captured, by its last digits.
fn at(seconds: i64, micros: u32) -> KerberosTime {
    KerberosTime {
        seconds: 1_795_342_300 + seconds,
        micros,
    }
}

/// What most vectors say, from which the others differ in a few fields.
fn usual(code: i32, server_time: KerberosTime) -> KrbError {
    KrbError {
        code,
        server_time,
        realm: "CORP.EXAMPLE.TEST".to_owned(),
        client_realm: Some("CORP.EXAMPLE.TEST".to_owned()),
        text: None,
        salts: Vec::new(),
        padata: Vec::new(),
        nt_status: None,
    }
}

/// An error that tells the account's AES key, and perhaps why the account may not sign in.
fn with_salt(code: i32, server_time: KerberosTime, user: &str, nt_status: Option<u32>) -> KrbError {
    KrbError {
        salts: vec![EtypeInfo {
            etype: 18,
            salt: Some(format!("CORP.EXAMPLE.TEST{user}")),
            iterations: Some(4096),
        }],
        padata: if nt_status.is_some() {
            vec![19, 3]
        } else {
            vec![19]
        },
        nt_status,
        ..usual(code, server_time)
    }
}

#[test]
fn the_request_is_that_of_a_client_without_a_password() {
    let request = AsRequest {
        realm: "CORP.EXAMPLE.TEST",
        client: "canary",
        nonce: 0x1122_3344,
        etypes: &[18, 17],
    }
    .encode();
    assert_eq!(request, read("krb-asreq-req"));
    assert_eq!(frame(&request), read("krb-asreq-tcp-req"));
}

#[test]
fn refusals_tell_code_time_and_keys() {
    let expected = [
        (
            "krb-err-25-rep",
            KrbError {
                text: Some("Need to use PA-ENC-TIMESTAMP/PA-PK-AS-REQ".to_owned()),
                padata: vec![16, 15, 147, 2, 136, 655, 19],
                ..with_salt(25, at(8, 160_894), "canary", None)
            },
        ),
        ("krb-err-6-rep", usual(6, at(8, 174_252))),
        (
            "krb-err-6-foreignrealm-rep",
            KrbError {
                realm: "OTHER.EXAMPLE.TEST".to_owned(),
                client_realm: Some("OTHER.EXAMPLE.TEST".to_owned()),
                ..usual(6, at(8, 177_581))
            },
        ),
        ("krb-err-14-rep", usual(14, at(8, 194_810))),
        (
            "krb-err-24-rep",
            with_salt(24, at(51, 930_317), "canary", None),
        ),
        (
            "krb-err-37-rep",
            with_salt(37, at(51, 933_421), "canary", None),
        ),
        (
            "krb-err-18-disabled-rep",
            with_salt(18, at(52, 234_795), "disabledu", Some(0xc000_0072)),
        ),
        (
            "krb-err-18-locked-rep",
            with_salt(18, at(53, 575_159), "lockme", None),
        ),
        (
            "krb-err-18-expired-rep",
            with_salt(18, at(52, 783_706), "acctexp", Some(0xc000_0193)),
        ),
        (
            "krb-err-23-rep",
            with_salt(23, at(52, 520_973), "expiredu", Some(0xc000_0224)),
        ),
        (
            "krb-err-52-rep",
            KrbError {
                text: Some("Reply packet too large".to_owned()),
                ..with_salt(52, at(51, 602_363), "canary", None)
            },
        ),
        (
            "krb-err-68-rep",
            KrbError {
                client_realm: Some("OTHER.EXAMPLE.TEST".to_owned()),
                ..usual(68, at(8, 77))
            },
        ),
        (
            "krb-err-37-ctime-rep",
            KrbError {
                client_realm: None,
                ..usual(37, at(8, 77))
            },
        ),
    ];
    for (name, error) in expected {
        assert_eq!(parse(&read(name)), Ok(Reply::Error(error)), "{name}");
    }
    assert_eq!(crate::vectors::names("krb-err-").len(), 13);
}

#[test]
fn a_ticket_names_its_client() {
    let bytes = read("krb-asrep-tcp-rep");
    let message = unframe(&bytes).unwrap().expect("a whole message");
    let Ok(Reply::Ticket {
        realm,
        client,
        salts,
        sealed,
    }) = parse(message)
    else {
        panic!("a ticket");
    };
    assert_eq!(
        (realm.as_str(), client.as_str()),
        ("CORP.EXAMPLE.TEST", "canary")
    );
    let salts: Vec<_> = salts
        .into_iter()
        .map(|salt| (salt.etype, salt.salt))
        .collect();
    assert_eq!(salts, [(18, Some("CORP.EXAMPLE.TESTcanary".to_owned()))]);
    assert_eq!(sealed.etype, 18);
    assert!(sealed.cipher.len() > 28);
}

#[test]
fn a_proof_stands_in_front_of_the_same_request() {
    let stored = read("krb-asreq-preauth-tcp-req");
    let cipher = stored
        .windows(2)
        .position(|bytes| bytes == [0x4c, 0xb6])
        .expect("the encrypted time");
    let sealed = Sealed {
        etype: 18,
        cipher: stored[cipher..cipher + 0x38].to_vec(),
    };
    let request = AsRequest {
        realm: "CORP.EXAMPLE.TEST",
        client: "canary",
        nonce: 0x1122_3344,
        etypes: &[18, 17],
    };
    assert_eq!(frame(&request.encode_with(Some(&sealed))), stored);
}

#[test]
fn a_name_with_a_suffix_is_one_that_the_kdc_looks_up() {
    let request = AsRequest {
        realm: "CORP.EXAMPLE.TEST",
        client: "canary@contoso.com",
        nonce: 1,
        etypes: &[18],
    }
    .encode();
    let is_in = |part: &[u8]| request.windows(part.len()).any(|bytes| bytes == part);
    assert!(is_in(b"\x03\x05\x00\x00\x01\x00\x10"));
    assert!(is_in(b"\xa0\x03\x02\x01\x0a"));
    assert!(is_in(b"canary@contoso.com"));
}

#[test]
fn a_timestamp_is_what_the_kdc_decrypts() {
    assert_eq!(
        timestamp(at(8, 160_894)),
        b"\x30\x1a\xa0\x11\x18\x0f20261122101148Z\xa1\x05\x02\x03\x02\x74\x7e"
    );
}

#[test]
fn the_part_for_the_client_tells_the_nonce_under_either_tag() {
    let part = |tag: u8, nonce: &[u8]| {
        let fields = [
            field(0, ber::constructed(ber::SEQUENCE, &[])),
            field(1, ber::constructed(ber::SEQUENCE, &[])),
            field(2, ber::element(ber::INTEGER, nonce)),
            field(4, ber::element(ber::BIT_STRING, &[0])),
        ];
        message(tag, &fields)
    };
    for tag in [0x79, 0x7a] {
        assert_eq!(
            nonce_of_reply(&part(tag, b"\x11\x22\x33\x44")),
            Ok(0x1122_3344)
        );
    }
    for bytes in [
        part(0x6b, b"\x01"),
        part(0x79, b"\xff"),
        part(0x79, b""),
        part(0x79, b"\x01\x00\x00\x00\x00"),
        Vec::new(),
    ] {
        assert!(nonce_of_reply(&bytes).is_err(), "{bytes:x?}");
    }
}

#[test]
fn a_length_beyond_the_limit_is_refused_before_the_message_comes() {
    for bytes in [[0, 1, 0, 1], [0x80, 0, 0, 4], [0xff; 4]] {
        assert!(unframe(&bytes).is_err(), "{bytes:x?}");
    }
    assert_eq!(unframe(&[0, 1, 0, 0]), Ok(None));
    assert_eq!(unframe(&[0, 0, 0]), Ok(None));
}

#[test]
fn a_request_is_no_answer() {
    for name in ["krb-asreq-req", "krb-asreq-preauth-tcp-req"] {
        let bytes = read(name);
        let message = unframe(&bytes).ok().flatten().unwrap_or(&bytes);
        assert!(parse(message).is_err(), "{name}");
    }
}

#[test]
fn bytes_behind_a_message_are_malformed() {
    let mut bytes = read("krb-err-6-rep");
    bytes.push(0);
    assert_eq!(parse(&bytes).unwrap_err().at, 174);
}

#[test]
fn a_time_in_another_form_is_malformed() {
    let whole = read("krb-err-6-rep");
    let time = whole
        .windows(15)
        .position(|bytes| bytes == b"20261122101148Z")
        .expect("stime");
    for text in [
        b"20261122101148+",
        b"20261322101148Z",
        b"2026112210114.Z",
        b"202611221011480",
    ] {
        let mut bytes = whole.clone();
        bytes[time..time + 15].copy_from_slice(text);
        let error = parse(&bytes).unwrap_err();
        assert_eq!(
            (error.at, error.expected),
            (time, "a time such as 20261122101148Z")
        );
    }
}

#[test]
fn a_million_microseconds_are_malformed() {
    let mut bytes = read("krb-err-6-rep");
    let micros = bytes
        .windows(3)
        .position(|bytes| bytes == [0x02, 0xa8, 0xac])
        .expect("susec");
    bytes[micros..micros + 3].copy_from_slice(&[0x0f, 0x42, 0x3f]);
    assert!(parse(&bytes).is_ok());
    bytes[micros + 2] = 0x40;
    assert!(parse(&bytes).is_err());
}

#[test]
fn error_data_of_an_unknown_form_is_no_fault_of_the_message() {
    let mut bytes = read("krb-err-24-rep");
    let data = bytes.len() - 0x39;
    bytes[data] = 0x31;
    let Ok(Reply::Error(error)) = parse(&bytes) else {
        panic!("the error itself is whole");
    };
    assert_eq!(
        (error.code, error.salts.len(), error.padata.len()),
        (24, 0, 0)
    );
}

#[test]
fn an_extended_error_may_stand_alone() {
    let extended = ber::constructed(
        ber::SEQUENCE,
        &[
            field(1, ber::integer(ber::INTEGER, 3)),
            field(
                2,
                ber::element(
                    ber::OCTET_STRING,
                    &[0x34, 0x02, 0, 0xc0, 0, 0, 0, 0, 1, 0, 0, 0],
                ),
            ),
        ],
    );
    let error = message(
        KRB_ERROR,
        &[
            field(0, ber::integer(ber::INTEGER, VERSION)),
            field(1, ber::integer(ber::INTEGER, 30)),
            field(4, ber::element(ber::GENERALIZED_TIME, b"20261122101148Z")),
            field(5, ber::integer(ber::INTEGER, 0)),
            field(6, ber::integer(ber::INTEGER, 18)),
            field(9, text("CORP.EXAMPLE.TEST")),
            field(10, principal(NT_SRV_INST, &["krbtgt", "CORP.EXAMPLE.TEST"])),
            field(12, ber::element(ber::OCTET_STRING, &extended)),
        ],
    );
    let Ok(Reply::Error(error)) = parse(&error) else {
        panic!("an error");
    };
    assert_eq!(
        (error.nt_status, error.padata.len()),
        (Some(0xc000_0234), 0)
    );
}

#[test]
fn codes_have_names() {
    assert_eq!(code_name(25), "KDC_ERR_PREAUTH_REQUIRED");
    assert_eq!(code_name(52), "KRB_ERR_RESPONSE_TOO_BIG");
    assert_eq!(code_name(-1), "unknown error");
}
