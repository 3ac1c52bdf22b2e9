//! Through a proxy: the tunnel that it makes (RFC 9110 §9.3.6), and what it says instead.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;

use futures_util::future::{Either, select};
use http_body_util::Empty;
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1;
use hyper::header::{self, HeaderMap, HeaderValue};
use hyper::upgrade::Upgraded;
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use sightline_model::{Finding, Phase, Reason};
use tokio::net::TcpStream;

use super::http::{self, bounded::Bounded};
use crate::run::Run;
use crate::text;

/// A proxy as the clients of a network know it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Server {
    /// Name or address; an IPv6 address has no brackets.
    pub host: String,
    /// TCP port.
    pub port: u16,
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

/// A proxy that lets through, and where it was reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exit {
    /// As clients know it.
    pub server: Server,
    /// Its address.
    pub address: IpAddr,
}

impl Exit {
    /// Where to connect to.
    #[must_use]
    pub const fn socket(&self) -> SocketAddr {
        SocketAddr::new(self.address, self.server.port)
    }
}

/// A connection to a host, made by a proxy.
pub type Tunnel = TokioIo<Upgraded>;

/// Asks the proxy at the other end of `stream` for a connection to `authority`, `host:port`.
///
/// # Errors
/// What the network said, or what the proxy did, as [`refusal`] reads it.
pub async fn tunnel(run: &Run, stream: TcpStream, authority: &str) -> Result<Tunnel, Finding> {
    run.enter(Phase::Request);
    let request = Request::builder()
        .method(Method::CONNECT)
        .uri(authority)
        .header(header::HOST, authority)
        .header(header::USER_AGENT, http::USER_AGENT)
        .body(Empty::<Bytes>::new())
        .map_err(|error| run.blind(Reason::InternalError, error))?;
    let (mut sender, connection) = http1::Builder::new()
        .max_buf_size(http::HEAD_MAX)
        .max_headers(http::HEADERS_MAX)
        .handshake(TokioIo::new(Bounded::new(stream, http::READ_MAX)))
        .await
        .map_err(|error| http::failed(run, &error))?;
    let exchange = async {
        let response: Response<Incoming> = sender.send_request(request).await?;
        let status = response.status().as_u16();
        let offered = schemes(response.headers());
        if response.status().is_success() {
            Ok::<_, hyper::Error>(Ok(hyper::upgrade::on(response).await?))
        } else {
            Ok(Err((status, offered)))
        }
    };
    // The connection moves the bytes until the proxy has made the tunnel, and ends then.
    let (exchange, connection) = (pin!(exchange), pin!(connection.with_upgrades()));
    let made = match select(exchange, connection).await {
        Either::Left((made, _)) => made,
        Either::Right((_, exchange)) => exchange.await,
    };
    match made.map_err(|error| http::failed(run, &error))? {
        Ok(upgraded) => Ok(TokioIo::new(upgraded)),
        Err((status, offered)) => {
            let asked = format!("CONNECT {authority}");
            Err(refusal(run, &asked, status, &offered))
        }
    }
}

/// Whether a status tells that the proxy itself did not reach what it was asked for (RFC 9110 §15.6).
#[must_use]
pub const fn is_from_beyond(status: u16) -> bool {
    matches!(status, 502..=504)
}

/// Whether a header says that a proxy made the answer itself: the error of RFC 9209 §2.1.1, or Squid's.
pub(super) fn is_own_answer(headers: &HeaderMap) -> bool {
    let says_error = |value: &HeaderValue| {
        let text = String::from_utf8_lossy(value.as_bytes()).into_owned();
        text.contains("error=")
    };
    headers.contains_key("x-squid-error") || headers.get_all("proxy-status").iter().any(says_error)
}

/// What a proxy says in the place of a tunnel: it wants to know who asks, it does not reach the host, or it
/// does not want to.
#[must_use]
pub fn refusal(run: &Run, asked: &str, status: u16, offered: &[String]) -> Finding {
    run.enter(Phase::Response);
    let whom = run.whom();
    if status == 407 {
        let offered = if offered.is_empty() {
            "it names no kind of sign-in".to_owned()
        } else {
            format!("it takes {}", offered.join(", "))
        };
        return run.fail(
            Reason::ProxyAuth,
            format!("{whom}: {asked} gave 407, {offered}"),
        );
    }
    if is_from_beyond(status) {
        return run.fail(
            Reason::HostUnreachable,
            format!("{whom}: {asked} gave {status}, the proxy does not reach the host"),
        );
    }
    run.fail(
        Reason::ProxyRefused,
        format!("{whom}: {asked} gave {status}"),
    )
}

/// The kinds of sign-in that are offered, each by its first word (RFC 9110 §11.7.1).
pub(super) fn schemes(headers: &HeaderMap) -> Vec<String> {
    headers
        .get_all(header::PROXY_AUTHENTICATE)
        .iter()
        .filter_map(|value| value.to_str().ok()?.split_whitespace().next())
        .map(text::foreign)
        .take(4)
        .collect()
}
