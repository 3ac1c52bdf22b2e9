//! A LED of the kernel (`Documentation/leds/leds-class.rst`), switched by writing its brightness.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use sightline_model::Verdict;
use sightline_model::snapshot::Snapshot;
use tokio::sync::watch;

use super::Trouble;
use crate::engine::Clock;

/// After an error it is tried again so much later.
const PAUSE: Duration = Duration::from_secs(30);

/// How long it is on, and how long off. All of them blink.
const fn pattern(verdict: Verdict) -> (Duration, Duration) {
    let (on, off) = match verdict {
        // On, with a short gap.
        Verdict::Ready => (1900, 100),
        // As long on as off.
        Verdict::Degraded => (1000, 1000),
        // Quick.
        Verdict::NotReady => (150, 150),
        // Off, with a short flash.
        Verdict::Unknown => (100, 1900),
    };
    (Duration::from_millis(on), Duration::from_millis(off))
}

/// Blinks as long as there are snapshots, and goes dark then.
pub(super) async fn show(
    led: PathBuf,
    mut snapshots: watch::Receiver<Arc<Snapshot>>,
    clock: &dyn Clock,
) {
    let mut trouble = Trouble::default();
    let what = format!("the LED {}", led.display());
    while snapshots.has_changed().is_ok() {
        let verdict = snapshots.borrow().verdict(clock.now());
        let (on, off) = pattern(verdict);
        let mut done = switch(&led, true).await;
        if done.is_ok() {
            pass(&mut snapshots, on).await;
            done = switch(&led, false).await;
        }
        trouble.follow(&what, done.as_ref().err().cloned());
        let wait = if done.is_ok() { off } else { PAUSE };
        pass(&mut snapshots, wait).await;
    }
    // Nobody is left who could be told.
    let _dark = switch(&led, false).await;
}

/// Lets time pass, as long as there are snapshots.
async fn pass(snapshots: &mut watch::Receiver<Arc<Snapshot>>, time: Duration) {
    let ends = async { while snapshots.changed().await.is_ok() {} };
    // Most of the time they go on.
    let _goes_on = tokio::time::timeout(time, ends).await;
}

/// The kernel's own pattern, if there is one, ends with it.
async fn switch(led: &Path, is_on: bool) -> Result<(), String> {
    let brightness = led.join("brightness");
    let value = if is_on {
        let most = tokio::fs::read_to_string(led.join("max_brightness")).await;
        most.map_or_else(|_| "1".to_owned(), |most| most.trim().to_owned())
    } else {
        "0".to_owned()
    };
    tokio::fs::write(&brightness, value)
        .await
        .map_err(|error| format!("writing {}: {error}", brightness.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_verdict_blinks_and_differs_from_the_others() {
        let all = [
            Verdict::Ready,
            Verdict::Degraded,
            Verdict::NotReady,
            Verdict::Unknown,
        ];
        let patterns: std::collections::BTreeSet<_> = all.map(pattern).into_iter().collect();
        assert_eq!(patterns.len(), all.len());
        for (on, off) in patterns {
            assert!(on >= Duration::from_millis(100) && off >= Duration::from_millis(100));
        }
    }
}
