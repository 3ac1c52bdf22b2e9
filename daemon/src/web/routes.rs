//! What is found where.

use std::convert::Infallible;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::header::{
    ACCEPT, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode};
use axum::routing::{delete, get, post};
use axum::{Extension, Router};
use serde::Deserialize;
use sightline_model::Verdict;
use sightline_model::incident::Moment;
use sightline_model::snapshot::Snapshot;
use tokio::sync::watch;

use super::Doors;
use super::commands::{self, Turnstile};
use super::connection::Peer;
use super::events::{self, Audience};
use super::history::{self, Histories};
use super::policy;
use super::process;
use super::report;
use super::silences;
use super::views::{View, Views};
use crate::surface;
use crate::surface::metrics::{Format, Own};
use crate::surface::page::Reader;

const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");
const TOML: HeaderValue = HeaderValue::from_static("application/toml; charset=utf-8");
const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// What the answers are made from.
#[derive(Debug)]
pub(super) struct Desk {
    pub(super) doors: Doors,
    pub(super) turnstile: Turnstile,
    pub(super) views: Views,
    pub(super) histories: Histories,
    pub(super) audience: Audience,
    /// Whether everything ends.
    pub(super) stopped: watch::Receiver<bool>,
}

impl Desk {
    /// The latest snapshot, and this moment.
    pub(super) fn current(&self) -> (Arc<Snapshot>, Moment) {
        let snapshot = Arc::clone(&self.doors.snapshots.borrow());
        (snapshot, self.doors.clock.now())
    }

    /// How the daemon itself is.
    pub(super) fn own(&self) -> Own {
        Own {
            process: process::now(),
            store: self.doors.store.health(),
        }
    }
}

/// All routes.
pub(super) fn router(doors: Doors, stopped: watch::Receiver<bool>) -> Router {
    let desk = Desk {
        doors,
        turnstile: Turnstile::default(),
        views: Views::default(),
        histories: Histories::default(),
        audience: Audience::default(),
        stopped,
    };
    Router::new()
        .route("/", get(page))
        .route("/-/healthy", get(healthy))
        .route("/-/ready", get(ready))
        .route("/site-ready", get(site_ready))
        .route("/metrics", get(metrics))
        .route("/api/v1/status", get(status))
        .route("/api/v1/incidents", get(history::incidents))
        .route("/api/v1/history", get(history::history))
        .route("/api/v1/events", get(events::events))
        .route("/api/v1/report", get(report::report))
        .route("/api/v1/config", get(config))
        .route("/api/v1/openapi.json", get(description))
        .route("/api/v1/check", post(commands::check))
        .route("/-/reload", post(commands::reload))
        .route(
            "/api/v1/silences",
            get(silences::list).post(silences::begin),
        )
        .route("/api/v1/silences/{id}", delete(silences::end))
        .fallback(nothing)
        .with_state(Arc::new(desk))
}

/// A sentence as an answer.
pub(super) fn plain(status: StatusCode, sentence: impl Into<Bytes>) -> Response<Body> {
    typed(status, TEXT, sentence.into())
}

fn typed(status: StatusCode, kind: HeaderValue, body: Bytes) -> Response<Body> {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}

/// Headers of every answer: nothing is kept, nothing is guessed, nothing is loaded from elsewhere.
pub(super) fn secure(headers: &mut HeaderMap) {
    let said = [
        (CACHE_CONTROL, "no-store"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_FRAME_OPTIONS, "DENY"),
        (REFERRER_POLICY, "no-referrer"),
    ];
    for (name, value) in said {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers
        .entry(CONTENT_SECURITY_POLICY)
        .or_insert(HeaderValue::from_static(
            "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        ));
}

async fn nothing() -> Response<Body> {
    plain(StatusCode::NOT_FOUND, "There is nothing here.\n")
}

async fn healthy() -> Response<Body> {
    plain(StatusCode::OK, "The process is alive.\n")
}

async fn ready(State(desk): State<Arc<Desk>>) -> Response<Body> {
    let (snapshot, now) = desk.current();
    match snapshot.blindness(now) {
        None => plain(StatusCode::OK, "Everything is asked in its time.\n"),
        Some(why) => plain(StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n")),
    }
}

async fn site_ready(State(desk): State<Arc<Desk>>) -> Response<Body> {
    let (snapshot, now) = desk.current();
    let status = snapshot.shown(now);
    let code = match status.verdict {
        Verdict::Ready | Verdict::Degraded => StatusCode::OK,
        Verdict::NotReady | Verdict::Unknown => StatusCode::SERVICE_UNAVAILABLE,
    };
    let mut text = format!("{}\n", status.verdict.id());
    if let Some(why) = snapshot.blindness(now) {
        text.push_str(&format!("{why}\n"));
    } else if let Some(network) = surface::worst(&status) {
        match surface::first_cause(network) {
            Some(cause) => text.push_str(&format!("{}\n{}\n", cause.summary, cause.fix)),
            None => text.push_str(&format!("{}\n", surface::sentence(network))),
        }
    }
    plain(code, text)
}

async fn page(
    State(desk): State<Arc<Desk>>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
) -> Response<Body> {
    let (snapshot, now) = desk.current();
    let reader = if commands::is_trusted(&peer, &headers) {
        Reader::Commands
    } else {
        Reader::Looks
    };
    let book = desk.histories.book(&desk.doors.store, &snapshot, now).await;
    let write = || surface::page::render((&snapshot, &book), now, reader);
    let text = desk.views.text(View::Page(reader), (&snapshot, now), write);
    let (Ok(text), Ok(policy)) = (text.await, policy::of_the_page()) else {
        return plain(
            StatusCode::INTERNAL_SERVER_ERROR,
            "The page cannot be written.\n",
        );
    };
    let mut response = typed(StatusCode::OK, HTML, text);
    let headers = response.headers_mut();
    headers.insert(CONTENT_SECURITY_POLICY, policy);
    response
}

async fn metrics(State(desk): State<Arc<Desk>>, headers: HeaderMap) -> Response<Body> {
    let (snapshot, now) = desk.current();
    let ranges: Vec<_> = headers
        .get_all(ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .collect();
    let format = Format::preferred(&ranges.join(","));
    let write = || surface::metrics::render(&snapshot, now, desk.own(), format);
    let view = View::Metrics(format);
    match desk.views.text(view, (&snapshot, now), write).await {
        Ok(text) => {
            let kind = HeaderValue::from_static(format.content_type());
            typed(StatusCode::OK, kind, text)
        }
        Err(_) => plain(
            StatusCode::INTERNAL_SERVER_ERROR,
            "The metrics cannot be written.\n",
        ),
    }
}

/// In which form it is wanted.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wish {
    output: Option<Output>,
    /// With every run, for people.
    #[serde(default)]
    verbose: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Output {
    /// For programs.
    Json,
    /// For people at a terminal, with styles.
    Human,
    /// For people, without.
    Text,
    /// For a monitoring system.
    Nagios,
}

fn told(form: Output, is_verbose: bool, snapshot: &Snapshot, now: Moment) -> String {
    let text = || surface::human::live::render(snapshot, now, is_verbose);
    match form {
        Output::Text => anstream::adapter::strip_str(&text()).to_string(),
        Output::Nagios => surface::nagios::live(snapshot, now) + "\n",
        Output::Human | Output::Json => text(),
    }
}

async fn status(
    State(desk): State<Arc<Desk>>,
    wish: Result<Query<Wish>, QueryRejection>,
) -> Response<Body> {
    let (snapshot, now) = desk.current();
    let wish = match wish {
        Ok(Query(wish)) => wish,
        Err(wrong) => {
            return plain(StatusCode::BAD_REQUEST, format!("{}\n", wrong.body_text()));
        }
    };
    if let Some(form) = wish.output.filter(|form| *form != Output::Json) {
        let write = || Ok::<_, Infallible>(told(form, wish.verbose, &snapshot, now));
        let view = View::Told(form, wish.verbose);
        let Ok(text) = desk.views.text(view, (&snapshot, now), write).await;
        return plain(StatusCode::OK, text);
    }
    let write = || surface::json::render(&snapshot.shown(now));
    json(desk.views.text(View::Status, (&snapshot, now), write).await)
}

/// The description of all of this (OpenAPI 3.1).
async fn description() -> Response<Body> {
    const TEXT: &str = include_str!("../../templates/openapi.json");
    typed(StatusCode::OK, JSON, Bytes::from_static(TEXT.as_bytes()))
}

/// The incidents at hand.
pub(super) async fn incidents(
    desk: &Desk,
    snapshot: &Arc<Snapshot>,
    now: Moment,
) -> Response<Body> {
    let write = || surface::json::incidents(snapshot);
    let text = desk.views.text(View::Incidents, (snapshot, now), write);
    json(text.await)
}

async fn config(State(desk): State<Arc<Desk>>) -> Response<Body> {
    let (snapshot, _) = desk.current();
    let shown = snapshot.configuration.shown.as_bytes();
    typed(StatusCode::OK, TOML, Bytes::copy_from_slice(shown))
}

/// JSON as an answer.
pub(super) fn json(text: serde_json::Result<Bytes>) -> Response<Body> {
    match text {
        Ok(text) => typed(StatusCode::OK, JSON, text),
        Err(error) => plain(
            StatusCode::INTERNAL_SERVER_ERROR,
            format!("This cannot be written as JSON: {error}\n"),
        ),
    }
}
