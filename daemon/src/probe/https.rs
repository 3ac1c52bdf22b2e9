//! Do the hosts that are asked over TLS answer, with a certificate that a new device trusts, and
//! with what is documented (RFC 9110, RFC 8446)?

use sightline_model::Reason;

use super::{Ground, Kind, Thing, host};
use crate::endpoints::Protocol;
use crate::run::Task;

pub(super) const KIND: Kind = Kind {
    name: "https",
    help: "Asks the hosts of the flow over HTTPS, judges their certificates by the public authorities that the program carries, and compares what is documented of the answer.",
    reasons: &[
        Reason::TlsIntercepted,
        Reason::TlsExpired,
        Reason::TlsNotYetValid,
        Reason::TlsName,
        Reason::TlsUntrusted,
        Reason::TlsHandshake,
        Reason::EndpointUnreachable,
        Reason::HttpStatus,
        Reason::ContentMismatch,
        Reason::RangeUnsupported,
    ],
    tasks,
};

fn tasks(ground: &Ground<'_>, thing: &Thing) -> Vec<Task> {
    host::tasks(ground, (KIND.name, Protocol::Https), thing)
}
