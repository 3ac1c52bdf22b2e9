//! A controller that was read can be written without compression and is read the same again.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sightline_wire::cldap::{self, Answer};
use sightline_wire::netlogon::Controller;

const DONE: &[u8] = b"\x30\x0c\x02\x01\x01\x65\x07\x0a\x01\x00\x04\x00\x04\x00";
const WITH_ADDRESS: u32 = 0x8;

fuzz_target!(|value: &[u8]| {
    let Ok(answer) = parse(value) else {
        return;
    };
    let Answer::Controller(controller) = answer else {
        return;
    };
    assert!((23..=25).contains(&controller.opcode));
    let flags = controller.flags.names().len();
    assert_eq!(flags, controller.flags.0.count_ones() as usize);
    for name in names(&controller) {
        // A byte that is not UTF-8 has become three.
        assert!(name.len() <= 3 * 255, "{name}");
    }
    if let Some(written) = write(&controller, value) {
        assert_eq!(parse(&written), Ok(Answer::Controller(controller)));
    }
});

/// Reads `value` as the only attribute of an entry.
fn parse(value: &[u8]) -> Result<Answer, sightline_wire::Malformed> {
    let set = element(0x31, &element(0x04, value));
    let attribute = element(0x30, &[element(0x04, b"netlogon"), set].concat());
    let entry = element(
        0x64,
        &[element(0x04, b""), element(0x30, &attribute)].concat(),
    );
    let message = element(0x30, &[b"\x02\x01\x01".to_vec(), entry].concat());
    let answer = cldap::parse(&[message, DONE.to_vec()].concat(), 1)?;
    Ok(answer.expect("the end of the search is there"))
}

fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len()).expect("inputs are short");
    [&[tag, 0x84], length.to_be_bytes().as_slice(), content].concat()
}

fn names(controller: &Controller) -> [&String; 8] {
    [
        &controller.forest,
        &controller.domain,
        &controller.host,
        &controller.netbios_domain,
        &controller.netbios_host,
        &controller.user,
        &controller.dc_site,
        &controller.client_site,
    ]
}

/// `None` for names that other labels than those that came cannot carry: with dots in odd places,
/// or with bytes that were not UTF-8.
fn write(controller: &Controller, value: &[u8]) -> Option<Vec<u8>> {
    let mut written = value.get(..24)?.to_vec();
    for name in names(controller) {
        written.extend(labels(name)?);
    }
    if controller.nt_version & WITH_ADDRESS != 0 {
        match controller.address {
            Some(address) => {
                written.extend([16, 2, 0, 0, 0]);
                written.extend(address.octets());
                written.extend([0; 8]);
            }
            None => written.extend([2, 0xff, 0xff]),
        }
    }
    if let Some(site) = &controller.next_closest_site {
        written.extend(labels(site)?);
    }
    written.extend(controller.nt_version.to_le_bytes());
    written.extend([0xff; 4]);
    Some(written)
}

fn labels(name: &str) -> Option<Vec<u8>> {
    let mut labels = Vec::new();
    for label in name.split('.').filter(|_| !name.is_empty()) {
        if label.is_empty() || label.contains('\u{fffd}') {
            return None;
        }
        labels.push(u8::try_from(label.len()).ok()?);
        labels.extend(label.as_bytes());
    }
    labels.push(0);
    Some(labels)
}
