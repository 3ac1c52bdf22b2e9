//! What a controller says about itself.

use super::{Case, DEGRADED, NOT_READY, READY, run};
use crate::support::says::{KDC, Mapper, Smb};

#[test]
fn what_a_controller_says_of_itself_is_understood() {
    run(&[
        Case {
            name: "Netlogon is paused",
            change: |setting| setting.says().netlogon.opcode = 24,
            causes: &["blocking dc_paused domain_controller dc1.corp.example"],
            ..NOT_READY
        },
        Case {
            name: "Netlogon is paused at one of two",
            controllers: 2,
            change: |setting| setting.says().netlogon.opcode = 24,
            causes: &["degrading dc_paused domain_controller dc1.corp.example"],
            ..DEGRADED
        },
        Case {
            name: "the controller announces no KDC",
            change: |setting| setting.says().netlogon.flags &= !KDC,
            causes: &["blocking dc_not_usable domain_controller dc1.corp.example"],
            evidence: &["does not announce KDC"],
            ..NOT_READY
        },
        Case {
            name: "the ping is answered in the form of Windows NT",
            change: |setting| setting.says().netlogon.opcode = 19,
            causes: &["blocking protocol_error domain_controller dc1.corp.example"],
            evidence: &["in the form of Windows NT (opcode 19)"],
            ..NOT_READY
        },
        Case {
            name: "the ping is answered without an entry: another domain lives there",
            change: |setting| setting.says().domain = "other.example".to_owned(),
            causes: &["blocking cldap_wrong_domain domain_controller corp.example on dc1"],
            evidence: &["does not serve corp.example"],
            ..NOT_READY
        },
        Case {
            name: "the rootDSE is that of another domain",
            change: |setting| setting.says().root_dse.domain = "other.example".to_owned(),
            causes: &["blocking cldap_wrong_domain domain_controller corp.example on dc1"],
            evidence: &["is that of other.example, not of corp.example"],
            ..NOT_READY
        },
        Case {
            name: "the rootDSE is that of another kind of directory",
            change: |setting| setting.says().root_dse.is_active_directory = false,
            causes: &["blocking dc_not_usable domain_controller dc1.corp.example"],
            evidence: &["is not that of an Active Directory"],
            ..NOT_READY
        },
        Case {
            name: "the ping ends with result 52, unavailable",
            change: |setting| setting.says().netlogon.result = 52,
            causes: &["blocking ldap_result domain_controller dc1.corp.example"],
            evidence: &["result 52"],
            ..NOT_READY
        },
        Case {
            name: "the search of the root ends with result 52, unavailable",
            change: |setting| setting.says().root_dse.result = 52,
            causes: &["blocking ldap_result domain_controller dc1.corp.example"],
            evidence: &["result 52 DSA is busy"],
            ..NOT_READY
        },
        Case {
            name: "the search of the root ends with result 1, operationsError",
            change: |setting| setting.says().root_dse.result = 1,
            causes: &["blocking ldap_result domain_controller dc1.corp.example"],
            evidence: &["result 1 "],
            ..NOT_READY
        },
        Case {
            name: "the controller has not finished its first replication",
            change: |setting| setting.says().root_dse.is_synchronized = false,
            causes: &["degrading dc_not_synchronised domain_controller dc1.corp.example"],
            ..DEGRADED
        },
        Case {
            name: "the controller calls itself otherwise in the ping and in the rootDSE",
            change: |setting| {
                setting.says().host = "vip.corp.example".to_owned();
                setting.says().root_dse.dns_host_name = "vip.corp.example".to_owned();
            },
            causes: &["degrading dc_name_mismatch domain_controller dc1.corp.example"],
            evidence: &["the controller says vip.corp.example"],
            ..DEGRADED
        },
        Case {
            name: "no subnet object matches this network",
            change: |setting| setting.says().netlogon.client_site = String::new(),
            causes: &["degrading site_unmapped domain_controller 127.0.0.1"],
            ..DEGRADED
        },
        Case {
            name: "the site of this network has no controller of its own",
            change: |setting| setting.says().netlogon.client_site = "Paris".to_owned(),
            causes: &["degrading site_fallback domain_controller Paris"],
            ..DEGRADED
        },
        Case {
            name: "the network is mapped to another site than the configured one",
            change: |setting| setting.domain_keys = "ad_site = \"Paris\"\n".to_owned(),
            causes: &["degrading site_mismatch domain_controller 127.0.0.1"],
            evidence: &["the configuration says Paris"],
            ..DEGRADED
        },
    ]);
}

#[test]
fn the_answers_of_the_kdc_are_told_apart() {
    run(&[
        Case {
            name: "the account wants pre-authentication (25)",
            change: |setting| setting.says().kdc.code = 25,
            ..READY
        },
        Case {
            name: "the account is locked or disabled (18)",
            change: |setting| setting.says().kdc.code = 18,
            ..READY
        },
        Case {
            name: "the KDC says that it is not of this realm (68)",
            change: |setting| setting.says().kdc.code = 68,
            causes: &["blocking kdc_wrong_realm sign_in dc1.corp.example"],
            evidence: &["answers 68 KDC_ERR_WRONG_REALM"],
            ..NOT_READY
        },
        Case {
            name: "the KDC does not know the service of the realm (7)",
            change: |setting| setting.says().kdc.code = 7,
            causes: &["blocking kdc_wrong_realm sign_in dc1.corp.example"],
            ..NOT_READY
        },
        Case {
            name: "no encryption type in common (14)",
            change: |setting| setting.says().kdc.code = 14,
            causes: &["blocking kdc_etype sign_in dc1.corp.example"],
            ..NOT_READY
        },
        Case {
            name: "no encryption type in common (14) at one of two",
            controllers: 2,
            change: |setting| setting.says().kdc.code = 14,
            causes: &["degrading kdc_etype sign_in dc1.corp.example"],
            ..DEGRADED
        },
        Case {
            name: "the KDC has a trouble of its own (60) and says which",
            change: |setting| {
                setting.says().kdc.code = 60;
                setting.says().kdc.text = Some("database\u{1b}[2J is gone".to_owned());
            },
            causes: &["blocking kdc_error sign_in dc1.corp.example"],
            evidence: &["60 KRB_ERR_GENERIC (database\\u{1b}[2J is gone)"],
            ..NOT_READY
        },
        Case {
            name: "the KDC is not available yet (29)",
            change: |setting| setting.says().kdc.code = 29,
            causes: &["blocking kdc_error sign_in dc1.corp.example"],
            ..NOT_READY
        },
        Case {
            name: "the KDC refuses for the clock (37)",
            change: |setting| setting.says().kdc.code = 37,
            causes: &["blocking clock_skew sign_in dc1.corp.example"],
            ..NOT_READY
        },
    ]);
}

#[test]
fn what_rpc_and_smb_say_is_told_apart() {
    run(&[
        Case {
            name: "the endpoint mapper keeps its secrets from strangers",
            change: |setting| setting.says().mapper = Mapper::Denied,
            notes: &["info not_tested domain_controller dc1.corp.example"],
            evidence: &[
                "from anonymous callers (RestrictRemoteClients); the dynamic port was not tested",
            ],
            ..READY
        },
        Case {
            name: "Netlogon is not registered",
            change: |setting| setting.says().mapper = Mapper::NotRegistered,
            causes: &["blocking rpc_endpoint_unavailable domain_controller dc1.corp.example"],
            evidence: &["does not know Netlogon (status 0x16c9a0d6)"],
            ..NOT_READY
        },
        Case {
            name: "the endpoint mapper refuses the bind",
            change: |setting| setting.says().mapper = Mapper::RefusesBind,
            causes: &["blocking rpc_endpoint_unavailable domain_controller dc1.corp.example"],
            evidence: &["refuses the bind (reason 4)"],
            ..NOT_READY
        },
        Case {
            name: "the endpoint mapper names port 0",
            change: |setting| setting.says().mapper = Mapper::Port(Some(0)),
            causes: &["blocking rpc_endpoint_unavailable domain_controller dc1.corp.example"],
            ..NOT_READY
        },
        Case {
            name: "no SMB dialect in common",
            change: |setting| setting.says().smb = Smb::Refused(0xc000_00bb),
            causes: &["blocking smb_refused_dialect domain_controller dc1.corp.example"],
            evidence: &["refuses with status 0xc00000bb"],
            ..NOT_READY
        },
        Case {
            name: "the file service speaks SMB 1 only",
            change: |setting| setting.says().smb = Smb::Version1,
            causes: &["blocking smb_refused_dialect domain_controller dc1.corp.example"],
            evidence: &["answers in SMB 1"],
            ..NOT_READY
        },
        Case {
            name: "the file service chooses SMB 3.0.2",
            change: |setting| setting.says().smb = Smb::Dialect(0x0302),
            evidence: &["SMB 3.0.2"],
            ..READY
        },
    ]);
}
