//! What may stand in the configuration. The comment of a field is what the schema says of it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::appliance::Appliance;
use super::endpoint::{self, Endpoint, Tenant};
use super::names::{AccountName, DomainName, InterfaceName, NetworkName, SiteName};
use super::proxy::Proxy;
use super::schedule::Schedule;
use super::values::{self, Resolvers};
use super::vpn::{DirectPath, Vpn};
use super::web::Web;

/// The configuration of sightline.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The place that is watched.
    pub site: Site,
    /// The Active Directory domain that a device needs.
    pub domain: Domain,
    /// How the probes work.
    pub probe: Probe,
    /// How often the daemon asks what.
    pub schedule: Schedule,
    /// Clocks and their limits.
    pub time: Time,
    /// Ports of the services of a domain controller.
    pub ports: Ports,
    /// Certificates beside those of this box.
    pub tls: Tls,
    /// An account of the domain that may do nothing but sign in.
    pub account: Account,
    /// What the daemon shows over HTTP.
    pub web: Web,
    /// What a box without a screen shows.
    pub appliance: Appliance,
    /// Where things are remembered.
    pub store: Store,
    /// The Microsoft tenant of the devices.
    pub tenant: Tenant,
    /// The deployment networks; one network `default` without it.
    pub network: Vec<Network>,
    /// The VPNs that devices use before the sign-in.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub vpn: Vec<Vpn>,
    /// Changes to the shipped list of endpoints, and endpoints of the site's own.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub endpoint: Vec<Endpoint>,
}

/// The place that is watched.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Site {
    /// Its name in reports; the host name of this box without it.
    #[serde(deserialize_with = "values::title")]
    pub name: String,
}

/// The Active Directory domain that a device needs.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Domain {
    /// Its DNS name; without it, the first suffix of the resolver's search list that leads to a
    /// domain controller.
    pub name: Option<DomainName>,
    /// The AD site that this network should belong to; learned from the LDAP ping without it.
    pub ad_site: Option<SiteName>,
    /// The domain of the users that is verified in Microsoft Entra; realm and registration are asked
    /// for it. Without it these hosts are asked whether they answer at all.
    pub tenant: Option<DomainName>,
    /// The account in the Kerberos question without a password. It need not exist, and it appears
    /// in the logs of the domain controllers.
    #[serde(deserialize_with = "values::principal")]
    pub principal: String,
    /// How many domain controllers outside the own AD site are probed at once, 1 to 64.
    #[serde(deserialize_with = "values::whole::<_, _, 1, 64>")]
    #[schemars(range(min = 1, max = 64))]
    pub dc_sample: usize,
}

/// A deployment network as a client in it sees it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Network {
    /// Its name in reports and metrics.
    pub name: NetworkName,
    /// The interface that everything leaves by; the routing table decides without it.
    pub interface: Option<InterfaceName>,
    /// Addresses to send from, at most one of each family.
    #[serde(deserialize_with = "values::sources")]
    pub source: Vec<IpAddr>,
    /// The resolvers of its clients: "system", "dhcp" for those that its DHCP servers and routers hand
    /// out, or a list of addresses.
    pub resolvers: Resolvers,
    /// The DHCP servers that belong into it, by the addresses that they call themselves; whoever else
    /// answers is a rogue one. Without any, servers that hand out different settings are told.
    #[serde(deserialize_with = "values::servers")]
    pub dhcp_servers: Vec<Ipv4Addr>,
    /// The routers that belong into it, by their link-local IPv6 addresses; whoever else advertises itself is a
    /// rogue one. Without any, routers that hand out different resolvers are told.
    #[serde(deserialize_with = "values::routers")]
    pub routers: Vec<Ipv6Addr>,
    /// The proxy of its clients: "auto" for what a proxy script of the network tells them, "direct", or
    /// a proxy as `"http://proxy.example.com:8080"`.
    pub proxy: Proxy,
    /// Whether domain controllers have to be reached without a VPN, where `[[vpn]]` names one: "auto" misses
    /// them only while some of them still answer, "expected" always.
    pub direct: DirectPath,
}

/// How the probes work.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Probe {
    /// The time that one run has, from "1s" to "60s".
    #[serde(
        deserialize_with = "values::between::<_, 1_000, 60_000>",
        serialize_with = "values::duration"
    )]
    #[schemars(with = "String")]
    pub timeout: Duration,
    /// The time that one run over HTTPS has, from "1s" to "60s".
    #[serde(
        deserialize_with = "values::between::<_, 1_000, 60_000>",
        serialize_with = "values::duration"
    )]
    #[schemars(with = "String")]
    pub https_timeout: Duration,
    /// A domain controller that answers the LDAP ping later than this is slow, from "10ms" to "5s".
    /// Windows waits 400 ms.
    #[serde(
        deserialize_with = "values::between::<_, 10, 5_000>",
        serialize_with = "values::duration"
    )]
    #[schemars(with = "String")]
    pub slow_ping: Duration,
    /// How many of the packets to a domain controller may get lost before the path is bad, in percent,
    /// 1 to 100. It is counted over twenty.
    #[serde(deserialize_with = "values::whole::<_, _, 1, 100>")]
    #[schemars(range(min = 1, max = 100))]
    pub loss_warn: u32,
    /// A round trip to a domain controller that takes longer makes a slow path, from "10ms" to "5s".
    #[serde(
        deserialize_with = "values::between::<_, 10, 5_000>",
        serialize_with = "values::duration"
    )]
    #[schemars(with = "String")]
    pub slow_path: Duration,
    /// Names by which a resolver shows that it knows the Internet; one that resolves is enough.
    #[serde(deserialize_with = "values::names")]
    pub internet_names: Vec<DomainName>,
    /// Whether every check also downloads up to 16 MiB from a content host, to estimate how long a
    /// device waits for its apps.
    pub throughput: bool,
    /// The file on the content host that is downloaded for that.
    #[serde(deserialize_with = "endpoint::some_path")]
    pub throughput_path: String,
    /// What a device is expected to download while the status page waits, in MiB, 1 to 1048576.
    #[serde(deserialize_with = "values::whole::<_, _, 1, 1_048_576>")]
    #[schemars(range(min = 1, max = 1_048_576))]
    pub esp_download_mib: u32,
}

/// Clocks and their limits.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Time {
    /// Sources of Internet time, names or addresses. A new device asks time.windows.com.
    #[serde(deserialize_with = "values::hosts")]
    pub sources: Vec<String>,
    /// Clocks that are closer than this agree, from "1s" to "1h".
    #[serde(
        deserialize_with = "values::between::<_, 1_000, 3_600_000>",
        serialize_with = "values::duration"
    )]
    #[schemars(with = "String")]
    pub warn_skew: Duration,
    /// What Kerberos tolerates in this domain, from "1s" to "24h"; 5 minutes unless its policy says
    /// otherwise.
    #[serde(
        deserialize_with = "values::between::<_, 1_000, 86_400_000>",
        serialize_with = "values::duration"
    )]
    #[schemars(with = "String")]
    pub max_skew: Duration,
}

/// Ports of the services of a domain controller, where they are not the usual ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Ports {
    /// LDAP over TCP, and the LDAP ping over UDP.
    #[serde(deserialize_with = "port")]
    #[schemars(range(min = 1))]
    pub ldap: u16,
    /// LDAP over TLS.
    #[serde(deserialize_with = "port")]
    #[schemars(range(min = 1))]
    pub ldaps: u16,
    /// The global catalog.
    #[serde(deserialize_with = "port")]
    #[schemars(range(min = 1))]
    pub global_catalog: u16,
    /// Kerberos over TCP and UDP.
    #[serde(deserialize_with = "port")]
    #[schemars(range(min = 1))]
    pub kerberos: u16,
    /// Password changes over TCP.
    #[serde(deserialize_with = "port")]
    #[schemars(range(min = 1))]
    pub kpasswd: u16,
    /// The RPC endpoint mapper.
    #[serde(deserialize_with = "port")]
    #[schemars(range(min = 1))]
    pub rpc: u16,
    /// SMB.
    #[serde(deserialize_with = "port")]
    #[schemars(range(min = 1))]
    pub smb: u16,
    /// NTP, of Internet sources and domain controllers.
    #[serde(deserialize_with = "port")]
    #[schemars(range(min = 1))]
    pub ntp: u16,
}

/// Certificates beside those of this box.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Tls {
    /// Files in PEM form with the CAs of the company, for LDAPS and for hosts of its own.
    pub corporate_roots: Vec<PathBuf>,
    /// Files in PEM form with CAs that count as public for the hosts of the Internet, beside those
    /// that the program carries. What they sign is not taken for interception.
    pub extra_public_roots: Vec<PathBuf>,
}

/// An account of the domain that may do nothing but sign in. With it the service connection point of
/// hybrid join is read, which the directory shows to nobody without an account, and a logon is tried.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Account {
    /// Its name, as user@corp.example.com or without a domain. Without it nothing is asked that needs a
    /// password.
    pub name: Option<AccountName>,
    /// The file with its password, and nothing else but a line end. It is read when it is used.
    pub password_file: Option<PathBuf>,
    /// Whether a whole logon is tried, over Kerberos.
    pub canary_logon: bool,
}

/// Where things are remembered.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Store {
    /// A directory that is made if need be. It remembers that the account was refused, so that it is not
    /// tried again.
    pub path: PathBuf,
}

fn port<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<u16, D::Error> {
    values::whole::<_, _, 1, 65_535>(deserializer)
}

impl Default for Config {
    fn default() -> Self {
        Self {
            site: Site::default(),
            domain: Domain::default(),
            probe: Probe::default(),
            schedule: Schedule::default(),
            time: Time::default(),
            ports: Ports::default(),
            tls: Tls::default(),
            account: Account::default(),
            web: Web::default(),
            appliance: Appliance::default(),
            store: Store::default(),
            tenant: Tenant::default(),
            network: vec![Network::default()],
            vpn: Vec::new(),
            endpoint: Vec::new(),
        }
    }
}

impl Default for Site {
    fn default() -> Self {
        Self {
            name: "site".to_owned(),
        }
    }
}

impl Default for Domain {
    fn default() -> Self {
        Self {
            name: None,
            ad_site: None,
            tenant: None,
            principal: "sightline-probe".to_owned(),
            dc_sample: 8,
        }
    }
}

impl Default for Probe {
    fn default() -> Self {
        let name = |text: &str| text.parse().expect("a constant of this file is a name");
        Self {
            timeout: Duration::from_secs(5),
            https_timeout: Duration::from_secs(10),
            slow_ping: Duration::from_millis(400),
            loss_warn: 15,
            slow_path: Duration::from_millis(150),
            internet_names: vec![
                name("www.msftconnecttest.com"),
                name("login.microsoftonline.com"),
            ],
            throughput: false,
            throughput_path: "/microsoftupdate/v6/wsusscan/wsusscn2.cab".to_owned(),
            esp_download_mib: 2048,
        }
    }
}

impl Default for Time {
    fn default() -> Self {
        Self {
            sources: vec!["time.windows.com".to_owned()],
            warn_skew: Duration::from_secs(60),
            max_skew: Duration::from_secs(300),
        }
    }
}

impl Default for Ports {
    fn default() -> Self {
        Self {
            ldap: 389,
            ldaps: 636,
            global_catalog: 3268,
            kerberos: 88,
            kpasswd: 464,
            rpc: 135,
            smb: 445,
            ntp: 123,
        }
    }
}

impl Default for Store {
    fn default() -> Self {
        Self {
            path: PathBuf::from("/var/lib/sightline"),
        }
    }
}

/// The certificates of all files.
///
/// # Errors
/// A sentence about the first file that cannot be read.
pub(crate) fn all_certificates(files: &[PathBuf]) -> Result<Vec<CertificateDer<'static>>, String> {
    let mut all = Vec::new();
    for file in files {
        all.extend(certificates(file)?);
    }
    Ok(all)
}

/// The certificates of one file.
///
/// # Errors
/// A sentence, where it cannot be read or has none.
pub(super) fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let pem = super::source::read(file)?;
    let found: Vec<_> = CertificateDer::pem_slice_iter(pem.as_bytes())
        .collect::<Result<_, _>>()
        .map_err(|error| format!("{} is no file of certificates: {error}", file.display()))?;
    if found.is_empty() {
        return Err(format!("{} has no certificate in PEM form", file.display()));
    }
    Ok(found)
}
