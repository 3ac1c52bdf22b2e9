//! A network in this process: resolvers, domain controllers, a time source and hosts of the Internet
//! on loopback addresses, that speak the protocols and can be made to misbehave.
//!
//! A [`Setting`] says what there is and how it behaves; [`World::start`] makes it so, and it ends
//! with the [`World`]. Ports are the free ones of the moment; [`World::config`] is the
//! configuration by which sightline finds everything.

pub(crate) mod behaviour;
pub(crate) mod ber;
pub(crate) mod dns;
mod kerberos;
pub(crate) mod ldap;
mod netlogon;
mod ntp;
pub(crate) mod program;
mod rpc;
pub(crate) mod says;
pub(crate) mod setting;
mod smb;
mod sockets;
pub(crate) mod tls;
pub(crate) mod web;

use std::fmt::Write as _;
use std::fs::Permissions;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sightline::plan::ClockKeepers;

use tokio::net::{TcpListener, UdpSocket};
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;

use behaviour::{Behaviour, Offer, Protocol};
use sockets::Door;
use tls::{Authority, Shown};

pub(crate) use setting::{Controller, DOMAIN, Service, Setting};

/// Everything of a [`Setting`], running.
pub(crate) struct World {
    config: String,
    file: PathBuf,
    _directory: tempfile::TempDir,
    /// Every door, with the service over TCP of a controller behind it and the task that serves it.
    open: Vec<(Option<Service>, Door, Option<JoinHandle<()>>)>,
    /// Taken when the world ends.
    runtime: Option<Runtime>,
}

impl World {
    pub(crate) fn start(setting: &Setting) -> Self {
        let directory = tempfile::tempdir().expect("a scratch directory");
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime of its own");
        let mut world = Self {
            config: String::new(),
            file: directory.path().join("sightline.toml"),
            _directory: directory,
            open: Vec::new(),
            runtime: Some(runtime),
        };
        world.build(setting).expect("loopback works");
        world
    }

    /// The configuration by which sightline finds this world.
    pub(crate) fn config(&self) -> &str {
        &self.config
    }

    /// The same in a file.
    pub(crate) fn config_file(&self) -> &Path {
        &self.file
    }

    /// Who knows of the clock of the box in this world.
    pub(crate) fn clock_keepers(&self) -> ClockKeepers {
        let directory = self.file.parent().expect("it is in a directory");
        ClockKeepers {
            programs: vec![directory.to_owned()],
            timesyncd: directory.join("synchronized"),
        }
    }

    /// The port that stands for the usual one of a TCP service.
    pub(crate) fn port(&self, service: Service) -> u16 {
        let door = self.open.iter().find(|(of, _, _)| *of == Some(service));
        let (_, door, _) = door.expect("every service over TCP has a door");
        door.address.port()
    }

    /// Puts a firewall that drops in front of a TCP service of every controller.
    pub(crate) fn silence(&mut self, service: Service) {
        for (of, door, task) in &mut self.open {
            if *of != Some(service) {
                continue;
            }
            if let (Some(runtime), Some(task)) = (&self.runtime, task.take()) {
                task.abort();
                let _cancelled = runtime.block_on(task);
            }
            door.silence_tcp().expect("loopback works");
        }
    }

    fn build(&mut self, setting: &Setting) -> io::Result<()> {
        let runtime = self.runtime.take().expect("it was just made");
        {
            let _entered = runtime.enter();
            let company = Authority::new("CA of the company");
            let roots = self.file.with_file_name("company.pem");
            std::fs::write(&roots, &company.pem)?;
            let public = Authority::new("Public CA of the test");
            let public_roots = self.file.with_file_name("public.pem");
            std::fs::write(&public_roots, &public.pem)?;
            for (name, text) in &setting.programs {
                let path = self.file.with_file_name(name);
                std::fs::write(&path, format!("#!/bin/sh\n{text}\n"))?;
                std::fs::set_permissions(&path, Permissions::from_mode(0o755))?;
            }
            let ports = self.open_controllers(setting, &company)?;
            let resolvers = self.open_resolvers(setting)?;
            let endpoints = self.open_hosts(setting, &public, &company)?;
            let tables = Tables {
                ports: &ports,
                endpoints: &endpoints,
                resolvers: &resolvers,
                company: setting.trusts_company.then_some(&*roots),
                public: setting.trusts_public.then_some(&*public_roots),
                account: &self.account(setting)?,
            };
            self.config = configuration(setting, &tables);
        }
        self.runtime = Some(runtime);
        std::fs::write(&self.file, &self.config)
    }

    /// Opens the doors of all controllers, and that of the time source. Returns the table of ports.
    /// The tables of the account, with its password in a file beside the configuration.
    fn account(&self, setting: &Setting) -> io::Result<String> {
        let Some((password, signs_in)) = setting.account else {
            return Ok(String::new());
        };
        let file = self.file.with_file_name("password");
        std::fs::write(&file, format!("{password}\n"))?;
        let store = self.store();
        Ok(format!(
            "[account]\nname = \"canary\"\npassword_file = {file:?}\ncanary_logon = {signs_in}\n\
             [store]\npath = {store:?}\n"
        ))
    }

    /// Where sightline remembers a refusal.
    pub(crate) fn store(&self) -> PathBuf {
        self.file.with_file_name("store")
    }

    fn open_controllers(&mut self, setting: &Setting, company: &Authority) -> io::Result<String> {
        let mut ports = String::new();
        let mut netlogon_port = 0;
        for key in Service::KEYS {
            let mut wanted: Vec<_> = setting.controllers.iter().map(|dc| dc.address).collect();
            if key == "ntp" {
                wanted.push(TIME_SOURCE);
            }
            let (port, doors) = sockets::doors(&wanted);
            if key.is_empty() {
                netlogon_port = port;
            } else {
                let _infallible = writeln!(ports, "{key} = {port}");
            }
            let mut doors = doors.into_iter();
            for (controller, mut door) in setting.controllers.iter().zip(&mut doors) {
                let (mut tcp, mut udp) = (None, None);
                for service in Service::ALL {
                    if service.key() != key {
                        continue;
                    }
                    let offer = offer(controller, service, netlogon_port, company);
                    if service.is_udp() {
                        udp = Some(offer);
                    } else {
                        tcp = Some((service, offer));
                    }
                }
                let of = tcp.as_ref().map(|(service, _)| *service);
                let task = open(&mut door, tcp.map(|(_, offer)| offer), udp)?;
                self.open.push((of, door, task));
            }
            for mut door in doors {
                let clock = ntp::Clock {
                    ahead: setting.time.ahead,
                    stratum: setting.time.stratum,
                };
                let clock = plain(clock, &setting.time.behaviour);
                let task = open(&mut door, None, Some(clock))?;
                self.open.push((None, door, task));
            }
        }
        Ok(ports)
    }

    /// Opens the doors of the hosts of the Internet. Returns the table of endpoints.
    fn open_hosts(
        &mut self,
        setting: &Setting,
        public: &Authority,
        company: &Authority,
    ) -> io::Result<String> {
        let mut rows = Vec::new();
        for row in &setting.web {
            let wanted: Vec<_> = row.hosts.iter().map(web::Host::address).collect();
            let (port, doors) = sockets::doors(&wanted);
            rows.push((row, port));
            for (host, mut door) in row.hosts.iter().zip(doors) {
                let behaviour = if host.page.is_endless() {
                    Behaviour::Endless
                } else {
                    host.behaviour.clone()
                };
                let mut offer = plain(web::Server(Arc::new(host.page.clone())), &behaviour);
                if row.is_over_tls {
                    let authority = match host.certificate {
                        Shown::OfTheCompany => company,
                        _ => public,
                    };
                    offer.certificate = Some(authority.certificate(&host.certificate, host.name()));
                    offer.tls_at_once = true;
                }
                let task = open(&mut door, Some(offer), None)?;
                self.open.push((None, door, task));
            }
        }
        Ok(web::table(&rows))
    }

    /// Opens the doors of the resolvers. Returns where they are.
    fn open_resolvers(&mut self, setting: &Setting) -> io::Result<Vec<SocketAddr>> {
        let mut places = Vec::new();
        for resolver in &setting.resolvers {
            let (_, doors) = sockets::doors(&[resolver.address]);
            let knows = Arc::new(resolver.knows.clone());
            let server = |framed| dns::Server {
                knows: Arc::clone(&knows),
                framed,
            };
            for mut door in doors {
                let tcp = plain(server(true), &resolver.tcp);
                let udp = plain(server(false), &resolver.udp);
                let task = open(&mut door, Some(tcp), Some(udp))?;
                places.push(door.address);
                self.open.push((None, door, task));
            }
        }
        Ok(places)
    }
}

impl Drop for World {
    fn drop(&mut self) {
        // Tasks hold sockets; with the runtime both end, without waiting for a client.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// Where the source of Internet time stands.
const TIME_SOURCE: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 123);

/// Parts of the configuration of a world.
struct Tables<'a> {
    ports: &'a str,
    endpoints: &'a str,
    resolvers: &'a [SocketAddr],
    company: Option<&'a Path>,
    public: Option<&'a Path>,
    account: &'a str,
}

fn configuration(setting: &Setting, tables: &Tables<'_>) -> String {
    let Setting {
        domain_keys,
        probe_keys,
        timeout,
        slow_ping,
        ..
    } = setting;
    let Tables {
        ports,
        endpoints,
        account,
        ..
    } = tables;
    let resolvers: Vec<_> = tables.resolvers.iter().map(SocketAddr::to_string).collect();
    let [company, public] = [tables.company, tables.public].map(Vec::from_iter);
    format!(
        r#"{endpoints}
{account}
[site]
name = "test"

[domain]
name = "{DOMAIN}"
{domain_keys}
[probe]
timeout = "{timeout}"
https_timeout = "{timeout}"
slow_ping = "{slow_ping}"
slow_path = "2s"
{probe_keys}

[time]
sources = ["{TIME_SOURCE}"]

[ports]
{ports}
[tls]
corporate_roots = {company:?}
extra_public_roots = {public:?}

[[network]]
name = "lab"
interface = "lo"
resolvers = {resolvers:?}
"#
    )
}

fn plain(protocol: impl Protocol + 'static, behaviour: &Behaviour) -> Offer {
    Offer {
        protocol: Arc::new(protocol),
        behaviour: behaviour.clone(),
        certificate: None,
        tls_at_once: false,
    }
}

/// What a controller offers at the door of a service.
fn offer(dc: &Controller, service: Service, netlogon_port: u16, company: &Authority) -> Offer {
    let says = Arc::new(dc.says.clone());
    let protocol: Arc<dyn Protocol> = match service {
        Service::Cldap => Arc::new(netlogon::Ping(says)),
        Service::Ldap | Service::Ldaps | Service::GlobalCatalog => Arc::new(ldap::Directory(says)),
        Service::KerberosTcp => Arc::new(kerberos::Kdc { says, framed: true }),
        Service::KerberosUdp => Arc::new(kerberos::Kdc {
            says,
            framed: false,
        }),
        Service::KpasswdTcp => Arc::new(kerberos::Kpasswd { says, framed: true }),
        Service::KpasswdUdp => Arc::new(kerberos::Kpasswd {
            says,
            framed: false,
        }),
        Service::Rpc => Arc::new(rpc::EndpointMapper {
            says,
            netlogon_port,
        }),
        Service::Netlogon => Arc::new(rpc::Netlogon),
        Service::Smb => Arc::new(smb::FileService(says)),
        Service::Ntp => Arc::new(ntp::Clock {
            ahead: dc.says.clock,
            stratum: 3,
        }),
    };
    let has_tls = matches!(service, Service::Ldap | Service::Ldaps);
    Offer {
        protocol,
        behaviour: dc
            .behaviours
            .get(&service)
            .cloned()
            .unwrap_or(Behaviour::Serve),
        certificate: has_tls.then(|| company.certificate(&dc.says.certificate, &dc.name)),
        tls_at_once: service == Service::Ldaps,
    }
}

/// Opens a door for TCP and UDP, as far as anything is offered there. Returns the task of TCP.
fn open(
    door: &mut Door,
    tcp: Option<Offer>,
    udp: Option<Offer>,
) -> io::Result<Option<JoinHandle<()>>> {
    match udp {
        Some(offer) if offer.behaviour == Behaviour::Silent => {}
        Some(offer) if offer.behaviour != Behaviour::Refuse => {
            let socket = UdpSocket::from_std(door.datagrams()?)?;
            tokio::spawn(behaviour::serve_udp(socket, offer));
        }
        _ => door.refuse_udp()?,
    }
    match tcp {
        Some(offer) if offer.behaviour == Behaviour::Silent => door.silence_tcp().map(|()| None),
        Some(offer) if offer.behaviour != Behaviour::Refuse => {
            let listener = TcpListener::from_std(door.listen()?)?;
            Ok(Some(tokio::spawn(behaviour::serve_tcp(listener, offer))))
        }
        _ => Ok(None),
    }
}
