//! Everything that the daemon knows, as the files of one archive: for whoever mends it far away.
//!
//! Secrets are not in it: the configuration names files with secrets only, and what a URL says between `//` and
//! `@` is left out.

use std::sync::Arc;

use sightline_model::Timestamp;
use sightline_model::incident::Moment;
use sightline_model::snapshot::Snapshot;

use super::metrics::{self, Format, Own};
use super::{human, json};

/// A file of the archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Its name, without a directory.
    pub name: &'static str,
    /// What is in it, for people.
    pub about: &'static str,
    /// Its text.
    pub text: String,
}

/// The name of the archive without its ending: `sightline-berlin-02-20261122T100000Z`.
#[must_use]
pub fn name(site: &str, now: Timestamp) -> String {
    let plain = |letter: char| {
        if letter.is_ascii_alphanumeric() {
            letter
        } else {
            '-'
        }
    };
    let site: String = site.chars().take(40).map(plain).collect();
    let time = now.to_string().replace(['-', ':'], "");
    format!("sightline-{site}-{time}")
}

/// The files.
#[must_use]
pub fn files(snapshot: &Arc<Snapshot>, now: Moment, own: Own) -> Vec<File> {
    let status = snapshot.shown(now);
    let unwritten = |error: &dyn std::fmt::Display| format!("this cannot be written: {error}\n");
    let text = human::live::render(snapshot, now, true);
    let mut files = vec![
        File {
            name: "status.txt",
            about: "how it stands, with every run and what came back",
            text: anstream::adapter::strip_str(&text).to_string(),
        },
        File {
            name: "status.json",
            about: "the same for programs",
            text: json::render(&status).unwrap_or_else(|error| unwritten(&error)),
        },
        File {
            name: "incidents.json",
            about: "incidents that are open, and the last ones that are over",
            text: json::incidents(snapshot).unwrap_or_else(|error| unwritten(&error)),
        },
        File {
            name: "silences.json",
            about: "who does not want to be told",
            text: json::silences(snapshot).unwrap_or_else(|error| unwritten(&error)),
        },
        File {
            name: "metrics.txt",
            about: "all metrics",
            text: metrics::render(snapshot, now, own, Format::Text)
                .unwrap_or_else(|error| unwritten(&error)),
        },
        File {
            name: "sightline.toml",
            about: "the configuration in use, with every default",
            text: snapshot.configuration.shown.to_string(),
        },
    ];
    for file in &mut files {
        file.text = without_credentials(&file.text);
    }
    files.insert(0, contents(&status.site, now.wall, &files));
    files
}

fn contents(site: &str, now: Timestamp, files: &[File]) -> File {
    let mut text = format!(
        "sightline {} at {site}, {now}\n\nSecrets are not in these files. Names and addresses of the site are.\n\n",
        env!("CARGO_PKG_VERSION")
    );
    for file in files {
        text.push_str(&format!("{:<16} {}\n", file.name, file.about));
    }
    File {
        name: "README.txt",
        about: "what is in the other files",
        text,
    }
}

/// Leaves out what stands between `//` and `@` in URLs (RFC 3986 §3.2.1).
fn without_credentials(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(begin) = rest.find("://") {
        let (before, after) = rest.split_at(begin + 3);
        out.push_str(before);
        let end = after
            .find(|letter: char| {
                matches!(letter, '/' | '?' | '#' | '"' | '\'' | '<' | '>') || letter.is_whitespace()
            })
            .unwrap_or(after.len());
        let (authority, beyond) = after.split_at(end);
        match authority.rsplit_once('@') {
            Some((_credentials, host)) => out.push_str(&format!("(left out)@{host}")),
            None => out.push_str(authority),
        }
        rest = beyond;
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_in_urls_are_left_out_and_nothing_else() {
        for (text, kept) in [
            (
                "see http://user:secret@proxy:8080/x?y=a@b",
                "see http://(left out)@proxy:8080/x?y=a@b",
            ),
            (
                "ldap://dc1 and mail@example.com",
                "ldap://dc1 and mail@example.com",
            ),
            (
                "\"http://a:p@ss@b\", \"x@y\"",
                "\"http://(left out)@b\", \"x@y\"",
            ),
            ("http://", "http://"),
            ("no url", "no url"),
        ] {
            assert_eq!(without_credentials(text), kept);
        }
    }

    #[test]
    fn the_name_is_one_for_every_file_system() {
        let now = Timestamp::from_unix_millis(1_795_341_600_000);
        assert_eq!(
            name("../Zürich 02", now),
            "sightline----Z-rich-02-20261122T100000Z"
        );
    }
}
