//! All decoders behind one shape.

use crate::Malformed;
use crate::cldap;
use crate::epm::{self, Pdu};
use crate::ike;
use crate::kpasswd;
use crate::krb5::{self, KrbError};
use crate::ldap::{self, Guard};
use crate::ntp;
use crate::openvpn;
use crate::ra;
use crate::smb2;
use crate::vectors::{names, read};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Everything was understood; `size` is what the value holds in bytes.
    Value {
        size: usize,
    },
    /// More bytes are wanted.
    Incomplete,
    Refused(Malformed),
}

pub(super) struct Decoder {
    pub(super) name: &'static str,
    /// Beginnings and ends of the names of its vectors: whole answers.
    vectors: &'static [(&'static str, &'static str)],
    /// How the names of its broken vectors begin.
    pub(super) broken: &'static str,
    pub(super) decode: fn(&[u8]) -> Outcome,
}

impl Decoder {
    pub(super) fn vectors(&self) -> Vec<(String, Vec<u8>)> {
        self.vectors
            .iter()
            .flat_map(|(prefix, suffix)| {
                names(prefix)
                    .into_iter()
                    .filter(move |name| name.ends_with(suffix))
            })
            .map(|name| {
                let bytes = read(&name);
                (name, bytes)
            })
            .collect()
    }
}

const NONE: &str = "no vector";

pub(super) const DECODERS: &[Decoder] = &[
    Decoder {
        name: "cldap",
        vectors: &[("cldap-", "-rep")],
        broken: "cldap-bad-",
        decode: |bytes| of(cldap::parse(bytes, 1), controller_size),
    },
    Decoder {
        name: "krb5",
        vectors: &[("krb-err-", "-rep")],
        broken: NONE,
        decode: |bytes| of(krb5::parse(bytes).map(Some), reply_size),
    },
    Decoder {
        name: "krb5 over TCP",
        vectors: &[("krb-asrep-tcp", "-rep")],
        broken: NONE,
        decode: |bytes| match krb5::unframe(bytes) {
            Ok(Some(message)) => shifted(4, of(krb5::parse(message).map(Some), reply_size)),
            Ok(None) => Outcome::Incomplete,
            Err(error) => Outcome::Refused(error),
        },
    },
    Decoder {
        name: "kpasswd",
        vectors: &[("kpasswd-", "-rep")],
        broken: NONE,
        decode: |bytes| {
            of(kpasswd::parse(bytes).map(Some), |answer| match answer {
                kpasswd::Answer::Error(error, _) => error_size(error),
                kpasswd::Answer::ApReply => 0,
            })
        },
    },
    Decoder {
        name: "smb2",
        vectors: &[("smb2-", "-rep")],
        broken: "smb2-bad-",
        decode: |bytes| match smb2::unframe(bytes) {
            Ok(Some(message)) => shifted(4, of(smb2::parse(message).map(Some), |_| 0)),
            Ok(None) => Outcome::Incomplete,
            Err(error) => Outcome::Refused(error),
        },
    },
    Decoder {
        name: "epm",
        vectors: &[
            ("rpc-", "-rep"),
            ("rpc-", "-ack"),
            ("rpc-", "-nak"),
            ("rpc-", "-fault"),
        ],
        broken: "rpc-bad-",
        decode: |bytes| {
            let call_id = number_at(bytes, 12);
            match epm::read_pdu(bytes, call_id) {
                Ok(Some((Pdu::Response(stub), length))) => {
                    assert!(length <= bytes.len() && stub.len() < length);
                    of(epm::parse_map(&stub).map(Some), |mapping| {
                        assert!(mapping.ports.len() <= 4);
                        stub.len()
                    })
                }
                other => of(other, |_| 0),
            }
        },
    },
    Decoder {
        name: "epm map",
        vectors: &[("rpc-epm-map-", "-rep")],
        broken: NONE,
        decode: |bytes| {
            // The vectors are whole PDUs, whose stubs begin here.
            let stub = bytes.get(24..).unwrap_or_default();
            shifted(
                24.min(bytes.len()),
                of(epm::parse_map(stub).map(Some), |_| 0),
            )
        },
    },
    Decoder {
        name: "ldap",
        vectors: &[("ldap-scp-anon", "-rep")],
        broken: NONE,
        decode: |bytes| {
            let passed = Guard::default().push(bytes);
            let whole = |messages: Vec<Vec<u8>>| {
                let size = messages.concat().len();
                (size > 0 && size == bytes.len()).then_some(size)
            };
            of(passed.map(whole), |&size| size)
        },
    },
    Decoder {
        name: "LDAP bind",
        vectors: &[("ldap-bind", "-rep"), ("ldap-anonbind", "-rep")],
        broken: NONE,
        decode: |bytes| {
            let passed = Guard::binding(1).push(bytes);
            let whole = |messages: Vec<Vec<u8>>| {
                let size = messages.concat().len();
                (size > 0 && size == bytes.len()).then_some(size)
            };
            of(passed.map(whole), |&size| size)
        },
    },
    Decoder {
        name: "StartTLS",
        vectors: &[("ldap-starttls", "-rep")],
        broken: NONE,
        decode: |bytes| of(ldap::parse_start_tls(bytes), |answer| answer.message.len()),
    },
    Decoder {
        name: "ntp",
        vectors: &[("sntp-", "-rep")],
        broken: NONE,
        decode: |bytes| {
            let cookie = bytes
                .get(24..)
                .and_then(<[u8]>::first_chunk)
                .copied()
                .unwrap_or_default();
            of(ntp::parse(bytes, cookie, 1_795_342_500).map(Some), |_| 4)
        },
    },
    Decoder {
        name: "ike",
        vectors: &[
            ("ikev2-sainit-rep", ""),
            ("ikev2-noprop", "-rep"),
            ("ikev2-invalidke", "-rep"),
            ("ikev2-cookie", "-rep"),
            ("ikev2-badver", "-rep"),
        ],
        broken: NONE,
        decode: |bytes| {
            let spi = bytes.first_chunk().copied().unwrap_or_default();
            of(ike::parse(bytes, spi).map(Some), |answer| match answer {
                ike::Answer::Cookie(cookie) => cookie.len(),
                ike::Answer::Redirect(name) => name.len(),
                _ => 0,
            })
        },
    },
    Decoder {
        name: "openvpn",
        vectors: &[("openvpn-rep", "")],
        broken: NONE,
        decode: |bytes| of(openvpn::parse(bytes).map(Some), |_| 16),
    },
    Decoder {
        name: "openvpn over TCP",
        vectors: &[("openvpn-tcp-rep", "")],
        broken: NONE,
        decode: |bytes| match openvpn::unframe(bytes) {
            Ok(Some(packet)) => shifted(2, of(openvpn::parse(packet).map(Some), |_| 16)),
            Ok(None) => Outcome::Incomplete,
            Err(error) => Outcome::Refused(error),
        },
    },
    Decoder {
        name: "openvpn under tls-auth",
        vectors: &[("openvpn-tlsauth-rep", "")],
        broken: NONE,
        decode: |bytes| match openvpn::open_auth(bytes, 20) {
            Ok(sealed) => shifted(
                37,
                of(
                    openvpn::parse_opened(&sealed.header, sealed.rest).map(Some),
                    |_| 16,
                ),
            ),
            Err(error) => Outcome::Refused(error),
        },
    },
    Decoder {
        name: "router advertisement",
        vectors: &[("ra-full-rep", "")],
        broken: "ra-bad-",
        decode: |bytes| {
            // It ends where the datagram ends. In this vector the portal comes last.
            let whole = ra::parse(bytes).map(|said| said.portal_api_url.is_some().then_some(said));
            of(whole, advertisement_size)
        },
    },
];

fn of<T>(decoded: Result<Option<T>, Malformed>, size: impl FnOnce(&T) -> usize) -> Outcome {
    match decoded {
        Ok(Some(value)) => Outcome::Value { size: size(&value) },
        Ok(None) => Outcome::Incomplete,
        Err(error) => Outcome::Refused(error),
    }
}

/// The outcome for a part that begins at the byte `start`.
fn shifted(start: usize, outcome: Outcome) -> Outcome {
    match outcome {
        Outcome::Refused(error) => Outcome::Refused(Malformed {
            at: error.at + start,
            ..error
        }),
        other => other,
    }
}

fn number_at(bytes: &[u8], at: usize) -> u32 {
    bytes
        .get(at..)
        .and_then(<[u8]>::first_chunk)
        .copied()
        .map_or(0, u32::from_le_bytes)
}

fn controller_size(answer: &cldap::Answer) -> usize {
    match answer {
        cldap::Answer::Controller(controller) => [
            &controller.forest,
            &controller.domain,
            &controller.host,
            &controller.netbios_domain,
            &controller.netbios_host,
            &controller.user,
            &controller.dc_site,
            &controller.client_site,
        ]
        .into_iter()
        .chain(&controller.next_closest_site)
        .map(String::len)
        .sum(),
        cldap::Answer::Result { message, .. } => message.len(),
        cldap::Answer::OldForm { .. } | cldap::Answer::NotServed => 0,
    }
}

fn advertisement_size(said: &ra::Advertisement) -> usize {
    let suffixes = said.suffixes.iter().map(|(suffix, _)| suffix.len());
    suffixes.sum::<usize>()
        + 16 * (said.resolvers.len() + said.prefixes.len())
        + said.portal_api_url.as_ref().map_or(0, String::len)
}

fn reply_size(reply: &krb5::Reply) -> usize {
    match reply {
        krb5::Reply::Error(error) => error_size(error),
        krb5::Reply::Ticket {
            realm,
            client,
            sealed,
            ..
        } => realm.len() + client.len() + sealed.cipher.len(),
    }
}

fn error_size(error: &KrbError) -> usize {
    let texts = [
        Some(&error.realm),
        error.client_realm.as_ref(),
        error.text.as_ref(),
    ];
    let texts: usize = texts.into_iter().flatten().map(String::len).sum();
    let salts = error
        .salts
        .iter()
        .map(|info| 1 + info.salt.as_ref().map_or(0, String::len));
    texts + salts.sum::<usize>() + error.padata.len()
}
