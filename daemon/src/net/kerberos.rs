//! Keys of Kerberos: made from a password, and what they seal (RFC 3961, RFC 3962).
//!
//! The messages around it are those of [`sightline_wire::krb5`], which reads hostile bytes by a fixed
//! depth; of picky-krb only the encryption is used.

use std::fmt;

use picky_krb::crypto::CipherSuite;
use sightline_model::Finding;
use sightline_wire::krb5::{self, EtypeInfo, Reply, Sealed};
use tokio::net::TcpStream;

use super::exchange;
use crate::run::Run;

/// Key usages of RFC 4120 §7.5.1.
pub const TIMESTAMP: i32 = 1;
/// The part of an AS-REP for the client.
pub const AS_REPLY: i32 = 3;

/// AES-256 and AES-128 with SHA-1 (RFC 3962), the best first. The older types of Windows are weak, and
/// it has no newer ones.
pub const ETYPES: [i32; 2] = [18, 17];

/// The rounds of the key derivation of RFC 3962 §4 where nobody says otherwise, as Windows never does.
/// Fewer would be an invitation to guess the password, many more a way to keep us busy.
const ROUNDS: u32 = 4096;

/// Sends a request over TCP and reads what the KDC says (RFC 4120 §7.2.2).
///
/// # Errors
/// What the network said, or bytes that are no Kerberos.
pub async fn ask(run: &Run, stream: &mut TcpStream, request: &[u8]) -> Result<Reply, Finding> {
    exchange::ask(run, stream, &krb5::frame(request), |bytes| {
        let malformed = |error| exchange::malformed(run, &error, bytes);
        match krb5::unframe(bytes).map_err(malformed)? {
            Some(message) => krb5::parse(message).map(Some).map_err(malformed),
            None => Ok(None),
        }
    })
    .await
}

/// A key of an account.
pub struct Key {
    etype: i32,
    suite: CipherSuite,
    bytes: Vec<u8>,
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key")
            .field("etype", &self.etype)
            .finish_non_exhaustive()
    }
}

impl Key {
    /// Makes the key that `info` describes. The password is mixed with its salt.
    ///
    /// # Errors
    /// A sentence, for types other than AES, other rounds than the usual ones, and no salt.
    pub fn of_password(password: &str, info: &EtypeInfo) -> Result<Self, String> {
        let suite = match info.etype {
            18 => CipherSuite::Aes256CtsHmacSha196,
            17 => CipherSuite::Aes128CtsHmacSha196,
            other => return Err(format!("encryption type {other} is none of AES")),
        };
        if let Some(rounds) = info.iterations.filter(|rounds| *rounds != ROUNDS) {
            return Err(format!("{rounds} rounds of derivation, not {ROUNDS}"));
        }
        let salt = info.salt.as_ref().ok_or("no salt")?;
        let bytes = suite
            .cipher()
            .generate_key_from_password(password.as_bytes(), salt.as_bytes())
            .map_err(|error| error.to_string())?;
        Ok(Self {
            etype: info.etype,
            suite,
            bytes,
        })
    }

    /// Encrypts.
    ///
    /// # Errors
    /// A sentence, where there is no randomness.
    pub fn seal(&self, usage: i32, plain: &[u8]) -> Result<Sealed, String> {
        let cipher = self.suite.cipher().encrypt(&self.bytes, usage, plain);
        Ok(Sealed {
            etype: self.etype,
            cipher: cipher.map_err(|error| error.to_string())?,
        })
    }

    /// Decrypts, if the checksum is that of this key.
    ///
    /// # Errors
    /// A sentence, where it was sealed with another key.
    pub fn open(&self, usage: i32, sealed: &Sealed) -> Result<Vec<u8>, String> {
        if sealed.etype != self.etype {
            return Err(format!(
                "it is encrypted with type {}, not with {}",
                sealed.etype, self.etype
            ));
        }
        self.suite
            .cipher()
            .decrypt(&self.bytes, usage, &sealed.cipher)
            .map_err(|error| error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use sightline_wire::krb5::KerberosTime;

    use super::*;

    fn vector(name: &str) -> Vec<u8> {
        let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/wire");
        let text = std::fs::read_to_string(directory.join(name).with_extension("hex"));
        let digits: Vec<char> = text
            .expect("the vector is there")
            .lines()
            .filter(|line| !line.starts_with('#'))
            .flat_map(str::chars)
            .filter(|c| !c.is_whitespace())
            .collect();
        let byte = |pair: &[char]| {
            u8::from_str_radix(&pair.iter().collect::<String>(), 16).expect("two digits")
        };
        digits.chunks_exact(2).map(byte).collect()
    }

    fn info(etype: i32) -> EtypeInfo {
        EtypeInfo {
            etype,
            salt: Some("CORP.EXAMPLE.TESTcanary".to_owned()),
            iterations: Some(ROUNDS),
        }
    }

    fn key(password: &str) -> Key {
        Key::of_password(password, &info(18)).expect("a key")
    }

    #[test]
    fn a_ticket_of_samba_opens_with_its_password_and_with_no_other() {
        let bytes = vector("krb-asrep-tcp-rep");
        let message = krb5::unframe(&bytes).expect("short").expect("whole");
        let Ok(Reply::Ticket { sealed, salts, .. }) = krb5::parse(message) else {
            panic!("a ticket");
        };
        let key = Key::of_password("Canary-Pass-1!", &salts[0]).expect("a key");
        let part = key
            .open(AS_REPLY, &sealed)
            .expect("it is sealed with this key");
        assert_eq!(krb5::nonce_of_reply(&part), Ok(0x1122_3344));
        assert!(key.open(TIMESTAMP, &sealed).is_err());
        assert!(key_of_other().open(AS_REPLY, &sealed).is_err());
        for length in 0..sealed.cipher.len() {
            let cut = Sealed {
                cipher: sealed.cipher[..length].to_vec(),
                ..sealed.clone()
            };
            assert!(key.open(AS_REPLY, &cut).is_err(), "{length} bytes");
        }
    }

    fn key_of_other() -> Key {
        key("Canary-Pass-2!")
    }

    #[test]
    fn a_timestamp_that_samba_took_opens() {
        let bytes = vector("krb-asreq-preauth-tcp-req");
        let at = bytes.windows(2).position(|two| two == [0x4c, 0xb6]);
        let at = at.expect("the encrypted time");
        let sealed = Sealed {
            etype: 18,
            cipher: bytes[at..at + 0x38].to_vec(),
        };
        let plain = key("Canary-Pass-1!").open(TIMESTAMP, &sealed);
        let plain = plain.expect("it is sealed with this key");
        let text = String::from_utf8_lossy(&plain).into_owned();
        assert!(text.contains("20261122"), "{text}");
    }

    #[test]
    fn what_is_sealed_opens_again_and_is_never_the_same() {
        let plain = krb5::timestamp(KerberosTime {
            seconds: 1_795_342_308,
            micros: 7,
        });
        for etype in ETYPES {
            let key = Key::of_password("Canary-Pass-1!", &info(etype)).expect("a key");
            let sealed = key.seal(TIMESTAMP, &plain).expect("sealed");
            assert_eq!(key.open(TIMESTAMP, &sealed), Ok(plain.clone()));
            assert_ne!(key.seal(TIMESTAMP, &plain), Ok(sealed));
        }
    }

    #[test]
    fn weak_types_and_rounds_of_another_mind_make_no_key() {
        for info in [
            info(23),
            info(16),
            EtypeInfo {
                iterations: Some(1),
                ..info(18)
            },
            EtypeInfo {
                iterations: Some(u32::MAX),
                ..info(18)
            },
            EtypeInfo {
                salt: None,
                ..info(18)
            },
        ] {
            assert!(Key::of_password("x", &info).is_err(), "{info:?}");
        }
        assert!(!format!("{:?}", key("Hush")).contains("bytes"));
    }
}
