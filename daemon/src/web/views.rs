//! What many ask for at once is written once.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use sightline_model::incident::Moment;
use sightline_model::snapshot::Snapshot;
use tokio::sync::Mutex;

use super::routes::Output;
use crate::surface::metrics::Format;
use crate::surface::page::Reader;

/// A text is good for so long: ages in it are in seconds.
const GOOD_FOR: Duration = Duration::from_secs(1);

/// What is written of a snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum View {
    Status,
    Incidents,
    Metrics(Format),
    Page(Reader),
    Report,
    Told(Output, bool),
}

/// The last text of each view.
#[derive(Debug, Default)]
pub(super) struct Views {
    texts: Mutex<BTreeMap<View, Text>>,
}

#[derive(Debug)]
struct Text {
    of: Arc<Snapshot>,
    at: Duration,
    text: Bytes,
}

impl Views {
    /// The text of a view; others wait while it is written.
    pub(super) async fn text<E>(
        &self,
        view: View,
        (snapshot, now): (&Arc<Snapshot>, Moment),
        write: impl FnOnce() -> Result<String, E>,
    ) -> Result<Bytes, E> {
        self.bytes(view, (snapshot, now), || write().map(Bytes::from))
            .await
    }

    /// The same for what is no text.
    pub(super) async fn bytes<E>(
        &self,
        view: View,
        (snapshot, now): (&Arc<Snapshot>, Moment),
        write: impl FnOnce() -> Result<Bytes, E>,
    ) -> Result<Bytes, E> {
        let mut texts = self.texts.lock().await;
        if let Some(known) = texts.get(&view)
            && Arc::ptr_eq(&known.of, snapshot)
            && now.steady.saturating_sub(known.at) < GOOD_FOR
        {
            return Ok(known.text.clone());
        }
        let text = write()?;
        let of = Arc::clone(snapshot);
        let known = Text {
            of,
            at: now.steady,
            text: text.clone(),
        };
        texts.insert(view, known);
        Ok(text)
    }
}
