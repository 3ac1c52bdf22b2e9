//! A LED that blinks and a terminal that gets lines, as files.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use sightline::appliance::Displays;
use sightline::engine::Clock;
use sightline_model::incident::Moment;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::web::{moment, snapshot};

/// Goes with the simulated time, ten seconds after the start of the daemon.
#[derive(Debug)]
struct Simulated(Instant);

impl Clock for Simulated {
    fn now(&self) -> Moment {
        moment(self.0.elapsed() + Duration::from_secs(10))
    }
}

fn clock() -> Arc<dyn Clock> {
    Arc::new(Simulated(Instant::now()))
}

/// How a LED stands in each of the next tenths of a second: `#` on, `.` off.
async fn seen(led: &Path, tenths: usize) -> String {
    let mut seen = String::new();
    for _ in 0..tenths {
        tokio::time::sleep(Duration::from_millis(100)).await;
        let brightness = std::fs::read_to_string(led.join("brightness")).expect("a file");
        seen.push(if brightness == "255" { '#' } else { '.' });
    }
    seen
}

#[tokio::test]
async fn the_led_blinks_by_the_verdict_and_is_dark_when_nobody_looks() {
    let home = tempfile::tempdir().expect("a directory");
    let led = home.path().join("status");
    std::fs::create_dir(&led).expect("a directory");
    std::fs::write(led.join("max_brightness"), "255\n").expect("a file");
    std::fs::write(led.join("brightness"), "7").expect("a file");
    let (snapshots, receiver) = watch::channel(Arc::new(snapshot(true)));
    let displays = Displays {
        led: Some(led.clone()),
        console: None,
    };
    let shown = tokio::spawn(displays.show(receiver, clock()));
    let blinks = seen(&led, 20).await;
    let changes = blinks.as_bytes().windows(2).filter(|two| two[0] != two[1]);
    assert!(changes.count() > 6, "not ready is quick: {blinks}");
    snapshots.send_replace(Arc::new(snapshot(false)));
    tokio::time::sleep(Duration::from_millis(400)).await;
    let blinks = seen(&led, 40).await;
    let on = blinks.matches('#').count();
    assert!(
        on > 30 && blinks.contains('.'),
        "ready is on with gaps: {blinks}"
    );
    drop(snapshots);
    tokio::time::timeout(Duration::from_millis(500), shown)
        .await
        .expect("it ends")
        .expect("it ends well");
    assert_eq!(seen(&led, 1).await, ".");
}

#[tokio::test(start_paused = true)]
async fn the_terminal_gets_a_line_with_each_change_and_one_an_hour() {
    let home = tempfile::tempdir().expect("a directory");
    let console = home.path().join("tty");
    let (snapshots, receiver) = watch::channel(Arc::new(snapshot(true)));
    let displays = Displays {
        led: None,
        console: Some(console.clone()),
    };
    let clock = clock();
    let shown = tokio::spawn(displays.show(receiver, Arc::clone(&clock)));
    // It is not there yet: that costs nothing, and it is tried again.
    tokio::time::sleep(Duration::from_secs(11)).await;
    std::fs::write(&console, "").expect("a file");
    let lines = || std::fs::read_to_string(&console).expect("a file");
    let wait = async |what: &str, count: usize| {
        for _ in 0..2000 {
            if lines().matches('\n').count() >= count {
                break;
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
            std::thread::sleep(Duration::from_millis(1));
        }
        let all = lines();
        let last = all.lines().last().unwrap_or_default().to_owned();
        assert_eq!(all.matches('\n').count(), count, "{all}");
        assert!(last.contains(what), "{last}");
    };
    wait("berlin-02: NOT READY: tcp/445 on", 1).await;
    let mut hostile = snapshot(true);
    hostile.configuration.refused = Some("line 1: \u{1b}[2J".to_owned());
    hostile.schedule.progress = Some(clock.now());
    snapshots.send_replace(Arc::new(hostile));
    wait("\\u{1b}[2J", 2).await;
    // A schedule that stands still is a change, without a snapshot that says so.
    wait("UNKNOWN: no check has ended", 3).await;
    shown.abort();
}
