//! sightline: can the Windows Autopilot user flow of hybrid join succeed from this network, and if
//! not, why?
//!
//! | Module | Owns |
//! |---|---|
//! | [`config`] | the configuration as text and as checked values |
//! | [`endpoints`] | the hosts of the Internet that the flow talks to, and which of them apply to a site |
//! | [`plan`] | what the configuration means, completed by what the system says |
//! | [`account`] | the account that the configuration names, and the memory of a refusal |
//! | [`path`] | how packets leave: network, interface, source addresses |
//! | [`net`] | sockets on a path, and whose fault an I/O error is |
//! | [`program`] | a program of the system that is asked something |
//! | [`run`] | one run of a probe while it happens |
//! | [`probe`] | the kinds of probes: what is asked, and what an answer means |
//! | [`survey`] | one look at a network, along what the answers lead to |
//! | [`timetable`] | when what is asked again |
//! | [`check`] | a look at every network, judged |
//! | [`engine`] | the daemon: asks again and again, believes, judges, publishes |
//! | [`store`] | what survives a restart: incidents and history |
//! | [`surface`] | what people and programs are shown |
//! | [`web`] | what is shown and taken over HTTP |
//! | [`appliance`] | what a box without a screen shows |
//! | [`systemd`] | what the service manager is told |
//! | [`logging`] | what operators read at night |
//! | [`control`] | the running daemon, asked by other commands |
//! | [`app`] | `sightline run`: starts, reloads and stops everything |
//! | [`cli`] | arguments in, exit code out |
//! | [`text`] | how values are written for people |
//!
//! The words and the judging rules are in `sightline-model`, the wire formats in `sightline-wire`.

pub mod account;
pub mod app;
pub mod appliance;
pub mod check;
pub mod cli;
pub mod config;
pub mod control;
pub mod endpoints;
pub mod engine;
pub mod logging;
pub mod net;
pub mod path;
pub mod plan;
pub mod probe;
pub mod program;
pub mod run;
pub mod store;
pub mod surface;
pub mod survey;
pub mod systemd;
pub mod text;
pub mod timetable;
pub mod web;
