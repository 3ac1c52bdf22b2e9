//! Server-sent events (HTML standard §9.2): a client hears that it stands otherwise, without asking.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderValue, Response, StatusCode};
use futures_util::stream;
use sightline_model::snapshot::Snapshot;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::{Instant, sleep_until, timeout_at};

use super::connection::LIFE;
use super::routes::{Desk, plain};
use crate::surface;

/// As many may listen: a quarter of all places.
const MOST: usize = super::guests::MOST / 4;

/// A client hears no more often.
const SPACING: Duration = Duration::from_secs(1);

/// A client hears no less often, so that both sides notice who is gone.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// A stream ends by itself a little before its connection does, so that nothing is cut off.
const STREAM_LIFE: Duration = LIFE.saturating_sub(Duration::from_secs(10));

/// What is said first: a client comes again after three seconds.
const GREETING: &[u8] = b"retry: 3000\n\n";

/// Who listens.
#[derive(Debug)]
pub(super) struct Audience(Arc<Semaphore>);

impl Default for Audience {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(MOST)))
    }
}

/// One listener.
struct Listener {
    desk: Arc<Desk>,
    snapshots: watch::Receiver<Arc<Snapshot>>,
    stopped: watch::Receiver<bool>,
    /// When the stream ends.
    end: Instant,
    /// What it heard last, and when it may hear more.
    heard: Option<(Arc<Snapshot>, Instant)>,
    _place: OwnedSemaphorePermit,
}

/// Says at once how it stands, and then each time that it is judged anew.
pub(super) async fn events(State(desk): State<Arc<Desk>>) -> Response<Body> {
    let Ok(place) = Arc::clone(&desk.audience.0).try_acquire_owned() else {
        let mut full = plain(
            StatusCode::SERVICE_UNAVAILABLE,
            "Too many listen already; ask for /api/v1/status now and then.\n",
        );
        let headers = full.headers_mut();
        headers.insert(RETRY_AFTER, HeaderValue::from_static("60"));
        return full;
    };
    let listener = Listener {
        snapshots: desk.doors.snapshots.clone(),
        stopped: desk.stopped.clone(),
        end: Instant::now() + STREAM_LIFE,
        heard: None,
        _place: place,
        desk,
    };
    let greeting = stream::iter([Ok::<_, Infallible>(Bytes::from_static(GREETING))]);
    let news = stream::unfold(listener, |mut listener| async move {
        let said = listener.next().await?;
        Some((Ok(said), listener))
    });
    let mut response = Response::new(Body::from_stream(stream::StreamExt::chain(greeting, news)));
    let kind = HeaderValue::from_static("text/event-stream");
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}

impl Listener {
    /// What is said next; `None` at the end.
    async fn next(&mut self) -> Option<Bytes> {
        let Some((heard, again)) = &self.heard else {
            return self.tell();
        };
        let (before, again) = (Arc::clone(heard), *again);
        let latest = Instant::now() + KEEP_ALIVE;
        let changed = async {
            sleep_until(again).await;
            let is_new = |snapshot: &Arc<Snapshot>| !Arc::ptr_eq(snapshot, &before);
            self.snapshots.wait_for(is_new).await.is_ok()
        };
        let changed = tokio::select! {
            _ = self.stopped.wait_for(|stopped| *stopped) => return None,
            () = sleep_until(self.end) => return None,
            changed = timeout_at(latest, changed) => changed,
        };
        match changed {
            Ok(true) => self.tell(),
            Ok(false) => None,
            Err(_elapsed) => Some(Bytes::from_static(b": still here\n\n")),
        }
    }

    fn tell(&mut self) -> Option<Bytes> {
        let (snapshot, now) = self.desk.current();
        let said = surface::json::event(&snapshot, now).ok()?;
        let id = snapshot.at.wall.unix_millis();
        self.heard = Some((snapshot, Instant::now() + SPACING));
        Some(Bytes::from(format!(
            "event: status\nid: {id}\ndata: {said}\n\n"
        )))
    }
}
