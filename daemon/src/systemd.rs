//! What the service manager is told: ready, reloading, stopping, the verdict in a sentence, and that
//! probes make progress. Outside systemd all of it goes nowhere.

use std::time::Duration;

use sd_notify::NotifyState;
use sightline_model::incident::Moment;
use sightline_model::snapshot::Snapshot;

use crate::surface;

/// The manager, as far as it listens.
#[derive(Debug)]
pub struct Manager {
    said: String,
    /// How often the watchdog wants to hear of progress.
    watchdog: Option<Duration>,
    fed: Option<Moment>,
}

impl Manager {
    /// Reads what the manager wants from the environment.
    #[must_use]
    pub fn new() -> Self {
        Self {
            said: String::new(),
            watchdog: sd_notify::watchdog_enabled(),
            fed: None,
        }
    }

    /// Handlers, configuration and sockets stand.
    pub fn ready(&self) {
        tell(&[NotifyState::Ready]);
    }

    /// The configuration is read anew; [`Manager::ready`] ends that.
    pub fn reloading(&self) {
        match NotifyState::monotonic_usec_now() {
            Ok(now) => tell(&[NotifyState::Reloading, now]),
            Err(_no_clock) => tell(&[NotifyState::Reloading]),
        }
    }

    /// It ends.
    pub fn stopping(&self) {
        tell(&[NotifyState::Stopping]);
    }

    /// Follows a snapshot: the status line where it has changed, and the watchdog where runs have ended
    /// since it was fed last.
    pub fn follow(&mut self, snapshot: &Snapshot, now: Moment) {
        let status = surface::line(snapshot, now);
        if status != self.said {
            tell(&[NotifyState::Status(&status)]);
            self.said = status;
        }
        if self.watchdog.is_some() && is_fed_by(self.fed, snapshot) {
            tell(&[NotifyState::Watchdog]);
            self.fed = snapshot.schedule.progress;
        }
    }
}

impl Default for Manager {
    fn default() -> Self {
        Self::new()
    }
}

/// Only runs that end feed it: a daemon whose schedule stands still is to be started anew.
fn is_fed_by(fed: Option<Moment>, snapshot: &Snapshot) -> bool {
    snapshot.schedule.progress.is_some() && snapshot.schedule.progress != fed
}

fn tell(state: &[NotifyState<'_>]) {
    // Nobody listens outside systemd, and a manager that is gone is no fault of ours.
    let _unheard = sd_notify::notify(state);
}
