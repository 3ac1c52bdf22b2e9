//! What the configuration means: values that are complete and possible, ready to be asked about.

mod system;
mod vpn;

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use sightline_model::{DIRECT, Limits, ProxyUse};

use crate::account::Account;
use crate::config::{self, Config, DirectPath, Ports, Proxy, Resolvers, all_certificates};
use crate::endpoints::{Endpoint, List, SignInService};
use crate::net::proxy::Server;
use crate::net::tls::Roots;
use crate::path::NetPath;

pub use crate::config::{Appliance, Schedule};
pub use system::SystemResolvers;
pub use vpn::{
    KeyDigest, KeyDirection, PeerKeys, Seals, Speaks, StaticKey, Vpn, VpnTransport, wireguard_key,
};

/// Everything that a survey of the site needs to know.
#[derive(Debug)]
pub struct Plan {
    /// Name of the site.
    pub site: String,
    /// The Active Directory domain, where it is configured.
    pub domain: Option<String>,
    /// The AD site, where it is configured; else it is learned.
    pub ad_site: Option<String>,
    /// The verified domain of the tenant, where it is configured.
    pub tenant: Option<String>,
    /// The account of the domain that is used, where one is configured.
    pub account: Option<Arc<Account>>,
    /// Whether a whole logon is tried with it.
    pub canary_logon: bool,
    /// The account name in the password-less Kerberos question.
    pub principal: String,
    /// How many domain controllers outside the own site are probed at once.
    pub dc_sample: usize,
    /// The deadline of one run.
    pub timeout: Duration,
    /// The deadline of one run over HTTPS.
    pub https_timeout: Duration,
    /// How long Windows waits for a controller.
    pub slow_ping: Duration,
    /// How many packets to a controller may get lost, in percent.
    pub loss_warn: u32,
    /// A longer round trip to a controller makes a slow path.
    pub slow_path: Duration,
    /// Names by which a resolver shows that it knows the Internet.
    pub internet_names: Vec<String>,
    /// Sources of Internet time.
    pub time_sources: Vec<String>,
    /// Limits for clocks.
    pub limits: Limits,
    /// Ports of the services of a controller.
    pub ports: Ports,
    /// Certificates that the company's own chains may lead to.
    pub corporate_roots: Arc<Roots>,
    /// Certificates that the chains of Internet hosts may lead to.
    pub public_roots: Arc<Roots>,
    /// The endpoints of the Internet that apply to the site, in the order of the flow.
    pub endpoints: Vec<Arc<Endpoint>>,
    /// The company's own sign-in service, which federated domains have.
    pub sign_in_service: Arc<SignInService>,
    /// How fast content comes, where that is wanted.
    pub throughput: Option<Throughput>,
    /// Who knows whether the clock of this box is synchronised.
    pub clock_keepers: ClockKeepers,
    /// How often what is asked, by the daemon.
    pub schedule: Schedule,
    /// Where the daemon keeps what survives a restart.
    pub store: PathBuf,
    /// What a box without a screen shows.
    pub appliance: Appliance,
    /// Where the daemon is looked at.
    pub listen: Vec<SocketAddr>,
    /// Where commands reach it, if anywhere.
    pub control_socket: Option<PathBuf>,
    /// What says who is let in there, if anything.
    pub web_file: Option<PathBuf>,
    /// The networks of the box.
    pub networks: Vec<Network>,
    /// The VPNs that devices use before the sign-in.
    pub vpns: Vec<Arc<Vpn>>,
    /// The configuration with every default, as text; secrets are never in it.
    pub shown: Arc<str>,
}

/// What is downloaded to estimate how fast content comes, and what that is compared with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Throughput {
    /// The file on the content host.
    pub path: String,
    /// What a device is expected to download, in MiB.
    pub mib: u32,
    /// How long the status page waits.
    pub limit: Duration,
}

/// Who knows whether the clock of this box is synchronised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClockKeepers {
    /// Where their programs stand: absolute directories, the first that has one counts.
    pub programs: Vec<PathBuf>,
    /// The file that systemd-timesyncd touches when it has synchronised the clock
    /// (systemd-timesyncd.service(8)).
    pub timesyncd: PathBuf,
}

impl Default for ClockKeepers {
    /// Those of a usual system.
    fn default() -> Self {
        Self {
            programs: ["/usr/bin", "/bin", "/usr/sbin"]
                .map(PathBuf::from)
                .to_vec(),
            timesyncd: "/run/systemd/timesync/synchronized".into(),
        }
    }
}

/// One network as a client in it would see it.
#[derive(Clone, Debug)]
pub struct Network {
    /// Its name.
    pub name: String,
    /// The direct path from it.
    pub path: Arc<NetPath>,
    /// The resolvers, in the order in which a client would take them.
    pub resolvers: Vec<SocketAddr>,
    /// Resolvers that are handed out and cannot be asked, each with the reason.
    pub unusable: Vec<String>,
    /// The DNS suffixes that a client would append.
    pub search: Vec<String>,
    /// Whether resolvers and suffixes are those that DHCP and routers hand out, which are not known before it is asked.
    pub by_dhcp: bool,
    /// The DHCP servers that belong into it; nobody has said which, where there is none.
    pub dhcp_servers: Vec<Ipv4Addr>,
    /// The routers that belong into it, by their link-local addresses; nobody has said which, where there is none.
    pub routers: Vec<Ipv6Addr>,
    /// How its clients come to a proxy.
    pub proxy: ProxyChoice,
    /// Whether a direct path to the controllers has to be there, even where a VPN leads to one.
    pub is_direct_expected: bool,
}

/// How the clients of a network come to a proxy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProxyChoice {
    /// By a script, where the network announces one.
    Auto,
    /// Not at all.
    Direct,
    /// They are told this one.
    Named(Server),
}

impl ProxyChoice {
    fn new(configured: &Proxy) -> Self {
        match configured {
            Proxy::Auto => Self::Auto,
            Proxy::Direct => Self::Direct,
            Proxy::Named { host, port } => Self::Named(Server {
                host: host.clone(),
                port: *port,
            }),
        }
    }

    /// For the judge.
    #[must_use]
    pub fn to_use(&self) -> ProxyUse {
        match self {
            Self::Auto => ProxyUse::Auto,
            Self::Direct => ProxyUse::Direct,
            Self::Named(server) => ProxyUse::Named(server.to_string()),
        }
    }
}

impl Plan {
    /// Completes a configuration with what the system says.
    ///
    /// # Errors
    /// A sentence about the file that could not be read.
    pub fn new(config: &Config, system: &SystemResolvers) -> Result<Self, String> {
        let networks = config
            .network
            .iter()
            .map(|network| Network {
                name: network.name.to_string(),
                path: Arc::new(NetPath {
                    network: network.name.to_string(),
                    name: DIRECT.to_owned(),
                    interface: network.interface.as_ref().map(ToString::to_string),
                    sources: network.source.clone(),
                }),
                resolvers: match &network.resolvers {
                    Resolvers::System => system.servers.clone(),
                    Resolvers::Dhcp => Vec::new(),
                    Resolvers::List(servers) => servers.clone(),
                },
                unusable: match &network.resolvers {
                    Resolvers::System => system.unusable.clone(),
                    Resolvers::Dhcp | Resolvers::List(_) => Vec::new(),
                },
                by_dhcp: network.resolvers == Resolvers::Dhcp,
                dhcp_servers: network.dhcp_servers.clone(),
                routers: network.routers.clone(),
                proxy: ProxyChoice::new(&network.proxy),
                is_direct_expected: network.direct == DirectPath::Expected,
                search: match &network.resolvers {
                    Resolvers::System => system.search.clone(),
                    Resolvers::Dhcp | Resolvers::List(_) => Vec::new(),
                },
            })
            .collect();
        Ok(Self {
            site: config.site.name.clone(),
            domain: config.domain.name.as_ref().map(ToString::to_string),
            ad_site: config.domain.ad_site.as_ref().map(ToString::to_string),
            tenant: config.domain.tenant.as_ref().map(ToString::to_string),
            account: account(config),
            canary_logon: config.account.canary_logon,
            principal: config.domain.principal.clone(),
            dc_sample: config.domain.dc_sample,
            timeout: config.probe.timeout,
            https_timeout: config.probe.https_timeout,
            slow_ping: config.probe.slow_ping,
            loss_warn: config.probe.loss_warn,
            slow_path: config.probe.slow_path,
            internet_names: config
                .probe
                .internet_names
                .iter()
                .map(ToString::to_string)
                .collect(),
            time_sources: config.time.sources.clone(),
            limits: Limits {
                warn_skew: config.time.warn_skew,
                max_skew: config.time.max_skew,
            },
            ports: config.ports,
            corporate_roots: Arc::new(Roots::corporate(all_certificates(
                &config.tls.corporate_roots,
            )?)),
            public_roots: Arc::new(Roots::public(all_certificates(
                &config.tls.extra_public_roots,
            )?)),
            endpoints: List::embedded()
                .applicable(config)
                .into_iter()
                .map(Arc::new)
                .collect(),
            sign_in_service: Arc::new(List::embedded().sign_in_service(config)),
            throughput: config.probe.throughput.then(|| Throughput {
                path: config.probe.throughput_path.clone(),
                mib: config.probe.esp_download_mib,
                limit: config.tenant.esp_limit,
            }),
            clock_keepers: ClockKeepers::default(),
            schedule: config.schedule,
            store: config.store.path.clone(),
            appliance: config.appliance.clone(),
            listen: config.web.listen.clone(),
            control_socket: config.web.control_socket().map(PathBuf::from),
            web_file: config.web.config_file().map(PathBuf::from),
            networks,
            vpns: config.vpn.iter().map(Vpn::new).map(Arc::new).collect(),
            shown: config::show(config).into(),
        })
    }
}

fn account(config: &Config) -> Option<Arc<Account>> {
    let config::Account {
        name,
        password_file,
        canary_logon: _,
    } = &config.account;
    Some(Arc::new(Account::new(
        name.as_ref()?.to_string(),
        password_file.clone()?,
        config.store.path.clone(),
    )))
}
