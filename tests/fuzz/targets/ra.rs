//! What an advertisement says fits into it, names can be asked for, and options that it has twice change
//! nothing that it has once.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sightline_wire::ra;

fuzz_target!(|bytes: &[u8]| {
    let said = match ra::parse(bytes) {
        Err(error) => {
            assert!(error.at <= bytes.len(), "{error}");
            return;
        }
        Ok(said) => said,
    };
    assert!(bytes.len() >= 16 && bytes.len().is_multiple_of(8));
    assert!(16 * said.resolvers.len() + 32 * said.prefixes.len() <= bytes.len());
    for (suffix, _) in &said.suffixes {
        assert!((1..=253).contains(&suffix.len()), "{suffix}");
        for label in suffix.split('.') {
            assert!((1..=63).contains(&label.len()), "{suffix}");
        }
    }
    for prefix in &said.prefixes {
        assert!(prefix.length <= 128);
    }
    let twice = [bytes, &bytes[16..]].concat();
    let again = ra::parse(&twice).expect("the same options again");
    assert_eq!(again.resolvers, said.resolvers.repeat(2));
    assert_eq!(
        again.suffixes,
        [said.suffixes.clone(), said.suffixes].concat()
    );
    assert_eq!(
        (again.hardware, again.mtu, again.portal_api_url),
        (said.hardware, said.mtu, said.portal_api_url)
    );
});
