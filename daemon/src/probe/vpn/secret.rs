//! Keys in files. What is in them appears nowhere: not in an error, not in a debug output.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use sightline_model::{Finding, Reason};

use crate::plan::wireguard_key;
use crate::run::Run;

/// Octets of the largest file that is read: a static key with its comments has less than 1 KiB.
const LARGEST: u64 = 16 * 1024;

/// Octets of the static key of OpenVPN.
pub(super) const STATIC_KEY: usize = 256;

/// Reads the static key of OpenVPN that stands in a file, as `openvpn --genkey` writes it.
///
/// # Errors
/// A finding of our own, where there is none.
pub(super) fn static_key(run: &Run, file: &Path) -> Result<[u8; STATIC_KEY], Finding> {
    read(run, file, "vpn.key_file", |text| {
        parse_static(text).ok_or("it holds no static key of OpenVPN (`openvpn --genkey`)")
    })
}

/// Reads a key of WireGuard that stands in a file, as `wg genkey` writes it.
///
/// # Errors
/// A finding of our own, where there is none.
#[cfg_attr(
    not(feature = "wireguard"),
    expect(dead_code, reason = "nobody has such keys then")
)]
pub(super) fn peer_key(run: &Run, file: &Path, field: &str) -> Result<[u8; 32], Finding> {
    read(run, file, field, |text| {
        wireguard_key(text.trim()).ok_or("it holds no key of WireGuard (`wg genkey`)")
    })
}

fn read<T>(
    run: &Run,
    file: &Path,
    field: &str,
    parse: impl FnOnce(&str) -> Result<T, &'static str>,
) -> Result<T, Finding> {
    let unusable = |what: &dyn std::fmt::Display| {
        let file = file.display();
        run.blind(
            Reason::NotRun,
            format!("the key in {file} ({field}) cannot be used: {what}"),
        )
    };
    let mut text = String::new();
    let opened = File::open(file).map_err(|error| unusable(&error))?;
    // A pipe may never end.
    if !opened.metadata().is_ok_and(|metadata| metadata.is_file()) {
        return Err(unusable(&"it is no file"));
    }
    opened
        .take(LARGEST)
        .read_to_string(&mut text)
        .map_err(|_| unusable(&"it is no text"))?;
    parse(&text).map_err(|what| unusable(&what))
}

fn parse_static(text: &str) -> Option<[u8; STATIC_KEY]> {
    let (_, rest) = text.split_once("-----BEGIN OpenVPN Static key V1-----")?;
    let (inner, _) = rest.split_once("-----END OpenVPN Static key V1-----")?;
    let digits: Vec<u32> = inner
        .chars()
        .filter(|c| !c.is_whitespace())
        .map(|c| c.to_digit(16))
        .collect::<Option<_>>()?;
    let octets: Vec<u8> = digits
        .chunks_exact(2)
        .filter_map(|pair| match pair {
            [high, low] => u8::try_from(high << 4 | low).ok(),
            _ => None,
        })
        .collect();
    (digits.len() == 2 * STATIC_KEY)
        .then(|| octets.try_into().ok())
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_static_key_is_read_as_openvpn_writes_it() {
        let line = "000102030405060708090a0b0c0d0e0f\n";
        let text = format!(
            "#\n# 2048 bit OpenVPN static key\n#\n-----BEGIN OpenVPN Static key V1-----\n{}-----END OpenVPN Static key V1-----\n",
            line.repeat(16)
        );
        let key = parse_static(&text).expect("a key");
        assert_eq!(
            key[..17],
            [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 0]
        );
        for other in [
            text.replacen("00", "0", 1),
            text.replacen("00", "0g", 1),
            text.replacen(line, "", 1),
            text.replace("END", "END OF"),
            String::new(),
        ] {
            assert_eq!(parse_static(&other), None);
        }
    }
}
