//! A script of any form is read to its end; what is found in it can be asked, and is found again in a
//! script that has only that.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sightline_wire::pac::{self, MOST_ANSWERS, Way};

fuzz_target!(|bytes: &[u8]| {
    let Ok(script) = pac::read(bytes) else {
        return;
    };
    assert!(script.answers.len() <= MOST_ANSWERS);
    for way in script.answers.iter().flat_map(|answer| &answer.ways) {
        let answer = match way {
            Way::Direct => "DIRECT".to_owned(),
            Way::Proxy { host, port } if host.contains(':') => format!("PROXY [{host}]:{port}"),
            Way::Proxy { host, port } => format!("PROXY {host}:{port}"),
            Way::Other(answer) => answer.clone(),
        };
        let alone = format!("function FindProxyForURL(u, h) {{ return \"{answer}\"; }}");
        let again = pac::read(alone.as_bytes()).expect("a script");
        let again: Vec<_> = again
            .answers
            .iter()
            .flat_map(|answer| &answer.ways)
            .collect();
        assert_eq!(again, [way], "{answer}");
    }
});
