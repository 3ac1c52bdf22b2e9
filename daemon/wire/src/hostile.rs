//! What every decoder has to withstand, whatever its format: broken, cut, changed and invented
//! bytes.

mod decoders;
mod encoders;

use proptest::prelude::*;
use proptest::sample::Index;

use self::decoders::{DECODERS, Decoder, Outcome};
use crate::ldap::Guard;
use crate::vectors::{names, nested_sequences, read};

fn config(cases: u32) -> ProptestConfig {
    ProptestConfig {
        cases,
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

/// Decodes, and checks what holds for any bytes.
fn decode(decoder: &Decoder, bytes: &[u8]) -> Outcome {
    let outcome = (decoder.decode)(bytes);
    match outcome {
        Outcome::Refused(error) => assert!(
            error.at <= bytes.len(),
            "{}: {error}, but there are {} bytes",
            decoder.name,
            bytes.len()
        ),
        // Nine names of 255 bytes can be packed into less by their pointers, and a byte that is no
        // UTF-8 becomes three.
        Outcome::Value { size } => assert!(
            size <= 3 * (bytes.len() + 9 * 255),
            "{}: {size} bytes out of {}",
            decoder.name,
            bytes.len()
        ),
        Outcome::Incomplete => {}
    }
    outcome
}

#[test]
fn every_prefix_of_every_answer_is_refused_or_waits_for_more() {
    for decoder in DECODERS {
        let mut count = 0;
        for (name, bytes) in decoder.vectors() {
            for end in 0..bytes.len() {
                let outcome = decode(decoder, &bytes[..end]);
                assert!(
                    !matches!(outcome, Outcome::Value { .. }),
                    "{}: {end} bytes of {name}",
                    decoder.name
                );
            }
            count += 1;
        }
        assert!(count > 0, "{} has vectors", decoder.name);
    }
}

#[test]
fn no_change_of_one_byte_of_an_answer_panics() {
    std::thread::scope(|scope| {
        for decoder in DECODERS {
            scope.spawn(|| {
                for (_, bytes) in decoder.vectors() {
                    change_each_byte(decoder, bytes);
                }
            });
        }
    });
}

fn change_each_byte(decoder: &Decoder, mut bytes: Vec<u8>) {
    for at in 0..bytes.len() {
        let byte = bytes[at];
        for difference in 1..=u8::MAX {
            bytes[at] = byte ^ difference;
            decode(decoder, &bytes);
        }
        bytes[at] = byte;
    }
}

#[test]
fn the_messages_of_other_protocols_do_not_panic() {
    let vectors = names("");
    assert!(vectors.len() > 100);
    for name in vectors {
        let bytes = read(&name);
        for decoder in DECODERS {
            decode(decoder, &bytes);
        }
    }
}

#[test]
fn every_broken_vector_of_these_formats_is_refused_or_never_complete() {
    let decoder_of = |vector: &str| {
        DECODERS
            .iter()
            .find(|decoder| vector.starts_with(decoder.broken))
            .unwrap_or_else(|| panic!("{vector} has a decoder"))
    };
    let broken: Vec<_> = names("")
        .into_iter()
        .filter(|name| name.contains("-bad-"))
        // What is broken there is an offset that is not followed.
        .filter(|name| name != "smb2-bad-secoff-rep")
        .collect();
    assert_eq!(broken.len(), 14);
    for name in broken {
        let outcome = decode(decoder_of(&name), &read(&name));
        assert!(!matches!(outcome, Outcome::Value { .. }), "{name}");
    }
}

#[test]
fn lengths_of_four_gibibytes_reserve_nothing() {
    for (decoder, bytes) in [
        ("cldap", b"\x30\x84\xff\xff\xff\xff\x02\x01\x01".as_slice()),
        (
            "cldap",
            b"\x30\x0b\x02\x01\x01\x64\x84\xff\xff\xff\xff\x04\x00",
        ),
        ("krb5", b"\x7e\x84\xff\xff\xff\xff\x30\x00"),
        ("krb5 over TCP", b"\xff\xff\xff\xff\x7e\x00"),
        ("krb5 over TCP", b"\x7f\xff\xff\xff\x7e\x00"),
        (
            "kpasswd",
            b"\x00\x0c\x00\x01\x00\x00\x7e\x84\xff\xff\xff\xff",
        ),
        ("smb2", b"\xff\xff\xff\xff\xfeSMB"),
        ("smb2", b"\x00\xff\xff\xff\xfeSMB"),
        ("ldap", b"\x30\x84\xff\xff\xff\xff\x02\x01\x01"),
        (
            "ldap",
            b"\x30\x0b\x02\x01\x01\x64\x84\xff\xff\xff\xff\x04\x00",
        ),
        ("StartTLS", b"\x30\x84\xff\xff\xff\xff\x02\x01\x01"),
    ] {
        let decoder = DECODERS
            .iter()
            .find(|candidate| candidate.name == decoder)
            .expect("a decoder");
        let outcome = decode(decoder, bytes);
        assert!(
            matches!(outcome, Outcome::Refused(_)),
            "{bytes:x?}: {outcome:?}"
        );
    }
}

#[test]
fn deep_nesting_is_refused_by_every_decoder_and_ends_no_process() {
    for depth in [14, 8_000, 100_000] {
        let sequences = nested_sequences(depth);
        for decoder in DECODERS {
            let outcome = decode(decoder, &sequences);
            assert!(
                matches!(outcome, Outcome::Refused(_)),
                "{}, {depth}",
                decoder.name
            );
        }
        for tag in [0x7e, 0x6b, 0x61, 0x64] {
            let mut other = sequences.clone();
            other[0] = tag;
            for decoder in DECODERS {
                decode(decoder, &other);
            }
        }
    }
}

/// A change of bytes such as a broken box, or a bad one, makes.
#[derive(Debug, Clone)]
enum Edit {
    Set(Index, u8),
    Insert(Index, Vec<u8>),
    Remove(Index, usize),
    Repeat(Index, usize),
    Cut(Index),
}

impl Edit {
    fn any() -> impl Strategy<Value = Self> {
        let place = any::<Index>;
        prop_oneof![
            4 => (place(), any::<u8>()).prop_map(|(at, byte)| Self::Set(at, byte)),
            2 => (place(), prop::collection::vec(any::<u8>(), 1..8))
                .prop_map(|(at, bytes)| Self::Insert(at, bytes)),
            2 => (place(), 1..16_usize).prop_map(|(at, length)| Self::Remove(at, length)),
            1 => (place(), 1..40_usize).prop_map(|(at, length)| Self::Repeat(at, length)),
            1 => place().prop_map(Self::Cut),
        ]
    }

    fn apply(&self, bytes: &mut Vec<u8>) {
        if bytes.is_empty() {
            return;
        }
        let length = bytes.len();
        let range = |at: &Index, count: usize| {
            let start = at.index(length);
            start..length.min(start + count)
        };
        match self {
            Self::Set(at, byte) => bytes[at.index(length)] = *byte,
            Self::Insert(at, more) => {
                let at = at.index(length);
                bytes.splice(at..at, more.iter().copied());
            }
            Self::Remove(at, count) => {
                bytes.drain(range(at, *count));
            }
            Self::Repeat(at, count) => bytes.extend_from_within(range(at, *count)),
            Self::Cut(at) => bytes.truncate(at.index(length)),
        }
    }
}

/// One of these messages with a few edits.
fn edited(messages: Vec<Vec<u8>>) -> impl Strategy<Value = Vec<u8>> {
    let edits = prop::collection::vec(Edit::any(), 0..6);
    (prop::sample::select(messages), edits).prop_map(|(mut bytes, edits)| {
        for edit in edits {
            edit.apply(&mut bytes);
        }
        bytes
    })
}

fn answers() -> Vec<Vec<u8>> {
    let of = |decoder: &Decoder| decoder.vectors().into_iter().map(|(_, bytes)| bytes);
    DECODERS.iter().flat_map(of).collect()
}

fn ldap_answers() -> Vec<Vec<u8>> {
    let names = ["ldap-", "cldap-"].into_iter().flat_map(names);
    names.map(|name| read(&name)).collect()
}

proptest! {
    #![proptest_config(config(1024))]

    #[test]
    fn arbitrary_bytes_do_not_panic(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        for decoder in DECODERS {
            decode(decoder, &bytes);
        }
    }

    #[test]
    fn edited_answers_do_not_panic(bytes in edited(answers())) {
        for decoder in DECODERS {
            decode(decoder, &bytes);
        }
    }

    #[test]
    fn what_passes_the_guard_is_what_came(
        bytes in edited(ldap_answers()),
        sizes in prop::collection::vec(1..200_usize, 1..8),
        binds in any::<bool>(),
    ) {
        let fresh = || if binds { Guard::binding(1) } else { Guard::default() };
        let mut guard = fresh();
        let mut passed = Vec::new();
        let mut rest = bytes.as_slice();
        let mut refused = None;
        for size in sizes.iter().cycle() {
            let (chunk, after) = rest.split_at(rest.len().min(*size));
            match guard.push(chunk) {
                Ok(messages) => passed.extend(messages.concat()),
                Err(error) => refused = Some(error),
            }
            rest = after;
            if rest.is_empty() || refused.is_some() {
                break;
            }
        }
        prop_assert!(bytes.starts_with(&passed));
        match fresh().push(&bytes) {
            Ok(messages) => prop_assert_eq!((messages.concat(), None), (passed, refused)),
            Err(error) => prop_assert_eq!(Some(error), refused),
        }
    }
}
