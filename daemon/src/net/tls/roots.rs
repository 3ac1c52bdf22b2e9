//! The authorities that a chain may lead to: two sets that are never mixed.

use std::fmt;
use std::sync::{Arc, OnceLock};

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;

/// A set of authorities, loaded at first use, since some runs need none.
pub struct Roots {
    shipped: fn(&mut RootCertStore),
    configured: Vec<CertificateDer<'static>>,
    store: OnceLock<Arc<RootCertStore>>,
}

impl Roots {
    /// For servers of the company's own: what this box trusts, and the configured certificates.
    #[must_use]
    pub fn corporate(configured: Vec<CertificateDer<'static>>) -> Self {
        Self::new(configured, |store| {
            store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        })
    }

    /// For hosts of the Internet: the public authorities that this program carries (those of
    /// Mozilla), and the configured certificates. What this box trusts stays out: it may trust the
    /// very proxy that is looked for, and a new device does not.
    #[must_use]
    pub fn public(configured: Vec<CertificateDer<'static>>) -> Self {
        Self::new(configured, |store| {
            store.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        })
    }

    fn new(configured: Vec<CertificateDer<'static>>, shipped: fn(&mut RootCertStore)) -> Self {
        Self {
            shipped,
            configured,
            store: OnceLock::new(),
        }
    }

    /// Loads them if that has not happened yet. A certificate that cannot be used is left out.
    pub fn load(&self) -> Arc<RootCertStore> {
        Arc::clone(self.store.get_or_init(|| {
            let mut store = RootCertStore::empty();
            (self.shipped)(&mut store);
            store.add_parsable_certificates(self.configured.iter().cloned());
            Arc::new(store)
        }))
    }
}

impl fmt::Debug for Roots {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Roots")
            .field("configured", &self.configured.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_public_set_is_the_one_that_the_program_carries() {
        let roots = Roots::public(Vec::new()).load();
        assert_eq!(roots.len(), webpki_roots::TLS_SERVER_ROOTS.len());
        assert!(roots.len() > 100);
    }
}
