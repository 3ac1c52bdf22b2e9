//! How often what is asked. Whoever waits for a fault of the network hears of it within three minutes, of a
//! single host of the Internet within seven; nobody is asked more often than that takes.

use std::time::Duration;

use sightline_model::{Check, Gate, Stage, Subject};

use crate::plan::Rhythm;

/// The interval of a check.
#[must_use]
pub(super) fn every(check: &Check, rhythm: Rhythm) -> Duration {
    match &check.subject {
        // The clock of a controller is told by Kerberos; public time servers ask for few questions.
        Subject::TimeSource { .. } => rhythm.hosts,
        Subject::Dhcp | Subject::RouterAdvertisements | Subject::PortalApi { .. } => rhythm.hosts,
        Subject::ProxyScript { .. } | Subject::Proxy { .. } => rhythm.path * 2,
        Subject::ConnectionPoint { .. } | Subject::Logon { .. } => rhythm.account,
        Subject::Content { .. } => rhythm.account,
        Subject::Host { .. } if check.stage == Stage::Internet => rhythm.path,
        Subject::Host { .. } if check.gate == Gate::Hard => rhythm.hosts,
        Subject::Host { .. } => rhythm.soft_hosts,
        // A gateway of IKEv2 keeps what was begun for half a minute.
        Subject::VpnGateway { .. } if check.service == "ikev2" => rhythm.path * 4,
        Subject::Controller { .. } if matches!(check.probe, "mtu" | "loss" | "trace") => {
            rhythm.hosts
        }
        _ => rhythm.path,
    }
}
