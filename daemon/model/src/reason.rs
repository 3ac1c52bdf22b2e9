//! The closed list of reasons. A reason is a stable machine word: it stands in metrics, JSON,
//! alerts and exit texts, and each has its texts in [`texts`].

mod texts;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::stage::Stage;

/// Declares the reasons once: variant, machine word, group. The enum, the list and the words
/// cannot drift apart.
macro_rules! reasons {
    ($($group:literal: $($variant:ident = $code:literal),+;)+) => {
        /// Why a check did not pass. Texts: [`Reason::text`].
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        #[expect(missing_docs, reason = "each variant is documented by its row in `texts`")]
        pub enum Reason { $($($variant,)+)+ }

        impl Reason {
            /// Every reason, grouped as in the documentation.
            pub const ALL: &'static [Self] = &[$($(Self::$variant,)+)+];

            /// The machine word: `dns_nodata`.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self { $($(Self::$variant => $code,)+)+ }
            }

            /// The group that the reason stands in: `dns`.
            #[must_use]
            pub const fn group(self) -> &'static str {
                match self { $($(Self::$variant)|+ => $group,)+ }
            }
        }
    };
}

reasons! {
    "own":
        LinkDown = "link_down",
        ClockUnsynced = "clock_unsynced",
        NoPermission = "no_permission",
        NotRun = "not_run",
        Overloaded = "overloaded",
        InternalError = "internal_error";
    "network":
        NoAddress = "no_address",
        NoRoute = "no_route",
        GatewayUnreachable = "gateway_unreachable",
        NoResolver = "no_resolver",
        DhcpRogue = "dhcp_rogue",
        InternetUnreachable = "internet_unreachable";
    "dns":
        ResolverUnreachable = "resolver_unreachable",
        ResolverLacksAdZone = "resolver_lacks_ad_zone",
        ResolverLacksInternet = "resolver_lacks_internet",
        DnsTimeout = "dns_timeout",
        DnsRefused = "dns_refused",
        DnsServfail = "dns_servfail",
        DnsNxdomain = "dns_nxdomain",
        DnsNodata = "dns_nodata",
        DnsTruncated = "dns_truncated",
        DnsRewritten = "dns_rewritten",
        DnsTargetUnresolved = "dns_target_unresolved";
    "connect":
        ConnectTimeout = "connect_timeout",
        ConnectRefused = "connect_refused",
        HostUnreachable = "host_unreachable",
        ClosedEarly = "closed_early",
        ReadTimeout = "read_timeout",
        ProtocolError = "protocol_error";
    "dc":
        DcUnreachable = "dc_unreachable",
        DcNotUsable = "dc_not_usable",
        NoDcUsable = "no_dc_usable",
        PortBlocked = "port_blocked",
        CldapNoAnswer = "cldap_no_answer",
        CldapWrongDomain = "cldap_wrong_domain",
        DcPaused = "dc_paused",
        DcNotSynchronised = "dc_not_synchronised",
        DcNameMismatch = "dc_name_mismatch",
        DcSlow = "dc_slow",
        SiteUnmapped = "site_unmapped",
        SiteMismatch = "site_mismatch",
        SiteFallback = "site_fallback",
        LdapResult = "ldap_result",
        SmbRefusedDialect = "smb_refused_dialect",
        RpcEndpointUnavailable = "rpc_endpoint_unavailable",
        RpcDynamicPortBlocked = "rpc_dynamic_port_blocked";
    "kerberos":
        KdcNoAnswer = "kdc_no_answer",
        KdcWrongRealm = "kdc_wrong_realm",
        KdcEtype = "kdc_etype",
        KdcError = "kdc_error",
        ClockSkew = "clock_skew",
        LogonRefused = "logon_refused",
        KerberosUdpBlocked = "kerberos_udp_blocked",
        KerberosTcpBlocked = "kerberos_tcp_blocked";
    "time":
        NtpNoAnswer = "ntp_no_answer",
        ClockOffset = "clock_offset";
    "tls":
        TlsHandshake = "tls_handshake",
        TlsExpired = "tls_expired",
        TlsNotYetValid = "tls_not_yet_valid",
        TlsUntrusted = "tls_untrusted",
        TlsName = "tls_name",
        TlsIntercepted = "tls_intercepted";
    "http":
        CaptivePortal = "captive_portal",
        EndpointUnreachable = "endpoint_unreachable",
        HttpStatus = "http_status",
        ContentMismatch = "content_mismatch",
        RangeUnsupported = "range_unsupported",
        ProxyUnreachable = "proxy_unreachable",
        ProxyAuth = "proxy_auth",
        ProxyRefused = "proxy_refused",
        ProxyRequired = "proxy_required",
        WpadMissing = "wpad_missing";
    "path":
        MtuBlackhole = "mtu_blackhole",
        Loss = "loss",
        Slow = "slow";
    "registration":
        ScpMissing = "scp_missing",
        ScpWrongTenant = "scp_wrong_tenant",
        StsUnreachable = "sts_unreachable";
    "vpn":
        VpnGatewayUnresolved = "vpn_gateway_unresolved",
        VpnGatewayNoAnswer = "vpn_gateway_no_answer",
        VpnRefused = "vpn_refused",
        VpnTunnelDown = "vpn_tunnel_down",
        VpnNoRoute = "vpn_no_route",
        VpnBlackhole = "vpn_blackhole",
        VpnHandshakeStale = "vpn_handshake_stale";
    "judgement":
        Upstream = "upstream",
        NotTested = "not_tested";
}

/// Who has to change something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fixer {
    /// Whoever runs routers, firewalls, DHCP and the site's resolvers.
    Network,
    /// Whoever runs Active Directory and its DNS zones.
    ActiveDirectory,
    /// Whoever runs the proxy.
    Proxy,
    /// Whoever runs the VPN.
    Vpn,
    /// The people at the site: cables, switches, power.
    Site,
    /// Whoever runs this box.
    Box,
    /// Nobody: it is no fault.
    Nobody,
}

impl Fixer {
    /// For people: `network team`.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Network => "network team",
            Self::ActiveDirectory => "Active Directory team",
            Self::Proxy => "proxy team",
            Self::Vpn => "VPN team",
            Self::Site => "site",
            Self::Box => "owner of this box",
            Self::Nobody => "nobody",
        }
    }
}

/// What people read about a reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Text {
    /// One sentence about a finding; `{}` stands for its subject.
    pub headline: &'static str,
    /// What it means, without a subject.
    pub means: &'static str,
    /// What the person at the Windows device sees.
    pub seen: &'static str,
    /// Who has to change something.
    pub fixer: Fixer,
    /// How to mend it.
    pub fix: &'static str,
}

impl Reason {
    /// What people read about it.
    #[must_use]
    pub const fn text(self) -> Text {
        texts::text(self)
    }

    /// What people read about it at a stage: a certificate of a domain controller is somebody else's
    /// business than one of a host of the Internet.
    #[must_use]
    pub const fn text_at(self, stage: Stage) -> Text {
        let special = match stage {
            Stage::Proxy => self.at_a_script(),
            Stage::Vpn => self.at_a_gateway(),
            Stage::DomainController => None,
            _ => self.at_a_host(),
        };
        match special {
            Some(text) => text,
            None => self.text(),
        }
    }

    /// What people read about it at a proxy script, where that differs.
    #[must_use]
    pub const fn at_a_script(self) -> Option<Text> {
        texts::at_a_script(self)
    }

    /// What people read about it at the gateway of a VPN, where that differs.
    #[must_use]
    pub const fn at_a_gateway(self) -> Option<Text> {
        texts::at_a_gateway(self)
    }

    /// What people read about it at a host of the Internet, where that differs.
    #[must_use]
    pub const fn at_a_host(self) -> Option<Text> {
        texts::at_a_host(self)
    }

    /// One sentence about a finding at `subject`.
    #[must_use]
    pub fn headline(self, subject: &str) -> String {
        self.text().headline.replacen("{}", subject, 1)
    }

    /// One sentence about a finding at `subject`, at a stage.
    #[must_use]
    pub fn headline_at(self, stage: Stage, subject: &str) -> String {
        self.text_at(stage).headline.replacen("{}", subject, 1)
    }

    /// Whether nothing that speaks the protocol was heard. Such a reason is evidence: at a domain
    /// controller it is replaced by what it means there.
    #[must_use]
    pub const fn is_silence(self) -> bool {
        matches!(
            self,
            Self::ConnectTimeout
                | Self::ConnectRefused
                | Self::HostUnreachable
                | Self::NoRoute
                | Self::ClosedEarly
                | Self::ReadTimeout
                | Self::ProtocolError
                | Self::CldapNoAnswer
                | Self::KdcNoAnswer
                | Self::NtpNoAnswer
                | Self::DnsTimeout
                | Self::VpnGatewayNoAnswer
        )
    }

    /// Whether a broken path from this network would look like this: a fault of link, route or
    /// gateway explains it.
    #[must_use]
    pub const fn is_unreachability(self) -> bool {
        self.is_silence()
            || matches!(
                self,
                Self::DcUnreachable
                    | Self::ResolverUnreachable
                    | Self::InternetUnreachable
                    | Self::PortBlocked
                    | Self::EndpointUnreachable
                    | Self::ProxyUnreachable
                    | Self::StsUnreachable
                    | Self::RpcDynamicPortBlocked
                    | Self::GatewayUnreachable
                    | Self::VpnGatewayUnresolved
                    | Self::DnsServfail
            )
    }

    /// The stage at which a finding stands, where that is not the stage of the check that saw it.
    #[must_use]
    pub const fn stage(self) -> Option<Stage> {
        match self {
            Self::KdcWrongRealm | Self::KdcEtype | Self::KdcError | Self::ClockSkew => {
                Some(Stage::SignIn)
            }
            Self::InternetUnreachable | Self::CaptivePortal => Some(Stage::Internet),
            Self::ClockUnsynced | Self::ClockOffset => Some(Stage::Time),
            Self::ProxyRequired | Self::WpadMissing => Some(Stage::Proxy),
            _ => None,
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.code())
    }
}

impl FromStr for Reason {
    type Err = String;

    /// # Errors
    /// A sentence, for a word that is no reason.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .iter()
            .copied()
            .find(|reason| reason.code() == text)
            .ok_or_else(|| format!("no reason `{text}`"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_whole_sentences() {
        let texts = Reason::ALL
            .iter()
            .flat_map(|reason| {
                let texts = [
                    Some(reason.text()),
                    reason.at_a_host(),
                    reason.at_a_script(),
                    reason.at_a_gateway(),
                ];
                texts.map(|text| (reason, text))
            })
            .filter_map(|(reason, text)| Some((reason, text?)));
        for (reason, text) in texts {
            for sentence in [text.headline, text.means, text.seen, text.fix] {
                assert!(sentence.ends_with('.'), "{reason}: {sentence}");
                assert!(
                    sentence.starts_with(|c: char| c.is_uppercase() || c == '{' || c.is_numeric()),
                    "{reason}: {sentence}"
                );
                assert!(!sentence.contains("  "), "{reason}: {sentence}");
            }
            assert!(text.headline.matches("{}").count() <= 1, "{reason}");
        }
    }

    #[test]
    fn every_code_is_unique_and_reads_back() {
        for reason in Reason::ALL {
            assert_eq!(reason.code().parse(), Ok(*reason));
        }
        assert!("bad_weather".parse::<Reason>().is_err());
    }
}
