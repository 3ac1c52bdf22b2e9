//! How single values are read from the file and written back.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;
use std::time::Duration;

use jiff::fmt::friendly::{SpanParser, SpanPrinter};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, Deserializer, SeqAccess, Unexpected, Visitor};
use serde::{Deserialize, Serialize, Serializer};

use super::names::DomainName;
use super::problem::quoted;

/// Port of DNS, where an address comes without one.
const DNS_PORT: u16 = 53;

/// Longer lists are a mistake: each entry is asked in every round.
const MOST_ENTRIES: usize = 8;

/// The resolvers that a client of a network is given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Resolvers {
    /// Those that the system itself uses. Written `"system"`.
    #[default]
    System,
    /// Those that the DHCP servers and routers of the network hand out. Written `"dhcp"`.
    Dhcp,
    /// These, in this order: at least one, each once.
    List(Vec<SocketAddr>),
}

impl<'de> Deserialize<'de> for Resolvers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;

        impl<'de> Visitor<'de> for Either {
            type Value = Resolvers;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("\"system\", \"dhcp\" or a list of addresses")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Resolvers, E> {
                if text == "system" {
                    Ok(Resolvers::System)
                } else if text == "dhcp" {
                    Ok(Resolvers::Dhcp)
                } else if resolver(text).is_ok() {
                    Err(E::custom(format!(
                        "one address is written as a list, [\"{text}\"]"
                    )))
                } else {
                    Err(E::invalid_value(Unexpected::Str(text), &self))
                }
            }

            fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Resolvers, A::Error> {
                let list = de::value::SeqAccessDeserializer::new(seq);
                let servers: Vec<Checked<SocketAddr>> = few(list)?;
                let servers: Vec<_> = servers.into_iter().map(|server| server.0).collect();
                if servers.is_empty() {
                    return Err(de::Error::custom(
                        "the list is empty; name at least one address, or write \"system\" or \"dhcp\"",
                    ));
                }
                once(&servers)?;
                Ok(Resolvers::List(servers))
            }
        }

        deserializer.deserialize_any(Either)
    }
}

impl Serialize for Resolvers {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::System => serializer.serialize_str("system"),
            Self::Dhcp => serializer.serialize_str("dhcp"),
            Self::List(servers) => written(servers, serializer),
        }
    }
}

/// Resolvers; may be empty.
pub(super) fn resolvers<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<SocketAddr>, D::Error> {
    let servers: Vec<Checked<SocketAddr>> = few(deserializer)?;
    let servers: Vec<_> = servers.into_iter().map(|server| server.0).collect();
    once(&servers)?;
    Ok(servers)
}

/// The usual port goes without saying.
pub(super) fn written<S: Serializer>(
    servers: &[SocketAddr],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(servers.iter().map(|server| {
        if server.port() == DNS_PORT {
            server.ip().to_string()
        } else {
            server.to_string()
        }
    }))
}

impl JsonSchema for Resolvers {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Resolvers".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "anyOf": [
                { "enum": ["system", "dhcp"] },
                { "type": "array", "items": { "type": "string" }, "minItems": 1, "maxItems": MOST_ENTRIES },
            ],
        })
    }
}

/// A duration from `LOW` to `HIGH` milliseconds.
pub(super) fn between<'de, D: Deserializer<'de>, const LOW: u64, const HIGH: u64>(
    deserializer: D,
) -> Result<Duration, D::Error> {
    struct Span;

    impl Visitor<'_> for Span {
        type Value = String;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a duration in quotes such as \"5s\"")
        }

        fn visit_str<E: de::Error>(self, text: &str) -> Result<String, E> {
            Ok(text.to_owned())
        }
    }

    let text = deserializer.deserialize_str(Span)?;
    let low = Duration::from_millis(LOW);
    let high = Duration::from_millis(HIGH);
    match SpanParser::new().parse_unsigned_duration(&text) {
        Ok(duration) if (low..=high).contains(&duration) => Ok(duration),
        Ok(_) => Err(de::Error::custom(format!(
            "{} is out of range; possible is {} to {}",
            quoted(&text),
            in_words(&low),
            in_words(&high)
        ))),
        Err(_) => Err(de::Error::custom(format!(
            "{} is no possible duration; write a number with a unit, from \"{}\" to \"{}\"",
            quoted(&text),
            in_words(&low),
            in_words(&high)
        ))),
    }
}

/// Writes a duration as [`between`] reads it.
pub(super) fn duration<S: Serializer>(
    duration: &Duration,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&in_words(duration))
}

/// A duration as a person would write it: `1m 30s`.
pub(super) fn in_words(duration: &Duration) -> String {
    SpanPrinter::new().unsigned_duration_to_string(duration)
}

/// A whole number from `LOW` to `HIGH`.
pub(super) fn whole<'de, D, T, const LOW: i64, const HIGH: i64>(
    deserializer: D,
) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: TryFrom<i64>,
{
    struct Whole<const LOW: i64, const HIGH: i64>;

    impl<const LOW: i64, const HIGH: i64> Visitor<'_> for Whole<LOW, HIGH> {
        type Value = i64;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "a whole number from {LOW} to {HIGH}")
        }

        fn visit_i64<E: de::Error>(self, number: i64) -> Result<i64, E> {
            if (LOW..=HIGH).contains(&number) {
                Ok(number)
            } else {
                Err(E::invalid_value(Unexpected::Signed(number), &self))
            }
        }
    }

    let number = deserializer.deserialize_i64(Whole::<LOW, HIGH>)?;
    T::try_from(number)
        .map_err(|_| de::Error::custom("the number does not fit into the type of its key"))
}

/// The addresses to send from: at most one of each family.
pub(super) fn sources<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<IpAddr>, D::Error> {
    let listed: Vec<Checked<IpAddr>> = few(deserializer)?;
    let addresses: Vec<_> = listed.into_iter().map(|address| address.0).collect();
    let in_v4 = addresses.iter().filter(|address| address.is_ipv4()).count();
    if in_v4 > 1 || addresses.len() - in_v4 > 1 {
        return Err(de::Error::custom(
            "at most one IPv4 and one IPv6 address can be the source",
        ));
    }
    Ok(addresses)
}

/// The DHCP servers that belong into a network; may be empty.
pub(super) fn servers<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<Ipv4Addr>, D::Error> {
    let listed: Vec<Checked<IpAddr>> = few(deserializer)?;
    let servers: Vec<Ipv4Addr> = listed
        .iter()
        .map(|server| match server.0 {
            IpAddr::V4(v4) => Ok(v4),
            IpAddr::V6(v6) => Err(de::Error::custom(format!(
                "{} is no IPv4 address; servers of DHCPv6 are not asked",
                quoted(&v6.to_string())
            ))),
        })
        .collect::<Result<_, _>>()?;
    once(&servers)?;
    Ok(servers)
}

/// The routers that belong into a network; may be empty.
pub(super) fn routers<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<Ipv6Addr>, D::Error> {
    let listed: Vec<Checked<IpAddr>> = few(deserializer)?;
    let routers: Vec<Ipv6Addr> = listed
        .iter()
        .map(|router| match router.0 {
            IpAddr::V6(v6) if v6.is_unicast_link_local() => Ok(v6),
            other => Err(de::Error::custom(format!(
                "{} is no link-local IPv6 address (fe80::…), from which routers advertise themselves",
                quoted(&other.to_string())
            ))),
        })
        .collect::<Result<_, _>>()?;
    once(&routers)?;
    Ok(routers)
}

/// Host names and addresses; may be empty.
pub(super) fn hosts<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let listed: Vec<Checked<String>> = few(deserializer)?;
    let hosts: Vec<_> = listed.into_iter().map(|host| host.0).collect();
    once(&hosts)?;
    Ok(hosts)
}

/// DNS names, at least one.
pub(super) fn names<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<DomainName>, D::Error> {
    let names: Vec<DomainName> = few(deserializer)?;
    if names.is_empty() {
        return Err(de::Error::custom("the list is empty; name at least one"));
    }
    once(&names)?;
    Ok(names)
}

/// A text for people: 1 to 63 characters on one line.
pub(super) fn title<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    if text.trim() != text
        || text.chars().any(char::is_control)
        || !(1..=63).contains(&text.chars().count())
    {
        return Err(de::Error::custom(format!(
            "{} is no name: it has 1 to 63 characters, none of them a control character, and no blank at its ends",
            quoted(&text)
        )));
    }
    Ok(text)
}

/// The name of an account, as the first component of a Kerberos principal.
pub(super) fn principal<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    let is_possible = (1..=64).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.$".contains(&byte));
    if is_possible {
        Ok(text)
    } else {
        Err(de::Error::custom(format!(
            "{} is no account name without its domain: it has 1 to 64 letters, digits, hyphens, underscores, dots and dollar signs",
            quoted(&text)
        )))
    }
}

/// A value that its text was checked for.
struct Checked<T>(T);

impl<'de> Deserialize<'de> for Checked<SocketAddr> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        resolver(&text).map(Self).map_err(de::Error::custom)
    }
}

impl<'de> Deserialize<'de> for Checked<IpAddr> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        match text.parse() {
            Ok(address) if is_host(address) => Ok(Self(address)),
            _ => Err(de::Error::custom(format!(
                "{} is no address of an interface",
                quoted(&text)
            ))),
        }
    }
}

impl<'de> Deserialize<'de> for Checked<String> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        match (text.parse::<IpAddr>(), DomainName::from_str(&text)) {
            (Ok(address), _) if is_host(address) => Ok(Self(address.to_string())),
            (Err(_), Ok(name)) => Ok(Self(name.to_string())),
            _ => Err(de::Error::custom(format!(
                "{} is neither a host name nor the address of a host",
                quoted(&text)
            ))),
        }
    }
}

/// Reads `10.1.0.53`, `fd00::53`, `10.1.0.53:5353` or `[fd00::53]:5353`.
fn resolver(text: &str) -> Result<SocketAddr, String> {
    let address = text
        .parse()
        .map(|address| SocketAddr::new(address, DNS_PORT))
        .or_else(|_| text.parse::<SocketAddr>());
    match address {
        Ok(address) if address.port() != 0 && is_host(address.ip()) => Ok(address),
        Ok(_) => Err(format!("{} is no address of a resolver", quoted(text))),
        Err(_) => Err(format!(
            "{} is no address; write \"10.1.0.53\", \"10.1.0.53:53\", \"fd00::53\" or \"[fd00::53]:53\"",
            quoted(text)
        )),
    }
}

/// Reads a host by name or address, with or without a port: `proxy.example.com:8080`, `fd00::3`,
/// `[fd00::3]:8080`. The address loses its brackets. The error says why it is none.
pub(super) fn host_and_port(text: &str) -> Result<(String, Option<u16>), &'static str> {
    let (host, port) = if let Ok(v6) = text.parse::<Ipv6Addr>() {
        (v6.to_string(), None)
    } else if let Some(rest) = text.strip_prefix('[') {
        let (v6, rest) = rest.split_once(']').ok_or("a bracket is missing")?;
        let v6: Ipv6Addr = v6.parse().map_err(|_| "that is no address")?;
        let port = match rest {
            "" => None,
            rest => Some(
                rest.strip_prefix(':')
                    .ok_or("something stands behind the bracket")?,
            ),
        };
        (v6.to_string(), port)
    } else {
        let (host, port) = match text.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        };
        let host = match host.parse::<IpAddr>() {
            Ok(address) => address.to_string(),
            Err(_) => DomainName::from_str(host)
                .map_err(|_| "its host is neither a name nor an address")?
                .to_string(),
        };
        (host, port)
    };
    let port = port
        .map(|port| match port.parse() {
            Ok(port) if port > 0 => Ok(port),
            _ => Err("its port is no number from 1 to 65535"),
        })
        .transpose()?;
    Ok((host, port))
}

/// Whether one machine can have this address.
fn is_host(address: IpAddr) -> bool {
    !(address.is_unspecified() || address.is_multicast() || address == Ipv4Addr::BROADCAST)
}

/// A list that is not too long.
pub(super) fn few<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Vec<T>, D::Error> {
    let list = Vec::deserialize(deserializer)?;
    if list.len() > MOST_ENTRIES {
        return Err(de::Error::custom(format!(
            "the list has {} entries; at most {MOST_ENTRIES} are possible",
            list.len()
        )));
    }
    Ok(list)
}

/// Each entry stands in the list once.
pub(super) fn once<T: PartialEq + fmt::Display, E: de::Error>(list: &[T]) -> Result<(), E> {
    let mut seen = list.iter().enumerate();
    match seen.find(|(index, entry)| list.iter().take(*index).any(|other| other == *entry)) {
        None => Ok(()),
        Some((_, entry)) => Err(E::custom(format!(
            "{} stands in the list twice",
            quoted(&entry.to_string())
        ))),
    }
}
