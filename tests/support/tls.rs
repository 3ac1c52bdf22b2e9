//! A certificate authority of the test, and servers that show what it signed, or something else.

use std::io;
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    date_time_ymd,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{ConfigBuilder, RootCertStore, ServerConfig, WantsVerifier};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// The certificate that a server shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Shown {
    /// Signed by the authority of its kind, valid, for the server's own name.
    Good,
    /// Signed by the company, where others are signed by a public authority.
    OfTheCompany,
    Expired,
    NotYetValid,
    /// For this name.
    OtherName(String),
    /// Signed by somebody whom nobody configured.
    UnknownAuthority,
    /// The same, and the client has to show one too.
    GoodForKnownClients,
    /// For a thousand names, and sent several times: more than a handshake may carry.
    Huge,
    /// A good one, to which the server has not got the key.
    OtherKey,
    /// None: the handshake is refused with an alert.
    Nothing,
}

/// The certificate authority of the company.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pub(crate) pem: String,
}

/// How a server begins TLS.
#[derive(Clone)]
pub(crate) struct Certificate(Option<TlsAcceptor>);

impl Authority {
    pub(crate) fn new(name: &str) -> Self {
        let key = KeyPair::generate().expect("a key can be made");
        let mut params = CertificateParams::new(Vec::new()).expect("no names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        params.distinguished_name.push(DnType::CommonName, name);
        let pem = params.self_signed(&key).expect("a CA signs itself").pem();
        Self {
            issuer: Issuer::new(params, key),
            pem,
        }
    }

    /// What a server called `host` shows.
    pub(crate) fn certificate(&self, shown: &Shown, host: &str) -> Certificate {
        let (from, to) = match shown {
            Shown::Expired => ((2020, 1, 1), (2021, 1, 1)),
            Shown::NotYetValid => ((2090, 1, 1), (2099, 1, 1)),
            _ => ((2020, 1, 1), (2099, 1, 1)),
        };
        match shown {
            Shown::Nothing => Certificate(None),
            Shown::UnknownAuthority => {
                Self::new("CA of somebody else").certificate(&Shown::Good, host)
            }
            Shown::OtherKey => self.with_other_key(host),
            Shown::GoodForKnownClients => self.for_known_clients(host),
            Shown::OtherName(other) => self.signed(&[other], from, to),
            Shown::Huge => {
                let names: Vec<_> = (0..1000).map(|n| format!("n{n}.{host}")).collect();
                let names: Vec<_> = names.iter().map(String::as_str).collect();
                self.signed(&names, from, to)
            }
            Shown::Good | Shown::OfTheCompany | Shown::Expired | Shown::NotYetValid => {
                self.signed(&[host], from, to)
            }
        }
    }

    fn signed(&self, names: &[&str], from: (i32, u8, u8), to: (i32, u8, u8)) -> Certificate {
        let (certificate, key) = self.pair(names, from, to);
        let copies = if names.len() > 1 { 4 } else { 1 };
        let config = builder()
            .with_no_client_auth()
            .with_single_cert(vec![certificate; copies], key)
            .expect("key and certificate belong together");
        Certificate(Some(TlsAcceptor::from(Arc::new(config))))
    }

    fn for_known_clients(&self, host: &str) -> Certificate {
        let (certificate, key) = self.pair(&[host], (2020, 1, 1), (2099, 1, 1));
        let mut roots = RootCertStore::empty();
        let own = CertificateDer::from_pem_slice(self.pem.as_bytes()).expect("PEM");
        roots.add(own).expect("a CA is a root");
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let known = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
        let config = builder()
            .with_client_cert_verifier(known.build().expect("there is a root"))
            .with_single_cert(vec![certificate], key)
            .expect("key and certificate belong together");
        Certificate(Some(TlsAcceptor::from(Arc::new(config))))
    }

    fn with_other_key(&self, host: &str) -> Certificate {
        let (certificate, _) = self.pair(&[host], (2020, 1, 1), (2099, 1, 1));
        let (_, other) = self.pair(&[host], (2020, 1, 1), (2099, 1, 1));
        let key = rustls::crypto::aws_lc_rs::sign::any_supported_type(&other).expect("a key");
        let shown = SingleCertAndKey::from(CertifiedKey::new(vec![certificate], key));
        let config = builder()
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(shown));
        Certificate(Some(TlsAcceptor::from(Arc::new(config))))
    }

    fn pair(
        &self,
        names: &[&str],
        from: (i32, u8, u8),
        to: (i32, u8, u8),
    ) -> (CertificateDer<'static>, PrivateKeyDer<'static>) {
        let key = KeyPair::generate().expect("a key can be made");
        let all: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(all).expect("DNS names");
        let first = names.first().copied().unwrap_or_default();
        params.distinguished_name.push(DnType::CommonName, first);
        params.not_before = date_time_ymd(from.0, from.1, from.2);
        params.not_after = date_time_ymd(to.0, to.1, to.2);
        let certificate = params.signed_by(&key, &self.issuer).expect("a CA signs");
        let key = PrivatePkcs8KeyDer::from(key.serialize_der());
        (certificate.der().clone(), PrivateKeyDer::Pkcs8(key))
    }
}

fn builder() -> ConfigBuilder<ServerConfig, WantsVerifier> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the provider has the versions of TLS")
}

impl Certificate {
    pub(crate) async fn accept(&self, mut stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        /// A fatal alert, handshake_failure (RFC 8446 §6).
        const ALERT: [u8; 7] = [0x15, 3, 3, 0, 2, 2, 40];
        match &self.0 {
            Some(acceptor) => acceptor.accept(stream).await,
            None => {
                let mut hello = [0; 4096];
                let _hello = stream.read(&mut hello).await?;
                stream.write_all(&ALERT).await?;
                Err(io::ErrorKind::ConnectionAborted.into())
            }
        }
    }
}
