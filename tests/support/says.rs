//! What a domain controller says of itself: one value that every service of it answers from.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::{SystemTime, UNIX_EPOCH};

use super::tls::Shown;

/// Flags of a writable controller of today ([MS-ADTS] 6.3.1.2): GC, LDAP, DS, KDC, TIMESERV,
/// CLOSEST, WRITABLE, FULL_SECRET, WS, DS_8, DS_9, DS_10.
pub(crate) const FLAGS: u32 = 0x0001_f1fc;
/// Runs a Kerberos key distribution center.
pub(crate) const KDC: u32 = 0x20;

/// What a controller says of itself.
#[derive(Clone, Debug)]
pub(crate) struct Says {
    /// The domain that it serves.
    pub(crate) domain: String,
    /// Its own DNS name.
    pub(crate) host: String,
    /// Seconds that its clock is ahead.
    pub(crate) clock: i64,
    pub(crate) netlogon: Netlogon,
    pub(crate) root_dse: RootDse,
    pub(crate) kdc: Kdc,
    pub(crate) mapper: Mapper,
    pub(crate) smb: Smb,
    pub(crate) certificate: Shown,
    pub(crate) account: Account,
}

/// The answers to whoever binds.
#[derive(Clone, Debug, Default)]
pub(crate) struct Account {
    /// The result code of a bind, and its words.
    pub(crate) bind: (i32, &'static str),
    /// These bytes in place of the answer to a bind.
    pub(crate) bind_bytes: Option<Vec<u8>>,
    /// The keywords of the service connection point; without any it is not there.
    pub(crate) keywords: Vec<String>,
    /// How many binds came.
    pub(crate) binds: Arc<AtomicUsize>,
}

/// The answer to an LDAP ping.
#[derive(Clone, Debug)]
pub(crate) struct Netlogon {
    /// 23 at work, 24 paused; 19 to 21 are the forms from before Windows 2000.
    pub(crate) opcode: u16,
    pub(crate) flags: u32,
    pub(crate) dc_site: String,
    /// The site computed for the client; empty where no subnet object matches.
    pub(crate) client_site: String,
    /// The result code of the search; an entry comes with 0 only.
    pub(crate) result: i32,
}

/// The answer to a search of the root over TCP.
#[derive(Clone, Debug)]
pub(crate) struct RootDse {
    /// The result code; attributes come with 0 only.
    pub(crate) result: i32,
    pub(crate) is_synchronized: bool,
    pub(crate) dns_host_name: String,
    /// The domain in `defaultNamingContext`.
    pub(crate) domain: String,
    pub(crate) is_active_directory: bool,
    /// The result code of StartTLS.
    pub(crate) start_tls: i32,
}

/// The answer to an AS request.
#[derive(Clone, Debug)]
pub(crate) struct Kdc {
    /// error-code of RFC 4120 §7.5.9.
    pub(crate) code: i32,
    /// e-text.
    pub(crate) text: Option<String>,
}

/// What the endpoint mapper knows of Netlogon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Mapper {
    /// Its port: the one that is open, unless the test set another.
    Port(Option<u16>),
    NotRegistered,
    /// The mapper answers authenticated callers only.
    Denied,
    /// A bind_nak.
    RefusesBind,
}

/// The answer to an SMB negotiation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Smb {
    Dialect(u16),
    Refused(u32),
    Version1,
}

impl Says {
    /// What a healthy controller called `host` says.
    pub(crate) fn healthy(domain: &str, host: &str) -> Self {
        Self {
            domain: domain.to_owned(),
            host: host.to_owned(),
            clock: 0,
            netlogon: Netlogon {
                opcode: 23,
                flags: FLAGS,
                dc_site: "Berlin".to_owned(),
                client_site: "Berlin".to_owned(),
                result: 0,
            },
            root_dse: RootDse {
                result: 0,
                is_synchronized: true,
                dns_host_name: host.to_owned(),
                domain: domain.to_owned(),
                is_active_directory: true,
                start_tls: 0,
            },
            kdc: Kdc {
                code: 6,
                text: None,
            },
            mapper: Mapper::Port(None),
            smb: Smb::Dialect(0x0311),
            certificate: Shown::Good,
            account: Account {
                keywords: vec![
                    "azureADName:corp.example".to_owned(),
                    "azureADId:3f2b8c1e-6d54-4a7b-9c0d-5e1f20a3b4c5".to_owned(),
                ],
                ..Account::default()
            },
        }
    }

    pub(crate) fn realm(&self) -> String {
        self.domain.to_ascii_uppercase()
    }

    /// The clock of the controller: seconds since 1970 and microseconds.
    pub(crate) fn now(&self) -> (i64, u32) {
        let since = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .expect("this machine knows that it is after 1970");
        let seconds = i64::try_from(since.as_secs()).expect("this era fits");
        (seconds + self.clock, since.subsec_micros())
    }

    /// The clock as a GeneralizedTime without a fraction.
    pub(crate) fn generalized_time(&self) -> String {
        jiff::Timestamp::from_second(self.now().0)
            .expect("a time of this era")
            .strftime("%Y%m%d%H%M%SZ")
            .to_string()
    }
}
