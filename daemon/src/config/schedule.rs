//! How often the daemon asks.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::values;

/// How often the daemon asks what.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Schedule {
    /// Link, resolvers, domain controllers, VPNs and the test by which Windows decides that it is online, from
    /// "10s" to "60s".
    #[serde(
        deserialize_with = "values::between::<_, 10_000, 60_000>",
        serialize_with = "values::duration"
    )]
    #[schemars(with = "String")]
    pub path: Duration,
    /// Hosts of the Internet without which the flow fails, from "30s" to "1h".
    #[serde(
        deserialize_with = "values::between::<_, 30_000, 3_600_000>",
        serialize_with = "values::duration"
    )]
    #[schemars(with = "String")]
    pub hosts: Duration,
    /// The other hosts of the Internet, from "30s" to "24h".
    #[serde(
        deserialize_with = "values::between::<_, 30_000, 86_400_000>",
        serialize_with = "values::duration"
    )]
    #[schemars(with = "String")]
    pub soft_hosts: Duration,
    /// What needs the account, and downloads, from "5m" to "24h".
    #[serde(
        deserialize_with = "values::between::<_, 300_000, 86_400_000>",
        serialize_with = "values::duration"
    )]
    #[schemars(with = "String")]
    pub account: Duration,
}

impl Default for Schedule {
    fn default() -> Self {
        Self {
            path: Duration::from_secs(30),
            hosts: Duration::from_secs(300),
            soft_hosts: Duration::from_secs(900),
            account: Duration::from_secs(900),
        }
    }
}
