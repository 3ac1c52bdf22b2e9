//! A row of the list as it is written.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, Ipv6Addr};

use serde::{Deserialize, Serialize};
use sightline_model::Stage;

use crate::config::{Cloud, EndpointId, Inspection, Port, Protocol, Region, Tenant};

/// One row. `{sts_host}` may stand for a name, `{verified_domain}` in a path.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Row {
    pub(super) id: EndpointId,
    pub(super) stages: Vec<Stage>,
    pub(super) why: String,
    pub(super) names: Vec<String>,
    #[serde(default)]
    pub(super) hosts: Vec<Host>,
    pub(super) unprobed: Option<String>,
    #[serde(default)]
    pub(super) ranges: Vec<String>,
    pub(super) ports: Vec<Port>,
    pub(super) protocol: Protocol,
    pub(super) path: Option<String>,
    #[serde(default)]
    pub(super) headers: BTreeMap<String, String>,
    pub(super) requirement: Listed,
    pub(super) condition: Option<Condition>,
    pub(super) region: Option<Region>,
    pub(super) inspection: Inspection,
    pub(super) expected: Option<Expected>,
    pub(super) expected_basis: Option<Basis>,
    pub(super) clouds: Vec<Cloud>,
    #[serde(default)]
    pub(super) needs_range: bool,
    #[serde(default)]
    pub(super) needs_ipv6: bool,
    #[serde(default)]
    pub(super) no_proxy: bool,
    #[serde(default)]
    pub(super) private_root: bool,
    pub(super) note: Option<String>,
    pub(super) sources: Vec<String>,
}

/// What the list says of a need, before a site has said what it uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Listed {
    Hard,
    Soft,
    Conditional,
    NotNeeded,
}

/// A name that can be asked, and where it comes from.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Host {
    /// The name.
    pub name: String,
    /// Where it comes from.
    pub basis: Basis,
}

/// How well founded something is. Earlier is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// The site's own configuration says so.
    Site,
    /// A document of Microsoft's says so.
    Documented,
    /// A test script of Microsoft's expects it.
    Script,
    /// The protocol has it so.
    Protocol,
    /// People outside Microsoft have seen it.
    Community,
    /// Our own conclusion.
    Derived,
}

impl Basis {
    /// Whether something else than expected is a fault of the other side; otherwise it may as well
    /// be a mistake of the list.
    #[must_use]
    pub const fn is_firm(self) -> bool {
        match self {
            Self::Site | Self::Documented | Self::Script | Self::Protocol => true,
            Self::Community | Self::Derived => false,
        }
    }
}

/// The switch of the configuration that makes a conditional need hard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    /// `tenant.win32_apps`
    Win32Apps,
    /// `tenant.store_apps`
    StoreApps,
    /// `tenant.office`
    Office,
    /// `tenant.activation`
    Activation,
    /// `tenant.seamless_sso`
    SeamlessSso,
    /// `tenant.sts`
    Federated,
    /// `tenant.terms_of_use`
    TermsOfUse,
}

impl Condition {
    /// Whether the tenant has it so.
    #[must_use]
    pub const fn is_met(self, tenant: &Tenant) -> bool {
        match self {
            Self::Win32Apps => tenant.win32_apps,
            Self::StoreApps => tenant.store_apps,
            Self::Office => tenant.office,
            Self::Activation => tenant.activation,
            Self::SeamlessSso => tenant.seamless_sso,
            Self::Federated => tenant.sts.is_some(),
            Self::TermsOfUse => tenant.terms_of_use,
        }
    }

    /// The key of the configuration.
    #[must_use]
    pub const fn switch(self) -> &'static str {
        match self {
            Self::Win32Apps => "tenant.win32_apps",
            Self::StoreApps => "tenant.store_apps",
            Self::Office => "tenant.office",
            Self::Activation => "tenant.activation",
            Self::SeamlessSso => "tenant.seamless_sso",
            Self::Federated => "tenant.sts",
            Self::TermsOfUse => "tenant.terms_of_use",
        }
    }
}

/// The answer of an endpoint that is as it should be.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(tag = "answer", rename_all = "snake_case", deny_unknown_fields)]
pub enum Expected {
    /// Any HTTP status of this very host.
    AnyStatus,
    /// This status.
    Status {
        /// The status.
        status: u16,
        /// Whether it is that of the last of several redirects.
        #[serde(default)]
        after_redirects: bool,
    },
    /// This status and exactly this body.
    Body {
        /// The status.
        status: u16,
        /// The whole body.
        text: String,
    },
    /// This status and a JSON object.
    Json {
        /// The status.
        status: u16,
        /// A key that the object has.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        key: Option<String>,
        /// What its value may be; anything if empty.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        values: Vec<String>,
    },
    /// This status and an XML document.
    Xml {
        /// The status.
        status: u16,
    },
    /// These addresses and no others.
    Addresses {
        /// The A record.
        v4: Ipv4Addr,
        /// The AAAA record.
        v6: Ipv6Addr,
    },
    /// A well-formed reply of the protocol.
    Reply,
}

impl Expected {
    /// What is expected where nothing is known.
    pub(super) const fn of(protocol: Protocol) -> (Self, Basis) {
        match protocol {
            Protocol::Http | Protocol::Https => (Self::AnyStatus, Basis::Derived),
            Protocol::Ntp | Protocol::Dns => (Self::Reply, Basis::Protocol),
        }
    }
}
