//! The proxy that the clients of a network use.

use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use super::problem::quoted;
use super::values;

/// The proxy that the clients of a network use.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub enum Proxy {
    /// The one that a proxy script of the network gives them, if there is one. Written `"auto"`.
    #[default]
    Auto,
    /// None, and no script is looked for. Written `"direct"`.
    Direct,
    /// This one, whatever the network announces. Written `"http://proxy.example.com:8080"`.
    Named {
        /// Name or address.
        host: String,
        /// TCP port.
        port: u16,
    },
}

impl FromStr for Proxy {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let unfit = |why: &str| {
            format!(
                "{} is no proxy: {why}; write \"auto\", \"direct\" or \"http://proxy.example.com:8080\"",
                quoted(text)
            )
        };
        match text {
            "auto" => return Ok(Self::Auto),
            "direct" => return Ok(Self::Direct),
            _ => {}
        }
        let Some((scheme, server)) = text.split_once("://") else {
            return Err(unfit("it has no http:// before it"));
        };
        if scheme != "http" {
            return Err(unfit(
                "the services of Windows speak to a proxy over plain HTTP",
            ));
        }
        if server.contains('@') {
            return Err(unfit(
                "nobody is signed in when a device first meets it, so that it has no user",
            ));
        }
        let server = server.strip_suffix('/').unwrap_or(server);
        let (host, port) = values::host_and_port(server).map_err(unfit)?;
        let port = port.ok_or_else(|| unfit("it names no port"))?;
        Ok(Self::Named { host, port })
    }
}

impl TryFrom<String> for Proxy {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Proxy> for String {
    fn from(proxy: Proxy) -> Self {
        proxy.to_string()
    }
}

impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Direct => f.write_str("direct"),
            Self::Named { host, port } if host.contains(':') => write!(f, "http://[{host}]:{port}"),
            Self::Named { host, port } => write!(f, "http://{host}:{port}"),
        }
    }
}

impl JsonSchema for Proxy {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Proxy".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "anyOf": [
                { "enum": ["auto", "direct"] },
                { "type": "string", "pattern": "^http://[^/@]+:[0-9]+/?$" },
            ],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_reads_back_as_it_was_written() {
        for text in [
            "auto",
            "direct",
            "http://proxy.example.com:8080",
            "http://10.1.0.3:3128",
            "http://[fd00::3]:3128",
        ] {
            let proxy: Proxy = text.parse().expect("it is possible");
            assert_eq!(proxy.to_string(), text);
        }
    }

    #[test]
    fn what_is_no_proxy_is_told_why() {
        for (text, why) in [
            ("proxy.example.com:8080", "no http:// before it"),
            ("https://proxy.example.com:8080", "over plain HTTP"),
            ("http://proxy.example.com", "names no port"),
            ("http://proxy.example.com:0", "no number from 1"),
            ("http://proxy.example.com:80x", "no number from 1"),
            ("http://a b:80", "neither a name nor an address"),
            ("http://user:secret@proxy.example.com:80", "has no user"),
            ("http://[zz]:80", "no address"),
            ("", "no http:// before it"),
        ] {
            let error = text.parse::<Proxy>().expect_err(text);
            assert!(error.contains(why), "{error}");
        }
        let secret = "http://user:secret@proxy.example.com:80".parse::<Proxy>();
        assert!(secret.is_err());
    }
}
