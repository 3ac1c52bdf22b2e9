//! What was: the course of each network, and incidents of a stretch of time. The disk is asked rarely, by
//! whom ever and however often it is asked for here, and a disk that does not answer holds up nobody.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderValue, Response, StatusCode};
use serde::Deserialize;
use sightline_model::incident::Moment;
use sightline_model::snapshot::Snapshot;
use sightline_model::{Stage, Timestamp};

use super::routes::{Desk, json, plain};
use crate::store::Store;
use crate::surface;
use crate::surface::history::{Book, Course, Range};

/// A course is read again after so long.
const GOOD_FOR: Duration = Duration::from_secs(20);

/// A disk that has not answered is asked again after so long.
const AFTER_SILENCE: Duration = Duration::from_secs(5);

/// The page waits so long for the disk, and is written without.
const PAGE_WAITS: Duration = Duration::from_millis(250);

/// Whoever asks for history alone waits so long; the store itself gives up a little earlier.
const PATIENCE: Duration = Duration::from_millis(2500);

/// Between two questions for incidents of a stretch of time, whoever asks.
const BETWEEN: Duration = Duration::from_secs(1);

/// As many incidents are given at once.
const MOST: usize = 200;

/// As many where nobody says how many.
const USUAL: usize = 100;

/// The courses that were read last.
#[derive(Debug, Default)]
pub(super) struct Histories {
    slots: Mutex<BTreeMap<(String, Range), Arc<Slot>>>,
    last_incidents: tokio::sync::Mutex<Option<tokio::time::Instant>>,
}

/// One course.
#[derive(Debug, Default)]
struct Slot {
    last: Mutex<Last>,
    /// Held by whoever reads it anew.
    reading: Arc<tokio::sync::Mutex<()>>,
}

#[derive(Clone, Debug, Default)]
struct Last {
    course: Option<Arc<Course>>,
    /// Until when nobody asks again.
    until: Duration,
}

impl Slot {
    fn last(&self) -> MutexGuard<'_, Last> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Histories {
    /// The courses of all networks, as far as they are known soon.
    pub(super) async fn book(&self, store: &Store, snapshot: &Snapshot, now: Moment) -> Book {
        let networks = &snapshot.status.networks;
        let wanted = networks.iter().flat_map(|network| {
            Range::ALL.map(|range| async move {
                let name = network.network.as_str();
                let course = self.course(store, (name, range), now, PAGE_WAITS).await;
                Some(((name.to_owned(), range), course?))
            })
        });
        let known = futures_util::future::join_all(wanted).await;
        self.slots().retain(|(name, _), _| {
            let mut networks = networks.iter();
            networks.any(|network| network.network == *name)
        });
        known.into_iter().flatten().collect()
    }

    /// The course of a network that there is; an older one where the disk does not answer within `patience`.
    async fn course(
        &self,
        store: &Store,
        (network, range): (&str, Range),
        now: Moment,
        patience: Duration,
    ) -> Option<Arc<Course>> {
        let key = (network.to_owned(), range);
        let slot = Arc::clone(self.slots().entry(key).or_default());
        if now.steady < slot.last().until {
            return slot.last().course.clone();
        }
        match Arc::clone(&slot.reading).try_lock_owned() {
            Ok(reading) => {
                let question = range.question(network, now.wall);
                let (store, slot) = (store.clone(), Arc::clone(&slot));
                // Whoever has asked may go: the answer is for the next one, too.
                let read = tokio::spawn(async move {
                    let from = question.from;
                    let strips = store.history(question).await;
                    let mut last = slot.last();
                    let good_for = strips.as_ref().map_or(AFTER_SILENCE, |_| GOOD_FOR);
                    last.until = now.steady + good_for;
                    if let Some(strips) = strips {
                        last.course = Some(Arc::new(Course {
                            range,
                            from,
                            strips,
                        }));
                    }
                    drop(last);
                    drop(reading);
                });
                let _late = tokio::time::timeout(patience, read).await;
            }
            Err(_somebody_reads) => {
                let _late = tokio::time::timeout(patience, slot.reading.lock()).await;
            }
        }
        slot.last().course.clone()
    }

    fn slots(&self) -> MutexGuard<'_, BTreeMap<(String, Range), Arc<Slot>>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until the disk may be asked for incidents; not, where many wait already.
    async fn turn(&self) -> Option<()> {
        let turn = async {
            let mut last = self.last_incidents.lock().await;
            if let Some(last) = *last {
                tokio::time::sleep_until(last + BETWEEN).await;
            }
            *last = Some(tokio::time::Instant::now());
        };
        tokio::time::timeout(PATIENCE, turn).await.ok()
    }
}

/// What is asked for.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wish {
    network: Option<String>,
    range: Option<String>,
    stage: Option<String>,
}

/// The course of a network, or of one of its stages.
pub(super) async fn history(
    State(desk): State<Arc<Desk>>,
    wish: Result<Query<Wish>, QueryRejection>,
) -> Response<Body> {
    let (snapshot, now) = desk.current();
    let wish = wish
        .map_err(|wrong| wrong.body_text())
        .and_then(|Query(wish)| wish.read());
    let (network, range, stage) = match wish {
        Ok(wish) => wish,
        Err(why) => return plain(StatusCode::BAD_REQUEST, format!("{why}\n")),
    };
    let mut networks = snapshot.status.networks.iter();
    let network = match &network {
        Some(name) => networks.find(|network| network.network == *name),
        None => networks.next(),
    };
    let Some(network) = network else {
        return plain(StatusCode::NOT_FOUND, "There is no such network.\n");
    };
    let (store, histories) = (&desk.doors.store, &desk.histories);
    let wanted = (network.network.as_str(), range);
    let Some(course) = histories.course(store, wanted, now, PATIENCE).await else {
        return silent();
    };
    let of = (snapshot.status.site.as_str(), network.network.as_str());
    json(surface::history::render(of, &course, stage).map(Bytes::from))
}

impl Wish {
    fn read(self) -> Result<(Option<String>, Range, Option<Stage>), String> {
        let range = self.range.as_deref().unwrap_or(Range::Day.id()).parse()?;
        let stage = self.stage.map(|stage| crate::text::foreign(&stage).parse());
        Ok((self.network, range, stage.transpose()?))
    }
}

/// Which incidents are asked for; without anything, those that are at hand.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Between {
    from: Option<String>,
    until: Option<String>,
    most: Option<usize>,
}

/// Incidents that are open and over.
pub(super) async fn incidents(
    State(desk): State<Arc<Desk>>,
    between: Result<Query<Between>, QueryRejection>,
) -> Response<Body> {
    let (snapshot, now) = desk.current();
    let between = match between {
        Ok(Query(between)) => between,
        Err(wrong) => return plain(StatusCode::BAD_REQUEST, format!("{}\n", wrong.body_text())),
    };
    if between.from.is_none() && between.until.is_none() && between.most.is_none() {
        return super::routes::incidents(&desk, &snapshot, now).await;
    }
    let bounds = (
        moment(between.from.as_deref(), "from"),
        moment(between.until.as_deref(), "until"),
    );
    let (from, until) = match bounds {
        (Ok(from), Ok(until)) => (from.unwrap_or_default(), until.unwrap_or(now.wall)),
        (Err(why), _) | (_, Err(why)) => {
            return plain(StatusCode::BAD_REQUEST, format!("{why}\n"));
        }
    };
    let most = between.most.unwrap_or(USUAL).min(MOST);
    if desk.histories.turn().await.is_none() {
        let mut busy = plain(
            StatusCode::TOO_MANY_REQUESTS,
            "Many ask for incidents; once more is possible in a second.\n",
        );
        let headers = busy.headers_mut();
        headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
        return busy;
    }
    let Some(found) = desk.doors.store.incidents(from, until, most).await else {
        return silent();
    };
    json(surface::json::found(&snapshot, (from, until), &found).map(Bytes::from))
}

fn moment(text: Option<&str>, what: &str) -> Result<Option<Timestamp>, String> {
    let parsed = text.map(|text| {
        surface::json::time(text).ok_or_else(|| {
            format!(
                "`{what}={}` is no time; write it as 2026-11-22T10:00:00Z",
                crate::text::foreign(text)
            )
        })
    });
    parsed.transpose()
}

fn silent() -> Response<Body> {
    plain(
        StatusCode::SERVICE_UNAVAILABLE,
        "The disk does not answer; what is now is at /api/v1/status.\n",
    )
}
