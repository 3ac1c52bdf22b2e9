//! What of the list applies to a site: conditions resolved, names filled in, the site's own changes
//! and additions made.

use std::collections::BTreeMap;

use serde::Serialize;
use sightline_model::{Gate, Stage};

use super::List;
use super::row::{Basis, Condition, Expected, Host, Listed, Row};
use crate::config::{
    self, Config, Inspection, NamePattern, Port, Protocol, Region, Requirement, Tenant,
};

/// The port of HTTPS (RFC 9110 §4.2.2).
const HTTPS: u16 = 443;

const STS: &str = "{sts_host}";
const DOMAIN: &str = "{verified_domain}";

/// The row of the company's own sign-in service.
const SIGN_IN_SERVICE: &str = "fed-sts";

/// Stands for the name of a service that is yet to be learned (RFC 2606 §2).
const UNKNOWN: &str = "sts.invalid";

/// What the configuration says of the company's own sign-in service, which federated domains have.
#[derive(Clone, Debug)]
pub enum SignInService {
    /// It names the service.
    Configured(String),
    /// It names none: where the domain is federated, its realm says which one it is, and
    /// [`Endpoint::found_at`] makes the endpoint of this one.
    ToBeLearned(Box<Endpoint>),
    /// It has the endpoint left out.
    LeftOut,
}

/// An endpoint as it applies to a site.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Endpoint {
    /// Stable from one list to the next.
    pub id: String,
    /// Who says so.
    pub origin: Origin,
    /// Where in the flow it is needed, in the order of the flow.
    pub stages: Vec<Stage>,
    /// What it means to the flow.
    pub requirement: Requirement,
    /// The switch that it depends on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub condition: Option<Condition>,
    /// The region whose tenants use it; all if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<Region>,
    /// What it is for.
    pub why: String,
    /// What a firewall has to let through.
    pub names: Vec<NamePattern>,
    /// What can be asked; may be empty, `unprobed` says why.
    pub hosts: Vec<Host>,
    /// Why a wildcard has no host.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unprobed: Option<String>,
    /// Addresses behind the names, for firewalls that know addresses only.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ranges: Vec<String>,
    /// At least one; the first is asked.
    pub ports: Vec<Port>,
    /// How it is asked.
    pub protocol: Protocol,
    /// What is requested; always there over HTTP and HTTPS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request: Option<Request>,
    /// The answer that is as it should be.
    pub expected: Expected,
    /// How well founded that is.
    pub expected_basis: Basis,
    /// A key that is not set; only for want of it nothing more is asked than whether it answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lacks: Option<&'static str>,
    /// What a proxy that inspects TLS must do.
    pub inspection: Inspection,
    /// Byte ranges must pass.
    pub needs_range: bool,
    /// Means something only in networks with IPv6.
    pub needs_ipv6: bool,
    /// The client can use no proxy for it.
    pub no_proxy: bool,
    /// The chain may end in a root of Microsoft's that public stores lack; an unknown issuer alone
    /// is then no interception.
    pub private_root: bool,
    /// What else is worth knowing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// The documents behind it, by their names in the list.
    pub sources: Vec<String>,
}

/// Who says what an endpoint is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// The list that the program carries.
    List,
    /// The list, changed by the configuration.
    Changed,
    /// The configuration alone.
    Site,
}

/// A request over HTTP or HTTPS.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Request {
    /// Path with query.
    pub path: String,
    /// Headers beside the usual ones.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
}

impl Endpoint {
    /// What a failure means to its stages; `None` where nothing need be asked.
    #[must_use]
    pub const fn gate(&self) -> Option<Gate> {
        match self.requirement {
            Requirement::Hard => Some(Gate::Hard),
            // Apps are how a device comes to a VPN.
            Requirement::Soft if matches!(self.condition, Some(Condition::Win32Apps)) => {
                Some(Gate::BringsVpn)
            }
            Requirement::Soft => Some(Gate::Soft),
            Requirement::NotNeeded => None,
        }
    }

    /// The port that is asked.
    #[must_use]
    pub fn port(&self) -> Option<Port> {
        self.ports.first().copied()
    }

    /// Whether it is the company's own sign-in service, which federated domains have.
    #[must_use]
    pub fn is_sign_in_service(&self) -> bool {
        self.id == SIGN_IN_SERVICE
    }

    /// The same at a host that was not known before, with the path of its metadata where that is
    /// known.
    #[must_use]
    pub fn found_at(&self, host: &str, port: u16, path: Option<&str>) -> Self {
        let mut found = self.clone();
        found.names = host.parse().into_iter().collect();
        found.hosts = vec![Host {
            name: host.to_owned(),
            basis: Basis::Derived,
        }];
        // What the site says of the usual port stands.
        if port != HTTPS {
            found.ports = vec![Port {
                transport: config::Transport::Tcp,
                number: port,
            }];
        }
        if let (Some(path), Some(request)) = (path, &mut found.request) {
            path.clone_into(&mut request.path);
        }
        found
    }

    /// Whether asking `self` shows nothing that asking `other` does not.
    fn is_part_of(&self, other: &Self) -> bool {
        self.protocol == other.protocol
            && self.port() == other.port()
            && self.requirement >= other.requirement
            && self.hosts.iter().all(|host| other.hosts.contains(host))
    }
}

impl List {
    /// The endpoints that apply to the tenant of `config`, in the order of the list, then those of
    /// the site's own. A conditional need is hard if its switch is set, and soft otherwise.
    #[must_use]
    pub fn applicable(&self, config: &Config) -> Vec<Endpoint> {
        let mut all = Vec::new();
        for row in &self.rows {
            let change = config.endpoint.iter().find(|change| change.id == row.id);
            if change.is_some_and(|change| change.disabled) {
                continue;
            }
            if let Some(mut endpoint) = resolve(row, config) {
                if let Some(change) = change {
                    apply(change, &mut endpoint);
                }
                all.push(endpoint);
            }
        }
        let own = |entry: &&config::Endpoint| self.rows.iter().all(|row| row.id != entry.id);
        all.extend(config.endpoint.iter().filter(own).filter_map(addition));
        let full: Vec<_> = all
            .iter()
            .filter(|endpoint| endpoint.lacks.is_none())
            .cloned()
            .collect();
        all.retain(|endpoint| {
            endpoint.lacks.is_none() || !full.iter().any(|other| endpoint.is_part_of(other))
        });
        all
    }

    /// What the configuration says of the company's own sign-in service.
    #[must_use]
    pub fn sign_in_service(&self, config: &Config) -> SignInService {
        let is_meant = |id: &config::EndpointId| id.as_str() == SIGN_IN_SERVICE;
        let change = config.endpoint.iter().find(|change| is_meant(&change.id));
        if change.is_some_and(|change| change.disabled) {
            return SignInService::LeftOut;
        }
        if let Some(host) = &config.tenant.sts {
            return SignInService::Configured(host.to_string());
        }
        let mut as_if = config.clone();
        as_if.tenant.sts = UNKNOWN.parse().ok();
        let row = self.rows.iter().find(|row| is_meant(&row.id));
        let Some(mut endpoint) = row.and_then(|row| resolve(row, &as_if)) else {
            return SignInService::LeftOut;
        };
        if let Some(change) = change {
            apply(change, &mut endpoint);
        }
        SignInService::ToBeLearned(Box::new(endpoint))
    }
}

/// A row for a tenant; `None` if it does not concern it.
fn resolve(row: &Row, config: &Config) -> Option<Endpoint> {
    let tenant = &config.tenant;
    let is_elsewhere = match (row.region, tenant.region) {
        (Some(of), Some(own)) => of != own,
        (None, _) | (_, None) => false,
    };
    if is_elsewhere || !row.clouds.contains(&tenant.cloud) {
        return None;
    }
    let sts = tenant.sts.as_ref().map(config::DomainName::as_str);
    let names = row
        .names
        .iter()
        .map(|name| filled(name, STS, sts)?.parse().ok())
        .collect::<Option<_>>()?;
    let hosts = row
        .hosts
        .iter()
        .map(|host| {
            Some(Host {
                name: filled(&host.name, STS, sts)?,
                basis: host.basis,
            })
        })
        .collect::<Option<_>>()?;
    let domain = config.domain.tenant.as_ref();
    let path = row.path.as_deref().unwrap_or("/");
    let path = filled(path, DOMAIN, domain.map(config::DomainName::as_str));
    let lacks = path.is_none().then_some("domain.tenant");
    let usual = Expected::of(row.protocol);
    let (expected, expected_basis) = match (&row.expected, row.expected_basis) {
        (Some(expected), Some(basis)) if lacks.is_none() => (expected.clone(), basis),
        _ => usual,
    };
    Some(Endpoint {
        id: row.id.to_string(),
        origin: Origin::List,
        stages: row.stages.clone(),
        requirement: requirement(row, tenant),
        condition: row.condition,
        region: row.region,
        why: row.why.clone(),
        names,
        hosts,
        unprobed: row.unprobed.clone(),
        ranges: row.ranges.clone(),
        ports: row.ports.clone(),
        protocol: row.protocol,
        request: row.protocol.is_http().then(|| Request {
            path: path.unwrap_or_else(|| "/".to_owned()),
            headers: row.headers.clone(),
        }),
        expected,
        expected_basis,
        lacks,
        inspection: row.inspection,
        needs_range: row.needs_range,
        needs_ipv6: row.needs_ipv6,
        no_proxy: row.no_proxy,
        private_root: row.private_root,
        note: row.note.clone(),
        sources: row.sources.clone(),
    })
}

/// `text` with `value` in place of `placeholder`; `None` if it is there and there is no value.
fn filled(text: &str, placeholder: &str, value: Option<&str>) -> Option<String> {
    match value {
        Some(value) => Some(text.replace(placeholder, value)),
        None if text.contains(placeholder) => None,
        None => Some(text.to_owned()),
    }
}

fn requirement(row: &Row, tenant: &Tenant) -> Requirement {
    match (row.requirement, row.condition) {
        (Listed::Hard, _) => Requirement::Hard,
        (Listed::NotNeeded, _) => Requirement::NotNeeded,
        // Of several regions only one is the tenant's: until it is known, none is a must.
        (Listed::Conditional, Some(condition))
            if condition.is_met(tenant) && (row.region.is_none() || tenant.region.is_some()) =>
        {
            Requirement::Hard
        }
        (Listed::Soft | Listed::Conditional, _) => Requirement::Soft,
    }
}

/// Makes the changes of a site. The configuration was checked when it was read.
fn apply(change: &config::Endpoint, endpoint: &mut Endpoint) {
    endpoint.origin = Origin::Changed;
    if let Some(requirement) = change.requirement {
        endpoint.requirement = requirement;
        endpoint.condition = None;
    }
    if let Some(stages) = &change.stages {
        endpoint.stages.clone_from(stages);
    }
    if let Some(names) = &change.names {
        endpoint.names.clone_from(names);
    }
    if let Some(hosts) = &change.hosts {
        endpoint.hosts = of_the_site(hosts);
    }
    if let Some(ports) = &change.ports {
        endpoint.ports.clone_from(ports);
    }
    if let Some(protocol) = change.protocol.filter(|new| *new != endpoint.protocol) {
        endpoint.protocol = protocol;
        ask_for(endpoint, "/");
    }
    // Nobody knows the answer to another question.
    if let Some(path) = &change.path {
        ask_for(endpoint, path);
    }
    if let Some(inspection) = change.inspection {
        endpoint.inspection = inspection;
    }
    if let Some(why) = &change.why {
        endpoint.why.clone_from(why);
    }
}

fn ask_for(endpoint: &mut Endpoint, path: &str) {
    let headers = endpoint.request.take().map(|request| request.headers);
    endpoint.request = endpoint.protocol.is_http().then(|| Request {
        path: path.to_owned(),
        headers: headers.unwrap_or_default(),
    });
    (endpoint.expected, endpoint.expected_basis) = Expected::of(endpoint.protocol);
    endpoint.lacks = None;
}

fn of_the_site(hosts: &[config::DomainName]) -> Vec<Host> {
    let host = |name: &config::DomainName| Host {
        name: name.to_string(),
        basis: Basis::Site,
    };
    hosts.iter().map(host).collect()
}

/// An endpoint of the site's own. The configuration has refused incomplete ones.
fn addition(entry: &config::Endpoint) -> Option<Endpoint> {
    let hosts = entry.hosts.as_ref()?;
    let protocol = entry.protocol?;
    let (expected, expected_basis) = Expected::of(protocol);
    let names = match &entry.names {
        Some(names) => names.clone(),
        None => hosts
            .iter()
            .map(|host| host.as_str().parse().ok())
            .collect::<Option<_>>()?,
    };
    Some(Endpoint {
        id: entry.id.to_string(),
        origin: Origin::Site,
        stages: entry.stages.clone()?,
        requirement: entry.requirement?,
        condition: None,
        region: None,
        why: entry
            .why
            .clone()
            .unwrap_or_else(|| "added by the site".to_owned()),
        names,
        hosts: of_the_site(hosts),
        unprobed: None,
        ranges: Vec::new(),
        ports: entry.ports.clone()?,
        protocol,
        request: protocol.is_http().then(|| Request {
            path: entry.path.clone().unwrap_or_else(|| "/".to_owned()),
            headers: BTreeMap::new(),
        }),
        expected,
        expected_basis,
        lacks: None,
        inspection: entry.inspection.unwrap_or(match protocol {
            Protocol::Https => Inspection::NotStated,
            Protocol::Http | Protocol::Ntp | Protocol::Dns => Inspection::NotApplicable,
        }),
        needs_range: false,
        needs_ipv6: false,
        no_proxy: false,
        private_root: false,
        note: None,
        sources: Vec::new(),
    })
}
