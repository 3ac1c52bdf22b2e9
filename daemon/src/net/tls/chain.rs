//! What a server showed in its handshake, and what that is worth.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, Error, RootCertStore};
use sightline_model::{Reason, Timestamp};
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

use crate::run::Run;
use crate::text;

/// As many names of a certificate are kept; some have hundreds.
const MOST_NAMES: usize = 32;

/// What the server showed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chain {
    /// Certificates as sent, the server's own first.
    pub certificates: Vec<CertificateDer<'static>>,
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

/// What it means that a chain leads to none of the authorities.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unknown {
    /// Somebody in between signs in the place of the server. This comes before everything else,
    /// because nothing in such a certificate is the server's.
    Interception,
    /// The server has an authority that nobody told us of. What else is wrong comes before it.
    OtherAuthority,
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
                    .take(MOST_NAMES)
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

    /// Keeps the facts of the server's own certificate as evidence of a run, whatever it is worth.
    pub fn keep(&self, run: &Run) {
        let Some(leaf) = self.leaf() else { return };
        run.keep("certificate_subject", leaf.subject);
        run.read_issuer(&leaf.issuer);
        run.keep("certificate_issuer", leaf.issuer);
        run.keep("certificate_names", leaf.names);
        let end = Timestamp::from_unix_millis(leaf.not_after.saturating_mul(1000));
        run.keep("certificate_not_after", end.to_string());
    }

    /// Judges the chain for `name` at `now`, and gives the one thing that is wrong with it: expired
    /// before not yet valid before another name, with an unknown authority first or in front of the
    /// name, as `unknown` says. `None` means that it is good.
    #[must_use]
    pub fn judge(
        &self,
        (roots, unknown): (&Arc<RootCertStore>, Unknown),
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
        let now = i64::try_from(since.as_secs()).unwrap_or(i64::MAX);
        // At a time when the certificate is valid, so that its dates do not hide who signed it.
        let valid = now.min(leaf.not_after).max(leaf.not_before);
        let valid = Duration::from_secs(u64::try_from(valid).unwrap_or_default());
        let at_heart = self
            .verify(roots, name, valid)
            .err()
            .map(|error| explain(&error, &leaf, name, unknown));
        match at_heart {
            Some(wrong) if wrong.0 == Reason::TlsIntercepted => Some(wrong),
            other => dates(&leaf, now).or(other),
        }
    }

    fn verify(&self, roots: &Arc<RootCertStore>, name: &str, since: Duration) -> Result<(), Error> {
        let unknown = Error::InvalidCertificate(CertificateError::UnknownIssuer);
        let (leaf, issuers) = self.certificates.split_first().ok_or(unknown.clone())?;
        let server = ServerName::try_from(name.to_owned())
            .map_err(|_| Error::InvalidCertificate(CertificateError::NotValidForName))?;
        WebPkiServerVerifier::builder_with_provider(Arc::clone(roots), super::provider())
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

/// What is wrong with the dates of the server's own certificate.
fn dates(leaf: &Facts, now: i64) -> Option<(Reason, String)> {
    if now > leaf.not_after {
        let age = days(now.saturating_sub(leaf.not_after));
        return Some((
            Reason::TlsExpired,
            format!("{} expired {age} ago", leaf.subject),
        ));
    }
    if now < leaf.not_before {
        let wait = days(leaf.not_before.saturating_sub(now));
        return Some((
            Reason::TlsNotYetValid,
            format!("{} becomes valid in {wait}", leaf.subject),
        ));
    }
    None
}

/// What an error other than the dates of the server's own certificate means.
fn explain(error: &Error, leaf: &Facts, name: &str, unknown: Unknown) -> (Reason, String) {
    use CertificateError as Wrong;
    let untrusted = match unknown {
        Unknown::Interception => Reason::TlsIntercepted,
        Unknown::OtherAuthority => Reason::TlsUntrusted,
    };
    match error {
        Error::InvalidCertificate(
            Wrong::NotValidForName | Wrong::NotValidForNameContext { .. },
        ) => (
            Reason::TlsName,
            format!("asked for {name}, the certificate is for {}", shown(leaf)),
        ),
        Error::InvalidCertificate(Wrong::UnknownIssuer) => {
            (untrusted, format!("issued by {}", leaf.issuer))
        }
        // The dates of the server's own certificate cannot be meant.
        Error::InvalidCertificate(Wrong::Expired | Wrong::ExpiredContext { .. }) => (
            Reason::TlsExpired,
            format!("an authority above {} is expired", leaf.subject),
        ),
        Error::InvalidCertificate(Wrong::NotValidYet | Wrong::NotValidYetContext { .. }) => (
            Reason::TlsNotYetValid,
            format!("an authority above {} is not valid yet", leaf.subject),
        ),
        other => (untrusted, format!("issued by {}: {other}", leaf.issuer)),
    }
}

/// Whom a certificate is for: its first names.
fn shown(leaf: &Facts) -> String {
    const SHOWN: usize = 5;
    match leaf.names.get(..SHOWN) {
        _ if leaf.names.is_empty() => format!("no DNS name ({})", leaf.subject),
        Some(first) if leaf.names.len() > SHOWN => format!("{} and others", first.join(", ")),
        _ => leaf.names.join(", "),
    }
}

fn days(seconds: i64) -> String {
    match seconds / 86_400 {
        0 => format!("{} hours", seconds / 3600),
        1 => "1 day".to_owned(),
        days => format!("{days} days"),
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};

    use super::*;

    const NAME: &str = "login.example.com";

    struct Authority {
        issuer: Issuer<'static, KeyPair>,
        certificate: CertificateDer<'static>,
    }

    fn authority(name: &str) -> Authority {
        let key = KeyPair::generate().expect("a key can be made");
        let mut params = CertificateParams::new(Vec::new()).expect("no names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        let certificate = params.self_signed(&key).expect("a CA signs itself");
        Authority {
            certificate: certificate.der().clone(),
            issuer: Issuer::new(params, key),
        }
    }

    /// A certificate for [`NAME`] of the years 2020 and 2021.
    fn chain(authority: &Authority) -> Chain {
        let key = KeyPair::generate().expect("a key can be made");
        let mut params = CertificateParams::new(vec![NAME.to_owned()]).expect("a name");
        params.not_before = rcgen::date_time_ymd(2020, 1, 1);
        params.not_after = rcgen::date_time_ymd(2022, 1, 1);
        let certificate = params.signed_by(&key, &authority.issuer);
        Chain {
            certificates: vec![certificate.expect("a CA signs").der().clone()],
        }
    }

    #[test]
    fn one_thing_is_wrong_and_who_signed_it_comes_first_where_that_is_interception() {
        use Reason as R;
        use Unknown::{Interception, OtherAuthority};
        let (public, proxy) = (authority("public"), authority("proxy"));
        let mut roots = RootCertStore::empty();
        roots.add(public.certificate.clone()).expect("a root");
        let roots = Arc::new(roots);
        let (good, signed_anew) = (chain(&public), chain(&proxy));
        let year = |year: u64| UNIX_EPOCH + Duration::from_secs((year - 1970) * 31_557_600);
        for (chain, unknown, name, now, wrong) in [
            (&good, Interception, NAME, year(2021), None),
            (&good, Interception, NAME, year(2024), Some(R::TlsExpired)),
            // A box whose clock has stopped at the beginning of time.
            (
                &good,
                Interception,
                NAME,
                UNIX_EPOCH,
                Some(R::TlsNotYetValid),
            ),
            (
                &good,
                Interception,
                "other.example",
                year(2021),
                Some(R::TlsName),
            ),
            (
                &good,
                Interception,
                "other.example",
                year(2024),
                Some(R::TlsExpired),
            ),
            (
                &signed_anew,
                Interception,
                NAME,
                year(2021),
                Some(R::TlsIntercepted),
            ),
            (
                &signed_anew,
                Interception,
                NAME,
                year(2024),
                Some(R::TlsIntercepted),
            ),
            (
                &signed_anew,
                Interception,
                NAME,
                UNIX_EPOCH,
                Some(R::TlsIntercepted),
            ),
            (
                &signed_anew,
                Interception,
                "other.example",
                year(2021),
                Some(R::TlsIntercepted),
            ),
            (
                &signed_anew,
                OtherAuthority,
                NAME,
                year(2021),
                Some(R::TlsUntrusted),
            ),
            (
                &signed_anew,
                OtherAuthority,
                NAME,
                year(2024),
                Some(R::TlsExpired),
            ),
        ] {
            let judged = chain.judge((&roots, unknown), name, now);
            let judged = judged.map(|(reason, _)| reason);
            assert_eq!(judged, wrong, "{unknown:?} {name} {now:?}");
        }
        let (_, detail) = signed_anew
            .judge((&roots, Interception), NAME, year(2021))
            .expect("a proxy signed it");
        assert_eq!(detail, "issued by CN=proxy");
    }

    #[test]
    fn what_is_no_certificate_is_no_handshake() {
        let roots = Arc::new(RootCertStore::empty());
        for certificates in [vec![], vec![CertificateDer::from(vec![0x30, 0x84])]] {
            let chain = Chain { certificates };
            let judged = chain.judge((&roots, Unknown::Interception), NAME, UNIX_EPOCH);
            let judged = judged.map(|(reason, _)| reason);
            assert_eq!(judged, Some(Reason::TlsHandshake));
        }
    }
}
