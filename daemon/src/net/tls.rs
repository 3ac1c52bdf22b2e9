//! TLS for looking, not for trusting: the handshake ends whatever the chain is worth, and the
//! chain is judged afterwards. Nothing secret may be sent over such a session, until it is
//! [`Trusted`].

mod chain;
mod roots;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{ResolvesClientCert, Resumption};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, DigitallySignedStruct, Error, SignatureScheme};
use sightline_model::{Finding, Phase, Reason};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::fault;
use crate::run::Run;

pub use chain::{Chain, Facts, Unknown};
pub use roots::Roots;

/// A session and what was learned in its handshake.
#[derive(Debug)]
pub struct Session<S> {
    /// The session. Send nothing secret.
    pub stream: TlsStream<S>,
    /// What the server showed.
    pub chain: Chain,
    /// Protocol version, for people.
    pub version: String,
    /// Whether the server asked for a certificate of the client. It was given none, and may end the
    /// session for that (RFC 8446 §4.4.2.4).
    pub wants_certificate: bool,
}

/// A session with whom its certificate says, by an authority that counts: secrets may be sent.
#[derive(Debug)]
pub struct Trusted<S>(TlsStream<S>);

impl<S> Trusted<S> {
    /// The session.
    pub fn into_stream(self) -> TlsStream<S> {
        self.0
    }
}

impl<S> Session<S> {
    /// Trusts a session that was made for `name`, if its chain is good now.
    ///
    /// # Errors
    /// What is wrong with the chain.
    pub fn trust(self, roots: &Roots, name: &str) -> Result<Trusted<S>, (Reason, String)> {
        let roots = roots.load();
        let trust = (&roots, Unknown::OtherAuthority);
        match self.chain.judge(trust, name, SystemTime::now()) {
            Some(wrong) => Err(wrong),
            None => Ok(Trusted(self.stream)),
        }
    }
}

/// Makes the handshake for `name` whatever the chain is worth. `protocol` is what will be spoken
/// (ALPN, RFC 7301), where a client says so.
///
/// # Errors
/// What the network said, or why no session could be made.
pub async fn handshake<S>(
    run: &Run,
    stream: S,
    name: &str,
    protocol: Option<&[u8]>,
) -> Result<Session<S>, Finding>
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
    let asked = Arc::new(NoCertificate::default());
    let mut config = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| run.blind(Reason::InternalError, error))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Capture {
            provider,
            seen: Arc::clone(&seen),
        }))
        .with_client_cert_resolver(Arc::clone(&asked) as Arc<dyn ResolvesClientCert>);
    // A resumed session shows no certificates.
    config.resumption = Resumption::disabled();
    config.alpn_protocols = protocol.map(<[u8]>::to_vec).into_iter().collect();
    let stream = TlsConnector::from(Arc::new(config))
        .connect(server, stream)
        .await
        .map_err(|error| {
            // Who showed what the handshake failed of is worth knowing.
            taken(&seen).keep(run);
            failed(run, &error)
        })?;
    let version = stream
        .get_ref()
        .1
        .protocol_version()
        .map_or_else(|| "unknown".to_owned(), |version| format!("{version:?}"));
    Ok(Session {
        stream,
        chain: taken(&seen),
        version,
        wants_certificate: asked.0.load(Ordering::Relaxed),
    })
}

fn taken(seen: &Mutex<Vec<CertificateDer<'static>>>) -> Chain {
    Chain {
        certificates: std::mem::take(&mut *seen.lock().unwrap_or_else(PoisonError::into_inner)),
    }
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

/// Has no certificate for a server, and remembers that one was wanted.
#[derive(Debug, Default)]
struct NoCertificate(AtomicBool);

impl ResolvesClientCert for NoCertificate {
    fn resolve(&self, _hints: &[&[u8]], _schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.0.store(true, Ordering::Relaxed);
        None
    }

    /// Asked before the server asks for one: with no, it would not come to [`Self::resolve`].
    fn has_certs(&self) -> bool {
        true
    }
}
