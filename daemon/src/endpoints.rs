//! The hosts that the flow talks to: the list that this program carries, and what of it applies to
//! a site. No sockets here, and no clock: the day comes in as an argument.

mod applicable;
mod row;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::config::{self, Cloud, Config, DomainName, Region};

pub use crate::config::{Inspection, NamePattern, Protocol, Requirement, Transport};
pub use applicable::{Endpoint, Origin, Request, SignInService};
use row::Row;
pub use row::{Basis, Condition, Expected, Host};

/// A DNS name as the configuration would take it: lower-case, with at least two labels.
pub(crate) fn host_name(text: &str) -> Option<String> {
    let name: DomainName = text.parse().ok()?;
    (!name.is_single_label()).then(|| name.to_string())
}

/// A list that is older than this many days deserves a look at what Microsoft has changed.
pub const STALE_AFTER_DAYS: i32 = 180;

/// A list of endpoints.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct List {
    version: String,
    date: Date,
    #[serde(rename = "endpoint")]
    rows: Vec<Row>,
    sources: BTreeMap<String, Document>,
}

/// A document that rows were taken from, and the edition that was read.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Document {
    document: String,
    edition: String,
}

impl List {
    /// The list that this program carries.
    ///
    /// # Panics
    /// Never: a test reads the same list.
    #[must_use]
    pub fn embedded() -> &'static Self {
        static LIST: LazyLock<List> = LazyLock::new(|| {
            toml::from_str(config::ENDPOINTS)
                .expect("a test reads the list that this program carries")
        });
        &LIST
    }

    /// Its version, such as `2026-11-24.1`.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The day on which it was made.
    #[must_use]
    pub const fn date(&self) -> Date {
        self.date
    }

    /// Days between its date and `today`; negative if today is earlier, as on a box whose clock is
    /// wrong.
    #[must_use]
    pub fn age_days(&self, today: Date) -> i32 {
        (today - self.date).get_days()
    }
}

/// The endpoints of a site with everything that has to be said about them. Its JSON form is the
/// contract of `sightline endpoints --output json`.
#[derive(Debug, Serialize)]
pub struct Listing {
    schema: &'static str,
    /// The name of the site.
    pub site: String,
    /// Which list it is, and how old.
    pub list: Edition,
    /// The tenant that they were chosen for.
    pub tenant: Chosen,
    /// What is worth a second look, as sentences.
    pub notes: Vec<String>,
    /// In the order of the flow.
    pub endpoints: Vec<Endpoint>,
    sources: BTreeMap<String, Document>,
}

/// Which list something comes from.
#[derive(Debug, Serialize)]
pub struct Edition {
    /// Its version.
    pub version: String,
    /// The day on which it was made.
    pub date: Date,
    /// Its age; negative if today is before its date.
    pub age_days: i32,
    /// Whether it is older than [`STALE_AFTER_DAYS`].
    #[serde(rename = "stale")]
    pub is_stale: bool,
}

/// What of a tenant decides about its endpoints.
#[derive(Debug, Serialize)]
pub struct Chosen {
    /// The verified domain.
    pub domain: Option<DomainName>,
    /// The Microsoft cloud.
    pub cloud: Cloud,
    /// Where Intune keeps it.
    pub region: Option<Region>,
}

impl Listing {
    /// The endpoints of `list` and of the configuration itself that apply to its tenant.
    #[must_use]
    pub fn new(list: &List, config: &Config, today: Date) -> Self {
        let endpoints = list.applicable(config);
        let age_days = list.age_days(today);
        let list_of = Edition {
            version: list.version.clone(),
            date: list.date,
            age_days,
            is_stale: age_days > STALE_AFTER_DAYS,
        };
        let used = |tag: &str| {
            endpoints
                .iter()
                .any(|row| row.sources.iter().any(|of| of == tag))
        };
        Self {
            schema: "sightline.endpoints/1",
            site: config.site.name.clone(),
            notes: notes(&list_of, config, &endpoints),
            list: list_of,
            tenant: Chosen {
                domain: config.domain.tenant.clone(),
                cloud: config.tenant.cloud,
                region: config.tenant.region,
            },
            sources: list
                .sources
                .iter()
                .filter(|(tag, _)| used(tag))
                .map(|(tag, document)| (tag.clone(), document.clone()))
                .collect(),
            endpoints,
        }
    }
}

impl Edition {
    /// The version with its age, for people.
    #[must_use]
    pub fn in_words(&self) -> String {
        let age = match self.age_days {
            ..0 => format!("dated {}, which is after today", self.date),
            0 => "of today".to_owned(),
            1 => "1 day old".to_owned(),
            days => format!("{days} days old"),
        };
        format!("endpoint list {}, {age}", self.version)
    }
}

fn notes(list: &Edition, config: &Config, endpoints: &[Endpoint]) -> Vec<String> {
    let mut notes = Vec::new();
    if list.is_stale {
        notes.push(format!(
            "This list is {} days old. Microsoft has probably changed hosts since; take a newer version of sightline.",
            list.age_days
        ));
    }
    if list.age_days < 0 {
        notes.push(
            "The list is dated after today, so the clock of this box is probably wrong.".to_owned(),
        );
    }
    if let Some(remark) = config::cloud_remark(config) {
        notes.push(format!("{remark}."));
    }
    if endpoints.iter().any(|row| row.region.is_some()) && config.tenant.region.is_none() {
        notes.push(
            "tenant.region is not set: the content hosts of all regions are listed, none as a must."
                .to_owned(),
        );
    }
    let left_out = config.endpoint.iter().filter(|entry| entry.disabled);
    let left_out: Vec<_> = left_out.map(|entry| entry.id.as_str()).collect();
    if !left_out.is_empty() {
        notes.push(format!(
            "The configuration leaves out {}.",
            left_out.join(", ")
        ));
    }
    if config.domain.tenant.is_none() {
        notes.push(
            "domain.tenant is not set: registration is only asked whether it answers.".to_owned(),
        );
    }
    notes
}

#[cfg(test)]
pub(crate) mod tests;
