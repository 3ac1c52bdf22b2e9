//! The gateways of the VPNs: whether they live, asked in their own protocol and without anybody's
//! credentials.
//!
//! A gateway is asked for its first answer and for nothing more: at most four packets or one
//! connection a run, and no session is left that it would have to keep.

mod ike;
mod openvpn;
mod secret;
#[cfg(test)]
mod tests;
mod web;
#[cfg(feature = "wireguard")]
mod wireguard;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use sightline_model::{Check, Finding, Gate, Phase, Reason, Stage, Subject, Target};
use tokio::net::UdpSocket;

use super::{Ground, Kind, Thing};
use crate::net::fault::{self, Blame};
use crate::net::{names, socket};
use crate::plan::{Speaks, Vpn, VpnTransport};
use crate::run::{Probe, Run, Running, Task};
use web::Product;

pub(super) const KIND: Kind = Kind {
    name: "vpn",
    help: "Asks the gateway of each VPN for its first answer, in its own protocol and without credentials: IKEv2 on UDP 500 and 4500, OpenVPN, WireGuard, SSTP, AnyConnect, GlobalProtect.",
    reasons: &[
        Reason::VpnGatewayUnresolved,
        Reason::VpnGatewayNoAnswer,
        Reason::VpnRefused,
        Reason::TlsIntercepted,
        Reason::TlsExpired,
        Reason::TlsNotYetValid,
        Reason::TlsName,
    ],
    tasks,
};

/// UDP port of IKE where there may be a NAT (RFC 3948 §2).
const BEHIND_NAT: u16 = 4500;

fn tasks(ground: &Ground<'_>, thing: &Thing) -> Vec<Task> {
    match thing {
        Thing::Network if ground.wants(&[Stage::Vpn]) => {
            let vpns = ground.plan.vpns.iter();
            vpns.map(|vpn| task(ground, vpn)).collect()
        }
        _ => Vec::new(),
    }
}

fn task(ground: &Ground<'_>, vpn: &Arc<Vpn>) -> Task {
    let is_over_tls = matches!(
        vpn.speaks,
        Speaks::Sstp | Speaks::AnyConnect | Speaks::GlobalProtect
    );
    let carried = match &vpn.speaks {
        Speaks::Ikev2 | Speaks::WireGuard(_) | Speaks::OpenVpn(VpnTransport::Udp, _) => "udp",
        _ => "tcp",
    };
    Task {
        check: Check {
            probe: KIND.name,
            service: service(&vpn.speaks),
            stage: Stage::Vpn,
            also: Vec::new(),
            gate: if vpn.is_required {
                Gate::Hard
            } else {
                Gate::Soft
            },
            subject: Subject::VpnGateway {
                name: vpn.name.clone(),
            },
            door: format!("{carried}/{}", vpn.port),
            closed_as: Reason::VpnGatewayNoAnswer,
            needs_flag: None,
            is_of_host: false,
            proxy: None,
            target: Target {
                host: vpn.host.clone(),
                address: None,
                port: Some(vpn.port),
            },
        },
        path: Arc::clone(ground.path),
        timeout: if is_over_tls {
            ground.plan.https_timeout
        } else {
            ground.plan.timeout
        },
        probe: Arc::new(Gateway {
            vpn: Arc::clone(vpn),
            resolvers: ground.network.resolvers.clone(),
            behind_nat: (vpn.port == ike::PORT).then_some(BEHIND_NAT),
            roots: web::Roots {
                public: Arc::clone(&ground.plan.public_roots),
                corporate: Arc::clone(&ground.plan.corporate_roots),
            },
        }),
    }
}

const fn service(speaks: &Speaks) -> &'static str {
    match speaks {
        Speaks::Ikev2 => "ikev2",
        Speaks::OpenVpn(..) => "openvpn",
        Speaks::WireGuard(_) => "wireguard",
        Speaks::Sstp => "sstp",
        Speaks::AnyConnect => "anyconnect",
        Speaks::GlobalProtect => "globalprotect",
    }
}

#[derive(Debug)]
struct Gateway {
    vpn: Arc<Vpn>,
    resolvers: Vec<SocketAddr>,
    /// The second port of IKE.
    behind_nat: Option<u16>,
    roots: web::Roots,
}

impl Probe for Gateway {
    fn run<'a>(&'a self, run: &'a Run) -> Running<'a> {
        Box::pin(async move {
            let address = self.address(run).await?;
            run.keep("address", address.to_string());
            let peer = SocketAddr::new(address, self.vpn.port);
            match &self.vpn.speaks {
                Speaks::Ikev2 => ike::ask(run, peer, self.behind_nat).await,
                Speaks::OpenVpn(transport, key) => {
                    openvpn::ask(run, peer, *transport, key.as_ref()).await
                }
                Speaks::WireGuard(keys) => without_or_with_keys(run, peer, keys.as_ref()).await,
                Speaks::Sstp => web::ask(run, peer, Product::Sstp, &self.roots).await,
                Speaks::AnyConnect => web::ask(run, peer, Product::AnyConnect, &self.roots).await,
                Speaks::GlobalProtect => {
                    web::ask(run, peer, Product::GlobalProtect, &self.roots).await
                }
            }
        })
    }
}

impl Gateway {
    /// The first address that a client would try.
    async fn address(&self, run: &Run) -> Result<IpAddr, Finding> {
        run.enter(Phase::Resolve);
        let limit = run.remaining().saturating_sub(Duration::from_millis(200));
        let host = &self.vpn.host;
        let found = names::addresses(run.path(), &self.resolvers, host, limit)
            .await
            .map_err(|failure| match failure.blame {
                Blame::Ours(reason) => run.blind(reason, failure.detail),
                Blame::Target(_) => run.fail(Reason::VpnGatewayUnresolved, failure.detail),
            })?;
        let has_route =
            |address: &&IpAddr| socket::reachable_by_route(run.path(), **address).is_ok();
        let first = found.iter().find(has_route).or_else(|| found.first());
        let unresolved = || {
            run.fail(
                Reason::VpnGatewayUnresolved,
                format!("{host} has no address"),
            )
        };
        first.copied().ok_or_else(unresolved)
    }
}

#[cfg(feature = "wireguard")]
async fn without_or_with_keys(
    run: &Run,
    peer: SocketAddr,
    keys: Option<&crate::plan::PeerKeys>,
) -> Result<(), Finding> {
    match keys {
        Some(keys) => wireguard::handshake(run, peer, keys).await,
        None => stranger(run, peer).await,
    }
}

#[cfg(not(feature = "wireguard"))]
async fn without_or_with_keys(
    run: &Run,
    peer: SocketAddr,
    _keys: Option<&crate::plan::PeerKeys>,
) -> Result<(), Finding> {
    stranger(run, peer).await
}

/// A gateway of WireGuard answers to no stranger (WireGuard whitepaper, 5.3): only a port that is
/// closed can be told.
async fn stranger(run: &Run, peer: SocketAddr) -> Result<(), Finding> {
    let socket = udp(run, peer)?;
    // As long as an initiation, so that no filter takes it for something else.
    let mut packet = [0; 148];
    if let Some(kind) = packet.first_mut() {
        *kind = 1;
    }
    let heard = run
        .part(async {
            let sends = [packet.as_slice(); 3];
            crate::net::exchange::datagrams(run, &socket, sends, |bytes| {
                Ok(Some((bytes.len(), None)))
            })
            .await
        })
        .await;
    match heard {
        Ok(_) => Err(run.fail(
            Reason::ProtocolError,
            format!(
                "{}: something answers to a stranger, which WireGuard does not",
                run.whom()
            ),
        )),
        Err(finding) => Err(meaning(
            run,
            finding,
            Silence::ProvesNothing(
                "WireGuard answers only to peers that it knows: with a key of this box's own (private_key_file, peer_public_key) silence would say something",
            ),
        )),
    }
}

/// A socket of UDP towards `peer`.
fn udp(run: &Run, peer: SocketAddr) -> Result<UdpSocket, Finding> {
    run.enter(Phase::Request);
    socket::udp(run.path(), peer).map_err(|error| {
        let finding = fault::finding(run, &error);
        meaning(run, finding, Silence::Means(""))
    })
}

/// What it means that nothing came back, as the rest of a sentence.
#[derive(Clone, Copy, Debug)]
enum Silence {
    /// A healthy gateway would have answered.
    Means(&'static str),
    /// A healthy gateway may be as silent.
    ProvesNothing(&'static str),
}

/// What a finding of the network means for a gateway.
fn meaning(run: &Run, finding: Finding, silence: Silence) -> Finding {
    const UNREACHED: &str = "a filter drops it, or the gateway is down";
    let explained = |reason, said: &str| Finding {
        reason,
        detail: format!("{}; {said}", finding.detail),
        ..finding.clone()
    };
    match (finding.reason, silence) {
        (Reason::ConnectRefused, _) => explained(
            Reason::VpnRefused,
            "nothing listens there, or a firewall rejects",
        ),
        (Reason::ReadTimeout | Reason::ClosedEarly, Silence::Means(said)) => {
            explained(Reason::VpnGatewayNoAnswer, said)
        }
        (Reason::ReadTimeout | Reason::ClosedEarly, Silence::ProvesNothing(said)) => {
            let silent = explained(Reason::VpnGatewayNoAnswer, said);
            run.warn(silent.reason, silent.detail)
        }
        (Reason::ConnectTimeout, _) => explained(Reason::VpnGatewayNoAnswer, UNREACHED),
        (Reason::HostUnreachable | Reason::NoRoute, _) => Finding {
            reason: Reason::VpnGatewayNoAnswer,
            ..finding
        },
        _ => finding,
    }
}
