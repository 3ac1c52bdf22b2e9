//! Whose fault an I/O error is. Decided here and nowhere else.

use std::io;

use rustix::io::Errno;
use sightline_model::{Finding, Reason};

use crate::run::Run;

/// Turns an I/O error of the present phase into a finding: the target's fault where the target or
/// the way to it said no, our own where this box could not even ask.
#[must_use]
pub fn finding(run: &Run, error: &io::Error) -> Finding {
    let detail = format!("{}: {}", run.doing(), describe(error));
    match blame(error) {
        Blame::Target(reason) => run.fail(reason, detail),
        Blame::Ours(reason) => run.blind(reason, detail),
    }
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
    match error.kind() {
        io::ErrorKind::ConnectionRefused => "refused".to_owned(),
        io::ErrorKind::ConnectionReset => "reset by the other side".to_owned(),
        io::ErrorKind::HostUnreachable => "host unreachable".to_owned(),
        io::ErrorKind::NetworkUnreachable => "no route from this box".to_owned(),
        io::ErrorKind::UnexpectedEof => "closed before the answer was complete".to_owned(),
        io::ErrorKind::PermissionDenied => {
            format!("not permitted on this box ({error})")
        }
        io::ErrorKind::AddrNotAvailable => {
            "this box does not have the configured source address, or no free port".to_owned()
        }
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        ] {
            assert_eq!(blame(&errno.into()), expected, "{errno:?}");
        }
    }
}
