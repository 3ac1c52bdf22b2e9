//! What was before now: read from the store once in a while, however often it is asked for.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{Response, StatusCode};
use serde::Deserialize;
use sightline_model::incident::Moment;
use sightline_model::snapshot::Snapshot;
use sightline_model::{Stage, Timestamp};
use tokio::sync::Mutex;

use super::routes::{Desk, json, plain};
use crate::store::Store;
use crate::surface;
use crate::surface::history::{Course, Range};

/// What was read is good for so long: a minute is the shortest that history knows.
const GOOD_FOR: Duration = Duration::from_secs(60);

/// Of more networks there is no history at hand.
const MOST_NETWORKS: usize = 16;

/// The courses of all networks.
pub(super) type Courses = Arc<Vec<Course>>;

/// What was read last.
#[derive(Debug, Default)]
pub(super) struct Library {
    last: Mutex<Option<(Duration, Courses)>>,
    /// One at a time looks for incidents of long ago.
    counter: Mutex<()>,
}

impl Library {
    /// The courses of all networks, each over all ranges; none where the store does not answer. Others wait
    /// meanwhile.
    pub(super) async fn courses(&self, store: &Store, snapshot: &Snapshot, now: Moment) -> Courses {
        let mut last = self.last.lock().await;
        if let Some((at, courses)) = &*last
            && now.steady.saturating_sub(*at) < GOOD_FOR
        {
            return Arc::clone(courses);
        }
        let mut courses = Vec::new();
        'all: for network in snapshot.status.networks.iter().take(MOST_NETWORKS) {
            for range in Range::ALL {
                let question = range.question(&network.network, now.wall);
                let Some(strips) = store.history(question.clone()).await else {
                    // A disk that hangs is not asked for each strip.
                    courses.clear();
                    break 'all;
                };
                courses.push(Course {
                    range,
                    question,
                    strips,
                });
            }
        }
        let courses = Arc::new(courses);
        *last = Some((now.steady, Arc::clone(&courses)));
        courses
    }
}

/// Which history is wanted.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wish {
    network: Option<String>,
    range: Option<String>,
    stage: Option<String>,
}

/// The course of a network.
pub(super) async fn history(
    State(desk): State<Arc<Desk>>,
    wish: Result<Query<Wish>, QueryRejection>,
) -> Response<Body> {
    let (snapshot, now) = desk.current();
    let wrong = |why: String| plain(StatusCode::BAD_REQUEST, format!("{why}\n"));
    let wish = match wish {
        Ok(Query(wish)) => wish,
        Err(refusal) => return wrong(refusal.body_text()),
    };
    let Ok(range) = wish.range.as_deref().unwrap_or("24h").parse::<Range>() else {
        return wrong("a range is 24h, 7d or 30d".to_owned());
    };
    let Ok(stage) = wish.stage.map(|word| word.parse::<Stage>()).transpose() else {
        return wrong("there is no such stage".to_owned());
    };
    let mut networks = snapshot.status.networks.iter();
    let network = match &wish.network {
        Some(name) => networks.find(|network| network.network == *name),
        None => networks.next(),
    };
    let Some(network) = network else {
        return plain(StatusCode::NOT_FOUND, "There is no such network.\n");
    };
    let courses = desk
        .library
        .courses(&desk.doors.store, &snapshot, now)
        .await;
    let course = courses
        .iter()
        .find(|course| course.range == range && course.question.network == network.network);
    match course {
        Some(course) => json(course.json(&snapshot.status.site, stage).map(Bytes::from)),
        None => plain(
            StatusCode::SERVICE_UNAVAILABLE,
            "History cannot be read just now.\n",
        ),
    }
}

/// Which incidents are wanted.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Span {
    from: Option<String>,
    until: Option<String>,
    most: Option<usize>,
}

/// As many incidents are told at once.
const MOST_INCIDENTS: usize = 200;

/// Without a span those at hand; with one those of the store that were open within it.
pub(super) async fn incidents(
    State(desk): State<Arc<Desk>>,
    span: Result<Query<Span>, QueryRejection>,
) -> Response<Body> {
    let (snapshot, now) = desk.current();
    let span = match span {
        Ok(Query(span)) => span,
        Err(refusal) => {
            return plain(
                StatusCode::BAD_REQUEST,
                format!("{}\n", refusal.body_text()),
            );
        }
    };
    if span.from.is_none() && span.until.is_none() && span.most.is_none() {
        return super::routes::incidents(&desk, &snapshot, now).await;
    }
    let time = |text: Option<String>, other: Timestamp| match text {
        None => Some(other),
        Some(text) => surface::json::time(&text),
    };
    let (Some(from), Some(until)) = (
        time(span.from, Timestamp::from_unix_millis(0)),
        time(span.until, now.wall),
    ) else {
        return plain(
            StatusCode::BAD_REQUEST,
            "A time is written as 2026-11-22T10:00:00Z.\n",
        );
    };
    let most = span.most.unwrap_or(100).min(MOST_INCIDENTS);
    let _turn = desk.library.counter.lock().await;
    match desk.doors.store.incidents(from, until, most).await {
        Some(found) => {
            json(surface::json::found(&snapshot, (from, until), &found).map(Bytes::from))
        }
        None => plain(
            StatusCode::SERVICE_UNAVAILABLE,
            "History cannot be read just now.\n",
        ),
    }
}
