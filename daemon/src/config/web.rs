//! Where the daemon is looked at.

use std::net::{Ipv4Addr, SocketAddr};

use schemars::JsonSchema;
use serde::de::{Deserializer, Error};
use serde::{Deserialize, Serialize};

use super::problem::quoted;
use super::values;

/// What the daemon shows over HTTP.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Web {
    /// The addresses and ports that `sightline run` shows status page, metrics and API at; none without any.
    /// Whoever reaches one can read all of it.
    #[serde(deserialize_with = "listen")]
    #[schemars(with = "Vec<String>")]
    pub listen: Vec<SocketAddr>,
}

impl Default for Web {
    fn default() -> Self {
        Self {
            listen: vec![SocketAddr::from((Ipv4Addr::LOCALHOST, 9798))],
        }
    }
}

fn listen<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<SocketAddr>, D::Error> {
    let listed: Vec<String> = values::few(deserializer)?;
    let addresses: Vec<SocketAddr> = listed
        .iter()
        .map(|text| match text.parse::<SocketAddr>() {
            Ok(address) if address.port() != 0 && is_own(address) => Ok(address),
            _ => Err(Error::custom(format!(
                "{} is no address with a port to listen at; write \"127.0.0.1:9798\", \"[::1]:9798\", or \
                 \"[::]:9798\" for every address of this box",
                quoted(text)
            ))),
        })
        .collect::<Result<_, _>>()?;
    values::once(&addresses)?;
    Ok(addresses)
}

/// Whether this box can have the address.
fn is_own(address: SocketAddr) -> bool {
    let ip = address.ip();
    !ip.is_multicast() && ip != Ipv4Addr::BROADCAST
}
