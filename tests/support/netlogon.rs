//! The LDAP ping ([MS-ADTS] 6.3.3), as a controller on Windows answers it.

use std::sync::Arc;

use super::behaviour::{Answer, Protocol};
use super::ber;
use super::ldap;
use super::says::Says;

/// UDP 389.
pub(crate) struct Ping(pub(crate) Arc<Says>);

impl Protocol for Ping {
    fn answer(&self, received: &mut Vec<u8>) -> Option<Answer> {
        let request = ldap::Request::take(received)?;
        let serves = asked_domain(&request.operation)
            .is_some_and(|asked| asked.eq_ignore_ascii_case(&self.0.domain));
        let mut bytes = Vec::new();
        if serves && self.0.netlogon.result == 0 {
            bytes.extend(ldap::message(
                request.id,
                &ldap::entry(&[("netlogon", vec![self.value()])]),
            ));
        }
        bytes.extend(ldap::message(
            request.id,
            &ldap::result(0x65, self.0.netlogon.result, ""),
        ));
        Some(Answer::new(bytes))
    }

    fn mistake_id(&self, answer: &mut [u8]) {
        ldap::mistake_ids(answer);
    }

    fn huge_length(&self, _request: &[u8]) -> Vec<u8> {
        vec![ber::SEQUENCE, 0x84, 0xff, 0xff, 0xff, 0xff]
    }

    /// Entries of our search, and never its end.
    fn endless(&self, request: &[u8]) -> (Vec<u8>, Vec<u8>) {
        let id = ldap::Request::take(&mut request.to_vec()).map_or(1, |request| request.id);
        let entry = ldap::message(id, &ldap::entry(&[("netlogon", vec![self.value()])]));
        (entry.clone(), entry)
    }

    /// The name of the domain points at itself, and so does each that follows.
    fn compression_loop(&self, request: &[u8]) -> Vec<u8> {
        let id = ldap::Request::take(&mut request.to_vec()).map_or(1, |request| request.id);
        let mut value = self.head();
        for at in (0..8).map(|name| 24 + 2 * name) {
            value.extend([0xc0, at]);
        }
        value.extend(TRAILER);
        let mut bytes = ldap::message(id, &ldap::entry(&[("netlogon", vec![value])]));
        bytes.extend(ldap::message(id, &ldap::result(0x65, 0, "")));
        bytes
    }
}

/// NtVersion 5 and the two tokens.
const TRAILER: [u8; 8] = [5, 0, 0, 0, 0xff, 0xff, 0xff, 0xff];

impl Ping {
    /// NETLOGON_SAM_LOGON_RESPONSE_EX, [MS-ADTS] 6.3.1.9. Names of the domain are pointers to the
    /// first one, at offset 24.
    fn value(&self) -> Vec<u8> {
        let Says {
            netlogon, domain, ..
        } = self.0.as_ref();
        if netlogon.opcode < 23 {
            return self.old_form();
        }
        let (label, rest) = self.0.host.split_once('.').unwrap_or((&self.0.host, ""));
        let mut value = self.head();
        labels(&mut value, domain);
        value.push(0);
        value.extend([0xc0, 24]);
        label_of(&mut value, label);
        if rest == domain {
            value.extend([0xc0, 24]);
        } else {
            labels(&mut value, rest);
            value.push(0);
        }
        let netbios = domain.split('.').next().unwrap_or_default();
        for name in [
            netbios,
            label,
            "",
            &*netlogon.dc_site,
            &*netlogon.client_site,
        ] {
            label_of(&mut value, name);
            if !name.is_empty() {
                value.push(0);
            }
        }
        value.extend(TRAILER);
        value
    }

    fn head(&self) -> Vec<u8> {
        let mut value = self.0.netlogon.opcode.to_le_bytes().to_vec();
        value.extend([0, 0]);
        value.extend(self.0.netlogon.flags.to_le_bytes());
        value.extend(*b"\x52\x3a\x0c\x6f\x1e\x9b\x53\x4c\x8d\x59\x0d\x2f\x5c\x2a\x7e\x11");
        value
    }

    /// NETLOGON_SAM_LOGON_RESPONSE_NT40, [MS-ADTS] 6.3.1.7: UTF-16, and no site at all.
    fn old_form(&self) -> Vec<u8> {
        let mut value = self.0.netlogon.opcode.to_le_bytes().to_vec();
        for name in ["\\\\DC1", "", "CORP"] {
            value.extend(name.encode_utf16().flat_map(u16::to_le_bytes));
            value.extend([0, 0]);
        }
        value.extend([1, 0, 0, 0, 0xff, 0xff, 0xff, 0xff]);
        value
    }
}

fn labels(value: &mut Vec<u8>, name: &str) {
    for label in name.split('.').filter(|label| !label.is_empty()) {
        label_of(value, label);
    }
}

/// One label; an empty one is the end of a name.
fn label_of(value: &mut Vec<u8>, label: &str) {
    value.push(u8::try_from(label.len()).expect("a label has up to 63 bytes"));
    value.extend(label.bytes());
}

/// The value beside `DnsDomain` in the filter of a search.
fn asked_domain(operation: &[u8]) -> Option<String> {
    const NAME: &[u8] = b"DnsDomain";
    let at = operation
        .windows(NAME.len())
        .position(|part| part.eq_ignore_ascii_case(NAME))?;
    let (_, value, _) = ber::split(operation.get(at + NAME.len()..)?)?;
    Some(String::from_utf8_lossy(value).into_owned())
}
