//! A script of any form is read to its end; what is found in it can be asked, and is found again in a
//! script that has only that.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sightline_wire::pac::{self, MOST_WAYS, Way};

fuzz_target!(|bytes: &[u8]| {
    let Ok(script) = pac::read(bytes) else {
        return;
    };
    assert!(script.ways.len() <= MOST_WAYS);
    for way in &script.ways {
        let answer = match way {
            Way::Direct => "DIRECT".to_owned(),
            Way::Proxy { host, port } if host.contains(':') => format!("PROXY [{host}]:{port}"),
            Way::Proxy { host, port } => format!("PROXY {host}:{port}"),
            Way::Other(answer) => answer.clone(),
        };
        let alone = format!("function FindProxyForURL(u, h) {{ return \"{answer}\"; }}");
        let again = pac::read(alone.as_bytes()).expect("a script");
        assert_eq!(again.ways, std::slice::from_ref(way), "{answer}");
    }
});
