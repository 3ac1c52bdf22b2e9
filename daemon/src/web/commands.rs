//! What can be asked for: a look now, and that the configuration is read again. Both only by whoever may open
//! the control socket is on this box or has shown who he is, and by no web page that somebody on this box happens to look at.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::http::header::{CONTENT_TYPE, FORWARDED, HOST, ORIGIN, RETRY_AFTER, VIA};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::oneshot;

use super::connection::Peer;
use super::routes::{Desk, plain};
use crate::engine::Command;

/// Between two looks on demand, whoever asks for them.
const BETWEEN_LOOKS: Duration = Duration::from_secs(30);

/// Headers by which a proxy on this box says that it speaks for somebody else.
const BY_PROXY: [HeaderName; 3] = [FORWARDED, VIA, HeaderName::from_static("x-forwarded-for")];

/// Whether a look on demand may be had.
#[derive(Debug, Default)]
pub(super) struct Turnstile {
    last: Mutex<Option<Duration>>,
}

impl Turnstile {
    /// Goes through, or says how long to wait.
    fn pass(&self, now: Duration) -> Result<(), Duration> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let wait = last.map_or(Duration::ZERO, |last| {
            (last + BETWEEN_LOOKS).saturating_sub(now)
        });
        if wait.is_zero() {
            *last = Some(now);
            Ok(())
        } else {
            Err(wait)
        }
    }
}

/// Asks everything that is configured now.
pub(super) async fn check(
    State(desk): State<Arc<Desk>>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
) -> Response<Body> {
    if let Err(why) = may_command(&peer, &headers) {
        return plain(StatusCode::FORBIDDEN, format!("{why}\n"));
    }
    if let Err(wait) = desk.turnstile.pass(desk.doors.clock.now().steady) {
        let seconds = wait.as_secs() + 1;
        let mut response = plain(
            StatusCode::TOO_MANY_REQUESTS,
            format!("Everything was asked a moment ago; once more is possible in {seconds} s.\n"),
        );
        let headers = response.headers_mut();
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        return response;
    }
    match desk.doors.commands.try_send(Command::CheckNow) {
        Ok(()) => plain(StatusCode::ACCEPTED, "Everything is asked now.\n"),
        Err(_) => plain(
            StatusCode::SERVICE_UNAVAILABLE,
            "Nobody takes the order just now.\n",
        ),
    }
}

/// Has the configuration read again, and says what came of it.
pub(super) async fn reload(
    State(desk): State<Arc<Desk>>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
) -> Response<Body> {
    if let Err(why) = may_command(&peer, &headers) {
        return plain(StatusCode::FORBIDDEN, format!("{why}\n"));
    }
    let (answer, outcome) = oneshot::channel();
    if let Err(error) = desk.doors.reload.try_send(answer) {
        let why = match error {
            TrySendError::Full(_) => "The configuration is being read already.\n",
            TrySendError::Closed(_) => "The daemon is stopping.\n",
        };
        return plain(StatusCode::SERVICE_UNAVAILABLE, why);
    }
    match outcome.await {
        Ok(Ok(())) => plain(
            StatusCode::OK,
            "The configuration was read and is in use.\n",
        ),
        Ok(Err(why)) => plain(
            StatusCode::INTERNAL_SERVER_ERROR,
            format!("The configuration that was in use stays so: {why}\n"),
        ),
        Err(_gone) => plain(StatusCode::SERVICE_UNAVAILABLE, "The daemon is stopping.\n"),
    }
}

/// Whether a request may command.
///
/// # Errors
/// A sentence for whoever may not.
pub(super) fn may_command(peer: &Peer, headers: &HeaderMap) -> Result<(), &'static str> {
    if matches!(peer, Peer::Control) {
        return Ok(());
    }
    if !is_trusted(peer, headers) {
        return Err(
            "This is taken from this box only, over its loopback address or control socket, or from \
             whoever has shown a password or a certificate.",
        );
    }
    // A browser sends neither of the two to another origin without asking first, and is never told yes.
    let is_json = headers.get(CONTENT_TYPE).is_some_and(|kind| {
        let kind = kind.as_bytes();
        kind.get(..16)
            .is_some_and(|kind| kind.eq_ignore_ascii_case(b"application/json"))
    });
    if !is_json && !headers.contains_key("x-requested-with") {
        return Err(
            "The header X-Requested-With is missing, which no page of another site can send.",
        );
    }
    let is_foreign = headers
        .get("sec-fetch-site")
        .is_some_and(|site| site != "same-origin" && site != "none");
    if is_foreign || !is_own_origin(headers) {
        return Err("A page of another site sent this.");
    }
    Ok(())
}

/// Whether somebody asks who has shown who he is, or who is on this box and asks for himself. The name that the
/// latter asks for is checked too: a page of another site may have pointed its own name at the loopback address.
pub(super) fn is_trusted(peer: &Peer, headers: &HeaderMap) -> bool {
    let address = match peer {
        Peer::Control | Peer::Net { is_known: true, .. } => return true,
        Peer::Net { address, .. } => address,
    };
    address.ip().to_canonical().is_loopback()
        && !BY_PROXY.iter().any(|name| headers.contains_key(name))
        && host(headers).is_some_and(|host| is_loopback_name(host.host()))
}

fn host(headers: &HeaderMap) -> Option<Authority> {
    headers.get(HOST)?.to_str().ok()?.parse().ok()
}

fn is_loopback_name(name: &str) -> bool {
    let address = name.trim_start_matches('[').trim_end_matches(']');
    name.eq_ignore_ascii_case("localhost")
        || address
            .parse()
            .is_ok_and(|address: IpAddr| address.to_canonical().is_loopback())
}

/// Whether the page that asks, if one does, is our own.
fn is_own_origin(headers: &HeaderMap) -> bool {
    let Some(origin) = headers.get(ORIGIN) else {
        return true;
    };
    let origin = origin.to_str().ok().and_then(|text| text.split_once("://"));
    match (origin, host(headers)) {
        (Some((_, origin)), Some(host)) => origin.eq_ignore_ascii_case(host.as_str()),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_come_from_this_box_and_from_no_page_of_another_site() {
        let local = "127.0.0.1:40000";
        let good = ["host: localhost:9798", "x-requested-with: curl"];
        for (peer, headers, may) in [
            (local, &good[..], true),
            (
                "[::1]:40000",
                &["host: [::1]:9798", "content-type: application/json"],
                true,
            ),
            ("[::ffff:127.0.0.1]:40000", &good, true),
            ("192.0.2.7:40000", &good, false),
            (local, &["host: localhost:9798"], false),
            (
                local,
                &["host: localhost", "content-type: text/plain"],
                false,
            ),
            (local, &["x-requested-with: curl"], false),
            (
                local,
                &["host: rebound.example.com", "x-requested-with: x"],
                false,
            ),
            (
                local,
                &[good[0], good[1], "origin: http://localhost:9798"],
                true,
            ),
            (
                local,
                &[good[0], good[1], "origin: http://localhost:80"],
                false,
            ),
            (local, &[good[0], good[1], "origin: null"], false),
            (
                local,
                &[good[0], good[1], "sec-fetch-site: same-origin"],
                true,
            ),
            (
                local,
                &[good[0], good[1], "sec-fetch-site: cross-site"],
                false,
            ),
            (
                local,
                &[good[0], good[1], "x-forwarded-for: 192.0.2.7"],
                false,
            ),
        ] {
            let map: HeaderMap = headers
                .iter()
                .filter_map(|line| line.split_once(": "))
                .map(|(name, value)| {
                    let name: HeaderName = name.parse().expect("a name");
                    (name, HeaderValue::from_static(value))
                })
                .collect();
            let known = Peer::Net {
                address: peer.parse().expect("an address"),
                is_known: false,
            };
            assert_eq!(may_command(&known, &map).is_ok(), may, "{peer} {headers:?}");
        }
    }

    #[test]
    fn whoever_may_open_the_control_socket_or_is_known_may_command() {
        let mut headers = HeaderMap::new();
        assert_eq!(may_command(&Peer::Control, &headers), Ok(()));
        let known = Peer::Net {
            address: "192.0.2.7:40000".parse().expect("an address"),
            is_known: true,
        };
        // A browser sends password and certificate for pages of other sites, too.
        assert!(may_command(&known, &headers).is_err());
        headers.insert("x-requested-with", HeaderValue::from_static("curl"));
        assert_eq!(may_command(&known, &headers), Ok(()));
        headers.insert(ORIGIN, HeaderValue::from_static("https://evil.example"));
        assert!(may_command(&known, &headers).is_err());
    }

    #[test]
    fn a_look_on_demand_is_had_once_in_a_while() {
        let turnstile = Turnstile::default();
        assert_eq!(turnstile.pass(Duration::ZERO), Ok(()));
        let wait = turnstile.pass(Duration::from_secs(12));
        assert_eq!(wait, Err(Duration::from_secs(18)));
        assert_eq!(turnstile.pass(Duration::from_secs(30)), Ok(()));
    }
}
