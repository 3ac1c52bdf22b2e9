//! A line on a terminal with each change, and once an hour without one.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rustix::fs::OFlags;
use sightline_model::incident::Moment;
use sightline_model::snapshot::Snapshot;
use tokio::sync::watch;

use super::Trouble;
use crate::engine::Clock;
use crate::surface;
use crate::text::harmless;

/// Without a change it is written so often: other lines may have pushed it away.
const AGAIN: Duration = Duration::from_secs(3600);

/// A look without a new snapshot: one that is not there tells that the schedule stands still.
const LOOK: Duration = Duration::from_secs(5);

/// Writes lines as long as there are snapshots.
pub(super) async fn show(
    console: PathBuf,
    mut snapshots: watch::Receiver<Arc<Snapshot>>,
    clock: &dyn Clock,
) {
    let mut trouble = Trouble::default();
    let what = format!("the terminal {}", console.display());
    let mut said: Option<(String, Duration)> = None;
    loop {
        let snapshot = Arc::clone(&snapshots.borrow_and_update());
        let now = clock.now();
        let sentence = sentence(&snapshot, now);
        let is_said = said.as_ref().is_some_and(|(before, at)| {
            *before == sentence && now.steady.saturating_sub(*at) < AGAIN
        });
        if !is_said {
            let line = format!("\r{} {sentence}\r\n", now.wall);
            let place = console.clone();
            let written = tokio::task::spawn_blocking(move || write(&place, &line)).await;
            let result = written.unwrap_or_else(|error| Err(error.to_string()));
            if result.is_ok() {
                said = Some((sentence, now.steady));
            }
            trouble.follow(&what, result.err());
        }
        let changed = tokio::time::timeout(LOOK, snapshots.changed()).await;
        if changed.is_ok_and(|still| still.is_err()) {
            return;
        }
    }
}

/// The verdict in a sentence. How far the first round is would be a line each second.
fn sentence(snapshot: &Snapshot, now: Moment) -> String {
    let said = match snapshot.is_warm {
        true => surface::line(snapshot, now),
        false => "UNKNOWN: the first round is under way".to_owned(),
    };
    harmless(&format!("{}: {said}", snapshot.status.site))
}

/// A terminal that takes nothing, as one that is stopped, is not waited for.
fn write(console: &Path, line: &str) -> Result<(), String> {
    let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
    let flags = i32::try_from(flags.bits()).unwrap_or_default();
    OpenOptions::new()
        .append(true)
        .custom_flags(flags)
        .open(console)
        .and_then(|mut terminal| terminal.write_all(line.as_bytes()))
        .map_err(|error| format!("writing to {}: {error}", console.display()))
}
