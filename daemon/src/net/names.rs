//! Names of the site's own, looked up as a client does: by any resolver of the network, in the order in which
//! they are handed out.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use sightline_model::Reason;

use super::fault::Blame;
use super::lookup::{self, Failure};
use crate::path::NetPath;

/// How long an answer waits for that of a resolver before it.
const GRACE: Duration = Duration::from_millis(500);

/// All addresses of `name`, IPv4 first, by the first of `resolvers` that answers. An address is its own.
///
/// # Errors
/// What the first resolver said that answers, or that none does.
pub async fn addresses(
    path: &Arc<NetPath>,
    resolvers: &[SocketAddr],
    name: &str,
    limit: Duration,
) -> Result<Vec<IpAddr>, Failure> {
    if let Ok(address) = name.parse() {
        return Ok(vec![address]);
    }
    let mut open: FuturesUnordered<_> = resolvers
        .iter()
        .enumerate()
        .map(|(place, server)| async move {
            (place, lookup::addresses(path, *server, name, limit).await)
        })
        .collect();
    let mut heard: Vec<(usize, Result<Vec<IpAddr>, Failure>)> = Vec::new();
    let mut silent: Option<Failure> = None;
    let is_first = |heard: &[(usize, _)]| heard.iter().any(|(place, _)| *place == 0);
    while !is_first(&heard) {
        let next = if heard.is_empty() {
            open.next().await
        } else {
            tokio::time::timeout(GRACE, open.next())
                .await
                .unwrap_or_default()
        };
        match next {
            None => break,
            Some((_, Err(failure))) if is_silence(&failure) => {
                silent = silent.or(Some(failure));
            }
            Some(answer) => heard.push(answer),
        }
    }
    let first = heard.into_iter().min_by_key(|(place, _)| *place);
    first.map_or_else(
        || {
            Err(silent.unwrap_or_else(|| Failure {
                blame: Blame::Target(Reason::DnsTimeout),
                detail: format!("no resolver to ask for {name}"),
            }))
        },
        |(_, answer)| answer,
    )
}

/// Whether a client would ask the next resolver (RFC 1035 §7.2 asks on where no answer is had).
fn is_silence(failure: &Failure) -> bool {
    match failure.blame {
        Blame::Ours(_) => true,
        Blame::Target(reason) => {
            reason.is_silence() || matches!(reason, Reason::DnsServfail | Reason::DnsRefused)
        }
    }
}

/// Whether an address or `localhost` leads to this box itself or to nobody. What the network announces must
/// not make the box talk to itself.
#[must_use]
pub fn is_nowhere(host: &str) -> bool {
    if host.eq_ignore_ascii_case("localhost") {
        return true;
    }
    match host.parse::<IpAddr>() {
        Ok(IpAddr::V4(v4)) => {
            v4.is_loopback() || v4.is_unspecified() || v4.is_multicast() || v4.is_broadcast()
        }
        Ok(IpAddr::V6(v6)) => v6.is_loopback() || v6.is_unspecified() || v6.is_multicast(),
        Err(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_leads_to_this_box_or_nobody_is_nowhere() {
        for host in [
            "localhost",
            "LOCALHOST",
            "127.0.0.1",
            "127.9.9.9",
            "0.0.0.0",
            "::1",
            "::",
            "224.0.0.1",
            "255.255.255.255",
        ] {
            assert!(is_nowhere(host), "{host}");
        }
        for host in [
            "10.1.0.3",
            "proxy.example.com",
            "fd00::3",
            "localhost.example.com",
        ] {
            assert!(!is_nowhere(host), "{host}");
        }
    }
}
