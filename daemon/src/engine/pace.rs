//! How often what is asked. Whoever waits for a fault of the network hears of it within three minutes, of a
//! single host of the Internet within seven; nobody is asked more often than that takes.

use std::time::Duration;

use sightline_model::{Check, Gate, Stage, Subject};

use crate::plan::Schedule;

/// Public time servers are not asked more often than that.
const TIME_SOURCES: Duration = Duration::from_secs(300);

/// The usual interval of a check.
fn every(check: &Check, schedule: &Schedule) -> Duration {
    match &check.subject {
        // The clock of a controller is told by Kerberos.
        Subject::TimeSource { .. } => schedule.hosts.max(TIME_SOURCES),
        Subject::Dhcp | Subject::RouterAdvertisements | Subject::PortalApi { .. } => schedule.hosts,
        Subject::ProxyScript { .. } | Subject::Proxy { .. } => schedule.path * 2,
        Subject::ConnectionPoint { .. } | Subject::Logon { .. } => schedule.account,
        Subject::Content { .. } => schedule.account,
        Subject::Host { .. } if check.stage == Stage::Internet => schedule.path,
        Subject::Host { .. } if check.gate == Gate::Hard => schedule.hosts,
        Subject::Host { .. } => schedule.soft_hosts,
        // A gateway of IKEv2 keeps what was begun for half a minute.
        Subject::VpnGateway { .. } if check.service == "ikev2" => schedule.path * 4,
        Subject::Controller { .. } if matches!(check.probe, "mtu" | "loss" | "trace") => {
            schedule.hosts
        }
        _ => schedule.path,
    }
}

/// Whoever has mended a host need not wait for its next turn.
const FAILING_HOSTS: Duration = Duration::from_secs(60);

/// What nobody has mended by then may stay as it is: it is not to cost more for good.
const LATELY: Duration = Duration::from_secs(900);

/// The interval of a check that is believed to fail for so long, where it is.
#[must_use]
pub(super) fn now(check: &Check, schedule: &Schedule, failing: Option<Duration>) -> Duration {
    let usual = every(check, schedule);
    match check.subject {
        Subject::Host { .. } if failing.is_some_and(|age| age < LATELY) => usual.min(FAILING_HOSTS),
        _ => usual,
    }
}
