use std::net::Ipv4Addr;

use super::*;
use crate::netlogon::Flags;
use crate::vectors::{names, read};

const LAB_GUID: &str = "877735d5-2e5c-4c6f-85ed-f8e70291e862";
const OTHER_GUID: &str = "6f0c3a52-9b1e-4c53-8d59-0d2f5c2a7e11";
const FIRST_SITE: &str = "Default-First-Site-Name";

fn answer(name: &str) -> Answer {
    parse(&read(name), 1)
        .unwrap_or_else(|error| panic!("{name}: {error}"))
        .unwrap_or_else(|| panic!("{name}: not complete"))
}

/// What most vectors say, from which the others differ in a few fields.
fn usual() -> Controller {
    Controller {
        opcode: 23,
        flags: Flags(0x13fd),
        domain_guid: LAB_GUID.to_owned(),
        forest: "corp.example.test".to_owned(),
        domain: "corp.example.test".to_owned(),
        host: "dc1.corp.example.test".to_owned(),
        netbios_domain: "CORPX".to_owned(),
        netbios_host: "DC1".to_owned(),
        user: String::new(),
        dc_site: FIRST_SITE.to_owned(),
        client_site: FIRST_SITE.to_owned(),
        next_closest_site: None,
        address: None,
        nt_version: 5,
    }
}

#[test]
fn a_ping_is_encoded_as_windows_would() {
    let ping = |host: Option<&str>| Ping {
        domain: "corp.example.test".to_owned(),
        host: host.map(str::to_owned),
        message_id: 1,
    };
    assert_eq!(ping(Some("SIGHTLINE")).encode(), read("cldap-ping-req"));
    assert_eq!(ping(None).encode(), read("cldap-ping-min-req"));
}

#[test]
fn controllers_describe_themselves() {
    let expected = [
        ("cldap-ping-rep", usual()),
        ("cldap-ping-longform-rep", usual()),
        (
            "cldap-ping-ip-rep",
            Controller {
                address: Some(Ipv4Addr::new(192, 0, 2, 10)),
                nt_version: 0xd,
                ..usual()
            },
        ),
        (
            "cldap-ping-othersite-rep",
            Controller {
                flags: Flags(0x137d),
                client_site: "Lyon".to_owned(),
                ..usual()
            },
        ),
        (
            "cldap-ping-nosubnet-rep",
            Controller {
                flags: Flags(0x137d),
                client_site: String::new(),
                ..usual()
            },
        ),
        (
            "cldap-ping-user-unknown-rep",
            Controller {
                opcode: 25,
                user: "nosuchuser".to_owned(),
                ..usual()
            },
        ),
        (
            "cldap-ping-user-known-rep",
            Controller {
                user: "canary".to_owned(),
                ..usual()
            },
        ),
        (
            "cldap-ping-nextsite-rep",
            Controller {
                flags: Flags(0x3_f37d),
                domain_guid: OTHER_GUID.to_owned(),
                domain: "emea.corp.example.test".to_owned(),
                host: "dc7.emea.corp.example.test".to_owned(),
                netbios_domain: "EMEA".to_owned(),
                netbios_host: "DC7".to_owned(),
                dc_site: "Paris".to_owned(),
                client_site: "Lyon".to_owned(),
                next_closest_site: Some("Geneva".to_owned()),
                nt_version: 0x15,
                ..usual()
            },
        ),
        (
            "cldap-ping-rodc-rep",
            Controller {
                flags: Flags(0x28fc),
                domain_guid: OTHER_GUID.to_owned(),
                host: "rodc3.corp.example.test".to_owned(),
                netbios_host: "RODC3".to_owned(),
                dc_site: "Lyon".to_owned(),
                client_site: "Lyon".to_owned(),
                ..usual()
            },
        ),
        (
            "cldap-ping-paused-rep",
            Controller {
                opcode: 24,
                domain_guid: OTHER_GUID.to_owned(),
                dc_site: "Paris".to_owned(),
                client_site: "Paris".to_owned(),
                ..usual()
            },
        ),
    ];
    for (name, controller) in expected {
        assert_eq!(answer(name), Answer::Controller(controller), "{name}");
    }
}

#[test]
fn a_server_without_the_domain_ends_the_search_without_an_entry() {
    assert_eq!(answer("cldap-ping-wrongdomain-rep"), Answer::NotServed);
}

#[test]
fn answers_to_an_older_ntversion_are_recognised_and_not_read() {
    for name in ["cldap-ping-v5-rep", "cldap-ping-v1-rep"] {
        assert_eq!(answer(name), Answer::OldForm { opcode: 19 }, "{name}");
    }
}

#[test]
fn an_entry_without_netlogon_says_nothing_about_the_domain() {
    let bytes = read("cldap-rootdse-rep");
    assert_eq!(parse(&bytes, 7), Ok(Some(Answer::NotServed)));
}

#[test]
fn a_result_code_outweighs_an_entry_before_it() {
    let mut bytes = read("cldap-ping-rep");
    let code = bytes.len() - 5;
    bytes[code] = 1;
    let failed = Answer::Result {
        code: 1,
        message: String::new(),
    };
    assert_eq!(parse(&bytes, 1), Ok(Some(failed)));
}

#[test]
fn an_entry_alone_waits_for_the_end_of_the_search() {
    let bytes = read("cldap-ping-rep");
    let entry = &bytes[..bytes.len() - 14];
    assert_eq!(parse(entry, 1), Ok(None));
    assert_eq!(parse(&[], 1), Ok(None));
}

#[test]
fn a_second_answer_behind_the_end_of_the_search_is_not_looked_at() {
    let mut bytes = read("cldap-ping-rep");
    bytes.extend([0xff; 20]);
    assert_eq!(parse(&bytes, 1), Ok(Some(Answer::Controller(usual()))));
}

#[test]
fn a_datagram_for_another_request_is_told_from_one_that_is_no_ldap() {
    let ours = read("cldap-ping-rep");
    assert!(!is_for_another(&ours, 1));
    assert!(is_for_another(&ours, 2));
    assert!(!is_for_another(b"HTTP/1.1 400", 2));
    assert!(!is_for_another(&[], 2));
}

#[test]
fn a_padded_ping_has_the_length_that_is_asked_for_and_is_the_bare_one_beside() {
    let ping = Ping {
        domain: "corp.example.test".into(),
        host: Some("SIGHTLINE".into()),
        message_id: 7,
    };
    let bare = ping.encode();
    for length in 600..1500 {
        assert_eq!(ping.encode_to(length).len(), length);
    }
    for length in bare.len() + 20..600 {
        let is = ping.encode_to(length).len();
        assert!((length - 3..=length).contains(&is), "{length}: {is}");
    }
    for length in 0..bare.len() {
        assert!(ping.encode_to(length).len() <= bare.len() + 18);
    }
    let long = ping.encode_to(1472);
    let at = long
        .windows(12)
        .position(|part| part == b"SightlinePad")
        .expect("the padding has a name");
    let before = b"NtVer\x04\x04\x16\0\0\0";
    assert!(long[..at].windows(before.len()).any(|part| part == before));
    assert!(long.ends_with(b"Netlogon"));
    assert_eq!(message_id(&long), Some(7));
}

#[test]
fn an_answer_to_another_request_is_malformed() {
    let error = parse(&read("cldap-ping-rep"), 2).unwrap_err();
    assert_eq!(error.expected, "the message id of our request");
}

#[test]
fn broken_answers_are_refused_for_what_is_broken() {
    let expected = [
        ("cldap-bad-selfpointer-rep", "a pointer to an earlier name"),
        ("cldap-bad-fwdpointer-rep", "a pointer to an earlier name"),
        ("cldap-bad-labeloverrun-rep", "a label within the names"),
        ("cldap-bad-labeltype-rep", "a label or a pointer"),
        ("cldap-bad-short-rep", "the GUID of a domain"),
        ("cldap-bad-token-rep", "ff ff ff ff"),
        ("cldap-bad-truncated-rep", "an element within its parent"),
        (
            "cldap-bad-indefinite-rep",
            "a definite length of up to four bytes",
        ),
    ];
    for (name, reason) in expected {
        let error = parse(&read(name), 1).unwrap_err();
        assert_eq!(error.expected, reason, "{name}");
    }
    assert_eq!(names("cldap-bad-").len(), expected.len());
}
