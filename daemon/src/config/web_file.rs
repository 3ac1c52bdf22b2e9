//! The file that says who may reach the web surface and how, in the format of the Prometheus exporter
//! toolkit (`web.config.file`): TLS, passwords, headers, a rate limit. What it can say and sightline cannot
//! do is an error.

mod read;
mod tls;

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::problem::{Errors, Problem};
use super::source::{self, Source};
use super::yaml;
use read::Reader;

pub use tls::{ClientCertificate, Identity, TlsServer};
#[cfg(test)]
pub(crate) use tls::{GROUPS, SUITES};

/// A web file is not larger, in bytes.
const LARGEST: usize = 64 * 1024;

/// What a web file says.
#[derive(Debug)]
pub struct WebFile {
    /// How TLS is spoken, if it is.
    pub tls: Option<TlsServer>,
    /// Headers of every answer, by the names of [`HEADERS`].
    pub headers: Vec<(&'static str, String)>,
    /// The users; anybody is let in without one.
    pub users: BTreeMap<String, Hash>,
    /// How many requests are taken.
    pub rate: Option<Rate>,
    /// The files that it was read from, this one first.
    pub files: Vec<PathBuf>,
}

/// A token bucket for all requests together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Between two requests.
    pub interval: Duration,
    /// As many may come at once.
    pub burst: u32,
}

/// The bcrypt hash of a password. Nothing prints it.
#[derive(Clone, PartialEq, Eq)]
pub struct Hash(String);

impl Hash {
    /// A check of one password against a dearer one takes more than a second on a small box.
    pub const DEAREST: u32 = 14;

    /// As it stands in the file.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hash(…)")
    }
}

/// Headers that the format lets a file set, in lower case, and the values that they may have.
pub const HEADERS: [(&str, &[&str]); 5] = [
    ("content-security-policy", &[]),
    ("strict-transport-security", &[]),
    ("x-content-type-options", &["nosniff"]),
    ("x-frame-options", &["deny", "sameorigin"]),
    ("x-xss-protection", &[]),
];

impl WebFile {
    /// Reads a web file, and the certificates and keys that it names. Paths in it count from its own
    /// directory.
    ///
    /// # Errors
    /// Everything that is wrong, each with its place.
    pub fn read(file: &Path) -> Result<Self, Errors> {
        let text = source::read(file).map_err(|error| Problem::new(None, error))?;
        if text.len() > LARGEST {
            let what = format!("{} is larger than 64 KiB", file.display());
            return Err(Problem::new(None, what).into());
        }
        let source = Source {
            file: file.to_owned(),
            text,
        };
        let mut reader = Reader::new(&source);
        let mut read = Self {
            tls: None,
            headers: Vec::new(),
            users: BTreeMap::new(),
            rate: None,
            files: vec![file.to_owned()],
        };
        if let Some(root) = yaml::parse(&source)? {
            let keys = [
                "tls_server_config",
                "http_server_config",
                "basic_auth_users",
                "rate_limit",
            ];
            let mut root = reader.map(root, &keys);
            if let Some(entry) = root.take("tls_server_config") {
                read.tls = tls::read(&mut reader, entry, &mut read.files);
            }
            if let Some(entry) = root.take("http_server_config") {
                read.headers = http(&mut reader, entry.node);
            }
            if let Some(entry) = root.take("basic_auth_users") {
                read.users = users(&mut reader, entry.node);
            }
            if let Some(entry) = root.take("rate_limit") {
                read.rate = rate(&mut reader, entry.node);
            }
        }
        reader.done()?;
        Ok(read)
    }
}

fn http(reader: &mut Reader<'_>, node: yaml::Node) -> Vec<(&'static str, String)> {
    let mut keys = reader.map(node, &["http2", "headers"]);
    if let Some(entry) = keys.take("http2")
        && reader.flag(&entry.node) == Some(true)
    {
        reader.wrong(
            &entry.node.span,
            "HTTP/2 is not spoken here; leave `http2` out, or set it to `false`",
        );
    }
    let Some(headers) = keys.take("headers") else {
        return Vec::new();
    };
    let mut read = Vec::new();
    for entry in reader.entries(headers.node) {
        let known = HEADERS
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(&entry.key));
        let Some((name, allowed)) = known else {
            let names: Vec<_> = HEADERS.iter().map(|(name, _)| *name).collect();
            reader.unknown("header", &entry.key, &entry.key_span, &names);
            continue;
        };
        // An empty one is as good as none, in the format.
        let Some(value) = reader.word(&entry.node).filter(|value| !value.is_empty()) else {
            continue;
        };
        if !value.chars().all(|c| c == ' ' || c.is_ascii_graphic()) {
            reader.wrong(&entry.node.span, "a header takes printable ASCII only");
        } else if !allowed.is_empty() && !allowed.contains(&value.as_str()) {
            let what = format!("{} takes {} only", entry.key, allowed.join(" or "));
            reader.wrong(&entry.node.span, &what);
        } else {
            read.push((*name, value));
        }
    }
    read
}

fn users(reader: &mut Reader<'_>, node: yaml::Node) -> BTreeMap<String, Hash> {
    const MOST: usize = 1000;
    let mut users = BTreeMap::new();
    for entry in reader.entries(node) {
        let Some(text) = reader.word(&entry.node) else {
            continue;
        };
        let at = &entry.node.span;
        if entry.key.is_empty() || entry.key.contains(':') {
            reader.wrong(at, "a user has a name without a colon");
        } else if users.len() >= MOST {
            reader.wrong(at, &format!("more than {MOST} users are not taken"));
            break;
        } else {
            match hash(text) {
                Ok(hash) => drop(users.insert(entry.key, hash)),
                // What stands there may be the password itself: it is not repeated.
                Err(what) => reader.wrong(at, &what),
            }
        }
    }
    users
}

fn hash(text: String) -> Result<Hash, String> {
    let no_hash = "this is no bcrypt hash ($2a$, $2b$ or $2y$); `htpasswd -nBC 10 \"\"` makes one";
    let is_known = ["$2a$", "$2b$", "$2y$"]
        .iter()
        .any(|version| text.starts_with(version));
    let parts: bcrypt::HashParts = match text.parse() {
        Ok(parts) if is_known => parts,
        _ => return Err(no_hash.to_owned()),
    };
    if parts.get_cost() > Hash::DEAREST {
        return Err(format!(
            "this hash has cost {}, and each check of a password would take too long; {} is the most that is taken",
            parts.get_cost(),
            Hash::DEAREST
        ));
    }
    Ok(Hash(text))
}

fn rate(reader: &mut Reader<'_>, node: yaml::Node) -> Option<Rate> {
    let span = node.span.clone();
    let mut keys = reader.map(node, &["interval", "burst"]);
    let interval = keys.take("interval").and_then(|entry| {
        let text = reader.word(&entry.node)?;
        let parsed = if text == "0" {
            Some(Duration::ZERO)
        } else {
            jiff::fmt::friendly::SpanParser::new()
                .parse_unsigned_duration(&text)
                .ok()
        };
        if parsed.is_none() {
            reader.wrong(
                &entry.node.span,
                "this is no duration; write it as 100ms or 1s",
            );
        }
        parsed
    });
    let burst = keys.take("burst").and_then(|entry| {
        let text = reader.word(&entry.node)?;
        let parsed = text
            .parse()
            .ok()
            .filter(|burst| (1..=1_000_000).contains(burst));
        if parsed.is_none() {
            reader.wrong(&entry.node.span, "this is no number from 1 to 1000000");
        }
        parsed
    });
    match (interval, burst) {
        (Some(Duration::ZERO), _) => None,
        (Some(interval), Some(burst)) => Some(Rate { interval, burst }),
        _ => {
            // What was wrong with either is said already.
            if reader.is_good() {
                reader.wrong(&span, "a rate limit needs both `interval` and `burst`");
            }
            None
        }
    }
}

#[cfg(test)]
mod tests;
