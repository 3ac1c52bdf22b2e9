//! Where the daemon is looked at.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

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
    /// The socket file over which commands of this program reach the daemon; whoever may open it may
    /// command. Its directory is made if need be; "" for none.
    #[serde(deserialize_with = "socket")]
    pub control_socket: PathBuf,
    /// The file that says how `listen` is protected, in the format of the Prometheus exporter toolkit
    /// (`web.config.file`): TLS, passwords; "" for none.
    #[serde(deserialize_with = "whole_path")]
    pub config_file: PathBuf,
}

impl Web {
    /// The control socket, if there is to be one.
    #[must_use]
    pub fn control_socket(&self) -> Option<&Path> {
        some(&self.control_socket)
    }

    /// The web file, if there is to be one.
    #[must_use]
    pub fn config_file(&self) -> Option<&Path> {
        some(&self.config_file)
    }
}

fn some(file: &Path) -> Option<&Path> {
    (!file.as_os_str().is_empty()).then_some(file)
}

impl Default for Web {
    fn default() -> Self {
        Self {
            listen: vec![SocketAddr::from((Ipv4Addr::LOCALHOST, 9798))],
            control_socket: PathBuf::from("/run/sightline/control.sock"),
            config_file: PathBuf::new(),
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

fn whole_path<'de, D: Deserializer<'de>>(deserializer: D) -> Result<PathBuf, D::Error> {
    let text = String::deserialize(deserializer)?;
    if text.is_empty() || text.starts_with('/') {
        return Ok(PathBuf::from(text));
    }
    Err(Error::custom(format!(
        "{} is no whole path, from / on",
        quoted(&text)
    )))
}

fn socket<'de, D: Deserializer<'de>>(deserializer: D) -> Result<PathBuf, D::Error> {
    /// The kernel takes 107 octets (unix(7)), and the socket begins its life one directory further down.
    const LONGEST: usize = 90;
    let text = String::deserialize(deserializer)?;
    let file = PathBuf::from(&text);
    let names_a_file = file.is_absolute() && !text.ends_with('/') && file.file_name().is_some();
    if text.is_empty() || (names_a_file && text.len() <= LONGEST && !text.contains('\0')) {
        Ok(file)
    } else {
        Err(Error::custom(format!(
            "{} is no socket file: write a whole path of at most {LONGEST} octets, from / on, or \"\" for none",
            quoted(&text)
        )))
    }
}

/// Whether this box can have the address.
fn is_own(address: SocketAddr) -> bool {
    let ip = address.ip();
    !ip.is_multicast() && ip != Ipv4Addr::BROADCAST
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_web_file_is_a_whole_path() {
        let read = |text: &str| toml::from_str::<Web>(&format!("config_file = {text:?}"));
        let web = read("/etc/sightline/web.yml").expect("a path");
        assert_eq!(web.config_file(), Some(Path::new("/etc/sightline/web.yml")));
        assert_eq!(read("").expect("none").config_file(), None);
        let error = read("web.yml").expect_err("not whole").to_string();
        assert!(error.contains("is no whole path"), "{error}");
    }

    #[test]
    fn a_control_socket_is_a_whole_path_that_the_kernel_can_take() {
        let read = |text: &str| toml::from_str::<Web>(&format!("control_socket = {text:?}"));
        let web = read("/run/x/y.sock").expect("a path");
        assert_eq!(web.control_socket(), Some(Path::new("/run/x/y.sock")));
        assert_eq!(read("").expect("none").control_socket(), None);
        let long = format!("/{}", "x".repeat(90));
        for wrong in ["control.sock", "/run/", "/", "/run/..", &long] {
            let error = read(wrong).expect_err(wrong).to_string();
            assert!(error.contains("is no socket file"), "{error}");
        }
    }
}
