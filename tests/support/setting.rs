//! What a world is made of, and how each part behaves.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use super::behaviour::Behaviour;
use super::dns::Knowledge;
use super::says::Says;
use super::web::{self, Host, Row};

/// The domain of every world.
pub(crate) const DOMAIN: &str = "corp.example";
/// The AD site of every world.
pub(crate) const SITE: &str = "Berlin";

/// A service of a domain controller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Service {
    Cldap,
    Ldap,
    Ldaps,
    GlobalCatalog,
    KerberosTcp,
    KerberosUdp,
    KpasswdTcp,
    KpasswdUdp,
    Rpc,
    /// The dynamic port that the endpoint mapper names.
    Netlogon,
    Smb,
    Ntp,
}

impl Service {
    pub(crate) const ALL: [Self; 12] = [
        Self::Cldap,
        Self::Ldap,
        Self::Ldaps,
        Self::GlobalCatalog,
        Self::KerberosTcp,
        Self::KerberosUdp,
        Self::KpasswdTcp,
        Self::KpasswdUdp,
        Self::Rpc,
        Self::Netlogon,
        Self::Smb,
        Self::Ntp,
    ];

    /// The keys of their ports in the configuration. The dynamic port, which has none, comes first,
    /// because the endpoint mapper names it.
    pub(super) const KEYS: [&str; 9] = [
        "",
        "ldap",
        "ldaps",
        "global_catalog",
        "kerberos",
        "kpasswd",
        "rpc",
        "smb",
        "ntp",
    ];

    /// The key of its port.
    pub(super) const fn key(self) -> &'static str {
        match self {
            Self::Cldap | Self::Ldap => "ldap",
            Self::Ldaps => "ldaps",
            Self::GlobalCatalog => "global_catalog",
            Self::KerberosTcp | Self::KerberosUdp => "kerberos",
            Self::KpasswdTcp | Self::KpasswdUdp => "kpasswd",
            Self::Rpc => "rpc",
            Self::Netlogon => "",
            Self::Smb => "smb",
            Self::Ntp => "ntp",
        }
    }

    pub(super) const fn is_udp(self) -> bool {
        matches!(
            self,
            Self::Cldap | Self::KerberosUdp | Self::KpasswdUdp | Self::Ntp
        )
    }
}

/// A domain controller.
#[derive(Clone, Debug)]
pub(crate) struct Controller {
    /// The target of its SRV record.
    pub(crate) name: String,
    pub(crate) address: Ipv4Addr,
    pub(crate) says: Says,
    pub(super) behaviours: BTreeMap<Service, Behaviour>,
}

impl Controller {
    pub(crate) fn set(&mut self, service: Service, behaviour: &Behaviour) {
        self.behaviours.insert(service, behaviour.clone());
    }

    /// All services alike, as behind a router that is off or a firewall in the way.
    pub(crate) fn set_all(&mut self, behaviour: &Behaviour) {
        for service in Service::ALL {
            self.set(service, behaviour);
        }
    }
}

/// A resolver that the network hands out.
#[derive(Clone, Debug)]
pub(crate) struct Resolver {
    pub(super) address: Ipv4Addr,
    pub(crate) knows: Knowledge,
    pub(crate) udp: Behaviour,
    pub(crate) tcp: Behaviour,
}

/// The source of Internet time.
#[derive(Clone, Debug)]
pub(crate) struct TimeSource {
    pub(crate) behaviour: Behaviour,
    /// Seconds that it is ahead.
    pub(crate) ahead: i64,
    pub(crate) stratum: u8,
}

/// What a world is made of. Fields are changed before it starts.
#[derive(Clone, Debug)]
pub(crate) struct Setting {
    pub(crate) controllers: Vec<Controller>,
    pub(crate) resolvers: Vec<Resolver>,
    pub(crate) time: TimeSource,
    /// Scripts in the place of the programs of the system, by their names, and the file of
    /// systemd-timesyncd as `synchronized`.
    pub(crate) programs: Vec<(&'static str, &'static str)>,
    /// The hosts of the Internet; none unless the world is [`Setting::online`].
    pub(super) web: Vec<Row>,
    /// The deadline of one run, as the configuration has it.
    pub(crate) timeout: &'static str,
    /// A controller that answers the ping later is slow. Longer than the usual 400 ms, so that a
    /// busy machine does not look like one.
    pub(crate) slow_ping: &'static str,
    /// More lines of the configuration's table `domain`.
    pub(crate) domain_keys: String,
    /// The password of the account of the box, and whether it signs in; no account without it.
    pub(crate) account: Option<(&'static str, bool)>,
    /// More lines of the configuration's table `probe`.
    pub(crate) probe_keys: &'static str,
    /// Whether sightline knows the company's certificate authority.
    pub(crate) trusts_company: bool,
    /// Whether the authority of the hosts of the Internet counts as public.
    pub(crate) trusts_public: bool,
}

impl Setting {
    /// A network without a fault: so many domain controllers, one resolver, a time source.
    pub(crate) fn healthy(controllers: u8) -> Self {
        let controllers: Vec<_> = (1..=controllers)
            .map(|number| {
                let name = format!("dc{number}.{DOMAIN}");
                Controller {
                    says: Says::healthy(DOMAIN, &name),
                    name,
                    address: Ipv4Addr::new(127, 0, 0, 10 + number),
                    behaviours: BTreeMap::new(),
                }
            })
            .collect();
        let mut setting = Self {
            controllers,
            resolvers: Vec::new(),
            time: TimeSource {
                behaviour: Behaviour::Serve,
                ahead: 0,
                stratum: 2,
            },
            programs: Vec::new(),
            timeout: "3s",
            slow_ping: "2s",
            domain_keys: String::new(),
            account: None,
            probe_keys: "",
            trusts_company: true,
            trusts_public: true,
            web: Vec::new(),
        };
        setting.add_resolver();
        setting
    }

    /// The same with hosts of the Internet, so that every stage is judged.
    pub(crate) fn online(controllers: u8) -> Self {
        let mut setting = Self::healthy(controllers);
        setting.domain_keys = "tenant = \"corp.example\"\n".to_owned();
        setting.web = web::healthy();
        setting.resolvers.clear();
        setting.add_resolver();
        setting
    }

    /// Changes every host of the Internet.
    pub(crate) fn each_host(&mut self, change: impl FnMut(&mut Host)) {
        let hosts = self.web.iter_mut().flat_map(|row| &mut row.hosts);
        hosts.for_each(change);
    }

    /// Changes one host of the Internet, in all rows that name it.
    pub(crate) fn host(&mut self, name: &str, change: impl Fn(&mut Host)) {
        let mut is_there = false;
        self.each_host(|host| {
            if host.name() == name {
                is_there = true;
                change(host);
            }
        });
        assert!(is_there, "{name} stands in no row");
    }

    /// Another resolver that knows everything.
    pub(crate) fn add_resolver(&mut self) -> &mut Resolver {
        let names: Vec<_> = self
            .controllers
            .iter()
            .map(|controller| (controller.name.clone(), controller.address))
            .collect();
        let mut knows = Knowledge::new(DOMAIN);
        knows.register(SITE, &names);
        for host in self.web.iter().flat_map(|row| &row.hosts) {
            knows.address(host.name(), host.address());
        }
        if !self.web.is_empty() {
            knows.address("dns.msftncsi.com", Ipv4Addr::new(131, 107, 255, 255));
        }
        let number = u8::try_from(self.resolvers.len()).expect("a handful of resolvers");
        self.resolvers.push(Resolver {
            address: Ipv4Addr::new(127, 0, 0, 200 + number),
            knows,
            udp: Behaviour::Serve,
            tcp: Behaviour::Serve,
        });
        self.resolvers.last_mut().expect("one was just added")
    }

    /// The resolver of a network that has one.
    pub(crate) fn knows(&mut self) -> &mut Knowledge {
        &mut self.resolvers[0].knows
    }

    /// Changes what the first controller says.
    pub(crate) fn says(&mut self) -> &mut Says {
        &mut self.controllers[0].says
    }
}
