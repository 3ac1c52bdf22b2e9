//! OpenVPN as far as the answer to its first packet. Nothing more is sent: the server keeps nothing for
//! it, or gives up after its own time.

use std::net::SocketAddr;

use aws_lc_rs::cipher::{self, AES_256, EncryptingKey, EncryptionContext, UnboundCipherKey};
use aws_lc_rs::hmac;
use aws_lc_rs::iv::FixedLength;
use sightline_model::{Finding, Phase, Reason};
use sightline_wire::openvpn::{self, Answer, FIRST, Sealed};

use super::{Silence, meaning, secret, udp};
use crate::net::exchange;
use crate::plan::{KeyDigest, KeyDirection, Seals, StaticKey, VpnTransport};
use crate::run::{self, Run};

const KEYLESS: &str = "a server with tls-auth or tls-crypt answers nobody who lacks its static key: give it in key_file, so that silence says something";
const KEYED: &str = "a filter drops it, the server is down, its static key, the key's use, direction or digest is another one, or the clock of one side is wrong";
const UDP_KEYLESS: Silence = Silence::ProvesNothing(KEYLESS);

/// Where the halves of a static key begin, and in each the key for codes.
const SECOND_HALF: usize = 128;
const CODES: usize = 64;

pub(super) async fn ask(
    run: &Run,
    peer: SocketAddr,
    transport: VpnTransport,
    key: Option<&StaticKey>,
) -> Result<(), Finding> {
    let seal = key
        .map(|key| Ok((secret::static_key(run, &key.file)?, key.seals)))
        .transpose()?
        .map(|(key, seals)| Seal { key, seals });
    run.keep(
        "sealed",
        match key.map(|key| key.seals) {
            None => "no",
            Some(Seals::Auth(..)) => "tls-auth",
            Some(Seals::Crypt) => "tls-crypt",
        },
    );
    let session: [u8; 8] = rand::random();
    let header = openvpn::header(session);
    let packet = match &seal {
        None => openvpn::plain(&header),
        Some(seal) => seal
            .close(&header)
            .map_err(|error| run.blind(Reason::InternalError, error))?,
    };
    let read = |bytes: &[u8]| -> Result<Option<Answer>, Finding> {
        let answer = match &seal {
            None => openvpn::parse(bytes),
            Some(seal) => match seal.open(bytes) {
                Ok(Some((header, rest))) => openvpn::parse_opened(&header, &rest),
                Ok(None) => {
                    let detail = format!("{}: the answer is not sealed with our key", run.doing());
                    return Err(run.fail(Reason::ProtocolError, detail));
                }
                Err(error) => Err(error),
            },
        }
        .map_err(|error| exchange::malformed(run, &error, bytes))?;
        // What is for another session is not for us.
        Ok(Some(answer).filter(|answer| answer.to == Some(session)))
    };
    let silence = if seal.is_some() {
        Silence::Means(KEYED)
    } else {
        UDP_KEYLESS
    };
    let heard = match transport {
        VpnTransport::Udp => {
            let socket = udp(run, peer)?;
            let sends = [packet.as_slice(); 3];
            run.part(async {
                let heard = |bytes: &[u8]| Ok(read(bytes)?.map(|answer| (answer, None)));
                exchange::datagrams(run, &socket, sends, heard).await
            })
            .await
            .map(|answered| answered.value)
        }
        VpnTransport::Tcp => {
            run.part(async {
                let mut stream = exchange::connect_to(run, peer).await?;
                exchange::ask(run, &mut stream, &openvpn::framed(&packet), |bytes| {
                    let packet = openvpn::unframe(bytes)
                        .map_err(|error| exchange::malformed(run, &error, bytes))?;
                    packet.map_or(Ok(None), read)
                })
                .await
            })
            .await
        }
    };
    let answer = heard.map_err(|finding| ended(run, finding, silence))?;
    run.enter(Phase::Response);
    let hex: String = answer
        .session
        .iter()
        .map(|octet| format!("{octet:02x}"))
        .collect();
    run.keep("server_session", hex);
    Ok(())
}

/// Over TCP a server that wants a key ends the connection: with one in hand that is a refusal.
fn ended(run: &Run, finding: Finding, silence: Silence) -> Finding {
    match silence {
        Silence::Means(_) if finding.reason == Reason::ClosedEarly => Finding {
            reason: Reason::VpnRefused,
            detail: format!(
                "{}; the server takes the connection and not the key, its use, direction or digest, or the clock of one side is wrong",
                finding.detail
            ),
            ..finding
        },
        silence => meaning(run, finding, silence),
    }
}

/// A static key, and what it is for.
struct Seal {
    key: [u8; secret::STATIC_KEY],
    seals: Seals,
}

impl Seal {
    /// Octets of the key from `start`.
    fn part(&self, start: usize, length: usize) -> &[u8] {
        self.key.get(start..start + length).unwrap_or_default()
    }

    /// Our first packet.
    fn close(&self, header: &openvpn::Header) -> Result<Vec<u8>, &'static str> {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "32 bits until 2106, and after 1970"
        )]
        let replay = openvpn::replay(run::unix_seconds() as u32);
        match self.seals {
            Seals::Auth(direction, digest) => {
                let code = self.code(
                    sending(direction),
                    digest,
                    &openvpn::auth_input(header, &replay, &FIRST),
                );
                Ok(openvpn::auth(header, code.as_ref(), &replay, &FIRST))
            }
            Seals::Crypt => {
                let code = self.code(
                    SECOND_HALF + CODES,
                    KeyDigest::Sha256,
                    &openvpn::crypt_input(header, &replay, &FIRST),
                );
                let mut rest = FIRST;
                self.turn(SECOND_HALF, code.as_ref(), &mut rest)?;
                Ok(openvpn::crypt(header, &replay, code.as_ref(), &rest))
            }
        }
    }

    /// What is in a packet of the server; `None` where its code is not right.
    fn open(
        &self,
        packet: &[u8],
    ) -> Result<Option<(openvpn::Header, Vec<u8>)>, sightline_wire::Malformed> {
        match self.seals {
            Seals::Auth(direction, digest) => {
                let length = algorithm(digest).digest_algorithm().output_len();
                let Sealed {
                    header,
                    replay,
                    code,
                    rest,
                } = openvpn::open_auth(packet, length)?;
                let input = openvpn::auth_input(&header, &replay, rest);
                let is_right = self.is_code(receiving(direction), digest, &input, code);
                Ok(is_right.then(|| (header, rest.to_vec())))
            }
            Seals::Crypt => {
                let Sealed {
                    header,
                    replay,
                    code,
                    rest,
                } = openvpn::open_crypt(packet)?;
                let mut plain = rest.to_vec();
                let is_turned = self.turn(0, code, &mut plain).is_ok();
                let input = openvpn::crypt_input(&header, &replay, &plain);
                let is_right = is_turned && self.is_code(CODES, KeyDigest::Sha256, &input, code);
                Ok(is_right.then_some((header, plain)))
            }
        }
    }

    fn code(&self, start: usize, digest: KeyDigest, input: &[u8]) -> hmac::Tag {
        hmac::sign(&self.hmac_key(start, digest), input)
    }

    fn is_code(&self, start: usize, digest: KeyDigest, input: &[u8], code: &[u8]) -> bool {
        hmac::verify(&self.hmac_key(start, digest), input, code).is_ok()
    }

    /// The key is as long as the code.
    fn hmac_key(&self, start: usize, digest: KeyDigest) -> hmac::Key {
        let algorithm = algorithm(digest);
        let length = algorithm.digest_algorithm().output_len();
        hmac::Key::new(algorithm, self.part(start, length))
    }

    /// Encrypts or decrypts, which is the same in counter mode. The counter begins with the code.
    fn turn(&self, start: usize, code: &[u8], text: &mut [u8]) -> Result<(), &'static str> {
        const FAILED: &str = "AES in counter mode is not there";
        let block: [u8; 16] = code.first_chunk().copied().ok_or("a code is too short")?;
        let key = UnboundCipherKey::new(&AES_256, self.part(start, cipher::AES_256_KEY_LEN))
            .and_then(EncryptingKey::ctr)
            .map_err(|_| FAILED)?;
        key.less_safe_encrypt(text, EncryptionContext::Iv128(FixedLength::from(block)))
            .map_err(|_| FAILED)?;
        Ok(())
    }
}

/// Where the key of a client's codes begins.
const fn sending(direction: KeyDirection) -> usize {
    match direction {
        KeyDirection::One => SECOND_HALF + CODES,
        KeyDirection::Zero | KeyDirection::None => CODES,
    }
}

/// Where the key of a server's codes begins.
const fn receiving(direction: KeyDirection) -> usize {
    match direction {
        KeyDirection::One | KeyDirection::None => CODES,
        KeyDirection::Zero => SECOND_HALF + CODES,
    }
}

const fn algorithm(digest: KeyDigest) -> hmac::Algorithm {
    match digest {
        KeyDigest::Sha1 => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
        KeyDigest::Sha256 => hmac::HMAC_SHA256,
        KeyDigest::Sha384 => hmac::HMAC_SHA384,
        KeyDigest::Sha512 => hmac::HMAC_SHA512,
    }
}

#[cfg(test)]
mod tests;
