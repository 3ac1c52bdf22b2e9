use sightline_model::DhcpKind;

use super::message::tests::stored;
use super::*;

/// Fields of the fixed part.
const XID: std::ops::Range<usize> = 4..8;
const HARDWARE: std::ops::Range<usize> = 28..34;
/// The value of the first option of the stored answer, its type.
const KIND: usize = 242;
/// The last byte of option 54, which comes next.
const SERVER: usize = 248;

const QUICKLY: Rhythm = Rhythm {
    sends: &[
        (Duration::ZERO, Question::Inform),
        (Duration::from_millis(60), Question::Inform),
        (Duration::from_millis(60), Question::Discover),
    ],
    silence: Duration::from_millis(500),
    grace: Duration::from_millis(120),
};

fn client() -> Client {
    Client {
        interface: "lo".into(),
        hardware: [2, 0, 0, 0, 0, 1],
        address: Some(Ipv4Addr::LOCALHOST),
    }
}

/// A server on loopback that answers each datagram with those that `answers` makes of it.
async fn served(
    answers: impl Fn(&[u8]) -> Vec<Vec<u8>> + Send + 'static,
) -> (Vec<DhcpAnswer>, Duration) {
    let server = UdpSocket::bind("127.0.0.1:0").await.expect("loopback");
    let SocketAddr::V4(at) = server.local_addr().expect("bound") else {
        panic!("an address of IPv4")
    };
    let serving = tokio::spawn(async move {
        let mut question = [0; 1000];
        while let Ok((length, from)) = server.recv_from(&mut question).await {
            for answer in answers(&question[..length]) {
                let _gone = server.send_to(&answer, from).await;
            }
        }
    });
    let any = open(None, Ipv4Addr::LOCALHOST, 0).expect("loopback");
    let begun = Instant::now();
    let found = exchange((&any, None), at, &client(), QUICKLY).await;
    serving.abort();
    (found.expect("loopback can be sent to"), begun.elapsed())
}

fn answer(question: &[u8], kind: u8, server: u8) -> Vec<u8> {
    let mut bytes = stored();
    bytes[XID].copy_from_slice(&question[XID]);
    bytes[HARDWARE].copy_from_slice(&question[HARDWARE]);
    bytes[KIND] = kind;
    bytes[SERVER] = server;
    bytes
}

fn is_inform(question: &[u8]) -> bool {
    question.windows(3).any(|option| option == [53, 1, 8])
}

fn servers(found: &[DhcpAnswer]) -> Vec<(u8, DhcpKind)> {
    found
        .iter()
        .map(|answer| (answer.server.octets()[3], answer.kind))
        .collect()
}

#[tokio::test]
async fn all_servers_are_heard_and_stand_by_their_identifiers() {
    let (found, took) = served(|question| {
        vec![
            answer(question, 5, 7),
            answer(question, 5, 2),
            answer(question, 5, 7),
        ]
    })
    .await;
    assert_eq!(servers(&found), [(2, DhcpKind::Ack), (7, DhcpKind::Ack)]);
    assert!(took >= QUICKLY.grace && took < QUICKLY.silence, "{took:?}");
}

#[tokio::test]
async fn a_server_that_ignores_the_first_question_is_heard_by_its_offer() {
    let (found, _) = served(|question| {
        if is_inform(question) {
            Vec::new()
        } else {
            vec![answer(question, 2, 1)]
        }
    })
    .await;
    assert_eq!(servers(&found), [(1, DhcpKind::Offer)]);
}

#[tokio::test]
async fn answers_to_others_and_rubbish_are_not_heard_and_silence_ends() {
    let (found, took) = served(|question| {
        let mut other = answer(question, 5, 1);
        other[XID.start] ^= 1;
        let mut asker = answer(question, 5, 1);
        asker[HARDWARE.start] ^= 1;
        vec![other, asker, question.to_vec(), Vec::new(), vec![2; 2000]]
    })
    .await;
    assert_eq!(found, []);
    assert!(took >= QUICKLY.silence, "{took:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_is_bounded_in_number_and_time() {
    let (found, took) = served(|question| {
        let all: Vec<_> = (0..=255)
            .map(|server| answer(question, 5, server))
            .collect();
        all.iter().cycle().take(20_000).cloned().collect()
    })
    .await;
    assert_eq!(found.len(), MOST_ANSWERS);
    assert!(took < Duration::from_secs(2), "{took:?}");
}

#[tokio::test]
async fn an_interface_that_is_not_there_is_an_error() {
    let mut nowhere = client();
    nowhere.interface = "no-such-if0".into();
    assert!(ask(&nowhere, BRIEFLY).await.is_err());
}

#[test]
fn a_check_is_told_of_silence_after_one_and_a_half_seconds() {
    for rhythm in [BRIEFLY, WITHOUT_ADDRESS] {
        assert_eq!(rhythm.silence, Duration::from_millis(1500));
        assert!(rhythm.sends.is_sorted_by_key(|(at, _)| *at));
        assert!(rhythm.sends.iter().all(|(at, _)| *at < rhythm.silence));
    }
}
