//! A handshake with a gateway of WireGuard, as a peer that it knows and that may send nothing
//! (WireGuard whitepaper, 5.4).

use std::net::SocketAddr;

use boringtun::noise::{Packet, Tunn, TunnResult};
use boringtun::x25519::{PublicKey, StaticSecret};
use sightline_model::{Finding, Phase, Reason};

use super::{Silence, meaning, secret, udp};
use crate::net::{exchange, fault};
use crate::plan::PeerKeys;
use crate::run::Run;

const SILENCE: &str = "a filter drops it, the gateway is down, it does not know the key of this box or has another one itself, or the clock of this box went back";

/// Octets of the largest message of a handshake, and some room.
const MOST: usize = 256;

pub(super) async fn handshake(run: &Run, peer: SocketAddr, keys: &PeerKeys) -> Result<(), Finding> {
    let own = secret::peer_key(run, &keys.private_file, "vpn.private_key_file")?;
    let preshared = keys
        .preshared_file
        .as_ref()
        .map(|file| secret::peer_key(run, file, "vpn.preshared_key_file"))
        .transpose()?;
    // A repeated initiation is dropped, so that each send has a handshake of its own.
    let mut tunnels = [0_u32, 1, 2].map(|place| {
        let index = rand::random::<u32>() & 0x00ff_fffc | place;
        Tunn::new(
            StaticSecret::from(own),
            PublicKey::from(keys.peer),
            preshared,
            None,
            index,
            None,
        )
    });
    let mut sends: [Vec<u8>; 3] = Default::default();
    for (tunnel, send) in tunnels.iter_mut().zip(&mut sends) {
        let mut buffer = [0; MOST];
        if let TunnResult::WriteToNetwork(packet) =
            tunnel.format_handshake_initiation(&mut buffer, false)
        {
            *send = packet.to_vec();
        }
    }
    if sends.iter().any(Vec::is_empty) {
        return Err(run.blind(Reason::InternalError, "no initiation could be made"));
    }
    let socket = udp(run, peer)?;
    let requests = sends.each_ref().map(Vec::as_slice);
    let mut confirmation = Vec::new();
    let answered = run
        .part(exchange::datagrams(run, &socket, requests, |bytes| {
            Ok(tunnels.iter_mut().enumerate().find_map(|(place, tunnel)| {
                let said = heard(tunnel, bytes, &mut confirmation)?;
                Some((said, Some(place)))
            }))
        }))
        .await
        .map_err(|finding| meaning(run, finding, Silence::Means(SILENCE)))?;
    // Without it the gateway would wait for the end of the handshake.
    if !confirmation.is_empty() {
        socket
            .send(&confirmation)
            .await
            .map_err(|error| fault::finding(run, &error))?;
    }
    run.enter(Phase::Response);
    run.keep("handshake", answered.value);
    Ok(())
}

/// What a datagram says to one of the handshakes, if it is for that. What is not sealed for it is
/// nobody's.
fn heard(tunnel: &mut Tunn, bytes: &[u8], confirmation: &mut Vec<u8>) -> Option<&'static str> {
    let said = match Tunn::parse_incoming_packet(bytes).ok()? {
        Packet::HandshakeResponse(_) => "completed",
        Packet::PacketCookieReply(_) => "asks for its cookie first",
        Packet::HandshakeInit(_) | Packet::PacketData(_) => return None,
    };
    let mut buffer = [0; MOST];
    match tunnel.decapsulate(None, bytes, &mut buffer) {
        TunnResult::WriteToNetwork(packet) => {
            *confirmation = packet.to_vec();
            Some(said)
        }
        TunnResult::Done => Some(said),
        _ => None,
    }
}
