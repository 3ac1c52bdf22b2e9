use super::*;
use crate::vectors::read;

const COOKIE: [u8; 8] = [0x46, 0xc9, 0xd3, 0x22, 0x07, 0x72, 0x6d, 0x2d];
/// About when the vectors were captured.
const NEAR: i64 = 1_795_342_500;

fn timestamp(ntp_seconds: i64, fraction: u32) -> Timestamp {
    Timestamp {
        seconds: ntp_seconds - NTP_EPOCH,
        fraction,
    }
}

#[test]
fn the_request_carries_the_cookie_and_nothing_of_ours() {
    assert_eq!(request(COOKIE).as_slice(), read("sntp-req"));
}

#[test]
fn a_server_tells_its_time() {
    let expected = Sample {
        leap: 0,
        stratum: 5,
        reference: [127, 127, 1, 1],
        receive: timestamp(4_004_331_287, 3_216_087_981),
        transmit: timestamp(4_004_331_287, 3_216_395_074),
    };
    assert_eq!(
        parse(&read("sntp-rep"), COOKIE, NEAR),
        Ok(Answer::Time(expected))
    );
    assert!((expected.receive.unix_seconds() - 1_795_342_487.748_804).abs() < 1e-6);
}

#[test]
fn a_signed_answer_in_version_3_is_read_without_its_signature() {
    let cookie = [0x05, 0x5b, 0x34, 0xb6, 0xe2, 0xd8, 0x61, 0x96];
    let expected = Sample {
        leap: 0,
        stratum: 5,
        reference: [127, 127, 1, 1],
        receive: timestamp(4_004_331_287, 3_220_320_759),
        transmit: timestamp(4_004_331_287, 3_220_398_578),
    };
    assert_eq!(
        parse(&read("mssntp-rep"), cookie, NEAR),
        Ok(Answer::Time(expected))
    );
}

#[test]
fn a_server_without_a_source_is_unsynchronised() {
    let expected = Sample {
        leap: 3,
        stratum: 0,
        reference: [0; 4],
        receive: timestamp(4_004_331_313, 2_302_377_405),
        transmit: timestamp(4_004_331_313, 2_302_734_314),
    };
    let answer = parse(&read("sntp-unsync-rep"), [1, 2, 3, 4, 5, 6, 7, 8], NEAR);
    assert_eq!(answer, Ok(Answer::Unsynchronised(expected)));
}

#[test]
fn an_alarm_or_a_stratum_out_of_range_is_unsynchronised() {
    for (first, stratum) in [(0xe4, 5), (0x24, 16), (0x24, 255)] {
        let mut bytes = read("sntp-rep");
        bytes[0] = first;
        bytes[1] = stratum;
        let answer = parse(&bytes, COOKIE, NEAR);
        assert!(
            matches!(answer, Ok(Answer::Unsynchronised(_))),
            "{answer:?}"
        );
    }
}

#[test]
fn a_kiss_of_death_has_a_code_and_no_time() {
    let kiss = |code: &str| Ok(Answer::KissOfDeath(code.to_owned()));
    let mut bytes = read("sntp-kod-rate-rep");
    assert_eq!(parse(&bytes, COOKIE, NEAR), kiss("RATE"));
    bytes[12..16].copy_from_slice(b"X\0\0\0");
    bytes[32..].fill(0);
    assert_eq!(parse(&bytes, COOKIE, NEAR), kiss("X"));
}

#[test]
fn a_code_that_is_no_text_is_no_kiss() {
    for code in [*b"RA\0E", *b"RA\nE", [0xc3, 0xa9, 0x41, 0x41], [0xff; 4]] {
        let mut bytes = read("sntp-kod-rate-rep");
        bytes[12..16].copy_from_slice(&code);
        let answer = parse(&bytes, COOKIE, NEAR);
        assert!(matches!(answer, Ok(Answer::Unsynchronised(_))), "{code:x?}");
    }
}

#[test]
fn an_answer_to_another_question_is_malformed() {
    for name in ["sntp-rep", "sntp-kod-rate-rep", "sntp-unsync-rep"] {
        let error = parse(&read(name), [0; 8], NEAR).unwrap_err();
        assert_eq!(error.at, 24, "{name}");
    }
}

#[test]
fn only_servers_answer() {
    for first in [0x23, 0x1b, 0x25, 0x26, 0x0c, 0x3c] {
        let mut bytes = read("sntp-rep");
        bytes[0] = first;
        assert_eq!(parse(&bytes, COOKIE, NEAR).unwrap_err().at, 0, "{first:#x}");
    }
    for name in ["sntp-req", "mssntp-req"] {
        assert!(parse(&read(name), COOKIE, NEAR).is_err(), "{name}");
    }
}

#[test]
fn a_time_that_the_server_does_not_know_is_malformed() {
    for unknown in [32..40, 40..48] {
        let mut bytes = read("sntp-rep");
        bytes[unknown].fill(0);
        assert!(parse(&bytes, COOKIE, NEAR).is_err());
    }
}

#[test]
fn timestamps_belong_to_the_era_nearest_to_now() {
    for (name, raw, near, unix) in [
        ("in era 0", 4_004_331_287_u32, NEAR, 1_795_342_487),
        (
            "the last second of era 0",
            u32::MAX,
            2_085_978_496,
            2_085_978_495,
        ),
        ("its successor", 0, 2_085_978_495, 2_085_978_496),
        (
            "a slow server after the rollover",
            u32::MAX,
            2_085_980_000,
            2_085_978_495,
        ),
        (
            "a fast server before the rollover",
            10,
            2_085_978_000,
            2_085_978_506,
        ),
        ("in era 1", 1_000, 2_100_000_000, 2_085_979_496),
        ("in era 0, seen from 1970", 2_208_988_800, 0, 0),
    ] {
        let bytes = [raw.to_be_bytes(), [0, 0, 0, 1]].concat();
        let read = Timestamp::read(&mut Cursor::new(&bytes), near).unwrap();
        assert_eq!(read.expect("a known time").seconds, unix, "{name}");
    }
}

#[test]
fn the_offset_cancels_a_delay_that_is_the_same_both_ways() {
    let expected = [
        ("ahead", [100.0, 160.5, 160.75, 101.25], 60.0),
        ("behind", [100.0, 40.5, 40.75, 101.25], -60.0),
        ("equal", [100.0, 100.25, 100.25, 100.5], 0.0),
    ];
    for (name, [sent, receive, transmit, received], seconds) in expected {
        let found = offset(sent, receive, transmit, received);
        assert!((found - seconds).abs() < 1e-9, "{name}: {found}");
    }
}

#[test]
fn a_datagram_for_another_request_is_told_from_one_that_is_no_ntp() {
    let bytes = read("sntp-rep");
    assert!(!is_for_another(&bytes, COOKIE));
    assert!(is_for_another(&bytes, [0; 8]));
    assert!(!is_for_another(&bytes[..40], [0; 8]));
    assert!(!is_for_another(&[0x41; 48], [0; 8]));
}
