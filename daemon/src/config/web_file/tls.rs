//! `tls_server_config`.

use std::ops::Range;
use std::path::{Path, PathBuf};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{CipherSuite, NamedGroup};

use super::read::{Keys, Reader};
use crate::config::source;
use crate::config::yaml::{Entry, Value};

/// How TLS is spoken.
#[derive(Debug)]
pub struct TlsServer {
    /// Who we are.
    pub identity: Identity,
    /// What a client has to show.
    pub client: ClientCertificate,
    /// Names of which the certificate of a client has one; any will do where there is none.
    pub names: Vec<String>,
    /// Whether TLS 1.2 is spoken.
    pub tls12: bool,
    /// Whether TLS 1.3 is spoken.
    pub tls13: bool,
    /// The cipher suites of TLS 1.2, and of 1.3 where some are named, in our order; all without any.
    pub suites: Vec<CipherSuite>,
    /// Groups for the key exchange, in our order; all without any.
    pub groups: Vec<NamedGroup>,
    /// Whether our order of cipher suites counts, or that of the client.
    pub own_order: bool,
}

/// A certificate with its issuers, and its key, of which nothing prints anything.
#[derive(Debug)]
pub struct Identity {
    /// The certificate, then those of its issuers.
    pub chain: Vec<CertificateDer<'static>>,
    /// The key of the first.
    pub key: PrivateKeyDer<'static>,
    /// Where the certificate comes from, for messages.
    pub from: String,
}

/// What a client has to show (`client_auth_type`).
#[derive(Debug)]
pub enum ClientCertificate {
    /// Nothing.
    NotAsked,
    /// Any certificate, which proves nothing; whether it may come without.
    Any {
        /// It may not.
        is_required: bool,
    },
    /// One that leads to these.
    Verified {
        /// Certificates of authorities.
        roots: Vec<CertificateDer<'static>>,
        /// It may not come without.
        is_required: bool,
    },
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Auth {
    None,
    Request,
    RequireAny,
    VerifyIfGiven,
    RequireAndVerify,
}

const AUTH: [(&str, Auth); 6] = [
    ("NoClientCert", Auth::None),
    ("RequestClientCert", Auth::Request),
    ("RequireAnyClientCert", Auth::RequireAny),
    // An older name, which the format still takes.
    ("RequireClientCert", Auth::RequireAny),
    ("VerifyClientCertIfGiven", Auth::VerifyIfGiven),
    ("RequireAndVerifyClientCert", Auth::RequireAndVerify),
];

/// Names of the format, which are those of the standard library of Go, as far as the suites are spoken here.
pub(crate) const SUITES: [(&str, CipherSuite); 9] = [
    (
        "TLS_AES_128_GCM_SHA256",
        CipherSuite::TLS13_AES_128_GCM_SHA256,
    ),
    (
        "TLS_AES_256_GCM_SHA384",
        CipherSuite::TLS13_AES_256_GCM_SHA384,
    ),
    (
        "TLS_CHACHA20_POLY1305_SHA256",
        CipherSuite::TLS13_CHACHA20_POLY1305_SHA256,
    ),
    (
        "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
        CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    ),
    (
        "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
        CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    ),
    (
        "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
        CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
    ),
    (
        "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
        CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
    ),
    (
        "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
        CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
    ),
    (
        "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
        CipherSuite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
    ),
];

/// Names of the format for groups that are spoken here.
pub(crate) const GROUPS: [(&str, NamedGroup); 4] = [
    ("X25519", NamedGroup::X25519),
    ("CurveP256", NamedGroup::secp256r1),
    ("CurveP384", NamedGroup::secp384r1),
    ("X25519MLKEM768", NamedGroup::X25519MLKEM768),
];

/// The first digit behind the point.
const VERSIONS: [(&str, u8); 2] = [("TLS12", 2), ("TLS13", 3)];

const KEYS: [&str; 13] = [
    "cert",
    "cert_file",
    "key",
    "key_file",
    "client_auth_type",
    "client_ca",
    "client_ca_file",
    "client_allowed_sans",
    "min_version",
    "max_version",
    "cipher_suites",
    "curve_preferences",
    "prefer_server_cipher_suites",
];

/// Reads it, and the files that it names, which are added to `files`. `None` where something is wrong.
pub(super) fn read(
    reader: &mut Reader<'_>,
    entry: Entry,
    files: &mut Vec<PathBuf>,
) -> Option<TlsServer> {
    let at = entry.key_span.clone();
    let mut keys = reader.map(entry.node, &KEYS);
    let chain = pem(reader, &mut keys, ("cert", "cert_file"), files);
    let key = pem(reader, &mut keys, ("key", "key_file"), files);
    if chain.is_none() || key.is_none() {
        if reader.is_good() {
            reader.wrong(&at, "TLS needs `cert_file` and `key_file`");
        }
        return None;
    }
    let chain = chain.and_then(|pem| Some((certificates(reader, &pem)?, pem.from)));
    let key = key.and_then(|pem| private_key(reader, &pem));
    let (client, names) = client(reader, &mut keys, files)?;
    let (low, high) = versions(reader, &mut keys);
    let suites = listed(
        reader,
        &mut keys,
        ("cipher_suites", "cipher suite"),
        &SUITES,
    );
    let groups = listed(reader, &mut keys, ("curve_preferences", "curve"), &GROUPS);
    let own_order = match keys.take("prefer_server_cipher_suites") {
        Some(entry) => reader.flag(&entry.node)?,
        None => true,
    };
    let (chain, from) = chain?;
    Some(TlsServer {
        identity: Identity {
            chain,
            key: key?,
            from,
        },
        client,
        names,
        tls12: low <= 2,
        tls13: high >= 3,
        suites,
        groups,
        own_order,
    })
}

/// Something in PEM form.
struct Pem {
    text: String,
    /// Where it comes from, for messages.
    from: String,
    span: Range<usize>,
}

/// What stands in the file itself, or in another that it names.
fn pem(
    reader: &mut Reader<'_>,
    keys: &mut Keys,
    (inline, by_name): (&str, &str),
    files: &mut Vec<PathBuf>,
) -> Option<Pem> {
    let (inline_entry, file_entry) = (keys.take(inline), keys.take(by_name));
    match (inline_entry, file_entry) {
        (None, None) => None,
        (Some(_), Some(second)) => {
            let what = format!("`{inline}` and `{by_name}` exclude each other");
            reader.wrong(&second.key_span, &what);
            None
        }
        (Some(entry), None) => Some(Pem {
            text: reader.word(&entry.node)?,
            from: format!("`{inline}`"),
            span: entry.key_span,
        }),
        (None, Some(entry)) => {
            let name = reader.word(&entry.node).filter(|name| !name.is_empty())?;
            let beside = reader.source().file.parent().unwrap_or(Path::new(""));
            let file = beside.join(name);
            files.push(file.clone());
            match source::read(&file) {
                Ok(text) => Some(Pem {
                    text,
                    from: file.display().to_string(),
                    span: entry.node.span,
                }),
                Err(error) => {
                    reader.wrong(&entry.node.span, &error);
                    None
                }
            }
        }
    }
}

fn certificates(reader: &mut Reader<'_>, pem: &Pem) -> Option<Vec<CertificateDer<'static>>> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem.text.as_bytes()).collect();
    match found {
        Ok(found) if !found.is_empty() => return Some(found),
        Ok(_none) => reader.wrong(
            &pem.span,
            &format!("{} has no certificate in PEM form", pem.from),
        ),
        Err(error) => reader.wrong(
            &pem.span,
            &format!("{} has no certificates in PEM form: {error}", pem.from),
        ),
    }
    None
}

fn private_key(reader: &mut Reader<'_>, pem: &Pem) -> Option<PrivateKeyDer<'static>> {
    // The reason could repeat what stands there.
    let found = PrivateKeyDer::from_pem_slice(pem.text.as_bytes()).ok();
    if found.is_none() {
        let what = format!(
            "{} has no private key in PEM form, without a password",
            pem.from
        );
        reader.wrong(&pem.span, &what);
    }
    found
}

fn client(
    reader: &mut Reader<'_>,
    keys: &mut Keys,
    files: &mut Vec<PathBuf>,
) -> Option<(ClientCertificate, Vec<String>)> {
    let (auth, at) = match keys.take("client_auth_type") {
        None => (Auth::None, None),
        Some(entry) => {
            let word = reader.word(&entry.node)?;
            let span = entry.node.span;
            let auth = reader.one_of("client_auth_type", (&word, &span), &AUTH)?;
            (auth, Some(span))
        }
    };
    let names = keys.take("client_allowed_sans").map(|entry| {
        if auth != Auth::RequireAndVerify {
            reader.wrong(
                &entry.key_span,
                "names count only where `client_auth_type` is `RequireAndVerifyClientCert`: everybody can \
                 write any name into a certificate of his own",
            );
        }
        let words = reader.words(entry.node);
        words.into_iter().map(|(word, _)| word).collect()
    });
    let authorities = pem(reader, keys, ("client_ca", "client_ca_file"), files);
    let is_verified = matches!(auth, Auth::VerifyIfGiven | Auth::RequireAndVerify);
    let client = match (auth, authorities) {
        (Auth::None, None) => ClientCertificate::NotAsked,
        (Auth::Request | Auth::RequireAny, None) => ClientCertificate::Any {
            is_required: auth == Auth::RequireAny,
        },
        (_, Some(pem)) if is_verified => ClientCertificate::Verified {
            roots: certificates(reader, &pem)?,
            is_required: auth == Auth::RequireAndVerify,
        },
        (_, Some(pem)) => {
            reader.wrong(
                &pem.span,
                "authorities count only where `client_auth_type` is `VerifyClientCertIfGiven` or \
                 `RequireAndVerifyClientCert`",
            );
            return None;
        }
        (_, None) => {
            if let (Some(at), true) = (at, reader.is_good()) {
                reader.wrong(
                    &at,
                    "who has signed such certificates must be said in `client_ca_file`",
                );
            }
            return None;
        }
    };
    Some((client, names.unwrap_or_default()))
}

fn versions(reader: &mut Reader<'_>, keys: &mut Keys) -> (u8, u8) {
    let mut version = |key: &str, usual: u8| {
        let entry = keys.take(key)?;
        let word = reader.word(&entry.node)?;
        let span = entry.node.span;
        if matches!(word.as_str(), "TLS10" | "TLS11") {
            reader.wrong(&span, "TLS 1.0 and 1.1 are not spoken here; write `TLS12`");
            return None;
        }
        let found = reader.one_of("version of TLS", (&word, &span), &VERSIONS);
        Some((found.unwrap_or(usual), span))
    };
    let low = version("min_version", 2);
    let high = version("max_version", 3);
    let bound = |found: &Option<(u8, Range<usize>)>, usual| found.as_ref().map_or(usual, |it| it.0);
    let (least, most) = (bound(&low, 2), bound(&high, 3));
    if let (true, Some((_, span))) = (least > most, low.or(high)) {
        reader.wrong(&span, "`min_version` is above `max_version`");
    }
    (least, most)
}

fn listed<T: Copy>(
    reader: &mut Reader<'_>,
    keys: &mut Keys,
    (key, what): (&str, &str),
    table: &[(&str, T)],
) -> Vec<T> {
    let Some(entry) = keys.take(key) else {
        return Vec::new();
    };
    if matches!(&entry.node.value, Value::List(nodes) if nodes.is_empty()) {
        return Vec::new();
    }
    let words = reader.words(entry.node);
    words
        .iter()
        .filter_map(|(word, span)| {
            reader.one_of(
                &format!("{what}, or one that is not spoken here:"),
                (word, span),
                table,
            )
        })
        .collect()
}
