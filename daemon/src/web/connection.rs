//! One connection: how long it may take, and how large its requests may be.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::header::{CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING};
use axum::http::{HeaderValue, Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::guests::{Guest, Guests};
use super::listener::{Listener, Stream};
use super::routes;
use super::security::{Rules, Security, Shown};

/// The head of a request is complete so soon, and the next request comes so soon.
const HEAD: Duration = Duration::from_secs(10);

/// A handshake of TLS has so long.
const HANDSHAKE: Duration = Duration::from_secs(5);

/// An answer is written so soon.
const ANSWER: Duration = Duration::from_secs(10);

/// A connection takes no more requests after so long, and is cut off [`FAREWELL`] later.
pub(super) const LIFE: Duration = Duration::from_secs(300);

/// See there.
const FAREWELL: Duration = Duration::from_secs(10);

/// When everything stops, what was asked already has so long.
const STOP: Duration = Duration::from_secs(1);

/// The head of a request is not larger, in octets.
const MOST_OCTETS: usize = 16 * 1024;

/// It has no more headers.
const MOST_HEADERS: usize = 64;

/// After an error that would come again at once.
const PAUSE: Duration = Duration::from_millis(100);

/// Where a request came from.
#[derive(Clone, Copy, Debug)]
pub(super) enum Peer {
    /// From an address.
    Net {
        /// Which one.
        address: SocketAddr,
        /// Whether a password or a certificate has shown who sends it.
        is_known: bool,
    },
    /// From whoever may open the control socket.
    Control,
}

/// What all connections share.
#[derive(Clone)]
pub(super) struct House {
    pub(super) router: Router,
    pub(super) security: Security,
    pub(super) guests: Arc<Guests>,
    pub(super) stopped: watch::Receiver<bool>,
}

/// Takes connections until it is stopped.
pub(super) async fn listen(listener: Listener, house: House) {
    let mut stopped = house.stopped.clone();
    let mut open = JoinSet::new();
    loop {
        while open.try_join_next().is_some() {}
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stopped.wait_for(|stopped| *stopped) => break,
        };
        let Ok((stream, peer)) = accepted else {
            // Out of descriptors, or a client that left before it was taken.
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        let guest = tokio::select! {
            guest = house.guests.admit() => guest,
            _ = stopped.wait_for(|stopped| *stopped) => break,
        };
        let house = house.clone();
        match stream {
            Stream::Net(stream) => open.spawn(meet(stream, peer, house, guest)),
            Stream::Control(stream) => {
                let (_all, changes) = house.security.rules();
                open.spawn(talk(stream, peer, house, guest, changes))
            }
        };
    }
    drop(listener);
    let all = async { while open.join_next().await.is_some() {} };
    let _cut_off = tokio::time::timeout(STOP, all).await;
}

/// Begins a connection as it is wanted of those from elsewhere: over TLS, or not.
async fn meet(stream: TcpStream, peer: Peer, house: House, guest: Guest) {
    let (rules, changes) = house.security.rules();
    let Some(tls) = &rules.tls else {
        return talk(stream, peer, house, guest, changes).await;
    };
    let mut stopped = house.stopped.clone();
    let handshake = tokio::time::timeout(HANDSHAKE, tls.acceptor.accept(stream));
    let stream = tokio::select! {
        ended = handshake => match ended {
            Ok(Ok(stream)) => stream,
            // What goes wrong with a client is the client's matter.
            Ok(Err(_)) | Err(_) => return,
        },
        () = guest.is_put_out() => return,
        _ = stopped.wait_for(|stopped| *stopped) => return,
    };
    guest.is_served();
    let has_shown = stream.get_ref().1.peer_certificates().is_some();
    let peer = match peer {
        Peer::Net { address, .. } => Peer::Net {
            address,
            is_known: tls.proves_clients && has_shown,
        },
        Peer::Control => peer,
    };
    talk(stream, peer, house, guest, changes).await;
}

/// Answers on one connection until its end, or until `changes` says that connections begin in another way now.
async fn talk(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    peer: Peer,
    house: House,
    guest: Guest,
    mut changes: watch::Receiver<Arc<Rules>>,
) {
    let House {
        router,
        security,
        mut stopped,
        ..
    } = house;
    let guest = Arc::new(guest);
    let service = TowerToHyperService::new(router);
    let place = Arc::clone(&guest);
    let answers = service_fn(move |request: Request<Incoming>| {
        let service = service.clone();
        let guest = Arc::clone(&place);
        let (rules, _changes) = security.rules();
        async move {
            guest.is_served();
            let mut response = answer(&service, request, (peer, &rules)).await;
            guest.is_served();
            if guest.is_crowded() {
                let close = HeaderValue::from_static("close");
                response.headers_mut().insert(CONNECTION, close);
            }
            Ok::<_, Infallible>(response)
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .max_buf_size(MOST_OCTETS)
        .max_headers(MOST_HEADERS)
        .serve_connection(TokioIo::new(stream), answers);
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        // What goes wrong with a client is the client's matter.
        _ended = &mut connection => return,
        () = guest.is_put_out() => return,
        () = tokio::time::sleep(LIFE) => {}
        _ = changes.changed() => {}
        _ = stopped.wait_for(|stopped| *stopped) => {}
    }
    connection.as_mut().graceful_shutdown();
    tokio::select! {
        _ended = connection => {}
        () = guest.is_put_out() => {}
        () = tokio::time::sleep(FAREWELL) => {}
    }
}

/// The answer to one request, with what every answer says.
async fn answer(
    service: &TowerToHyperService<Router>,
    request: Request<Incoming>,
    (peer, rules): (Peer, &Rules),
) -> Response<Body> {
    let mut response = if has_body(&request) {
        let mut refusal = routes::plain(
            StatusCode::PAYLOAD_TOO_LARGE,
            "Nothing here takes a body.\n",
        );
        let close = HeaderValue::from_static("close");
        refusal.headers_mut().insert(CONNECTION, close);
        refusal
    } else {
        let mut request = request.map(Body::new);
        let answered = async {
            match rules.admit(peer, Shown::of(&request)).await {
                Ok(peer) => {
                    request.extensions_mut().insert(peer);
                    match service.call(request).await {
                        Ok(response) => response,
                        Err(never) => match never {},
                    }
                }
                Err(refusal) => *refusal,
            }
        };
        match tokio::time::timeout(ANSWER, answered).await {
            Ok(response) => response,
            Err(_elapsed) => routes::plain(
                StatusCode::SERVICE_UNAVAILABLE,
                "The answer was not ready in time.\n",
            ),
        }
    };
    routes::secure(response.headers_mut());
    rules.dress(response.headers_mut());
    response
}

fn has_body(request: &Request<Incoming>) -> bool {
    let headers = request.headers();
    headers.contains_key(TRANSFER_ENCODING)
        || headers
            .get(CONTENT_LENGTH)
            .is_some_and(|length| length != "0")
}
