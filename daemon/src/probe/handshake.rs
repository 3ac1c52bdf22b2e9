//! How old is the last handshake of a WireGuard tunnel? Its interface is up whether anybody answers or not.
//! Asked last, as an idle tunnel makes no handshake: one that carried packets has a young one.
//!
//! A session is thrown away 180 s after its handshake (REJECT_AFTER_TIME, section 6.1 of the paper on
//! WireGuard); a new handshake comes before, while there is something to send.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use sightline_model::{Finding, Phase, Reason};

use super::{Ground, Kind, Thing};
use crate::program;
use crate::run::{Probe, Run, Running, Task, unix_seconds};
use crate::text;

pub(super) const KIND: Kind = Kind {
    name: "handshake",
    help: "Asks wg(8) how old the last handshake of a WireGuard tunnel is, after packets were sent into it; only where the configuration wants it.",
    reasons: &[Reason::VpnHandshakeStale, Reason::NotTested],
    tasks,
};

/// Older sessions carry nothing.
const STALE_AFTER: Duration = Duration::from_secs(180);

/// As long as `wg` may take.
const LIMIT: Duration = Duration::from_secs(2);

fn tasks(ground: &Ground<'_>, thing: &Thing) -> Vec<Task> {
    let Thing::Tunnel { vpn, .. } = thing else {
        return Vec::new();
    };
    let (true, Some(interface)) = (vpn.asks_handshake, vpn.interface.clone()) else {
        return Vec::new();
    };
    let (host, reason) = (interface.clone(), Reason::VpnHandshakeStale);
    let probe = Arc::new(Handshake {
        interface,
        programs: ground.plan.clock_keepers.programs.clone(),
    });
    vec![ground.tunnel_task(KIND.name, vpn, host, reason, probe)]
}

#[derive(Debug)]
struct Handshake {
    interface: String,
    programs: Vec<PathBuf>,
}

impl Probe for Handshake {
    fn run<'a>(&'a self, run: &'a Run) -> Running<'a> {
        Box::pin(async move {
            run.enter(Phase::Request);
            let left_out = |why: String| {
                let detail = format!("the age of the last handshake is not known: {why}");
                run.info(Reason::NotTested, detail)
            };
            let Some(wg) = program::find(&self.programs, "wg") else {
                return Err(left_out(
                    "wg (Debian: wireguard-tools) is not installed".into(),
                ));
            };
            let arguments = ["show", self.interface.as_str(), "latest-handshakes"];
            let said = program::ask(&wg, &arguments, LIMIT.min(run.remaining() / 2))
                .await
                .map_err(|error| left_out(format!("wg {error}")))?;
            if !said.is_success {
                return Err(left_out(format!(
                    "wg fails; it needs CAP_NET_ADMIN, and {} has to be a tunnel of WireGuard",
                    self.interface
                )));
            }
            assess(run, &self.interface, &said.output, unix_seconds())
        })
    }
}

/// Judges the words of `wg show INTERFACE latest-handshakes`: a line for each peer, its key and the Unix
/// time of the last handshake, 0 for none. The youngest counts. Pure.
fn assess(run: &Run, interface: &str, output: &str, now: f64) -> Result<(), Finding> {
    let mut peers = 0_usize;
    let mut youngest: Option<u32> = None;
    for line in output.lines() {
        let Some(time) = line.split_whitespace().nth(1) else {
            continue;
        };
        let Ok(time) = time.parse::<u32>() else {
            let detail = format!("wg says `{}`", text::foreign(line));
            return Err(run.info(Reason::NotTested, detail));
        };
        peers += 1;
        youngest = youngest.max(Some(time).filter(|time| *time > 0));
    }
    let Some(youngest) = youngest else {
        let detail = format!("{interface} has had no handshake with any of its {peers} peers");
        return Err(run.fail(Reason::VpnHandshakeStale, detail));
    };
    let age = (now - f64::from(youngest)).max(0.0);
    run.keep("handshake_age_seconds", age.round());
    if age > STALE_AFTER.as_secs_f64() {
        let detail = format!(
            "the last handshake of {interface} is {} old, though packets were sent; a session is thrown away after {}",
            text::duration(Duration::from_secs_f64(age.round())),
            text::duration(STALE_AFTER)
        );
        return Err(run.fail(Reason::VpnHandshakeStale, detail));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use sightline_model::Target;

    use super::*;
    use crate::path::NetPath;

    /// The begin of what a program called `wg` makes the probe say.
    async fn said_by(script: Option<&str>) -> String {
        let directory = tempfile::tempdir().expect("a directory");
        if let Some(script) = script {
            let file = directory.path().join("wg");
            std::fs::write(&file, script).expect("a file");
            std::fs::set_permissions(&file, PermissionsExt::from_mode(0o755)).expect("a mode");
        }
        let target = Target {
            host: "wg0".into(),
            address: None,
            port: None,
        };
        let path = Arc::new(NetPath::direct("default"));
        let run = Run::begin(target, path, Duration::from_secs(5));
        let probe = Handshake {
            interface: "wg0".into(),
            programs: vec![directory.path().to_owned()],
        };
        match probe.run(&run).await {
            Ok(()) => "fresh".to_owned(),
            Err(finding) => format!(
                "{:?} {}: {}",
                finding.severity, finding.reason, finding.detail
            ),
        }
    }

    #[tokio::test]
    async fn without_the_program_or_the_capability_the_age_is_left_out_and_nothing_is_blamed() {
        let left_out = "Info not_tested: the age of the last handshake is not known: wg ";
        let denied = said_by(Some("#!/bin/sh\necho denied >&2\nexit 1\n")).await;
        assert!(denied.starts_with(left_out), "{denied}");
        assert!(denied.contains("CAP_NET_ADMIN"), "{denied}");
        let missing = said_by(None).await;
        assert!(missing.starts_with(left_out), "{missing}");
        let never = said_by(Some("#!/bin/sh\nprintf 'key=\\t0\\n'\n")).await;
        assert!(never.starts_with("Blocking vpn_handshake_stale"), "{never}");
        let young = said_by(Some("#!/bin/sh\nprintf 'key=\\t%s\\n' \"$(date +%s)\"\n")).await;
        assert_eq!(young, "fresh");
    }

    #[test]
    fn the_youngest_handshake_counts_and_none_is_stale() {
        let target = Target {
            host: "wg0".into(),
            address: None,
            port: None,
        };
        let path = Arc::new(NetPath::direct("default"));
        let run = Run::begin(target, path, Duration::from_secs(5));
        let found = |output: &str| {
            assess(&run, "wg0", output, 1_000_000.0)
                .map_err(|finding| (finding.reason, finding.detail))
        };
        assert_eq!(found("key1=\t999900\nkey2=\t0\n"), Ok(()));
        assert_eq!(found("key1=\t999820\n"), Ok(()));
        let stale = Reason::VpnHandshakeStale;
        for (output, said) in [
            ("key1=\t0\n", "no handshake with any of its 1 peers"),
            ("", "no handshake with any of its 0 peers"),
            ("key1=\t999000\n", "old, though packets were sent"),
        ] {
            let (reason, detail) = found(output).expect_err(output);
            assert!(reason == stale && detail.contains(said), "{detail}");
        }
        let (reason, _) = found("what is that").expect_err("no number");
        assert_eq!(reason, Reason::NotTested);
    }
}
