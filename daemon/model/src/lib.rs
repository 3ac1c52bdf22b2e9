//! The words of sightline and the rules by which it judges.
//!
//! Nothing here touches the world: no clock, no socket, no file. What was seen comes in as
//! [`Observation`]s, what it means goes out as a [`Status`].
//!
//! | Module | Owns |
//! |---|---|
//! | [`stage`] | the stages of the user flow, their class and what they need |
//! | [`reason`] | the closed list of reasons, with the texts that people read |
//! | [`subject`] | what a finding or a check is about |
//! | [`observation`] | what is asked of whom, and one run of it |
//! | [`outcome`] | what one run of a probe gave |
//! | [`dhcp`] | what the DHCP servers of a network hand out |
//! | [`ra`] | what its routers advertise |
//! | [`mod@judge`] | observations in, verdicts and root causes out |
//! | [`snapshot`] | everything that a surface of the daemon may show |
//! | [`circumstances`] | what is different since the flow could last succeed |
//! | [`silence`] | times in which nobody is told |
//! | [`steady`] | when a change of a check is believed |
//! | [`incident`] | root causes over time |
//! | [`status`] | everything that a surface may show; the JSON contract |
//! | [`time`] | a wall-clock time that somebody else has read |
//! | [`tunnel`] | what the kernel knows of a tunnel |

#![warn(missing_docs)]

pub mod circumstances;
pub mod dhcp;
pub mod incident;
pub mod judge;
pub mod observation;
pub mod outcome;
pub mod ra;
pub mod reason;
pub mod silence;
pub mod snapshot;
pub mod stage;
pub mod status;
pub mod steady;
pub mod subject;
pub mod time;
pub mod tunnel;

pub use dhcp::{DhcpAnswer, DhcpKind};
pub use judge::{Candidate, Limits, NetworkScene, ProxyUse, Scene, VpnScene, judge};
pub use observation::{Check, CheckKey, DIRECT, Observation};
pub use outcome::{
    ClockReading, ConnectionPoint, ControllerFacts, Evidence, Facts, Finding, Outcome, Phase,
    ScriptFacts, Severity, SignInService, SrvRecord, State, Way,
};
pub use ra::{RouterAnswer, RouterPrefix};
pub use reason::{Fixer, Reason};
pub use stage::{Class, Gate, Stage, Verdict};
pub use status::{
    ControllerStatus, NetworkStatus, PathStatus, ProbeStatus, RootCause, StageFinding, StageStatus,
    Status,
};
pub use subject::{ScriptSource, Subject, Target, Topic};
pub use time::Timestamp;
pub use tunnel::{Traffic, TunnelFacts};
