mod over_tls;

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use sightline_model::{Evidence, Observation, Outcome, Severity};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;
use crate::net::tls;
use crate::path::NetPath;
use crate::plan::{KeyDigest, KeyDirection, Seals, StaticKey};
use crate::run;

/// Runs the probe against loopback.
async fn outcome(speaks: Speaks, port: u16, behind_nat: Option<u16>) -> Outcome {
    observe(speaks, ("127.0.0.1", port), behind_nat)
        .await
        .outcome
}

async fn observe(speaks: Speaks, at: (&str, u16), behind_nat: Option<u16>) -> Observation {
    let nobody = || Arc::new(tls::Roots::public(Vec::new()));
    let roots = web::Roots {
        public: nobody(),
        corporate: nobody(),
    };
    observe_with(speaks, at, behind_nat, roots).await
}

async fn observe_with(
    speaks: Speaks,
    (host, port): (&str, u16),
    behind_nat: Option<u16>,
    roots: web::Roots,
) -> Observation {
    let vpn = Vpn {
        name: "hq".into(),
        host: host.into(),
        port,
        interface: None,
        network: None,
        resolvers: Vec::new(),
        asks_handshake: false,
        is_required: true,
        speaks,
    };
    let task = Task {
        check: Check {
            probe: KIND.name,
            service: service(&vpn.speaks),
            stage: Stage::Vpn,
            also: Vec::new(),
            gate: Gate::Hard,
            subject: Subject::VpnGateway { name: "hq".into() },
            door: String::new(),
            closed_as: Reason::VpnGatewayNoAnswer,
            needs_flag: None,
            is_of_host: false,
            proxy: None,
            target: Target {
                host: host.into(),
                address: None,
                port: Some(port),
            },
        },
        path: Arc::new(NetPath::direct("default")),
        timeout: Duration::from_secs(2),
        probe: Arc::new(Gateway {
            vpn: Arc::new(vpn),
            resolvers: Vec::new(),
            behind_nat,
            roots,
        }),
    };
    run::once(&task).await
}

/// A peer of UDP that answers each datagram by a function, and how often it was asked.
async fn peer(
    answer: impl Fn(&[u8]) -> Option<Vec<u8>> + Send + 'static,
) -> (u16, Arc<std::sync::atomic::AtomicUsize>) {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))
        .await
        .expect("loopback");
    let port = socket.local_addr().expect("bound").port();
    let asked = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let counted = Arc::clone(&asked);
    tokio::spawn(async move {
        let mut buffer = [0; 2048];
        while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
            counted.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            if let Some(answer) = answer(&buffer[..length]) {
                let _sent = socket.send_to(&answer, from).await;
            }
        }
    });
    (port, asked)
}

/// A notify of a gateway in answer to a question of IKE.
fn notify(message: &[u8], kind: u16, data: &[u8]) -> Option<Vec<u8>> {
    let length = u32::try_from(28 + 8 + data.len()).ok()?;
    let payload = u16::try_from(8 + data.len()).ok()?;
    Some(
        [
            message.get(..8)?,
            &[0; 8],
            &[41, 0x20, 34, 0x20, 0, 0, 0, 0],
            &length.to_be_bytes(),
            &[0, 0],
            &payload.to_be_bytes(),
            &[0, 0],
            &kind.to_be_bytes(),
            data,
        ]
        .concat(),
    )
}

fn marked(answer: Option<Vec<u8>>) -> Option<Vec<u8>> {
    answer.map(|answer| [&[0; 4], answer.as_slice()].concat())
}

fn only(outcome: &Outcome) -> (Reason, Severity, &str) {
    assert_eq!(outcome.findings.len(), 1, "{outcome:?}");
    let finding = &outcome.findings[0];
    (finding.reason, finding.severity, &finding.detail)
}

fn shown(evidence: &BTreeMap<&'static str, Evidence>, key: &str) -> String {
    match evidence.get(key) {
        Some(Evidence::Text(text)) => text.clone(),
        Some(Evidence::Number(number)) => number.to_string(),
        other => format!("{other:?}"),
    }
}

#[tokio::test]
async fn every_answer_of_ike_is_one_of_a_gateway_that_lives() {
    for (kind, data, said) in [
        (14, &[][..], "accepts no proposal"),
        (17, &[0, 19], "wants group 19"),
        (16390, &[1, 2, 3], "asks for its cookie first"),
        (7, &[], "answers with notify 7"),
    ] {
        let (first, _) = peer(move |bytes| notify(bytes, kind, data)).await;
        let (second, _) = peer(move |bytes| marked(notify(bytes.get(4..)?, kind, data))).await;
        let outcome = outcome(Speaks::Ikev2, first, Some(second)).await;
        assert!(outcome.findings.is_empty(), "{outcome:?}");
        assert_eq!(shown(&outcome.evidence, "udp_500"), said);
        assert_eq!(shown(&outcome.evidence, "udp_4500"), said);
    }
}

#[tokio::test]
async fn a_gateway_of_an_older_ike_refuses() {
    let (first, _) = peer(|bytes| notify(bytes, 5, &[])).await;
    let outcome = outcome(Speaks::Ikev2, first, None).await;
    let (reason, _, detail) = only(&outcome);
    assert_eq!(reason, Reason::VpnRefused);
    assert!(detail.contains("another version of IKE"), "{detail}");
}

#[tokio::test]
async fn one_port_of_ike_that_is_silent_is_named_and_asked_twice() {
    let (first, asked) = peer(|bytes| notify(bytes, 14, &[])).await;
    let (second, asked_twice) = peer(|_| None).await;
    let outcome = outcome(Speaks::Ikev2, first, Some(second)).await;
    let (reason, severity, detail) = only(&outcome);
    assert_eq!(
        (reason, severity),
        (Reason::VpnGatewayNoAnswer, Severity::Blocking)
    );
    assert!(
        detail.contains(&format!("UDP {first} answers and UDP {second} does not")),
        "{detail}"
    );
    let count =
        |asked: &std::sync::atomic::AtomicUsize| asked.load(std::sync::atomic::Ordering::Relaxed);
    assert_eq!((count(&asked), count(&asked_twice)), (1, 2));
}

#[tokio::test]
async fn an_answer_to_somebody_else_and_a_packet_of_a_tunnel_are_no_answer() {
    let (first, _) = peer(|bytes| {
        let mut answer = notify(bytes, 14, &[])?;
        *answer.first_mut()? ^= 1;
        Some(answer)
    })
    .await;
    // No marker.
    let (second, _) = peer(|bytes| notify(bytes.get(4..)?, 14, &[])).await;
    let outcome = outcome(Speaks::Ikev2, first, Some(second)).await;
    let (reason, _, detail) = only(&outcome);
    assert_eq!(reason, Reason::VpnGatewayNoAnswer);
    assert!(
        detail.contains("answers nobody that it does not know"),
        "{detail}"
    );
}

#[tokio::test]
async fn garbage_from_the_port_of_ike_is_another_protocol() {
    let (first, _) = peer(|bytes| Some([bytes.get(..8)?, &[0xff; 40]].concat())).await;
    let outcome = outcome(Speaks::Ikev2, first, None).await;
    assert_eq!(only(&outcome).0, Reason::ProtocolError);
}

#[tokio::test]
async fn a_closed_port_refuses() {
    let closed = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))
        .await
        .expect("loopback");
    let port = closed.local_addr().expect("bound").port();
    drop(closed);
    for speaks in [
        Speaks::Ikev2,
        Speaks::OpenVpn(VpnTransport::Udp, None),
        Speaks::OpenVpn(VpnTransport::Tcp, None),
        Speaks::WireGuard(None),
        Speaks::Sstp,
    ] {
        let outcome = outcome(speaks, port, None).await;
        let (reason, severity, detail) = only(&outcome);
        assert_eq!(
            (reason, severity),
            (Reason::VpnRefused, Severity::Blocking),
            "{detail}"
        );
        assert!(detail.contains("nothing listens there"), "{detail}");
    }
}

/// The reset of a server to the one that came.
fn reset(bytes: &[u8]) -> Option<Vec<u8>> {
    let session = bytes.get(1..9)?;
    Some(
        [
            &[0x40, 9, 9, 9, 9, 9, 9, 9, 9, 1, 0, 0, 0, 0],
            session,
            &[0; 4],
        ]
        .concat(),
    )
}

#[tokio::test]
async fn openvpn_without_a_key_answers_or_proves_nothing() {
    let (port, asked) = peer(reset).await;
    let plain = Speaks::OpenVpn(VpnTransport::Udp, None);
    let answered = outcome(plain.clone(), port, None).await;
    assert!(answered.findings.is_empty(), "{answered:?}");
    assert_eq!(
        shown(&answered.evidence, "server_session"),
        "0909090909090909"
    );
    assert_eq!(asked.load(std::sync::atomic::Ordering::Relaxed), 1);

    let (port, _) = peer(|_| None).await;
    let silent = outcome(plain, port, None).await;
    let (reason, severity, detail) = only(&silent);
    assert_eq!(
        (reason, severity),
        (Reason::VpnGatewayNoAnswer, Severity::Degrading)
    );
    assert!(detail.contains("give it in key_file"), "{detail}");
}

#[tokio::test]
async fn openvpn_over_tcp_that_ends_without_an_answer_wants_a_key_or_refuses_ours() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .await
        .expect("loopback");
    let port = listener.local_addr().expect("bound").port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _read = stream.read(&mut [0; 64]).await;
        }
    });
    let keyless = outcome(Speaks::OpenVpn(VpnTransport::Tcp, None), port, None).await;
    let (reason, severity, _) = only(&keyless);
    assert_eq!(
        (reason, severity),
        (Reason::VpnGatewayNoAnswer, Severity::Degrading)
    );

    let directory = tempfile::tempdir().expect("a scratch directory");
    let file = directory.path().join("key");
    let line = "000102030405060708090a0b0c0d0e0f\n".repeat(16);
    let text = format!(
        "-----BEGIN OpenVPN Static key V1-----\n{line}-----END OpenVPN Static key V1-----\n"
    );
    std::fs::write(&file, text).expect("written");
    let key = StaticKey {
        file,
        seals: Seals::Auth(KeyDirection::One, KeyDigest::Sha256),
    };
    let keyed = outcome(Speaks::OpenVpn(VpnTransport::Tcp, Some(key)), port, None).await;
    let (reason, severity, _) = only(&keyed);
    assert_eq!((reason, severity), (Reason::VpnRefused, Severity::Blocking));
}

#[tokio::test]
async fn a_key_that_cannot_be_read_is_our_own_fault_and_is_not_shown() {
    let directory = tempfile::tempdir().expect("a scratch directory");
    let file = directory.path().join("key");
    for text in [None, Some("S3cret")] {
        if let Some(text) = text {
            std::fs::write(&file, text).expect("written");
        }
        let key = StaticKey {
            file: file.clone(),
            seals: Seals::Crypt,
        };
        let outcome = outcome(Speaks::OpenVpn(VpnTransport::Udp, Some(key)), 9, None).await;
        let (reason, severity, detail) = only(&outcome);
        assert_eq!((reason, severity), (Reason::NotRun, Severity::Inconclusive));
        assert!(
            !detail.contains("S3cret") && detail.contains("vpn.key_file"),
            "{detail}"
        );
    }
}

#[tokio::test]
async fn wireguard_without_a_key_proves_nothing() {
    let (port, asked) = peer(|_| None).await;
    let silent = outcome(Speaks::WireGuard(None), port, None).await;
    let (reason, severity, detail) = only(&silent);
    assert_eq!(
        (reason, severity),
        (Reason::VpnGatewayNoAnswer, Severity::Degrading)
    );
    assert!(detail.contains("private_key_file"), "{detail}");
    assert!(asked.load(std::sync::atomic::Ordering::Relaxed) <= 4);
}

#[tokio::test]
async fn a_name_without_a_resolver_is_not_resolved() {
    let seen = observe(Speaks::Ikev2, ("vpn.example.com", 500), None).await;
    assert_eq!(only(&seen.outcome).0, Reason::VpnGatewayUnresolved);
}

#[tokio::test]
async fn what_speaks_no_tls_is_no_gateway() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .await
        .expect("loopback");
    let port = listener.local_addr().expect("bound").port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _read = stream.read(&mut [0; 64]).await;
            let _sent = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        }
    });
    let outcome = outcome(Speaks::Sstp, port, None).await;
    assert_eq!(only(&outcome).0, Reason::TlsHandshake);
}

#[cfg(feature = "wireguard")]
mod handshakes {
    use boringtun::noise::{Tunn, TunnResult};
    use boringtun::x25519::{PublicKey, StaticSecret};

    use super::*;
    use crate::plan::PeerKeys;

    /// A gateway that knows `known`, and what came behind the handshake.
    async fn gateway(
        secret: [u8; 32],
        known: PublicKey,
    ) -> (u16, Arc<std::sync::atomic::AtomicUsize>) {
        let tunnel = std::sync::Mutex::new(Tunn::new(
            StaticSecret::from(secret),
            known,
            None,
            None,
            7,
            None,
        ));
        peer(move |bytes| {
            let mut buffer = [0; 256];
            let mut tunnel = tunnel.lock().expect("no panic");
            match tunnel.decapsulate(None, bytes, &mut buffer) {
                TunnResult::WriteToNetwork(packet) => Some(packet.to_vec()),
                _ => None,
            }
        })
        .await
    }

    #[tokio::test]
    async fn a_peer_that_is_known_gets_its_handshake_and_a_stranger_nothing() {
        let directory = tempfile::tempdir().expect("a scratch directory");
        let file = directory.path().join("key");
        std::fs::write(&file, "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA=\n").expect("written");
        let own = PublicKey::from(&StaticSecret::from(std::array::from_fn(|place| {
            u8::try_from(place + 1).expect("32")
        })));
        let theirs = [9; 32];
        let keys = PeerKeys {
            private_file: file,
            peer: PublicKey::from(&StaticSecret::from(theirs)).to_bytes(),
            preshared_file: None,
        };
        let (port, asked) = gateway(theirs, own).await;
        let known = outcome(Speaks::WireGuard(Some(keys.clone())), port, None).await;
        assert!(known.findings.is_empty(), "{known:?}");
        assert_eq!(shown(&known.evidence, "handshake"), "completed");
        tokio::time::sleep(Duration::from_millis(50)).await;
        // The initiation, and the packet that ends the handshake.
        assert_eq!(asked.load(std::sync::atomic::Ordering::Relaxed), 2);

        let (port, _) = gateway(theirs, PublicKey::from([3; 32])).await;
        let stranger = outcome(Speaks::WireGuard(Some(keys)), port, None).await;
        let (reason, severity, _) = only(&stranger);
        assert_eq!(
            (reason, severity),
            (Reason::VpnGatewayNoAnswer, Severity::Blocking)
        );
    }
}
