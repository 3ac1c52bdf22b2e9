//! What is read of stored advertisements, and what is refused.

use super::*;
use crate::vectors::read;

fn address(text: &str) -> Ipv6Addr {
    text.parse().expect("an address")
}

#[test]
fn everything_that_a_client_is_told_is_read() {
    let said = parse(&read("ra-full-rep")).expect("an advertisement");
    assert_eq!(
        said,
        Advertisement {
            hop_limit: 64,
            is_managed: false,
            has_other: true,
            lifetime: 1800,
            hardware: Some([2, 0, 0, 0, 0, 1]),
            mtu: Some(1500),
            prefixes: vec![Prefix {
                address: address("2001:db8:1::"),
                length: 64,
                is_on_link: true,
                is_autonomous: true,
                valid: 86_400,
                preferred: 14_400,
            }],
            resolvers: vec![
                (address("2001:db8:1::53"), 1200),
                (address("2001:db8:1::54"), 1200),
                (address("2001:db8:1::55"), 0),
            ],
            suffixes: vec![
                ("corp.example.test".into(), 1200),
                ("example.test".into(), 1200)
            ],
            portal_api_url: Some("https://portal.example.test/capport/api".into()),
        }
    );
}

#[test]
fn a_router_that_is_none_and_says_nothing_is_read_too() {
    let said = parse(&read("ra-plain-rep")).expect("an advertisement");
    assert_eq!(said, Advertisement::default());
}

/// A prefix of 129 bits, half an address of a resolver, a pointer in a name, a portal that is no text.
#[test]
fn an_option_that_makes_no_sense_costs_no_other() {
    let said = parse(&read("ra-odd-options-rep")).expect("an advertisement");
    let expected = Advertisement {
        hop_limit: 64,
        is_managed: true,
        lifetime: 1800,
        mtu: Some(1500),
        ..Advertisement::default()
    };
    assert_eq!(said, expected);
}

#[test]
fn an_option_without_length_or_beyond_the_end_condemns_the_whole() {
    let refused = |name: &str| parse(&read(name)).map_err(|error| (error.at, error.expected));
    assert_eq!(
        refused("ra-bad-zero-length-rep"),
        Err((25, "an option with a length"))
    );
    assert_eq!(
        refused("ra-bad-beyond-end-rep"),
        Err((26, "a whole option"))
    );
    assert!(refused("ra-bad-code-rep").is_err());
    assert!(refused("ra-solicitation-req").is_err(), "a question");
}

#[test]
fn the_question_is_the_stored_one() {
    let asked = solicitation(Some([2, 0, 0, 0, 0, 1]));
    assert_eq!(asked, read("ra-solicitation-req"));
    assert_eq!(solicitation(None), asked[..8]);
}

/// What stands in an advertisement with these options.
fn of_options(options: &[u8]) -> Advertisement {
    let mut bytes = read("ra-plain-rep");
    bytes.extend_from_slice(options);
    parse(&bytes).expect("an advertisement")
}

#[test]
fn names_of_suffixes_are_bounded_and_plain() {
    let suffixes = |names: &[u8]| {
        let mut option = vec![DNSSL, 0, 0, 0, 0, 0, 0, 9];
        option.extend_from_slice(names);
        option.resize(option.len().next_multiple_of(UNIT), 0);
        option[1] = u8::try_from(option.len() / UNIT).expect("a short option");
        of_options(&option).suffixes
    };
    assert_eq!(suffixes(b"\x01a\x01b\0"), [("a.b".to_owned(), 9)]);
    assert_eq!(suffixes(b"\0\0\0"), []);
    assert_eq!(suffixes(b"\x03a.b\0"), [], "a dot within a label");
    assert_eq!(suffixes(b"\x02a\x1b\0"), [], "a control character");
    assert_eq!(suffixes(b"\x0aa"), [], "a label beyond the end");
    assert_eq!(suffixes(b"\x07abcdefg"), [], "a name without its end");
    let label = [b"\x3f".as_slice(), &[b'a'; 63]].concat();
    assert_eq!(
        suffixes(&[label.repeat(3), vec![0]].concat())[0].0.len(),
        191
    );
    assert_eq!(
        suffixes(&[label.repeat(4), vec![0]].concat()),
        [],
        "255 characters"
    );
}
