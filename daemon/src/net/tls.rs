//! TLS for looking, not for trusting: the handshake ends whatever the chain is worth, and the
//! chain is judged afterwards. Nothing secret may be sent over such a session.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{Resumption, WebPkiServerVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
};
use sightline_model::{Finding, Phase, Reason};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

use super::fault;
use crate::run::Run;
use crate::text;

/// Certificates that a chain of the company's own may lead to: those of this box and those that
/// the configuration names. Loaded at first use, since most runs need none.
#[derive(Debug, Default)]
pub struct CorporateRoots {
    configured: Vec<CertificateDer<'static>>,
    store: OnceLock<Arc<RootCertStore>>,
}

impl CorporateRoots {
    /// The configured certificates, beside those of this box.
    #[must_use]
    pub fn new(configured: Vec<CertificateDer<'static>>) -> Self {
        Self {
            configured,
            store: OnceLock::new(),
        }
    }

    /// Loads them if that has not happened yet. A certificate that cannot be used is left out.
    pub fn load(&self) -> Arc<RootCertStore> {
        Arc::clone(self.store.get_or_init(|| {
            let mut store = RootCertStore::empty();
            store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            store.add_parsable_certificates(self.configured.iter().cloned());
            Arc::new(store)
        }))
    }
}

/// What the server showed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chain {
    /// Certificates as sent, the server's own first.
    pub certificates: Vec<CertificateDer<'static>>,
}

/// A session and what was learned in its handshake.
#[derive(Debug)]
pub struct Session<S> {
    /// The session. Send nothing secret.
    pub stream: TlsStream<S>,
    /// What the server showed.
    pub chain: Chain,
    /// Protocol version, for people.
    pub version: String,
}

/// Makes the handshake for `name` whatever the chain is worth.
///
/// # Errors
/// What the network said, or why no session could be made.
pub async fn handshake<S>(run: &Run, stream: S, name: &str) -> Result<Session<S>, Finding>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    run.enter(Phase::Tls);
    let server = ServerName::try_from(name.to_owned()).map_err(|error| {
        run.blind(
            Reason::InternalError,
            format!("`{name}` is no name for TLS: {error}"),
        )
    })?;
    let provider = provider();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let mut config = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| run.blind(Reason::InternalError, error))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Capture {
            provider,
            seen: Arc::clone(&seen),
        }))
        .with_no_client_auth();
    // A resumed session shows no certificates.
    config.resumption = Resumption::disabled();
    let stream = TlsConnector::from(Arc::new(config))
        .connect(server, stream)
        .await
        .map_err(|error| failed(run, &error))?;
    let version = stream
        .get_ref()
        .1
        .protocol_version()
        .map_or_else(|| "unknown".to_owned(), |version| format!("{version:?}"));
    let certificates = std::mem::take(&mut *seen.lock().unwrap_or_else(PoisonError::into_inner));
    Ok(Session {
        stream,
        chain: Chain { certificates },
        version,
    })
}

fn failed(run: &Run, error: &std::io::Error) -> Finding {
    match error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<Error>())
    {
        Some(tls) => run.fail(Reason::TlsHandshake, format!("{}: {tls}", run.doing())),
        None => fault::finding(run, error),
    }
}

/// The one provider of this program. The others are kept out by `deny.toml`.
fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

/// Facts of a certificate, for people.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// Distinguished name of the owner.
    pub subject: String,
    /// Distinguished name of the issuer.
    pub issuer: String,
    /// DNS names that it is for.
    pub names: Vec<String>,
    /// Unix seconds.
    pub not_before: i64,
    /// Unix seconds.
    pub not_after: i64,
}

impl Chain {
    /// Facts of the server's own certificate; `None` if there is none that can be read.
    #[must_use]
    pub fn leaf(&self) -> Option<Facts> {
        let (_, certificate) = X509Certificate::from_der(self.certificates.first()?).ok()?;
        let names = certificate
            .subject_alternative_name()
            .ok()
            .flatten()
            .map(|names| {
                names
                    .value
                    .general_names
                    .iter()
                    .filter_map(|name| match name {
                        GeneralName::DNSName(name) => Some(text::foreign(name)),
                        _ => None,
                    })
                    .take(32)
                    .collect()
            })
            .unwrap_or_default();
        Some(Facts {
            subject: text::foreign(&certificate.subject().to_string()),
            issuer: text::foreign(&certificate.issuer().to_string()),
            names,
            not_before: certificate.validity().not_before.timestamp(),
            not_after: certificate.validity().not_after.timestamp(),
        })
    }

    /// Judges the chain for `name` at `now`: expired before not yet valid before untrusted before
    /// another name. `None` means that it is good.
    #[must_use]
    pub fn judge(
        &self,
        roots: &Arc<RootCertStore>,
        name: &str,
        now: SystemTime,
    ) -> Option<(Reason, String)> {
        let Some(leaf) = self.leaf() else {
            return Some((
                Reason::TlsHandshake,
                "the server's certificate cannot be read".to_owned(),
            ));
        };
        let since = now.duration_since(UNIX_EPOCH).unwrap_or_default();
        let seconds = i64::try_from(since.as_secs()).unwrap_or(i64::MAX);
        if seconds > leaf.not_after {
            return Some((
                Reason::TlsExpired,
                format!(
                    "{} expired {} ago",
                    leaf.subject,
                    days(seconds - leaf.not_after)
                ),
            ));
        }
        if seconds < leaf.not_before {
            return Some((
                Reason::TlsNotYetValid,
                format!(
                    "{} becomes valid in {}",
                    leaf.subject,
                    days(leaf.not_before - seconds)
                ),
            ));
        }
        self.verify(roots, name, since)
            .err()
            .map(|error| explain(&error, &leaf, name))
    }

    fn verify(&self, roots: &Arc<RootCertStore>, name: &str, since: Duration) -> Result<(), Error> {
        let unknown = Error::InvalidCertificate(CertificateError::UnknownIssuer);
        let (leaf, issuers) = self.certificates.split_first().ok_or(unknown.clone())?;
        let server = ServerName::try_from(name.to_owned())
            .map_err(|_| Error::InvalidCertificate(CertificateError::NotValidForName))?;
        WebPkiServerVerifier::builder_with_provider(Arc::clone(roots), provider())
            .build()
            .map_err(|_| unknown)?
            .verify_server_cert(
                leaf,
                issuers,
                &server,
                &[],
                UnixTime::since_unix_epoch(since),
            )
            .map(|_| ())
    }
}

fn explain(error: &Error, leaf: &Facts, name: &str) -> (Reason, String) {
    match error {
        Error::InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
        ) => (
            Reason::TlsName,
            format!(
                "asked for {name}, the certificate is for {}",
                if leaf.names.is_empty() {
                    format!("no DNS name ({})", leaf.subject)
                } else {
                    leaf.names.join(", ")
                }
            ),
        ),
        Error::InvalidCertificate(CertificateError::UnknownIssuer) => {
            (Reason::TlsUntrusted, format!("issued by {}", leaf.issuer))
        }
        other => (
            Reason::TlsUntrusted,
            format!("issued by {}: {other}", leaf.issuer),
        ),
    }
}

fn days(seconds: i64) -> String {
    match seconds / 86_400 {
        0 => format!("{} hours", seconds / 3600),
        1 => "1 day".to_owned(),
        days => format!("{days} days"),
    }
}

/// Keeps what the server shows and lets the handshake go on; signatures are checked, so that the
/// chain belongs to whom we speak.
#[derive(Debug)]
struct Capture {
    provider: Arc<CryptoProvider>,
    seen: Arc<Mutex<Vec<CertificateDer<'static>>>>,
}

impl ServerCertVerifier for Capture {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        issuers: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        *seen = std::iter::once(leaf)
            .chain(issuers)
            .map(|certificate| certificate.clone().into_owned())
            .collect();
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(
            message,
            certificate,
            signature,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(
            message,
            certificate,
            signature,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}
