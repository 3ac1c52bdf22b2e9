use super::*;
use crate::vectors::read;

const SPI: [u8; 8] = *b"SIGHT\0\0\x01";

fn question() -> Question {
    let sent = read("ikev2-sainit-req");
    let hash = |at: usize| {
        sent.get(at..)
            .and_then(<[u8]>::first_chunk)
            .copied()
            .expect("20 octets")
    };
    Question {
        spi: sent.first_chunk().copied().expect("8 octets"),
        group: USUAL_GROUP,
        public: [0x2a; 256],
        nonce: std::array::from_fn(|place| u8::try_from(place).expect("below 32")),
        source: hash(sent.len() - 48),
        destination: hash(sent.len() - 20),
    }
}

fn answer(vector: &str) -> Answer {
    let bytes = read(vector);
    let spi = bytes.first_chunk().copied().expect("8 octets");
    parse(&bytes, spi).unwrap_or_else(|error| panic!("{vector}: {error}"))
}

#[test]
fn the_question_is_the_one_that_gateways_took() {
    assert_eq!(request(&question()), read("ikev2-sainit-req"));
    let behind_nat = [&NON_ESP_MARKER, request(&question()).as_slice()].concat();
    // Over UDP 4500 the hashes are others, as the ports are.
    let taken = read("ikev2-sainit-natt-req");
    assert_eq!(behind_nat.len(), taken.len());
    assert_eq!(behind_nat[..32], taken[..32]);
}

#[test]
fn a_wrong_guess_offers_its_group_last() {
    let usual = request(&question());
    let wrong = request(&Question {
        group: UNUSUAL_GROUP,
        ..question()
    });
    assert_eq!(wrong.len(), usual.len() + 2 * 8);
    let last = [0, 0, 0, 8, GROUP, 0, 0, 24];
    let offered = wrong.windows(8).filter(|window| *window == last).count();
    assert_eq!(offered, 2);
    let value = [0, 0, 1, 8, 0, 24, 0, 0, 0x2a];
    let public = wrong.windows(7).any(|window| window == &value[2..]);
    assert!(public, "the public value is said to be of that group");
}

#[test]
fn every_kind_of_answer_is_told_from_the_others() {
    assert_eq!(answer("ikev2-noprop-rep"), Answer::NoProposal);
    assert_eq!(answer("ikev2-invalidke-rep"), Answer::WantsGroup(14));
    assert_eq!(answer("ikev2-badver-rep"), Answer::OtherVersion);
    let Answer::Cookie(cookie) = answer("ikev2-cookie-rep") else {
        panic!("no cookie");
    };
    assert_eq!((cookie.len(), cookie.first()), (24, Some(&0x62)));
}

#[test]
fn what_was_accepted_is_told() {
    let Answer::Accepted(accepted) = answer("ikev2-sainit-rep") else {
        panic!("not accepted");
    };
    assert_eq!(
        accepted.chosen,
        Chosen {
            encryption: Some((12, Some(256))),
            prf: Some(5),
            integrity: Some(12),
            group: Some(14),
        }
    );
    assert!(accepted.source.is_some() && accepted.destination.is_some());
    assert_ne!(accepted.spi, [0; 8]);
    let over_4500 = read("ikev2-sainit-natt-rep");
    let inner = over_4500.strip_prefix(&NON_ESP_MARKER).expect("the marker");
    let spi = inner.first_chunk().copied().expect("8 octets");
    assert!(matches!(parse(inner, spi), Ok(Answer::Accepted(_))));
}

#[test]
fn an_answer_of_version_1_is_another_version() {
    let mut bytes = read("ikev1-main-rep");
    if let Some(spi) = bytes.first_chunk_mut() {
        *spi = SPI;
    }
    assert_eq!(parse(&bytes, SPI), Ok(Answer::OtherVersion));
}

#[test]
fn an_answer_to_another_question_is_none() {
    let bytes = read("ikev2-noprop-rep");
    assert!(is_for_another(&bytes, SPI.map(|byte| !byte)));
    assert!(parse(&bytes, SPI.map(|byte| !byte)).is_err());
    let own = bytes.first_chunk().copied().expect("8 octets");
    assert!(!is_for_another(&bytes, own));
    assert!(!is_for_another(&[], SPI), "too short to belong to anybody");
}

#[test]
fn a_question_is_no_answer() {
    let bytes = read("ikev2-sainit-req");
    let spi = bytes.first_chunk().copied().expect("8 octets");
    assert!(parse(&bytes, spi).is_err());
}

#[test]
fn a_redirect_names_its_gateway() {
    let spi = SPI;
    let message = |data: &[u8]| {
        let payload = notify(REDIRECT, data);
        let mut bytes = Vec::new();
        bytes.extend(spi);
        bytes.extend([0; 8]);
        bytes.extend([
            NOTIFY,
            VERSION_2,
            IKE_SA_INIT,
            FLAG_RESPONSE,
            0,
            0,
            0,
            0,
            0,
            0,
        ]);
        bytes.extend(short(HEADER + 4 + payload.len()));
        bytes.extend([0, 0]);
        bytes.extend(short(4 + payload.len()));
        bytes.extend(payload);
        bytes
    };
    for (data, wanted) in [
        (&[1, 4, 203, 0, 113, 9][..], "203.0.113.9"),
        (&[3, 3, b'v', b'p', b'n'], "vpn"),
    ] {
        assert_eq!(
            parse(&message(data), spi),
            Ok(Answer::Redirect(wanted.to_owned()))
        );
    }
    assert!(parse(&message(&[2, 4, 1, 2, 3, 4]), spi).is_err());
    assert!(parse(&message(&[3, 9, b'v']), spi).is_err());
}
