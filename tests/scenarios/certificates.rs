//! Certificates of LDAPS and StartTLS.

use super::{Case, DEGRADED, READY, run};
use crate::support::tls::Shown;

#[test]
fn a_bad_certificate_degrades_and_one_of_an_unknown_authority_is_only_told() {
    run(&[
        Case {
            name: "the certificate expired",
            change: |setting| setting.says().certificate = Shown::Expired,
            causes: &["degrading tls_expired domain_controller dc1.corp.example"],
            evidence: &["CN=dc1.corp.example expired"],
            ..DEGRADED
        },
        Case {
            name: "the certificate becomes valid in some decades",
            change: |setting| setting.says().certificate = Shown::NotYetValid,
            causes: &["degrading tls_not_yet_valid domain_controller dc1.corp.example"],
            ..DEGRADED
        },
        Case {
            name: "the certificate is for another name",
            change: |setting| {
                setting.says().certificate = Shown::OtherName("vip.corp.example".to_owned());
            },
            causes: &["degrading tls_name domain_controller dc1.corp.example"],
            evidence: &["asked for dc1.corp.example, the certificate is for vip.corp.example"],
            ..DEGRADED
        },
        Case {
            name: "the certificate is of an authority that nobody configured",
            change: |setting| setting.says().certificate = Shown::UnknownAuthority,
            notes: &["info tls_untrusted domain_controller dc1.corp.example"],
            ..READY
        },
        Case {
            name: "the company's authority is not configured",
            change: |setting| setting.trusts_company = false,
            notes: &["info tls_untrusted domain_controller dc1.corp.example"],
            ..READY
        },
        Case {
            name: "expired comes before unknown",
            change: |setting| {
                setting.says().certificate = Shown::Expired;
                setting.trusts_company = false;
            },
            causes: &["degrading tls_expired domain_controller dc1.corp.example"],
            ..DEGRADED
        },
        Case {
            name: "the handshake is refused",
            change: |setting| setting.says().certificate = Shown::Nothing,
            causes: &["degrading tls_handshake domain_controller dc1.corp.example"],
            evidence: &["HandshakeFailure"],
            ..DEGRADED
        },
        Case {
            name: "StartTLS is refused for want of a certificate: evidence only",
            change: |setting| setting.says().root_dse.start_tls = 52,
            evidence: &["refused with result 52"],
            ..READY
        },
        Case {
            name: "StartTLS works",
            change: |_| {},
            evidence: &["\"start_tls\": Text(\"TLSv1_3\")"],
            ..READY
        },
    ]);
}
