//! Addresses of a name as a client gets them from one resolver: hickory-resolver over our own
//! sockets, without cache, hosts file or search list.

use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{Either, select};
use hickory_net::NetError;
use hickory_net::runtime::iocompat::AsyncIoTokioAsStd;
use hickory_net::runtime::{RuntimeProvider, TokioHandle, TokioTime};
use hickory_proto::rr::{Name, RData, RecordType};
use hickory_resolver::Resolver;
use hickory_resolver::config::{NameServerConfig, ResolveHosts, ResolverConfig};
use sightline_model::Reason;
use tokio::net::{TcpStream, UdpSocket};

use super::{dns, socket};
use crate::path::NetPath;

/// What AAAA gets once A has given addresses: some servers and firewalls drop such questions.
const GRACE: Duration = Duration::from_millis(500);

/// Makes hickory's sockets in the place where all sockets are made.
#[derive(Clone)]
struct OnPath {
    path: Arc<NetPath>,
    handle: TokioHandle,
}

impl RuntimeProvider for OnPath {
    type Handle = TokioHandle;
    type Timer = TokioTime;
    type Udp = UdpSocket;
    type Tcp = AsyncIoTokioAsStd<TcpStream>;

    fn create_handle(&self) -> Self::Handle {
        self.handle.clone()
    }

    fn connect_tcp(
        &self,
        server: SocketAddr,
        _bind: Option<SocketAddr>,
        wait: Option<Duration>,
    ) -> Pin<Box<dyn Future<Output = Result<Self::Tcp, io::Error>> + Send>> {
        let path = Arc::clone(&self.path);
        Box::pin(async move {
            let connecting = socket::tcp(&path, server);
            let stream = match wait {
                Some(limit) => tokio::time::timeout(limit, connecting)
                    .await
                    .map_err(|_elapsed| io::Error::from(io::ErrorKind::TimedOut))??,
                None => connecting.await?,
            };
            Ok(AsyncIoTokioAsStd(stream))
        })
    }

    fn bind_udp(
        &self,
        _local: SocketAddr,
        server: SocketAddr,
    ) -> Pin<Box<dyn Future<Output = Result<Self::Udp, io::Error>> + Send>> {
        let socket = socket::udp_unconnected(&self.path, server.ip());
        Box::pin(async move { socket })
    }
}

/// Why a name has no addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// In the word of the list of reasons.
    pub reason: Reason,
    /// What the resolver said.
    pub detail: String,
}

/// All addresses of `name`, IPv4 first, as the one resolver `server` gives them. Truncated answers
/// are fetched again over TCP. A name with addresses of one family only is no fault.
///
/// # Errors
/// Why there is none at all: no such name, no address record, or what became of the query.
pub async fn addresses(
    path: &Arc<NetPath>,
    server: SocketAddr,
    name: &str,
    limit: Duration,
) -> Result<Vec<IpAddr>, Failure> {
    let failure = |reason, detail: String| Failure { reason, detail };
    let mut absolute = Name::from_ascii(name).map_err(|error| {
        failure(
            Reason::ProtocolError,
            format!("`{}` is no DNS name: {error}", crate::text::foreign(name)),
        )
    })?;
    absolute.set_fqdn(true);

    let mut config = NameServerConfig::udp_and_tcp(server.ip());
    for connection in &mut config.connections {
        connection.port = server.port();
    }
    let provider = OnPath {
        path: Arc::clone(path),
        handle: TokioHandle::default(),
    };
    // The requests live in the provider's task set: it must outlive them.
    let keep = provider.clone();
    let mut builder = Resolver::builder_with_config(
        ResolverConfig::from_parts(None, Vec::new(), vec![config]),
        provider,
    );
    let options = builder.options_mut();
    options.cache_size = 0;
    options.attempts = 1;
    options.num_concurrent_reqs = 1;
    // Addresses fit into any datagram, and some servers cannot read EDNS0.
    options.edns0 = false;
    // UDP, then TCP; what is left says what became of them.
    options.timeout = limit * 2 / 5;
    options.use_hosts_file = ResolveHosts::Never;
    let resolver = builder
        .build()
        .map_err(|error| failure(Reason::InternalError, error.to_string()))?;

    let v4 = Box::pin(resolver.lookup(absolute.clone(), RecordType::A));
    let v6 = Box::pin(resolver.lookup(absolute, RecordType::AAAA));
    let (v4, v6) = match select(v4, v6).await {
        Either::Left((Ok(v4), v6)) if !v4.answers().is_empty() => {
            let v6 = tokio::time::timeout(GRACE, v6).await;
            (Ok(v4), v6.unwrap_or(Err(NetError::Timeout)))
        }
        Either::Left((v4, v6)) => (v4, v6.await),
        Either::Right((v6, v4)) => (v4.await, v6),
    };
    drop(keep);
    let mut found = Vec::new();
    let mut problem = None;
    for answer in [v4, v6] {
        match answer {
            Ok(lookup) => {
                let records = lookup.answers().iter();
                found.extend(records.filter_map(|record| match &record.data {
                    RData::A(address) => Some(IpAddr::V4(address.0)),
                    RData::AAAA(address) => Some(IpAddr::V6(address.0)),
                    _ => None,
                }));
            }
            Err(error) => problem = problem.or(Some(error)),
        }
    }
    found.sort_unstable();
    found.dedup();
    // Filters answer so. On this system such an address leads to this very box.
    let (nobody, found): (Vec<_>, Vec<_>) = found.into_iter().partition(IpAddr::is_unspecified);
    if !found.is_empty() {
        return Ok(found);
    }
    if let Some(nobody) = nobody.first() {
        return Err(failure(
            Reason::DnsNodata,
            format!("asked {server} for the addresses of {name}: {nobody}, which no host has"),
        ));
    }
    Err(problem.map_or_else(
        || failure(Reason::DnsNodata, format!("{name} has no address record")),
        |error| explain(name, server, &error),
    ))
}

fn explain(name: &str, server: SocketAddr, error: &NetError) -> Failure {
    let asked = format!("asked {server} for the addresses of {name}");
    let (reason, said) = if let Some(code) = response_code(error) {
        match dns::reason_of(code) {
            Some(reason) => (reason, format!("{code:?}")),
            None => (Reason::DnsNodata, "no address record".to_owned()),
        }
    } else {
        match error {
            NetError::Timeout => (Reason::DnsTimeout, "no answer".to_owned()),
            other => (Reason::DnsServfail, other.to_string()),
        }
    };
    Failure {
        reason,
        detail: format!("{asked}: {said}"),
    }
}

fn response_code(error: &NetError) -> Option<hickory_proto::op::ResponseCode> {
    use hickory_net::DnsError;
    match error {
        NetError::Dns(DnsError::NoRecordsFound(none)) => Some(none.response_code),
        NetError::Dns(DnsError::ResponseCode(code)) => Some(*code),
        _ => None,
    }
}
