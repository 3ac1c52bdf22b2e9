//! Silences: which there are, a new one, an early end.

use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, Response, StatusCode};
use jiff::fmt::friendly::SpanParser;
use serde::Deserialize;
use sightline_model::silence::{Matching, Silence};
use sightline_model::{Reason, Stage};
use tokio::sync::oneshot;

use super::commands::may_command;
use super::connection::Peer;
use super::routes::{Desk, json, plain};
use crate::engine::Command;
use crate::engine::SilenceOrder;
use crate::surface;

/// In which form the answer is wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Output {
    /// For programs.
    #[default]
    Json,
    /// For people.
    Text,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wish {
    #[serde(default)]
    output: Output,
}

/// A silence as it is asked for.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Order {
    /// How long, as `2h` or `1h 30m`.
    #[serde(rename = "for")]
    lasts: String,
    why: String,
    network: Option<String>,
    stage: Option<String>,
    reason: Option<String>,
    #[serde(default)]
    output: Output,
}

impl Order {
    fn read(self) -> Result<SilenceOrder, String> {
        let parsed = SpanParser::new().parse_unsigned_duration(&self.lasts);
        let lasts: Duration = parsed.map_err(|_not_one| {
            format!(
                "`{}` is no time to be silent for; write it as 2h or 45m",
                crate::text::foreign(&self.lasts)
            )
        })?;
        let why = self.why.trim();
        if why.is_empty() || why.chars().count() > Silence::MOST_WORDS {
            return Err(format!(
                "a silence needs a reason of at most {} characters, for those who wonder",
                Silence::MOST_WORDS
            ));
        }
        let stage: Option<Stage> = word(self.stage, "stage")?;
        let reason: Option<Reason> = word(self.reason, "reason")?;
        Ok(SilenceOrder {
            lasts,
            why: crate::text::harmless(why),
            matching: Matching {
                network: self.network,
                stage,
                reason,
            },
        })
    }
}

fn word<T: std::str::FromStr>(given: Option<String>, what: &str) -> Result<Option<T>, String> {
    let parsed = given.map(|text| {
        text.parse::<T>()
            .map_err(|_unknown| format!("there is no {what} `{}`", crate::text::foreign(&text)))
    });
    parsed.transpose()
}

/// Those that are not over.
pub(super) async fn list(
    State(desk): State<Arc<Desk>>,
    wish: Result<Query<Wish>, QueryRejection>,
) -> Response<Body> {
    let (snapshot, _now) = desk.current();
    let output = match wish {
        Ok(Query(wish)) => wish.output,
        Err(wrong) => return plain(StatusCode::BAD_REQUEST, format!("{}\n", wrong.body_text())),
    };
    if output == Output::Text {
        return plain(StatusCode::OK, surface::human::live::silences(&snapshot));
    }
    json(surface::json::silences(&snapshot).map(Into::into))
}

/// Begins one.
pub(super) async fn begin(
    State(desk): State<Arc<Desk>>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
    order: Result<Query<Order>, QueryRejection>,
) -> Response<Body> {
    if let Err(why) = may_command(&peer, &headers) {
        return plain(StatusCode::FORBIDDEN, format!("{why}\n"));
    }
    let order = order
        .map_err(|wrong| wrong.body_text())
        .and_then(|Query(order)| Ok((order.output, order.read()?)));
    let (output, order) = match order {
        Ok(order) => order,
        Err(why) => return plain(StatusCode::BAD_REQUEST, format!("{why}\n")),
    };
    let (reply, answer) = oneshot::channel();
    let command = Command::Silence(order, reply);
    if desk.doors.commands.send(command).await.is_err() {
        return stopping();
    }
    match answer.await {
        Ok(Ok(silence)) if output == Output::Text => {
            let line = surface::human::live::silence_line(&silence);
            plain(StatusCode::OK, format!("Nobody is called {line}.\n"))
        }
        Ok(Ok(silence)) => json(surface::json::silence(&silence).map(Into::into)),
        Ok(Err(why)) => plain(StatusCode::BAD_REQUEST, format!("{why}\n")),
        Err(_gone) => stopping(),
    }
}

/// Ends one early.
pub(super) async fn end(
    State(desk): State<Arc<Desk>>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Response<Body> {
    if let Err(why) = may_command(&peer, &headers) {
        return plain(StatusCode::FORBIDDEN, format!("{why}\n"));
    }
    let (reply, answer) = oneshot::channel();
    if desk
        .doors
        .commands
        .send(Command::EndSilence(id, reply))
        .await
        .is_err()
    {
        return stopping();
    }
    match answer.await {
        Ok(true) => plain(StatusCode::OK, "The silence is over.\n"),
        Ok(false) => plain(StatusCode::NOT_FOUND, "There is no such silence.\n"),
        Err(_gone) => stopping(),
    }
}

fn stopping() -> Response<Body> {
    plain(StatusCode::SERVICE_UNAVAILABLE, "The daemon is stopping.\n")
}
