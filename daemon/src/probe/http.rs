//! Do the hosts that are asked without TLS answer, and is it they who answer (RFC 9110)? The test by
//! which Windows decides that it has the Internet is one of them.

use sightline_model::Reason;

use super::{Ground, Kind, Thing, host};
use crate::endpoints::Protocol;
use crate::run::Task;

pub(super) const KIND: Kind = Kind {
    name: "http",
    help: "Asks the hosts of the flow that speak HTTP without TLS, the connection test of Windows among them, and compares what is documented of the answer.",
    reasons: &[
        Reason::CaptivePortal,
        Reason::EndpointUnreachable,
        Reason::HttpStatus,
        Reason::ContentMismatch,
        Reason::RangeUnsupported,
    ],
    tasks,
};

fn tasks(ground: &Ground<'_>, thing: &Thing) -> Vec<Task> {
    host::tasks(ground, (KIND.name, Protocol::Http), thing)
}
