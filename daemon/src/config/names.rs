//! Names that were checked once and are right from then on.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::problem::quoted;

/// Octets of a DNS name in text form without its closing dot, RFC 1035 §2.3.4.
const LONGEST_NAME: usize = 253;

/// Octets of one DNS label, RFC 1035 §2.3.4.
const LONGEST_LABEL: usize = 63;

/// Octets of the name of a network interface: `IFNAMSIZ` of the kernel less its closing zero.
const LONGEST_INTERFACE: usize = 15;

/// Why a text is not the name that it should be, as one sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unfit(String);

impl Unfit {
    fn new(text: &str, what: &str, why: impl fmt::Display) -> Self {
        Self(format!("{} is no {what}: {why}", quoted(text)))
    }
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Unfit {}

/// A DNS name: lower-case, without the dot at its end.
#[derive(
    Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize, JsonSchema,
)]
#[serde(try_from = "String", into = "String")]
pub struct DomainName(String);

impl DomainName {
    /// Whether it consists of one label, as the AD domain `corp` would. Windows clients look such
    /// names up differently.
    #[must_use]
    pub fn is_single_label(&self) -> bool {
        !self.0.contains('.')
    }
}

impl FromStr for DomainName {
    type Err = Unfit;

    fn from_str(text: &str) -> Result<Self, Unfit> {
        let unfit = |why: &str| Unfit::new(text, "DNS name", why);
        let name = text.strip_suffix('.').unwrap_or(text);
        if name.is_empty() {
            return Err(unfit("it is empty"));
        }
        if !name.is_ascii() {
            return Err(unfit(
                "letters outside ASCII are written in their encoded form, `xn--…`",
            ));
        }
        if name.len() > LONGEST_NAME {
            return Err(unfit("it is longer than 253 characters"));
        }
        for label in name.split('.') {
            if label.is_empty() {
                return Err(unfit("nothing stands between two dots"));
            }
            if label.len() > LONGEST_LABEL {
                return Err(unfit("a part between dots is longer than 63 characters"));
            }
            if let Some(other) = label.chars().find(|&c| !is_word(c)) {
                return Err(unfit(&format!(
                    "{} is none of letters, digits, hyphen, underscore and dot",
                    quoted(&other.to_string())
                )));
            }
        }
        let last = name.rsplit('.').next().unwrap_or_default();
        if last.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(unfit("its last part has digits only, as an address has"));
        }
        Ok(Self(name.to_ascii_lowercase()))
    }
}

/// The name of an account: `user@corp.example.com` (a UPN), or `user` of the domain that is looked for.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
pub struct AccountName(String);

impl FromStr for AccountName {
    type Err = Unfit;

    fn from_str(text: &str) -> Result<Self, Unfit> {
        let unfit = |why: &dyn fmt::Display| Unfit::new(text, "account name", why);
        if text.contains('\\') {
            return Err(unfit(
                &"it is written as `user@corp.example.com` or `user`, without a NetBIOS domain",
            ));
        }
        let (user, suffix) = match text.split_once('@') {
            Some((user, suffix)) => (user, Some(suffix)),
            None => (text, None),
        };
        if !is_label(user, |c| is_word(c) || c == '.' || c == '$') {
            return Err(unfit(
                &"before its suffix it has 1 to 63 letters, digits, hyphens, underscores, dots and dollar signs",
            ));
        }
        if let Some(Err(error)) = suffix.map(str::parse::<DomainName>) {
            return Err(unfit(&error));
        }
        Ok(Self(text.to_owned()))
    }
}

/// The name of an Active Directory site, in the letters in which it was written.
#[derive(
    Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize, JsonSchema,
)]
#[serde(try_from = "String", into = "String")]
pub struct SiteName(String);

impl FromStr for SiteName {
    type Err = Unfit;

    fn from_str(text: &str) -> Result<Self, Unfit> {
        // It becomes one label of the names that a client asks for, [MS-ADTS] 6.3.2.3.
        if is_label(text, is_word) {
            Ok(Self(text.to_owned()))
        } else {
            Err(Unfit::new(
                text,
                "name of an AD site",
                "it has 1 to 63 letters, digits, hyphens and underscores",
            ))
        }
    }
}

/// The name of a network that sightline looks at, as reports and metrics show it.
#[derive(
    Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize, JsonSchema,
)]
#[serde(try_from = "String", into = "String")]
pub struct NetworkName(String);

impl Default for NetworkName {
    /// The network of the system itself.
    fn default() -> Self {
        Self("default".to_owned())
    }
}

impl FromStr for NetworkName {
    type Err = Unfit;

    fn from_str(text: &str) -> Result<Self, Unfit> {
        if is_label(text, |c| is_word(c) || c == '.') {
            Ok(Self(text.to_owned()))
        } else {
            Err(Unfit::new(
                text,
                "name of a network",
                "it has 1 to 63 letters, digits, hyphens, underscores and dots",
            ))
        }
    }
}

/// The name of a network interface of Linux, such as `eth0.20`.
#[derive(
    Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize, JsonSchema,
)]
#[serde(try_from = "String", into = "String")]
pub struct InterfaceName(String);

impl FromStr for InterfaceName {
    type Err = Unfit;

    fn from_str(text: &str) -> Result<Self, Unfit> {
        // As the kernel's `dev_valid_name`.
        let is_possible = (1..=LONGEST_INTERFACE).contains(&text.len())
            && text != "."
            && text != ".."
            && !text
                .chars()
                .any(|c| c == '/' || c == ':' || c.is_whitespace() || c.is_control());
        if is_possible {
            Ok(Self(text.to_owned()))
        } else {
            Err(Unfit::new(
                text,
                "name of a network interface",
                "it has 1 to 15 bytes, without slash, colon and blank",
            ))
        }
    }
}

/// The id of an endpoint: lower-case words with hyphens between them.
#[derive(
    Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize, JsonSchema,
)]
#[serde(try_from = "String", into = "String")]
pub struct EndpointId(String);

impl FromStr for EndpointId {
    type Err = Unfit;

    fn from_str(text: &str) -> Result<Self, Unfit> {
        let is_possible = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if is_label(text, is_possible) && !text.starts_with('-') && !text.ends_with('-') {
            Ok(Self(text.to_owned()))
        } else {
            Err(Unfit::new(
                text,
                "id of an endpoint",
                "it has 1 to 63 lower-case letters and digits, with hyphens between them",
            ))
        }
    }
}

/// Names as a firewall knows them: a DNS name, or `*.` and a DNS name for everything below it.
#[derive(
    Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize, JsonSchema,
)]
#[serde(try_from = "String", into = "String")]
pub struct NamePattern(String);

impl NamePattern {
    /// What stands behind `*.`, if the pattern begins so.
    #[must_use]
    pub fn wildcard(&self) -> Option<&str> {
        self.0.strip_prefix("*.")
    }

    /// Whether a firewall that lets the pattern through lets `host` through.
    #[must_use]
    pub fn covers(&self, host: &str) -> bool {
        self.wildcard().map_or(self.0 == host, |suffix| {
            host.strip_suffix(suffix)
                .is_some_and(|label| label.ends_with('.'))
        })
    }
}

impl FromStr for NamePattern {
    type Err = Unfit;

    fn from_str(text: &str) -> Result<Self, Unfit> {
        let Some(suffix) = text.strip_prefix("*.") else {
            return Ok(Self(text.parse::<DomainName>()?.into()));
        };
        let suffix: DomainName = suffix.parse()?;
        if suffix.is_single_label() {
            return Err(Unfit::new(
                text,
                "pattern of names",
                "behind the asterisk stand at least two parts",
            ));
        }
        Ok(Self(format!("*.{suffix}")))
    }
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '-' || c == '_'
}

fn is_label(text: &str, is_allowed: impl Fn(char) -> bool) -> bool {
    (1..=LONGEST_LABEL).contains(&text.len()) && text.chars().all(is_allowed)
}

macro_rules! checked_text {
    ($($name:ident)*) => {$(
        impl $name {
            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl TryFrom<String> for $name {
            type Error = Unfit;

            fn try_from(text: String) -> Result<Self, Unfit> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0
            }
        }
    )*};
}

checked_text!(AccountName DomainName SiteName NetworkName InterfaceName EndpointId NamePattern);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_domain_name_is_kept_in_lower_case_without_its_last_dot() {
        let name: DomainName = "Corp.Example.COM.".parse().expect("a good name");
        assert_eq!(name.as_str(), "corp.example.com");
        assert!(!name.is_single_label());
    }

    #[test]
    fn a_single_label_is_a_domain_name_and_says_so() {
        let name: DomainName = "corp".parse().expect("a good name");
        assert!(name.is_single_label());
    }

    #[test]
    fn labels_and_names_may_be_as_long_as_dns_allows_and_no_longer() {
        let label = "a".repeat(63);
        let longest = format!("{label}.{label}.{label}.{}", "b".repeat(61));
        assert_eq!(longest.len(), 253);
        assert!(longest.parse::<DomainName>().is_ok());
        assert!(format!("{longest}.").parse::<DomainName>().is_ok());
        assert!(format!("{longest}b").parse::<DomainName>().is_err());
        assert!(format!("{label}a.example").parse::<DomainName>().is_err());
    }

    #[test]
    fn what_is_no_domain_name_is_refused_with_its_reason() {
        for (text, reason) in [
            ("", "it is empty"),
            (".", "it is empty"),
            ("corp..example", "between two dots"),
            (".corp.example", "between two dots"),
            ("corp example", "letters, digits"),
            ("corp.example/x", "letters, digits"),
            ("10.1.0.53", "digits only"),
            ("müller.example", "xn--"),
        ] {
            let error = text.parse::<DomainName>().expect_err(text).to_string();
            assert!(error.contains(reason), "{text}: {error}");
        }
    }

    #[test]
    fn an_ad_site_keeps_its_letters_and_has_neither_dots_nor_blanks() {
        let site: SiteName = "Berlin-02".parse().expect("a good name");
        assert_eq!(site.as_str(), "Berlin-02");
        for text in ["", "Berlin.Mitte", "Berlin Mitte", &"a".repeat(64)] {
            assert!(text.parse::<SiteName>().is_err(), "{text}");
        }
    }

    #[test]
    fn an_interface_is_named_as_the_kernel_allows() {
        for text in ["eth0", "eth0.20", "wlp0s20f3", "a23456789012345"] {
            assert!(text.parse::<InterfaceName>().is_ok(), "{text}");
        }
        for text in [
            "",
            "a234567890123456",
            "et/h0",
            "et h0",
            "eth0:1",
            ".",
            "..",
        ] {
            assert!(text.parse::<InterfaceName>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_network_is_named_in_one_word() {
        assert!("deploy.vlan-20".parse::<NetworkName>().is_ok());
        for text in ["", "two words", "a/b", &"a".repeat(64)] {
            assert!(text.parse::<NetworkName>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_pattern_covers_what_stands_below_its_asterisk_and_not_the_name_itself() {
        let pattern: NamePattern = "*.Manage.Microsoft.com".parse().expect("a pattern");
        assert_eq!(pattern.as_str(), "*.manage.microsoft.com");
        assert!(pattern.covers("a.b.manage.microsoft.com"));
        assert!(!pattern.covers("manage.microsoft.com"));
        assert!(!pattern.covers("xmanage.microsoft.com"));
        for text in ["*", "*.com", "a.*.com", "*a.example.com", "", "*."] {
            assert!(text.parse::<NamePattern>().is_err(), "{text}");
        }
    }

    #[test]
    fn an_id_is_lower_case_with_hyphens_inside() {
        assert!("entra-drs-2".parse::<EndpointId>().is_ok());
        for text in ["", "Entra", "entra_drs", "-drs", "drs-", "two words"] {
            assert!(text.parse::<EndpointId>().is_err(), "{text}");
        }
    }
}
