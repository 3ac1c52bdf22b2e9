//! TLS as the web file wants it, and what a client has to show.

use std::net::IpAddr;
use std::sync::Arc;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{NoClientAuth, NoServerSessionStorage, WebPkiClientVerifier};
use rustls::version::{TLS12, TLS13};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, RootCertStore, ServerConfig,
    SignatureScheme, SupportedCipherSuite,
};
use tokio_rustls::TlsAcceptor;
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

use crate::config::web_file::{ClientCertificate, TlsServer};

/// How a connection over TLS begins.
pub(super) struct Tls {
    pub(super) acceptor: TlsAcceptor,
    /// Whether a certificate that a client has shown proves who it is.
    pub(super) proves_clients: bool,
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tls")
    }
}

impl Tls {
    /// # Errors
    /// A sentence, where certificate and key do not belong together, or what is wanted does not.
    pub(super) fn new(wanted: &TlsServer) -> Result<Self, String> {
        let provider = Arc::new(provider(wanted));
        let versions: Vec<_> = [(wanted.tls12, &TLS12), (wanted.tls13, &TLS13)]
            .into_iter()
            .filter_map(|(is_spoken, version)| is_spoken.then_some(version))
            .collect();
        let verifier = verifier(wanted, &provider)?;
        let identity = &wanted.identity;
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&versions)
            .map_err(|error| format!("no cipher suite is left for the versions of TLS: {error}"))?
            .with_client_cert_verifier(verifier)
            .with_single_cert(identity.chain.clone(), identity.key.clone_key())
            .map_err(|error| format!("{} with its key: {error}", identity.from))?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        config.ignore_client_order = wanted.own_order;
        // A session that goes on would not ask a client again for its certificate, which may have expired.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        Ok(Self {
            acceptor: TlsAcceptor::from(Arc::new(config)),
            proves_clients: matches!(wanted.client, ClientCertificate::Verified { .. }),
        })
    }
}

/// The one provider of this program, with what is wanted of it, in that order.
fn provider(wanted: &TlsServer) -> CryptoProvider {
    let mut provider = aws_lc_rs::default_provider();
    if !wanted.groups.is_empty() {
        provider.kx_groups = wanted
            .groups
            .iter()
            .filter_map(|group| {
                let mut all = aws_lc_rs::ALL_KX_GROUPS.iter();
                all.find(|known| known.name() == *group).copied()
            })
            .collect();
    }
    if !wanted.suites.is_empty() {
        let all = std::mem::take(&mut provider.cipher_suites);
        let named = wanted
            .suites
            .iter()
            .filter_map(|suite| all.iter().find(|known| known.suite() == *suite).copied());
        provider.cipher_suites = named.collect();
        // As in the format: a list without suites of TLS 1.3 says nothing about them.
        let is_of_13 = |suite: &SupportedCipherSuite| suite.tls13().is_some();
        if !provider.cipher_suites.iter().any(is_of_13) {
            let more = all.into_iter().filter(is_of_13);
            provider.cipher_suites.extend(more);
        }
    }
    provider
}

fn verifier(
    wanted: &TlsServer,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ClientCertVerifier>, String> {
    match &wanted.client {
        ClientCertificate::NotAsked => Ok(Arc::new(NoClientAuth)),
        ClientCertificate::Any { is_required } => Ok(Arc::new(AnyCertificate {
            provider: Arc::clone(provider),
            is_required: *is_required,
        })),
        ClientCertificate::Verified { roots, is_required } => {
            let mut store = RootCertStore::empty();
            for root in roots {
                store.add(root.clone()).map_err(|error| {
                    format!("a certificate of the authorities of clients: {error}")
                })?;
            }
            let provider = Arc::clone(provider);
            let builder = WebPkiClientVerifier::builder_with_provider(Arc::new(store), provider);
            let builder = if *is_required {
                builder
            } else {
                builder.allow_unauthenticated()
            };
            let verifier = builder
                .build()
                .map_err(|error| format!("the authorities of clients: {error}"))?;
            if wanted.names.is_empty() {
                return Ok(verifier);
            }
            Ok(Arc::new(NamedCertificate {
                verifier,
                names: wanted.names.clone(),
            }))
        }
    }
}

/// Takes any certificate, of which only the key is checked. It proves nothing.
#[derive(Debug)]
struct AnyCertificate {
    provider: Arc<CryptoProvider>,
    is_required: bool,
}

impl ClientCertVerifier for AnyCertificate {
    fn client_auth_mandatory(&self) -> bool {
        self.is_required
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        _leaf: &CertificateDer<'_>,
        _issuers: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let known = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, known)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let known = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, known)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        let known = &self.provider.signature_verification_algorithms;
        known.supported_schemes()
    }
}

/// Takes what another takes, if it has one of some names.
#[derive(Debug)]
struct NamedCertificate {
    verifier: Arc<dyn ClientCertVerifier>,
    names: Vec<String>,
}

impl ClientCertVerifier for NamedCertificate {
    fn client_auth_mandatory(&self) -> bool {
        self.verifier.client_auth_mandatory()
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.verifier.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        leaf: &CertificateDer<'_>,
        issuers: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let verified = self.verifier.verify_client_cert(leaf, issuers, now)?;
        if names(leaf).iter().any(|name| self.names.contains(name)) {
            Ok(verified)
        } else {
            Err(CertificateError::ApplicationVerificationFailure.into())
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let inner = &self.verifier;
        inner.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let inner = &self.verifier;
        inner.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.verifier.supported_verify_schemes()
    }
}

/// The names of a certificate (RFC 5280 §4.2.1.6): of DNS, for mail, addresses and URIs, each as text.
fn names(certificate: &CertificateDer<'_>) -> Vec<String> {
    let Ok((_, certificate)) = X509Certificate::from_der(certificate) else {
        return Vec::new();
    };
    let Ok(Some(names)) = certificate.subject_alternative_name() else {
        return Vec::new();
    };
    let names = names.value.general_names.iter();
    names
        .filter_map(|name| match name {
            GeneralName::DNSName(name) | GeneralName::RFC822Name(name) | GeneralName::URI(name) => {
                Some((*name).to_owned())
            }
            GeneralName::IPAddress(bytes) => {
                let v4 = <[u8; 4]>::try_from(*bytes).map(IpAddr::from).ok();
                let v6 = <[u8; 16]>::try_from(*bytes).map(IpAddr::from).ok();
                v4.or(v6).map(|address| address.to_string())
            }
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use rcgen::string::Ia5String;
    use rcgen::{CertificateParams, KeyPair, SanType};
    use rustls::pki_types::PrivateKeyDer;

    use super::*;
    use crate::config::web_file::{GROUPS, Identity, SUITES};

    fn wanted() -> TlsServer {
        let made = rcgen::generate_simple_self_signed(["box.example.com".to_owned()]);
        let made = made.expect("a certificate");
        let key = made.signing_key.serialize_der();
        TlsServer {
            identity: Identity {
                chain: vec![made.cert.der().clone()],
                key: PrivateKeyDer::try_from(key).expect("a key"),
                from: "box.pem".to_owned(),
            },
            client: ClientCertificate::NotAsked,
            names: Vec::new(),
            tls12: true,
            tls13: true,
            suites: Vec::new(),
            groups: Vec::new(),
            own_order: true,
        }
    }

    #[test]
    fn every_name_of_the_format_that_is_taken_is_spoken() {
        for (name, suite) in SUITES {
            let wanted = TlsServer {
                suites: vec![suite],
                ..wanted()
            };
            let suites = provider(&wanted).cipher_suites;
            let first = suites.first().map(SupportedCipherSuite::suite);
            assert_eq!(first, Some(suite), "{name}");
            Tls::new(&wanted).unwrap_or_else(|error| panic!("{name}: {error}"));
        }
        for (name, group) in GROUPS {
            let wanted = TlsServer {
                groups: vec![group],
                ..wanted()
            };
            let groups = provider(&wanted).kx_groups;
            assert_eq!(groups.len(), 1, "{name}");
            assert_eq!(groups[0].name(), group);
        }
    }

    #[test]
    fn a_list_for_tls_12_leaves_tls_13_as_it_is() {
        let only_12 = TlsServer {
            suites: vec![SUITES[4].1],
            ..wanted()
        };
        assert_eq!(provider(&only_12).cipher_suites.len(), 4);
        let nothing_left = TlsServer {
            suites: vec![SUITES[0].1],
            tls13: false,
            ..wanted()
        };
        let error = Tls::new(&nothing_left).expect_err("nothing is left");
        assert!(error.contains("no cipher suite"), "{error}");
    }

    #[test]
    fn a_key_of_another_certificate_is_refused() {
        let mixed = TlsServer {
            identity: Identity {
                key: wanted().identity.key,
                ..wanted().identity
            },
            ..wanted()
        };
        let error = Tls::new(&mixed).expect_err("they do not belong together");
        assert!(error.contains("box.pem"), "{error}");
    }

    #[test]
    fn names_of_every_kind_are_read_as_text() {
        let text = |text: &str| Ia5String::try_from(text).expect("ASCII");
        let mut params = CertificateParams::new(Vec::new()).expect("no names");
        params.subject_alt_names = vec![
            SanType::DnsName(text("prometheus.example.com")),
            SanType::Rfc822Name(text("ops@example.com")),
            SanType::URI(text("spiffe://example.com/prometheus")),
            SanType::IpAddress("192.0.2.7".parse().expect("an address")),
            SanType::IpAddress("2001:db8::7".parse().expect("an address")),
        ];
        let key = KeyPair::generate().expect("a key");
        let made = params.self_signed(&key).expect("a certificate");
        let expected = [
            "prometheus.example.com",
            "ops@example.com",
            "spiffe://example.com/prometheus",
            "192.0.2.7",
            "2001:db8::7",
        ];
        assert_eq!(names(made.der()), expected);
        assert!(names(&CertificateDer::from(vec![1, 2, 3])).is_empty());
    }
}
