//! What a box without a screen shows: a LED that blinks by the verdict, and a line on a console.
//!
//! The daemon itself makes the LED blink. One that does not blink any more says that nobody looks, which a
//! pattern of the kernel's would hide.

mod console;
mod led;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use sightline_model::snapshot::Snapshot;
use tokio::sync::watch;

use crate::engine::Clock;

/// Where the kernel has the LEDs of the box.
const LEDS: &str = "/sys/class/leds";

/// What is shown where.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Displays {
    /// The directory of a LED.
    pub led: Option<PathBuf>,
    /// A terminal.
    pub console: Option<PathBuf>,
}

impl Displays {
    /// A LED by its name, and a terminal by its path.
    #[must_use]
    pub fn new(led: Option<&str>, console: Option<&Path>) -> Self {
        Self {
            led: led.map(|name| Path::new(LEDS).join(name)),
            console: console.map(Path::to_owned),
        }
    }

    /// Shows how it stands until nobody makes snapshots any more. Whatever is wrong with a display is logged
    /// once, and tried again.
    pub async fn show(self, snapshots: watch::Receiver<Arc<Snapshot>>, clock: Arc<dyn Clock>) {
        let led = async {
            if let Some(led) = self.led {
                led::show(led, snapshots.clone(), &*clock).await;
            }
        };
        let console = async {
            if let Some(console) = self.console {
                console::show(console, snapshots.clone(), &*clock).await;
            }
        };
        tokio::join!(led, console);
    }
}

/// What is wrong with a display, as it was said last.
#[derive(Debug, Default)]
struct Trouble(Option<String>);

impl Trouble {
    /// Says what has changed; `None` for a display that works.
    fn follow(&mut self, what: &str, now: Option<String>) {
        if now == self.0 {
            return;
        }
        match &now {
            Some(why) => tracing::warn!("{what} shows nothing: {why}"),
            None => tracing::info!("{what} shows how it stands again"),
        }
        self.0 = now;
    }
}
