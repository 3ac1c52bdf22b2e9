//! What a run learned of the tenant, and that it has used an account.

use sightline_model::ConnectionPoint;

use super::Run;
use crate::text::harmless;

impl Run {
    /// Keeps what the service connection point says, which ends before people.
    pub fn read_connection_point(&self, mut point: ConnectionPoint) {
        point.tenant_id = harmless(&point.tenant_id);
        point.tenant_name = harmless(&point.tenant_name);
        self.state().outcome.facts.connection_point = Some(point);
    }

    /// A password, or a proof of it, is about to be sent.
    pub fn sends_credential(&self) {
        self.state().outcome.facts.credential_sent = true;
    }

    /// Keeps the GUID of the tenant.
    pub fn read_tenant(&self, id: String) {
        self.state().outcome.facts.tenant_id = Some(id);
    }
}
