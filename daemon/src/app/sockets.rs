//! The sockets that stand before the daemon says that it is ready.

use std::fmt;
use std::net::SocketAddr;

use listenfd::ListenFd;
use tokio::net::TcpListener;

use crate::plan::Plan;
use crate::web::{Control, Listener, Security};

/// Sockets that the service manager has passed (sd_listen_fds(3)).
pub struct Sockets(ListenFd);

impl Sockets {
    /// Takes them out of the environment, which is possible only while there is one thread.
    #[must_use]
    pub fn from_environment() -> Self {
        Self(ListenFd::from_env())
    }
}

impl fmt::Debug for Sockets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Sockets").field(&self.0.len()).finish()
    }
}

/// Where clients connect: at the sockets that were passed, or else at the addresses of the configuration; and at
/// the control socket.
///
/// # Errors
/// A sentence about the first that cannot be had.
pub(super) async fn listen(
    sockets: Sockets,
    plan: &Plan,
    security: &Security,
) -> Result<Vec<Listener>, String> {
    let mut listeners = passed(sockets.0)?;
    if listeners.is_empty() {
        for address in &plan.listen {
            let listener = TcpListener::bind(address).await.map_err(|error| {
                format!(
                    "listening on {address} (`web.listen`): {error}; is another sightline running?"
                )
            })?;
            listeners.push(listener);
        }
    } else {
        tracing::info!(
            "the service manager has passed {} {}, in the place of `web.listen`",
            listeners.len(),
            if listeners.len() == 1 {
                "socket"
            } else {
                "sockets"
            }
        );
    }
    for address in listeners.iter().filter_map(|it| it.local_addr().ok()) {
        announce(address, security);
    }
    let mut listeners: Vec<_> = listeners.into_iter().map(Listener::Net).collect();
    if let Some(file) = &plan.control_socket {
        match Control::bind(file).await {
            Ok(control) => listeners.push(Listener::Control(control)),
            // Whoever tries it by hand has no place in /run, and is shown everything all the same.
            Err(error) => tracing::warn!(
                "no control socket (`web.control_socket`), so `sightline status`, `report` and `silence` \
                 do not reach this daemon: {error}"
            ),
        }
    }
    Ok(listeners)
}

/// The sockets that were passed, in the order of the socket unit.
fn passed(mut sockets: ListenFd) -> Result<Vec<TcpListener>, String> {
    let all = (0..sockets.len()).map(|at| {
        let wrong = |error: std::io::Error| {
            format!(
                "socket {} of those that the service manager has passed is none for TCP that listens: {error}",
                at + 1
            )
        };
        let listener = sockets.take_tcp_listener(at).map_err(wrong)?;
        let listener = listener.ok_or_else(|| wrong(std::io::ErrorKind::NotFound.into()))?;
        listener.set_nonblocking(true).map_err(wrong)?;
        TcpListener::from_std(listener).map_err(wrong)
    });
    all.collect()
}

/// Says where it is shown how it stands, and who could see it who perhaps should not.
fn announce(address: SocketAddr, security: &Security) {
    let scheme = if security.has_tls() { "https" } else { "http" };
    tracing::info!(%address, "how it stands is shown at {scheme}://{address}/");
    if address.ip().to_canonical().is_loopback() {
        return;
    }
    match (security.has_tls(), security.asks_who()) {
        (_, false) => tracing::warn!(
            %address,
            "whoever reaches {address} can read everything; `web.config_file` can ask for passwords or certificates"
        ),
        (false, true) => tracing::warn!(
            %address,
            "passwords go to {address} without encryption; `web.config_file` can switch on TLS"
        ),
        (true, true) => {}
    }
}
