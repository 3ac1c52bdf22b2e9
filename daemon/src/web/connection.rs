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
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::guests::{Guest, Guests};
use super::listener::{Listener, Stream};
use super::routes;

/// The head of a request is complete so soon, and the next request comes so soon.
const HEAD: Duration = Duration::from_secs(10);

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
    Net(SocketAddr),
    /// From whoever may open the control socket.
    Control,
}

/// Takes connections until it is stopped.
pub(super) async fn listen(
    listener: Listener,
    router: Router,
    guests: Arc<Guests>,
    mut stopped: watch::Receiver<bool>,
) {
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
            guest = guests.admit() => guest,
            _ = stopped.wait_for(|stopped| *stopped) => break,
        };
        let (router, stopped) = (router.clone(), stopped.clone());
        match stream {
            Stream::Net(stream) => open.spawn(talk(stream, peer, router, guest, stopped)),
            Stream::Control(stream) => open.spawn(talk(stream, peer, router, guest, stopped)),
        };
    }
    drop(listener);
    let all = async { while open.join_next().await.is_some() {} };
    let _cut_off = tokio::time::timeout(STOP, all).await;
}

/// Answers on one connection until its end.
async fn talk(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    peer: Peer,
    router: Router,
    guest: Guest,
    mut stopped: watch::Receiver<bool>,
) {
    let guest = Arc::new(guest);
    let service = TowerToHyperService::new(router);
    let place = Arc::clone(&guest);
    let answers = service_fn(move |request: Request<Incoming>| {
        let service = service.clone();
        let guest = Arc::clone(&place);
        async move {
            guest.is_served();
            let mut response = answer(&service, request, peer).await;
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
    peer: Peer,
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
        request.extensions_mut().insert(peer);
        match tokio::time::timeout(ANSWER, service.call(request)).await {
            Ok(Ok(response)) => response,
            Ok(Err(never)) => match never {},
            Err(_elapsed) => routes::plain(
                StatusCode::SERVICE_UNAVAILABLE,
                "The answer was not ready in time.\n",
            ),
        }
    };
    routes::secure(response.headers_mut());
    response
}

fn has_body(request: &Request<Incoming>) -> bool {
    let headers = request.headers();
    headers.contains_key(TRANSFER_ENCODING)
        || headers
            .get(CONTENT_LENGTH)
            .is_some_and(|length| length != "0")
}
