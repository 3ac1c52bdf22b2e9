//! The web surface of the daemon: a response is one function of one snapshot, and no request starts a
//! probe that the configuration does not name. What is shown is written by [`crate::surface`].
//!
//! Everything that a client can cost is bounded: connections ([`guests`]), the time and size of a request
//! ([`connection`]), checks of passwords ([`passwords`]), and work, as what many ask for at once is written once
//! ([`views`]).

mod bucket;
mod commands;
mod connection;
mod events;
mod guests;
mod history;
mod listener;
mod passwords;
mod policy;
mod process;
mod report;
mod routes;
mod security;
mod silences;
mod tls;
mod views;

use std::future::Future;
use std::sync::Arc;

use sightline_model::snapshot::Snapshot;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;

use crate::engine::Clock;
use crate::engine::Command;
use crate::store::Store;
use connection::House;

pub use listener::{Control, Listener};
pub use security::Security;

/// Somebody wants the configuration read again, and hears whether it was taken, or a sentence why not.
pub type Reload = oneshot::Sender<Result<(), String>>;

/// What the web surface is connected to.
#[derive(Clone, Debug)]
pub struct Doors {
    /// The latest snapshot.
    pub snapshots: watch::Receiver<Arc<Snapshot>>,
    /// What is known of times before.
    pub store: Store,
    /// Both clocks.
    pub clock: Arc<dyn Clock>,
    /// To the engine.
    pub commands: mpsc::Sender<Command>,
    /// To whoever reads the configuration.
    pub reload: mpsc::Sender<Reload>,
    /// Who is let in, and how.
    pub security: Security,
}

/// Serves until `stop` ends; then answers what was asked already, for at most a second. Without listeners
/// it waits for `stop`.
pub async fn serve(listeners: Vec<Listener>, doors: Doors, stop: impl Future<Output = ()>) {
    let (stopping, stopped) = watch::channel(false);
    let guests = Arc::new(guests::Guests::default());
    let security = doors.security.clone();
    let mut open = JoinSet::new();
    let follower = security.clone();
    open.spawn(follower.follow(doors.commands.clone(), stopped.clone()));
    let router = routes::router(doors, stopped.clone());
    for listener in listeners {
        open.spawn(connection::listen(
            listener,
            House {
                router: router.clone(),
                security: security.clone(),
                guests: Arc::clone(&guests),
                stopped: stopped.clone(),
            },
        ));
    }
    let mut stop = std::pin::pin!(stop);
    loop {
        tokio::select! {
            () = &mut stop => break,
            Some(ended) = open.join_next(), if !open.is_empty() => {
                // None of them ends before it is told to: a panic is ours, and the process is to end with it.
                if let Err(panic) = ended.map_err(tokio::task::JoinError::try_into_panic)
                    && let Ok(panic) = panic
                {
                    std::panic::resume_unwind(panic);
                }
            }
        }
    }
    stopping.send_replace(true);
    while open.join_next().await.is_some() {}
}
