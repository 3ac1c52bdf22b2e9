//! Whose fault an I/O error is. Decided here and nowhere else.

use std::io;
use std::net::IpAddr;

use rustix::io::Errno;
use sightline_model::{Finding, Reason};

use crate::run::Run;

/// What a family without an address on this box is called.
const NO_ADDRESS: &str = "this box has no address of this family to send from";

/// Turns an I/O error of the present phase into a finding: the target's fault where the target or
/// the way to it said no, our own where this box could not even ask.
#[must_use]
pub fn finding(run: &Run, error: &io::Error) -> Finding {
    let said = match (error.kind(), configured_source(run)) {
        (io::ErrorKind::AddrNotAvailable, Some(source)) => {
            format!(
                "this box does not have the configured source address {source}, or no free port"
            )
        }
        _ => describe(error),
    };
    let detail = format!("{}: {said}", run.doing());
    match blame(error) {
        Blame::Target(reason) => run.fail(reason, detail),
        Blame::Ours(reason) => run.blind(reason, detail),
    }
}

/// The address that the run was to send from, where one is set for the family of its target.
fn configured_source(run: &Run) -> Option<IpAddr> {
    run.target()
        .address
        .and_then(|peer| run.path().source_for(peer))
}

/// Who has to change something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blame {
    /// The target, or the network between.
    Target(Reason),
    /// This box.
    Ours(Reason),
}

/// Sorts an I/O error by its kind.
#[must_use]
pub fn blame(error: &io::Error) -> Blame {
    match error.raw_os_error().map(Errno::from_raw_os_error) {
        Some(Errno::MFILE | Errno::NFILE | Errno::NOBUFS | Errno::NOMEM) => {
            return Blame::Ours(Reason::Overloaded);
        }
        Some(Errno::NODEV | Errno::NETDOWN | Errno::NXIO) => {
            return Blame::Ours(Reason::LinkDown);
        }
        Some(Errno::AFNOSUPPORT) => return Blame::Ours(Reason::NotRun),
        _ => {}
    }
    match error.kind() {
        io::ErrorKind::ConnectionRefused => Blame::Target(Reason::ConnectRefused),
        io::ErrorKind::TimedOut => Blame::Target(Reason::ConnectTimeout),
        io::ErrorKind::HostUnreachable => Blame::Target(Reason::HostUnreachable),
        io::ErrorKind::NetworkUnreachable => Blame::Target(Reason::NoRoute),
        io::ErrorKind::ConnectionReset
        | io::ErrorKind::ConnectionAborted
        | io::ErrorKind::BrokenPipe
        | io::ErrorKind::UnexpectedEof
        | io::ErrorKind::WriteZero
        | io::ErrorKind::NotConnected => Blame::Target(Reason::ClosedEarly),
        io::ErrorKind::InvalidData => Blame::Target(Reason::ProtocolError),
        io::ErrorKind::PermissionDenied => Blame::Ours(Reason::NoPermission),
        _ => Blame::Ours(Reason::NotRun),
    }
}

/// What the system said, in words.
#[must_use]
pub fn describe(error: &io::Error) -> String {
    if error.raw_os_error() == Some(Errno::AFNOSUPPORT.raw_os_error()) {
        return NO_ADDRESS.to_owned();
    }
    match error.kind() {
        io::ErrorKind::ConnectionRefused => "refused".to_owned(),
        io::ErrorKind::ConnectionReset => "reset by the other side".to_owned(),
        io::ErrorKind::HostUnreachable => "host unreachable".to_owned(),
        io::ErrorKind::NetworkUnreachable => "no route from this box".to_owned(),
        io::ErrorKind::UnexpectedEof => "closed before the answer was complete".to_owned(),
        io::ErrorKind::PermissionDenied => {
            format!("not permitted on this box ({error})")
        }
        io::ErrorKind::AddrNotAvailable => format!("{NO_ADDRESS}, or no free port"),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use sightline_model::{Severity, Target};

    use super::*;
    use crate::path::NetPath;

    #[test]
    fn each_error_kind_has_one_to_blame() {
        for (errno, expected) in [
            (Errno::CONNREFUSED, Blame::Target(Reason::ConnectRefused)),
            (Errno::TIMEDOUT, Blame::Target(Reason::ConnectTimeout)),
            (Errno::HOSTUNREACH, Blame::Target(Reason::HostUnreachable)),
            (Errno::NETUNREACH, Blame::Target(Reason::NoRoute)),
            (Errno::CONNRESET, Blame::Target(Reason::ClosedEarly)),
            (Errno::PIPE, Blame::Target(Reason::ClosedEarly)),
            (Errno::ACCESS, Blame::Ours(Reason::NoPermission)),
            (Errno::PERM, Blame::Ours(Reason::NoPermission)),
            (Errno::MFILE, Blame::Ours(Reason::Overloaded)),
            (Errno::NOBUFS, Blame::Ours(Reason::Overloaded)),
            (Errno::NODEV, Blame::Ours(Reason::LinkDown)),
            (Errno::NETDOWN, Blame::Ours(Reason::LinkDown)),
            (Errno::ADDRNOTAVAIL, Blame::Ours(Reason::NotRun)),
            (Errno::AFNOSUPPORT, Blame::Ours(Reason::NotRun)),
        ] {
            assert_eq!(blame(&errno.into()), expected, "{errno:?}");
        }
    }

    #[test]
    fn a_source_address_is_called_configured_only_where_it_is() {
        let said = |errno: Errno, sources: &[&str]| {
            let mut path = NetPath::direct("default");
            path.sources = sources
                .iter()
                .filter_map(|source| source.parse().ok())
                .collect();
            let target = Target::at("[fd00::53]:53".parse().expect("an address"));
            let run = Run::begin(target, Arc::new(path), Duration::from_secs(5));
            let finding = finding(&run, &errno.into());
            assert_eq!(finding.severity, Severity::Inconclusive, "{errno:?}");
            finding.detail
        };
        for (errno, sources, words) in [
            (
                Errno::ADDRNOTAVAIL,
                &[][..],
                "this box has no address of this family to send from, or no free port",
            ),
            (
                Errno::ADDRNOTAVAIL,
                &["10.0.0.7"],
                "this box has no address of this family to send from, or no free port",
            ),
            (
                Errno::ADDRNOTAVAIL,
                &["10.0.0.7", "fd00::7"],
                "this box does not have the configured source address fd00::7, or no free port",
            ),
            (
                Errno::AFNOSUPPORT,
                &[],
                "this box has no address of this family to send from",
            ),
            (
                Errno::AFNOSUPPORT,
                &["fd00::7"],
                "this box has no address of this family to send from",
            ),
        ] {
            let detail = said(errno, sources);
            assert!(
                detail.ends_with(&format!(": {words}")),
                "{errno:?}: {detail}"
            );
        }
    }
}
