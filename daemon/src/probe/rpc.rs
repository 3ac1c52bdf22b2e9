//! Does the endpoint mapper lead to Netlogon, and is the port that it names open (C706 appendix O,
//! [MS-RPCE] 2.2.1.2, [MS-NRPC])?

use std::net::SocketAddr;

use futures_util::future::select_ok;
use sightline_model::{Finding, Phase, Reason};
use sightline_wire::epm::{self, Interface, Pdu};
use tokio::net::TcpStream;

use super::{Ground, Kind, Thing};
use crate::net::{exchange, fault, socket};
use crate::run::{Probe, Run, Running, Task};

pub(super) const KIND: Kind = Kind {
    name: "rpc",
    help: "Asks the endpoint mapper on TCP 135 for Netlogon's port, connects to that port and binds to Netlogon there.",
    reasons: &[
        Reason::RpcEndpointUnavailable,
        Reason::RpcDynamicPortBlocked,
        Reason::NotTested,
    ],
    tasks,
};

/// As many dynamic ports are tried; a controller names one or two.
const PORTS_TRIED: usize = 4;

/// `rpc_s_access_denied`: the mapper answers authenticated callers only.
const ACCESS_DENIED: u32 = 5;

fn tasks(ground: &Ground<'_>, thing: &Thing) -> Vec<Task> {
    let Thing::Controller { name, address } = thing else {
        return Vec::new();
    };
    let mut task = ground.controller_task(
        KIND.name,
        (name, *address),
        ("tcp", ground.plan.ports.rpc),
        Rpc,
    );
    task.check.closed_as = Reason::RpcEndpointUnavailable;
    vec![task]
}

#[derive(Debug)]
struct Rpc;

impl Probe for Rpc {
    fn run<'a>(&'a self, run: &'a Run) -> Running<'a> {
        Box::pin(async move {
            let Some(ports) = mapped_ports(run).await? else {
                return Ok(());
            };
            run.keep(
                "netlogon_ports",
                ports.iter().map(ToString::to_string).collect::<Vec<_>>(),
            );
            let address = exchange::address(run)?;
            // The address in the tower may be 0.0.0.0 or behind a NAT: the one that answered counts.
            let tries = ports
                .iter()
                .take(PORTS_TRIED)
                .map(|port| Box::pin(netlogon(run, SocketAddr::new(address, *port))));
            run.part(async { select_ok(tries).await.map(|_| ()) })
                .await
                .map_err(|finding| {
                    let shown: Vec<_> = ports.iter().map(ToString::to_string).collect();
                    // What a deadline says of the target would name the port of the mapper.
                    let said = match finding.reason {
                        Reason::ConnectTimeout | Reason::ReadTimeout => "no answer from there",
                        _ => &finding.detail,
                    };
                    run.fail(
                        Reason::RpcDynamicPortBlocked,
                        format!(
                            "the endpoint mapper of {} names tcp/{} for Netlogon: {}",
                            run.target().host,
                            shown.join(", tcp/"),
                            said
                        ),
                    )
                })
        })
    }
}

/// The ports of Netlogon, or `None` where the mapper keeps them from strangers.
async fn mapped_ports(run: &Run) -> Result<Option<Vec<u16>>, Finding> {
    let unavailable = |said: String| {
        run.fail(
            Reason::RpcEndpointUnavailable,
            format!("the endpoint mapper of {} {said}", run.whom()),
        )
    };
    let mut stream = exchange::connect(run).await?;
    run.enter(Phase::Bind);
    bind(run, &mut stream, &epm::EPM)
        .await?
        .map_err(unavailable)?;
    match exchange_pdu(run, &mut stream, &epm::map_request(&epm::NETLOGON, 2), 2).await? {
        Pdu::Response(stub) => {
            let mapping =
                epm::parse_map(&stub).map_err(|error| exchange::malformed(run, &error, &stub))?;
            if mapping.ports.is_empty() {
                return Err(unavailable(format!(
                    "does not know Netlogon (status {:#010x})",
                    mapping.status
                )));
            }
            Ok(Some(mapping.ports))
        }
        Pdu::Fault {
            status: ACCESS_DENIED,
        } => {
            run.note(run.info(
                Reason::NotTested,
                format!(
                    "the endpoint mapper of {} keeps Netlogon's port from anonymous callers \
                     (RestrictRemoteClients); the dynamic port was not tested",
                    run.whom()
                ),
            ));
            Ok(None)
        }
        other => Err(unavailable(format!("answers {other:?}"))),
    }
}

/// Connects to a dynamic port and binds to Netlogon there.
async fn netlogon(run: &Run, peer: SocketAddr) -> Result<(), Finding> {
    run.enter(Phase::Connect);
    let at = |finding: Finding| Finding {
        // What is said of the target names the port of the mapper.
        detail: finding.detail.replace(&run.whom(), &peer.to_string()),
        ..finding
    };
    let mut stream = socket::tcp(run.path(), peer)
        .await
        .map_err(|error| at(fault::finding(run, &error)))?;
    bind(run, &mut stream, &epm::NETLOGON)
        .await
        .map_err(at)?
        .map_err(|said| run.fail(Reason::ProtocolError, format!("tcp/{} {said}", peer.port())))
}

/// The inner error is what the server said against the bind.
async fn bind(
    run: &Run,
    stream: &mut TcpStream,
    interface: &Interface,
) -> Result<Result<(), String>, Finding> {
    let answer = exchange_pdu(run, stream, &epm::bind(interface, 1), 1).await?;
    Ok(match answer {
        Pdu::BindAck { result: 0, .. } => Ok(()),
        Pdu::BindAck { result, reason, .. } => Err(format!(
            "does not offer {} (result {result}, reason {reason})",
            interface.name
        )),
        Pdu::BindNak { reason } => Err(format!("refuses the bind (reason {reason})")),
        other => Err(format!("answers the bind with {other:?}")),
    })
}

async fn exchange_pdu(
    run: &Run,
    stream: &mut TcpStream,
    request: &[u8],
    call_id: u32,
) -> Result<Pdu, Finding> {
    exchange::ask(run, stream, request, |bytes| {
        epm::read_pdu(bytes, call_id)
            .map(|pdu| pdu.map(|(pdu, _consumed)| pdu))
            .map_err(|error| exchange::malformed(run, &error, bytes))
    })
    .await
}
