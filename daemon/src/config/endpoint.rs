//! The tenant, and what a site says about single endpoints, in the words that the shipped list uses
//! too. What an endpoint means to the flow is decided elsewhere.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, Deserializer};
use serde::{Deserialize, Serialize};
use sightline_model::Stage;

use super::names::{DomainName, EndpointId, NamePattern};
use super::problem::quoted;
use super::values;

/// Entries of one list of an endpoint; the longest of the shipped list has 21.
const MOST_ENTRIES: usize = 32;

/// Characters of the sentence that says why an endpoint is needed.
const LONGEST_WHY: usize = 200;

/// Characters of the path of a request.
const LONGEST_PATH: usize = 1000;

/// The Microsoft cloud of a tenant, and what of it devices use during the flow.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Tenant {
    /// The Microsoft cloud of the tenant. GCC is part of the worldwide one.
    pub cloud: Cloud,
    /// Where Intune keeps the tenant: "na", "eu" or "ap". Without it the content hosts of all three
    /// count, and none of them is decisive.
    pub region: Option<Region>,
    /// Win32 apps or scripts are installed during the flow; a VPN client usually is one.
    pub win32_apps: bool,
    /// A Store app must be there before the status page ends.
    pub store_apps: bool,
    /// Microsoft 365 apps are installed during the flow.
    pub office: bool,
    /// Windows activates itself during the flow, not before it.
    pub activation: bool,
    /// Users must be signed in without a prompt by Seamless SSO.
    pub seamless_sso: bool,
    /// The company's own sign-in service, where the domain is federated; the answer about the realm
    /// names it without this.
    pub sts: Option<DomainName>,
    /// Terms of use are shown when a device enrols.
    pub terms_of_use: bool,
    /// The time limit of the enrolment status page, from "1m" to "24h".
    #[serde(
        deserialize_with = "values::between::<_, 60_000, 86_400_000>",
        serialize_with = "values::duration"
    )]
    #[schemars(with = "String")]
    pub esp_limit: Duration,
}

impl Default for Tenant {
    fn default() -> Self {
        Self {
            cloud: Cloud::Worldwide,
            region: None,
            win32_apps: true,
            store_apps: false,
            office: false,
            activation: false,
            seamless_sso: false,
            sts: None,
            terms_of_use: false,
            esp_limit: Duration::from_secs(3600),
        }
    }
}

/// A change to an endpoint of the shipped list, or an endpoint of the site's own.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Endpoint {
    /// An id of the shipped list, which is changed by what else stands here; or a new one, which
    /// needs stages, requirement, hosts, ports and protocol.
    pub id: EndpointId,
    /// Leave the endpoint of the list out.
    #[serde(default)]
    pub disabled: bool,
    /// What it means to the flow.
    pub requirement: Option<Requirement>,
    /// Where in the flow it is needed.
    #[serde(default, deserialize_with = "stages")]
    #[schemars(with = "Option<Vec<String>>")]
    pub stages: Option<Vec<Stage>>,
    /// What a firewall lets through; the hosts themselves without it.
    #[serde(default, deserialize_with = "list")]
    pub names: Option<Vec<NamePattern>>,
    /// The names that are asked.
    #[serde(default, deserialize_with = "list")]
    pub hosts: Option<Vec<DomainName>>,
    /// Ports such as "tcp/443"; the first one is asked.
    #[serde(default, deserialize_with = "list")]
    pub ports: Option<Vec<Port>>,
    /// How it is asked.
    pub protocol: Option<Protocol>,
    /// What is requested over HTTP and HTTPS.
    #[serde(default, deserialize_with = "path")]
    pub path: Option<String>,
    /// What a proxy that inspects TLS must do.
    pub inspection: Option<Inspection>,
    /// What it is for, for the firewall list.
    #[serde(default, deserialize_with = "why")]
    pub why: Option<String>,
}

/// Declares an enum that is written as one word, with the word as a constant.
macro_rules! words {
    ($(#[$meta:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$meta])*
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize, JsonSchema,
        )]
        #[serde(rename_all = "snake_case")]
        pub enum $name { $($(#[$doc])* $variant,)* }

        impl $name {
            /// The word in files and outputs.
            #[must_use]
            pub const fn id(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.id())
            }
        }
    };
}
pub(super) use words;

words! {
    /// A Microsoft cloud.
    Cloud {
        /// The commercial one, GCC included.
        Worldwide = "worldwide",
        /// US Government, GCC High.
        GccHigh = "gcc_high",
        /// US Government, Department of Defense.
        Dod = "dod",
        /// China, operated by 21Vianet.
        China = "china",
    }
}

words! {
    /// Where Intune keeps a tenant.
    Region {
        /// North America.
        Na = "na",
        /// Europe.
        Eu = "eu",
        /// Asia and the Pacific.
        Ap = "ap",
    }
}

words! {
    /// What an endpoint means to the flow.
    Requirement {
        /// The flow fails without.
        Hard = "hard",
        /// The flow can be slower or poorer without.
        Soft = "soft",
        /// The flow does not use it.
        NotNeeded = "not_needed",
    }
}

words! {
    /// How an endpoint is asked.
    Protocol {
        /// HTTP without TLS.
        Http = "http",
        /// HTTP over TLS.
        Https = "https",
        /// SNTP.
        Ntp = "ntp",
        /// A question to the network's own resolvers.
        Dns = "dns",
    }
}

words! {
    /// What a proxy that inspects TLS must do about an endpoint.
    Inspection {
        /// Not inspect: documented as not supported, or it breaks what the host does.
        Forbidden = "forbidden",
        /// Not inspect: the documentation asks for an exemption.
        Excluded = "excluded",
        /// The documentation says nothing.
        NotStated = "not_stated",
        /// There is no TLS.
        NotApplicable = "not_applicable",
    }
}

words! {
    /// TCP or UDP.
    Transport {
        /// TCP.
        Tcp = "tcp",
        /// UDP.
        Udp = "udp",
    }
}

impl Protocol {
    /// Whether it runs over `transport`.
    #[must_use]
    pub const fn runs_over(self, transport: Transport) -> bool {
        match self {
            Self::Http | Self::Https => matches!(transport, Transport::Tcp),
            Self::Ntp => matches!(transport, Transport::Udp),
            Self::Dns => true,
        }
    }

    /// Whether it has requests with a path.
    #[must_use]
    pub const fn is_http(self) -> bool {
        matches!(self, Self::Http | Self::Https)
    }
}

/// A port with its transport, written `tcp/443`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Port {
    /// TCP or UDP.
    pub transport: Transport,
    /// From 1.
    pub number: u16,
}

impl FromStr for Port {
    type Err = String;

    /// # Errors
    /// A sentence that shows how a port is written.
    fn from_str(text: &str) -> Result<Self, String> {
        let unfit = || {
            format!(
                "{} is no port; write \"tcp/443\" or \"udp/123\", from 1 to 65535",
                quoted(text)
            )
        };
        let (transport, number) = text.split_once('/').ok_or_else(unfit)?;
        let transport = match transport {
            "tcp" => Transport::Tcp,
            "udp" => Transport::Udp,
            _ => return Err(unfit()),
        };
        match number.parse() {
            Ok(number) if number > 0 => Ok(Self { transport, number }),
            _ => Err(unfit()),
        }
    }
}

impl fmt::Display for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.transport, self.number)
    }
}

impl TryFrom<String> for Port {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Port> for String {
    fn from(port: Port) -> Self {
        port.to_string()
    }
}

impl JsonSchema for Port {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Port".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^(tcp|udp)/[0-9]{1,5}$" })
    }
}

/// A list of different entries, at least one.
fn list<'de, D, T>(deserializer: D) -> Result<Option<Vec<T>>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + PartialEq + fmt::Display,
{
    let list: Vec<T> = Vec::deserialize(deserializer)?;
    if list.is_empty() {
        return Err(de::Error::custom("the list is empty; name at least one"));
    }
    if list.len() > MOST_ENTRIES {
        return Err(de::Error::custom(format!(
            "the list has {} entries; at most {MOST_ENTRIES} are possible",
            list.len()
        )));
    }
    values::once(&list)?;
    Ok(Some(list))
}

/// Stages that talk to the Internet, in the order of the flow.
fn stages<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<Stage>>, D::Error> {
    let mut listed: Option<Vec<Stage>> = list(deserializer)?;
    let own = listed
        .iter()
        .flatten()
        .find(|stage| !is_of_the_internet(**stage));
    if let Some(stage) = own {
        let possible: Vec<_> = Stage::ALL
            .into_iter()
            .filter(|stage| is_of_the_internet(*stage))
            .map(Stage::id)
            .collect();
        return Err(de::Error::custom(format!(
            "{} asks no endpoint; possible are {}",
            quoted(stage.id()),
            possible.join(", ")
        )));
    }
    if let Some(listed) = &mut listed {
        listed.sort_unstable();
    }
    Ok(listed)
}

const fn is_of_the_internet(stage: Stage) -> bool {
    match stage {
        Stage::Internet
        | Stage::Time
        | Stage::Autopilot
        | Stage::Updates
        | Stage::DeviceSetup
        | Stage::Registration
        | Stage::EntraSignIn
        | Stage::AccountSetup => true,
        Stage::Network | Stage::Proxy | Stage::Vpn | Stage::DomainController | Stage::SignIn => {
            false
        }
    }
}

fn path<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    some_path(deserializer).map(Some)
}

/// The path of a request over HTTP.
pub(super) fn some_path<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    if is_path(&text) {
        Ok(text)
    } else {
        Err(de::Error::custom(format!(
            "{} is no path: it begins with a slash and has at most {LONGEST_PATH} characters, none of them a blank, a `#` or outside ASCII",
            quoted(&text)
        )))
    }
}

/// Whether a text can stand in the first line of an HTTP request.
pub(crate) fn is_path(text: &str) -> bool {
    text.starts_with('/')
        && text.len() <= LONGEST_PATH
        && text
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && byte != b'#')
}

fn why<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let text = String::deserialize(deserializer)?;
    if text.trim().is_empty()
        || text.chars().any(char::is_control)
        || text.chars().count() > LONGEST_WHY
    {
        return Err(de::Error::custom(format!(
            "{} is no sentence of 1 to {LONGEST_WHY} characters on one line",
            quoted(&text)
        )));
    }
    Ok(Some(text))
}
