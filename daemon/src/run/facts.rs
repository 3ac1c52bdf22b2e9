//! What a run learned that others go on from. Texts of others are made harmless here.

use std::net::IpAddr;

use sightline_model::{
    ClockReading, ConnectionPoint, ControllerFacts, DhcpAnswer, RouterAnswer, ScriptFacts,
    SignInService, SrvRecord, TunnelFacts,
};

use super::Run;
use crate::text::harmless;

impl Run {
    /// Keeps the other host's clock.
    pub fn read_clock(&self, clock: ClockReading) {
        self.state().outcome.facts.clock = Some(clock);
    }

    /// Keeps the records of an SRV lookup. Their targets end before people, as names of
    /// controllers.
    pub fn read_records(&self, mut records: Vec<SrvRecord>) {
        for record in &mut records {
            record.target = harmless(&record.target);
        }
        self.state().outcome.facts.records = records;
    }

    /// Keeps the gateway that the box leaves by.
    pub fn read_gateway(&self, gateway: String) {
        self.state().outcome.facts.gateway = Some(gateway);
    }

    /// Keeps who has signed the certificate of the host.
    pub fn read_issuer(&self, issuer: &str) {
        self.state().outcome.facts.issuer = Some(harmless(issuer));
    }

    /// Keeps the addresses of a name.
    pub fn read_addresses(&self, addresses: Vec<IpAddr>) {
        self.state().outcome.facts.addresses = addresses;
    }

    /// Keeps what a proxy script says; everything in it was checked or ends before people.
    pub fn read_script(&self, mut script: ScriptFacts) {
        script.url = harmless(&script.url);
        self.state().outcome.facts.script = Some(script);
    }

    /// Keeps what a domain controller says of itself, which ends before people.
    pub fn read_controller(&self, mut controller: ControllerFacts) {
        let ControllerFacts {
            host,
            domain,
            forest,
            domain_guid,
            dc_site,
            client_site,
            flags,
        } = &mut controller;
        for text in [host, domain, forest, domain_guid, dc_site, client_site]
            .into_iter()
            .chain(flags)
        {
            *text = harmless(text);
        }
        self.state().outcome.facts.controller = Some(controller);
    }

    /// Keeps what the DHCP servers answered; texts of theirs are made harmless.
    pub fn read_dhcp(&self, mut answers: Vec<DhcpAnswer>) {
        for text in answers.iter_mut().flat_map(DhcpAnswer::texts_mut) {
            *text = harmless(text);
        }
        self.state().outcome.facts.dhcp = answers;
    }

    /// Keeps what the routers advertise; texts of theirs are made harmless.
    pub fn read_routers(&self, mut answers: Vec<RouterAnswer>) {
        for text in answers.iter_mut().flat_map(RouterAnswer::texts_mut) {
            *text = harmless(text);
        }
        self.state().outcome.facts.routers = answers;
    }

    /// Keeps what the time service of this box says of its clock.
    pub fn read_own_clock(&self, is_synchronised: bool) {
        self.state().outcome.facts.synchronised = Some(is_synchronised);
    }

    /// Keeps what the kernel knows of a tunnel.
    pub fn read_tunnel(&self, tunnel: TunnelFacts) {
        self.state().outcome.facts.tunnel = Some(tunnel);
    }

    /// Keeps where a federated company signs its users in.
    pub fn read_sign_in_service(&self, service: SignInService) {
        self.state().outcome.facts.sign_in_service = Some(service);
    }

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
