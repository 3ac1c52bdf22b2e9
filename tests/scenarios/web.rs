//! Hosts of the Internet: whether they can be reached, and who answers in their place.

use std::net::{Ipv4Addr, Ipv6Addr, UdpSocket};

use super::{Case, DEGRADED, NOT_READY, READY, run};
use crate::support::Setting;
use crate::support::behaviour::Behaviour;
use crate::support::dns::Reply;
use crate::support::tls::Shown;
use crate::support::web::Page;

const ONLINE: Case = Case {
    setting: Setting::online,
    ..READY
};
const POORER: Case = Case {
    setting: Setting::online,
    ..DEGRADED
};
const OFFLINE: Case = Case {
    setting: Setting::online,
    ..NOT_READY
};

const NCSI: &str = "www.msftconnecttest.com";
const ZTD: &str = "ztd.dds.microsoft.com";
const CRL: &str = "crl.microsoft.com";
const CONTENT: &str = "swda01-mscdn.manage.microsoft.com";
const PRIVATE: &str = "fe3.delivery.mp.microsoft.com";
const LOGIN: &str = "login.microsoftonline.com";
const DEVICE: &str = "device.login.microsoftonline.com";
const DRS: &str = "enterpriseregistration.windows.net";
const STS: &str = "sts.corp.example";

/// A tenant whose users sign in at a service of the company's own.
fn federated(setting: &mut Setting) {
    setting
        .domain_keys
        .push_str("\n[tenant]\nsts = \"sts.corp.example\"\n");
}

#[test]
fn a_host_that_does_not_answer_as_it_should_is_named_with_the_reason() {
    run(&[
        Case {
            name: "all is well",
            evidence: &[
                "dns known_address 127.0.0.200",
                "\"endpoint\": Text(\"entra-drs\"), \"status\": Number(200.0)",
            ],
            ..ONLINE
        },
        Case {
            name: "one decisive host is dropped by a firewall",
            change: |setting| setting.host(ZTD, |host| host.behaviour = Behaviour::Silent),
            causes: &["blocking endpoint_unreachable autopilot ztd.dds.microsoft.com"],
            evidence: &["connecting to ztd.dds.microsoft.com"],
            ..OFFLINE
        },
        Case {
            name: "one host of less weight is refused by a firewall",
            change: |setting| setting.host(CRL, |host| host.behaviour = Behaviour::Refuse),
            causes: &["degrading endpoint_unreachable time crl.microsoft.com"],
            evidence: &["refused"],
            ..POORER
        },
        Case {
            name: "a DNS filter hides one decisive host",
            change: |setting| {
                let knows = setting.knows();
                let no = Reply::from_the_root();
                knows.set(ZTD, hickory_proto::rr::RecordType::A, no);
            },
            causes: &["blocking endpoint_unreachable autopilot ztd.dds.microsoft.com"],
            evidence: &["for the addresses of ztd.dds.microsoft.com: "],
            ..OFFLINE
        },
        Case {
            name: "a DNS filter gives an address that no host has",
            change: |setting| setting.knows().address(ZTD, Ipv4Addr::UNSPECIFIED),
            causes: &["blocking endpoint_unreachable autopilot ztd.dds.microsoft.com"],
            evidence: &["leads nowhere: 0.0.0.0"],
            ..OFFLINE
        },
        Case {
            name: "a host accepts the connection and stays silent",
            change: |setting| {
                setting.host(ZTD, |host| host.behaviour = Behaviour::AcceptAndSilent);
            },
            causes: &["blocking endpoint_unreachable autopilot ztd.dds.microsoft.com"],
            evidence: &["TLS handshake with ztd.dds.microsoft.com"],
            ..OFFLINE
        },
        Case {
            name: "a decisive host answers 503",
            change: |setting| setting.host(ZTD, |host| host.page = Page::Status(503)),
            causes: &["blocking http_status autopilot ztd.dds.microsoft.com"],
            evidence: &["GET / gave 503"],
            ..OFFLINE
        },
        Case {
            name: "a decisive host refuses who does not sign in: that is the host itself",
            change: |setting| setting.host(ZTD, |host| host.page = Page::Status(403)),
            ..ONLINE
        },
        Case {
            name: "registration answers with something else than its document",
            change: |setting| setting.host(DRS, |host| host.page = Page::Portal),
            causes: &["blocking content_mismatch device_setup enterpriseregistration.windows.net"],
            evidence: &["where 200 with JSON is documented"],
            ..OFFLINE
        },
        Case {
            name: "an answer that only the community knows is another one",
            change: |setting| setting.host(LOGIN, |host| host.page = Page::Status(404)),
            notes: &["info content_mismatch device_setup login.microsoftonline.com"],
            ..ONLINE
        },
        Case {
            name: "a redirect over a good chain is the decision of the host",
            change: |setting| {
                setting.host(DEVICE, |host| {
                    host.page = Page::Redirect("https://www.office.com/");
                });
            },
            evidence: &["\"location\": Text(\"https://www.office.com/\")"],
            ..ONLINE
        },
        Case {
            name: "redirects in a circle",
            change: |setting| setting.host(DEVICE, |host| host.page = Page::Redirect("/again")),
            causes: &["blocking content_mismatch registration device.login"],
            evidence: &["more than 5 redirects on the same host"],
            ..OFFLINE
        },
        Case {
            name: "a content host does not give parts",
            change: |setting| setting.host(CONTENT, |host| host.page = Page::WithoutRanges),
            causes: &["degrading range_unsupported device_setup swda01-mscdn"],
            ..POORER
        },
    ]);
}

#[test]
fn whoever_answers_in_the_place_of_the_internet_is_one_cause() {
    run(&[
        Case {
            name: "no host connects",
            change: |setting| setting.each_host(|host| host.behaviour = Behaviour::Silent),
            causes: &["blocking internet_unreachable internet no host of the Internet answers"],
            ..OFFLINE
        },
        Case {
            name: "a portal redirects",
            change: |setting| {
                setting.each_host(|host| {
                    host.page = Page::Redirect("http://portal.hotel.example/login");
                    host.certificate = Shown::UnknownAuthority;
                });
            },
            causes: &["blocking captive_portal internet www.msftconnecttest.com"],
            evidence: &["gave 302 to http://portal.hotel.example/login"],
            ..OFFLINE
        },
        Case {
            name: "a portal answers with its page",
            change: |setting| setting.host(NCSI, |host| host.page = Page::Portal),
            causes: &["blocking captive_portal internet www.msftconnecttest.com"],
            evidence: &["Welcome to the hotel", "(server portal/1)"],
            ..OFFLINE
        },
        Case {
            name: "a portal says that it is one",
            change: |setting| {
                setting.host(NCSI, |host| host.page = Page::Status(511));
                setting.host(CRL, |host| host.page = Page::Status(511));
            },
            causes: &["blocking captive_portal internet www.msftconnecttest.com"],
            ..OFFLINE
        },
        Case {
            name: "a filter refuses the test of Windows",
            change: |setting| setting.host(NCSI, |host| host.page = Page::Status(403)),
            causes: &["blocking content_mismatch internet www.msftconnecttest.com"],
            ..OFFLINE
        },
        Case {
            name: "the resolver has another address for a name with a documented one",
            change: |setting| {
                let portal = Ipv4Addr::new(192, 0, 2, 1);
                setting.knows().address("dns.msftncsi.com", portal);
            },
            causes: &["degrading dns_rewritten network 127.0.0.200"],
            evidence: &["dns.msftncsi.com has the address 131.107.255.255"],
            ..POORER
        },
    ]);
}

#[test]
fn a_certificate_that_is_not_good_has_one_reason() {
    run(&[
        Case {
            name: "a proxy inspects everything",
            change: |setting| {
                setting.each_host(|host| host.certificate = Shown::UnknownAuthority);
            },
            causes: &[
                "blocking tls_intercepted autopilot by CN=CA of somebody else on aadcdn.msauth.net, cs.dds.microsoft.com, device.login.microsoftonline.com, enrollment.manage.microsoft.com, enterpriseregistration.windows.net, fe3.delivery.mp.microsoft.com",
            ],
            evidence: &["issued by CN=CA of somebody else"],
            ..OFFLINE
        },
        Case {
            name: "a proxy inspects one host that forbids it",
            change: |setting| {
                setting.host(CONTENT, |host| host.certificate = Shown::UnknownAuthority);
            },
            causes: &["blocking tls_intercepted device_setup swda01-mscdn.manage.microsoft.com"],
            ..OFFLINE
        },
        Case {
            name: "a root of Microsoft's own is no interception",
            change: |setting| {
                setting.host(PRIVATE, |host| host.certificate = Shown::UnknownAuthority);
            },
            notes: &["info tls_untrusted updates fe3.delivery.mp.microsoft.com"],
            ..ONLINE
        },
        Case {
            name: "the company's own sign-in service has a certificate of the company",
            change: federated,
            evidence: &["\"endpoint\": Text(\"fed-sts\"), \"status\": Number(200.0)"],
            ..ONLINE
        },
        Case {
            name: "the company's own sign-in service has a certificate that nobody knows",
            change: |setting| {
                federated(setting);
                setting.host(STS, |host| host.certificate = Shown::UnknownAuthority);
            },
            causes: &["blocking tls_untrusted registration sts.corp.example"],
            ..OFFLINE
        },
        Case {
            name: "this box trusts the proxy, a new device does not",
            change: |setting| setting.trusts_public = false,
            causes: &["blocking tls_intercepted autopilot by CN=Public CA of the test"],
            ..OFFLINE
        },
        Case {
            name: "a host wants to see the certificate of the device",
            change: |setting| {
                setting.host(ZTD, |host| host.certificate = Shown::GoodForKnownClients);
            },
            evidence: &["\"wants_client_certificate\": Flag(true)"],
            ..ONLINE
        },
        Case {
            name: "expired",
            change: |setting| setting.host(ZTD, |host| host.certificate = Shown::Expired),
            causes: &["blocking tls_expired autopilot ztd.dds.microsoft.com"],
            evidence: &["CN=ztd.dds.microsoft.com expired"],
            ..OFFLINE
        },
        Case {
            name: "not valid yet",
            change: |setting| setting.host(ZTD, |host| host.certificate = Shown::NotYetValid),
            causes: &["blocking tls_not_yet_valid autopilot ztd.dds.microsoft.com"],
            ..OFFLINE
        },
        Case {
            name: "for another name",
            change: |setting| {
                let other = Shown::OtherName("portal.hotel.example".to_owned());
                setting.host(ZTD, |host| host.certificate = other.clone());
            },
            causes: &["blocking tls_name autopilot ztd.dds.microsoft.com"],
            evidence: &["the certificate is for portal.hotel.example"],
            ..OFFLINE
        },
        Case {
            name: "the handshake fails of a certificate, which is evidence all the same",
            change: |setting| setting.host(ZTD, |host| host.certificate = Shown::OtherKey),
            causes: &["blocking tls_handshake autopilot ztd.dds.microsoft.com"],
            evidence: &[
                "BadSignature",
                "\"certificate_subject\": Text(\"CN=ztd.dds.microsoft.com\"), \"endpoint\"",
            ],
            ..OFFLINE
        },
        Case {
            name: "the handshake is refused",
            change: |setting| setting.host(ZTD, |host| host.certificate = Shown::Nothing),
            causes: &["blocking tls_handshake autopilot ztd.dds.microsoft.com"],
            ..OFFLINE
        },
    ]);
}

/// The answer about the realm that leads to the company's own sign-in service.
const FEDERATED: Page = Page::Federated(
    r#""federation_metadata_url":"https://sts.corp.example/adfs/services/trust/mex""#,
);

#[test]
fn a_federated_domain_needs_the_sign_in_service_that_its_realm_names() {
    run(&[
        Case {
            name: "the realm leads to a service that is well",
            change: |setting| setting.host(LOGIN, |host| host.page = FEDERATED),
            evidence: &[
                "\"realm\": Text(\"Federated\"), \"sign_in_service\": Text(\"sts.corp.example\")",
                "\"endpoint\": Text(\"fed-sts\"), \"status\": Number(200.0)",
                "\"windowstransport_13\": Text(\"401 (Negotiate, NTLM)\"), \"windowstransport_2005\": Text(\"401 (Negotiate, NTLM)\")",
            ],
            ..ONLINE
        },
        Case {
            name: "the realm leads to a service that is dead",
            change: |setting| {
                setting.host(LOGIN, |host| host.page = FEDERATED);
                setting.host(STS, |host| host.behaviour = Behaviour::Silent);
            },
            causes: &["blocking sts_unreachable registration sts.corp.example"],
            evidence: &["connecting to sts.corp.example"],
            ..OFFLINE
        },
        Case {
            name: "the realm leads to a service whose name no resolver knows",
            change: |setting| {
                setting.host(LOGIN, |host| host.page = FEDERATED);
                let no = Reply::from_the_root();
                let knows = setting.knows();
                knows.set(STS, hickory_proto::rr::RecordType::A, no);
            },
            causes: &["blocking sts_unreachable registration sts.corp.example"],
            evidence: &["for the addresses of sts.corp.example: "],
            ..OFFLINE
        },
        Case {
            name: "the service has the sign-in of machines switched off",
            change: |setting| {
                setting.host(LOGIN, |host| host.page = FEDERATED);
                setting.host(STS, |host| host.page = Page::Off("windowstransport", 503));
            },
            causes: &["blocking sts_unreachable registration windowstransport on sts.corp.example"],
            evidence: &[
                "GET /adfs/services/trust/2005/windowstransport gave 503: switched off, GET /adfs/services/trust/13/windowstransport gave 503: switched off",
            ],
            ..OFFLINE
        },
        Case {
            name: "one of the two editions is switched off",
            change: |setting| {
                setting.host(LOGIN, |host| host.page = FEDERATED);
                setting.host(STS, |host| host.page = Page::Off("/13/", 404));
            },
            notes: &["info sts_unreachable registration windowstransport on sts.corp.example"],
            evidence: &[
                "/adfs/services/trust/13/windowstransport gave 404: switched off; the other one is enough",
            ],
            ..ONLINE
        },
        Case {
            name: "the service has its metadata switched off",
            change: |setting| {
                federated(setting);
                setting.host(STS, |host| host.page = Page::Off("/mex", 404));
            },
            causes: &["blocking sts_unreachable registration mex on sts.corp.example"],
            evidence: &["GET /adfs/services/trust/mex gave 404: the metadata are switched off"],
            ..OFFLINE
        },
        Case {
            name: "the service is ill",
            change: |setting| {
                setting.host(LOGIN, |host| host.page = FEDERATED);
                setting.host(STS, |host| host.page = Page::Status(500));
            },
            causes: &["blocking http_status registration sts.corp.example"],
            ..OFFLINE
        },
        Case {
            name: "the realm names no service that could be asked",
            change: |setting| {
                setting.host(LOGIN, |host| {
                    host.page = Page::Federated(r#""AuthURL":"https://203.0.113.7/adfs/ls/""#);
                });
            },
            notes: &["info not_tested registration login.microsoftonline.com"],
            evidence: &["says that the domain is federated, and names no host that could be asked"],
            ..ONLINE
        },
        Case {
            name: "the service is no AD FS",
            change: |setting| {
                setting.host(LOGIN, |host| {
                    host.page = Page::Federated(
                        r#""federation_metadata_url":"https://sts.corp.example/app/mex""#,
                    );
                });
                setting.host(STS, |host| host.page = Page::Portal);
            },
            notes: &[
                "info content_mismatch registration sts.corp.example",
                "info not_tested registration windowstransport on sts.corp.example",
            ],
            evidence: &["it is no AD FS by the paths that the realm names"],
            ..ONLINE
        },
        Case {
            name: "the configuration names a service, and the realm is managed",
            change: federated,
            notes: &["info content_mismatch registration login.microsoftonline.com"],
            evidence: &[
                "the realm is Managed, and the configuration names the sign-in service sts.corp.example",
            ],
            ..ONLINE
        },
        Case {
            name: "the configuration names another service than the realm: that one is asked",
            change: |setting| {
                federated(setting);
                setting.host(LOGIN, |host| {
                    host.page = Page::Federated(r#""AuthURL":"https://other.example.com/""#);
                });
                setting.host(STS, |host| host.behaviour = Behaviour::Refuse);
            },
            causes: &["blocking sts_unreachable registration sts.corp.example"],
            notes: &["info content_mismatch registration login.microsoftonline.com"],
            ..OFFLINE
        },
    ]);
}

const FILES: &str = "download.windowsupdate.com";

#[test]
fn how_fast_content_comes_is_asked_where_it_is_wanted() {
    run(&[
        Case {
            name: "it is fast enough",
            change: |setting| {
                setting.probe_keys = "throughput = true";
                setting.host(FILES, |host| host.page = Page::File(1_000_000));
            },
            evidence: &[
                "throughput throughput download.windowsupdate.com",
                "\"bytes\": Number(1000000.0), \"estimate\"",
                "\"expected_mib\": Number(2048.0)",
                "Mbit/s from download.windowsupdate.com, by one connection at one moment (1.0 MiB in",
                "and the status page waits 60 min",
            ],
            ..ONLINE
        },
        Case {
            name: "a device would wait too long",
            change: |setting| {
                setting.probe_keys = "throughput = true\nesp_download_mib = 1048576";
                setting
                    .domain_keys
                    .push_str("\n[tenant]\nesp_limit = \"1m\"\n");
                setting.host(FILES, |host| host.page = Page::File(1_000_000));
            },
            causes: &["degrading slow device_setup download.windowsupdate.com"],
            evidence: &[
                "1048576 MiB for a device would take",
                "the status page waits 60 s",
            ],
            ..POORER
        },
        Case {
            name: "a file without an end ends at 16 MiB",
            change: |setting| {
                setting.probe_keys = "throughput = true";
                setting.host(FILES, |host| host.page = Page::EndlessBody);
            },
            causes: &["degrading range_unsupported updates download.windowsupdate.com"],
            evidence: &["by one connection at one moment (16.0 MiB in"],
            ..POORER
        },
        Case {
            name: "the file is not there",
            change: |setting| {
                setting.probe_keys = "throughput = true";
                setting.host(FILES, |host| host.page = Page::Status(404));
            },
            notes: &["info not_tested device_setup download.windowsupdate.com"],
            evidence: &["GET /microsoftupdate/v6/wsusscan/wsusscn2.cab gave 404, and no content"],
            ..ONLINE
        },
        Case {
            name: "the file is too small to tell",
            change: |setting| {
                setting.probe_keys = "throughput = true";
                setting.host(FILES, |host| host.page = Page::File(1000));
            },
            notes: &["info not_tested device_setup download.windowsupdate.com"],
            evidence: &["gave 1000 bytes, too few to tell"],
            ..ONLINE
        },
        Case {
            name: "the host says nothing: that is one cause",
            change: |setting| {
                setting.probe_keys = "throughput = true";
                setting.host(FILES, |host| host.behaviour = Behaviour::AcceptAndSilent);
            },
            causes: &["degrading endpoint_unreachable updates download.windowsupdate.com"],
            notes: &["info not_tested device_setup download.windowsupdate.com"],
            evidence: &["throughput: waiting for an answer from download.windowsupdate.com"],
            ..POORER
        },
    ]);
}

#[test]
fn one_family_of_addresses_that_works_is_enough_and_the_other_is_told_once() {
    if UdpSocket::bind((Ipv6Addr::LOCALHOST, 0)).is_err() {
        eprintln!("skipped: this machine has no IPv6");
        return;
    }
    run(&[
        Case {
            name: "IPv6 leads nowhere",
            change: |setting| {
                for name in [ZTD, DRS] {
                    setting.knows().address_v6(name, Ipv6Addr::LOCALHOST);
                }
            },
            causes: &[
                "degrading endpoint_unreachable autopilot IPv6 on enterpriseregistration.windows.net, ztd",
            ],
            evidence: &["(::1): refused"],
            ..POORER
        },
        Case {
            name: "IPv4 leads nowhere, and there is no IPv6",
            change: |setting| setting.host(ZTD, |host| host.behaviour = Behaviour::Refuse),
            causes: &["blocking endpoint_unreachable autopilot ztd.dds.microsoft.com"],
            ..OFFLINE
        },
    ]);
}
