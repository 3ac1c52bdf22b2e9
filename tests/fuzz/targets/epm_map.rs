//! A mapping names a few ports, each once, and its status stands where the towers end.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sightline_wire::epm;

fuzz_target!(|stub: &[u8]| match epm::parse_map(stub) {
    Err(error) => assert!(error.at <= stub.len(), "{error}"),
    Ok(mapping) => {
        let mut ports = mapping.ports.clone();
        ports.sort_unstable();
        ports.dedup();
        assert_eq!(ports.len(), mapping.ports.len());
        assert!(ports.len() <= 4 && !ports.contains(&0));
        let status = mapping.status.to_le_bytes();
        assert!(stub[40 - 4..].windows(4).any(|bytes| bytes == status));
        let longer = [stub, b"\0"].concat();
        assert_eq!(epm::parse_map(&longer), Ok(mapping));
    }
});
