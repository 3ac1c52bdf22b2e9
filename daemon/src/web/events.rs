//! Server-sent events (HTML Living Standard §9.2): one for each new snapshot, so that a page need not ask
//! again and again. A connection lives for minutes only; clients come back by themselves.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, Response};
use futures_util::stream;
use sightline_model::snapshot::Snapshot;
use tokio::sync::watch;

use super::routes::Desk;
use crate::engine::Clock;

/// Without news something is sent so often: a connection that is dead is noticed.
const ALIVE: Duration = Duration::from_secs(15);

/// A client that was cut off comes back after so long, in milliseconds.
const RETRY: u32 = 3000;

/// News as long as the client listens.
pub(super) async fn events(State(desk): State<Arc<Desk>>) -> Response<Body> {
    let snapshots = desk.doors.snapshots.clone();
    let clock = Arc::clone(&desk.doors.clock);
    let news = stream::unfold(
        (snapshots, clock, true),
        |(mut snapshots, clock, is_first)| async move {
            let text = next(&mut snapshots, &*clock, is_first).await?;
            let bytes = Ok::<_, std::convert::Infallible>(Bytes::from(text));
            Some((bytes, (snapshots, clock, false)))
        },
    );
    let mut response = Response::new(Body::from_stream(news));
    let kind = HeaderValue::from_static("text/event-stream");
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}

/// The next piece; `None` when the daemon stops.
async fn next(
    snapshots: &mut watch::Receiver<Arc<Snapshot>>,
    clock: &dyn Clock,
    is_first: bool,
) -> Option<String> {
    if is_first {
        let now = event(&snapshots.borrow_and_update(), clock);
        return Some(format!("retry: {RETRY}\n{now}"));
    }
    match tokio::time::timeout(ALIVE, snapshots.changed()).await {
        Ok(Ok(())) => Some(event(&snapshots.borrow_and_update(), clock)),
        Ok(Err(_stopping)) => None,
        // What nobody has made a snapshot of may be old by now.
        Err(_elapsed) => Some(event(&snapshots.borrow(), clock)),
    }
}

fn event(snapshot: &Snapshot, clock: &dyn Clock) -> String {
    let verdict = snapshot.verdict(clock.now()).id();
    let time = snapshot.at.wall;
    format!(
        "event: status\nid: {}\ndata: {{\"verdict\":\"{verdict}\",\"time\":\"{time}\"}}\n\n",
        time.unix_millis()
    )
}
