//! The one integration binary: sightline against peers on loopback that speak the protocols.
//!
//! | Module | Shows |
//! |---|---|
//! | `scenarios` | a network with one fault → the causes that it must be judged to have |
//! | `hostile` | answers that are made to harm: each costs one failed check and nothing else |
//! | `cli` | the program: arguments, exit codes, messages, output |
//! | `daemon` | the daemon as a process: service manager, signals |
//! | `appliance` | a LED and a terminal, as files |
//! | `surfaces` | what people and programs are shown |
//! | `web` | the web surface of the daemon, by clients good and bad |
//! | `browser` | the status page in a real browser |
//! | `lab` | the product on real servers, one fault after the other |
//! | `watch` | the daemon on real servers, for a quarter of an hour |
//! | `store` | what the store keeps when its process is killed |
//! | `layers` | who may name whom in the code |
//! | `support` | the peers, and the network that they make |

mod appliance;
mod browser;
mod cli;
mod daemon;
mod hostile;
mod lab;
mod layers;
mod scenarios;
mod store;
mod support;
mod surfaces;
mod watch;
mod web;
