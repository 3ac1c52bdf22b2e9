//! What we write, read back: by our own decoders where there are any, by another library where
//! there are none.

use ldap3_lber::parse::parse_tag;
use ldap3_lber::structure::{PL, StructureTag};
use proptest::prelude::*;

use super::config;
use crate::cldap::Ping;
use crate::epm::{self, EPM, NETLOGON};
use crate::krb5::{self, AsRequest};
use crate::ldap::{Guard, start_tls_request};
use crate::ntp::{self, Answer};
use crate::smb2::{self, Negotiate};
use crate::{kpasswd, vectors};

/// No message of ours or of a peer that is read is deeper than this.
const DEPTH: usize = 12;

fn whole(bytes: &[u8]) -> StructureTag {
    let (rest, tag) = parse_tag(bytes, DEPTH).expect("an element");
    assert!(rest.is_empty(), "{rest:x?}");
    tag
}

fn octets(tag: &StructureTag) -> Vec<Vec<u8>> {
    match &tag.payload {
        PL::P(content) => vec![content.clone()],
        PL::C(children) => children.iter().flat_map(octets).collect(),
    }
}

proptest! {
    #![proptest_config(config(256))]

    #[test]
    fn a_ping_holds_what_it_was_made_of(
        domain in ".{0,300}",
        host in prop::option::of(".{0,40}"),
        message_id in 1..=i32::MAX,
    ) {
        let ping = Ping { domain, host, message_id };
        let found = octets(&whole(&ping.encode()));
        prop_assert!(found.contains(&ping.domain.as_bytes().to_vec()));
        if let Some(host) = &ping.host {
            prop_assert!(found.contains(&host.as_bytes().to_vec()));
        }
        let id = found[0].iter().fold(0_i64, |id, &byte| id << 8 | i64::from(byte));
        prop_assert_eq!(id, i64::from(message_id));
    }

    #[test]
    fn an_as_request_holds_what_it_was_made_of(
        realm in "[A-Z.]{0,200}",
        client in "[a-z-]{0,200}",
        nonce in 0..1_u32 << 31,
        etypes in prop::collection::vec(any::<i32>(), 0..20),
    ) {
        let request = AsRequest { realm: &realm, client: &client, nonce, etypes: &etypes }.encode();
        let found = octets(&whole(&request));
        prop_assert!(found.contains(&realm.as_bytes().to_vec()));
        prop_assert!(found.contains(&client.as_bytes().to_vec()));
        let framed = krb5::frame(&request);
        prop_assert_eq!(krb5::unframe(&framed), Ok(Some(request.as_slice())));
    }

    #[test]
    fn a_password_change_adds_up_for_every_realm(realm in "[A-Z.]{0,255}") {
        let request = kpasswd::request(&realm);
        let number = |at: usize| usize::from(u16::from_be_bytes([request[at], request[at + 1]]));
        prop_assert_eq!(number(0), request.len());
        let (ap_req, krb_priv) = request[6..].split_at(number(4));
        prop_assert!(octets(&whole(ap_req)).contains(&realm.as_bytes().to_vec()));
        whole(krb_priv);
    }

    #[test]
    fn a_negotiate_carries_its_random_parts(client_guid: [u8; 16], salt: [u8; 32]) {
        let request = Negotiate { client_guid, salt }.encode();
        let message = smb2::unframe(&request).unwrap().expect("a whole message");
        prop_assert_eq!(message.len() + 4, request.len());
        prop_assert_eq!(&message[76..92], client_guid.as_slice());
        prop_assert!(message.ends_with(&salt));
    }

    #[test]
    fn an_rpc_request_is_as_long_as_it_says(call_id: u32) {
        for request in [epm::bind(&EPM, call_id), epm::map_request(&NETLOGON, call_id)] {
            let length = u16::from_le_bytes([request[8], request[9]]);
            prop_assert_eq!(usize::from(length), request.len());
            prop_assert!(epm::read_pdu(&request, call_id).is_err());
        }
    }

    #[test]
    fn a_start_tls_request_is_an_ldap_message_that_no_server_sends(message_id in 1..=i32::MAX) {
        let request = start_tls_request(message_id);
        whole(&request);
        prop_assert!(Guard::default().push(&request).is_err());
    }

    #[test]
    fn a_time_survives_the_wire(
        cookie: [u8; 8],
        near in -(1_i64 << 40)..1_i64 << 40,
        distance in -(1_i64 << 31) + 1..1_i64 << 31,
        fraction: u32,
    ) {
        let seconds = near + distance;
        let raw = u32::try_from((seconds + 2_208_988_800).rem_euclid(1 << 32)).unwrap();
        prop_assume!((raw, fraction) != (0, 0));
        let mut packet = ntp::request(cookie);
        packet[0] = 0x24;
        packet[1] = 1;
        packet.copy_within(40..48, 24);
        for at in [32, 40] {
            packet[at..at + 4].copy_from_slice(&raw.to_be_bytes());
            packet[at + 4..at + 8].copy_from_slice(&fraction.to_be_bytes());
        }
        let Ok(Answer::Time(sample)) = ntp::parse(&packet, cookie, near) else {
            return Err(TestCaseError::fail("a time"));
        };
        #[expect(clippy::cast_precision_loss, reason = "exact below 2^53")]
        let expected = seconds as f64 + f64::from(fraction) / 4_294_967_296.0;
        prop_assert!((sample.transmit.unix_seconds() - expected).abs() < 1e-3);
    }
}

#[test]
fn what_passes_the_guard_another_library_reads_as_well() {
    let answers = vectors::names("ldap-")
        .into_iter()
        .chain(vectors::names("cldap-"));
    let mut count = 0;
    for name in answers {
        for message in Guard::default()
            .push(&vectors::read(&name))
            .unwrap_or_default()
        {
            whole(&message);
            count += 1;
        }
    }
    assert!(count > 20, "{count}");
}
