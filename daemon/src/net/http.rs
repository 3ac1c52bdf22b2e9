//! One HTTP/1.1 request over a stream that stands (RFC 9112). Everything that comes back is
//! bounded: the head by hyper, the rest here, and the time by the run.

pub(super) mod bounded;
mod download;

use std::collections::BTreeMap;
use std::error::Error as _;
use std::pin::pin;

use futures_util::future::{Either, select};
use http_body_util::{BodyExt, Empty};
use hyper::body::{Body, Bytes, Incoming};
use hyper::client::conn::http1;
use hyper::header::{self, HeaderMap, HeaderName};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use sightline_model::{Finding, Phase, Reason};
use tokio::io::{AsyncRead, AsyncWrite};

use super::{fault, proxy};
use crate::run::Run;
use crate::text;
use bounded::Bounded;

pub use download::{Bounds, Download, download};

/// The protocol in a TLS handshake (RFC 7301).
pub const ALPN: &[u8] = b"http/1.1";

/// What this program calls itself (RFC 9110 §10.1.5).
pub const USER_AGENT: &str = concat!("sightline/", env!("CARGO_PKG_VERSION"));

/// The most that is read of the head of an answer, in bytes.
pub(super) const HEAD_MAX: usize = 64 * 1024;

/// The most headers of an answer.
pub(super) const HEADERS_MAX: usize = 128;

/// The most that is usually read of the body of an answer, in bytes.
pub const BODY_MAX: usize = 64 * 1024;

/// The most that is read of a connection: head and body, and what surrounds them, in bytes.
pub(super) const READ_MAX: usize = 256 * 1024;

/// A question.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// For the header `Host`: with the port, where that is not the usual one.
    pub authority: &'a str,
    /// Path with query; the whole address, where a proxy is asked for it (RFC 9112 §3.2.2).
    pub path: &'a str,
    /// Headers beside the usual ones.
    pub headers: &'a BTreeMap<String, String>,
    /// How many bytes of the content are asked for, from its first; all without it.
    pub first_bytes: Option<usize>,
    /// How many bytes of the body are read at most; none with 0.
    pub most_of_body: usize,
}

/// An answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// Headers of interest, fit for people.
    pub headers: BTreeMap<&'static str, String>,
    /// The kinds of sign-in that a proxy offers with 407 (RFC 9110 §11.7.1), fit for people.
    pub offered: Vec<String>,
    /// Whether a proxy says in a header that the answer is its own (RFC 9209; Squid's own word).
    pub is_of_proxy: bool,
    /// Where a redirect leads, as sent.
    pub location: Option<String>,
    /// The body as far as it was read; at most as much as was asked for.
    pub body: Vec<u8>,
    /// Whether there was more of it.
    pub is_cut: bool,
}

/// Asks and reads the answer. The connection is not used again.
///
/// # Errors
/// What the network said, or that the answer is none of the protocol.
pub async fn ask<S>(run: &Run, stream: S, question: &Question<'_>) -> Result<Answer, Finding>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let most_of_body = question.most_of_body;
    let most = READ_MAX.max(most_of_body.saturating_mul(2));
    exchange(run, stream, question, most, |response| {
        read(response, most_of_body)
    })
    .await
}

/// Asks and hands the answer to `reader`; at most `most` bytes are read of the connection.
async fn exchange<S, T, F>(
    run: &Run,
    stream: S,
    question: &Question<'_>,
    most: usize,
    reader: impl FnOnce(Response<Incoming>) -> F,
) -> Result<T, Finding>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    F: Future<Output = hyper::Result<T>>,
{
    run.enter(Phase::Request);
    let request = request(question).map_err(|error| run.blind(Reason::InternalError, error))?;
    let (mut sender, connection) = http1::Builder::new()
        .max_buf_size(HEAD_MAX)
        .max_headers(HEADERS_MAX)
        .handshake(TokioIo::new(Bounded::new(stream, most)))
        .await
        .map_err(|error| failed(run, &error))?;
    let exchange = pin!(async {
        let response = sender.send_request(request).await?;
        run.enter(Phase::Response);
        reader(response).await
    });
    // The connection moves the bytes; what it ends with, the exchange hears too.
    match select(exchange, pin!(connection)).await {
        Either::Left((answer, _)) => answer,
        Either::Right((_, exchange)) => exchange.await,
    }
    .map_err(|error| failed(run, &error))
}

fn request(question: &Question<'_>) -> Result<Request<Empty<Bytes>>, hyper::http::Error> {
    let mut builder = Request::get(question.path)
        .header(header::HOST, question.authority)
        .header(header::USER_AGENT, USER_AGENT)
        .header(header::CONNECTION, "close");
    let is_accept = |name: &String| name.eq_ignore_ascii_case("accept");
    if !question.headers.keys().any(is_accept) {
        builder = builder.header(header::ACCEPT, "*/*");
    }
    for (name, value) in question.headers {
        builder = builder.header(name, value);
    }
    if let Some(last) = question.first_bytes.and_then(|count| count.checked_sub(1)) {
        builder = builder.header(header::RANGE, format!("bytes=0-{last}"));
    }
    builder.body(Empty::new())
}

async fn read(mut response: Response<Incoming>, most: usize) -> hyper::Result<Answer> {
    let mut answer = Answer {
        status: response.status().as_u16(),
        headers: kept(response.headers()),
        offered: proxy::schemes(response.headers()),
        is_of_proxy: proxy::is_own_answer(response.headers()),
        location: value(response.headers(), &header::LOCATION),
        ..Answer::default()
    };
    let ends_with_connection = response.body().size_hint().exact().is_none()
        && !response.headers().contains_key(header::TRANSFER_ENCODING);
    while most > 0 && !answer.is_cut {
        let frame = match response.body_mut().frame().await {
            Some(Ok(frame)) => frame,
            // Few servers say goodbye in TLS before they close.
            Some(Err(error)) if !ends_with_connection => return Err(error),
            Some(Err(_)) | None => break,
        };
        if let Some(bytes) = frame.data_ref() {
            let room = most.saturating_sub(answer.body.len());
            answer.is_cut = bytes.len() > room;
            answer.body.extend(bytes.iter().take(room));
        }
    }
    Ok(answer)
}

fn kept(headers: &HeaderMap) -> BTreeMap<&'static str, String> {
    [
        ("location", header::LOCATION),
        ("server", header::SERVER),
        ("via", header::VIA),
        ("content_type", header::CONTENT_TYPE),
        ("content_range", header::CONTENT_RANGE),
        ("www_authenticate", header::WWW_AUTHENTICATE),
    ]
    .into_iter()
    .filter_map(|(key, name)| Some((key, text::foreign(&all(headers, &name)?))))
    .collect()
}

fn value(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    headers
        .get(name)
        .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
}

/// All values of a header in one (RFC 9110 §5.3).
fn all(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let values: Vec<_> = headers
        .get_all(name)
        .iter()
        .map(|value| String::from_utf8_lossy(value.as_bytes()))
        .collect();
    (!values.is_empty()).then(|| values.join(", "))
}

/// What an error of the exchange means.
pub(super) fn failed(run: &Run, error: &hyper::Error) -> Finding {
    let doing = run.doing();
    if let Some(io) = error.source().and_then(|source| source.downcast_ref()) {
        return fault::finding(run, io);
    }
    if error.is_parse() {
        return run.fail(
            Reason::ProtocolError,
            format!("{doing}: no HTTP within bounds: {error}"),
        );
    }
    fault::finding(run, &std::io::ErrorKind::UnexpectedEof.into())
}
