//! Ports that are closed, silent or slow, and controllers that are dead.

use std::time::Duration;

use super::{Case, DEGRADED, NOT_READY, READY, run};
use crate::support::Service::{
    Cldap, GlobalCatalog, KerberosTcp, KerberosUdp, KpasswdTcp, KpasswdUdp, Ldap, Ldaps, Netlogon,
    Ntp, Rpc, Smb,
};
use crate::support::behaviour::Behaviour::{Delay, Fits, Refuse, Silent, Truncated};
use crate::support::{Controller, Setting};

fn first(setting: &mut Setting) -> &mut Controller {
    &mut setting.controllers[0]
}

#[test]
fn a_closed_door_of_a_live_controller_is_named_by_what_it_means() {
    run(&[
        Case {
            name: "UDP 389 is dropped",
            change: |setting| first(setting).set(Cldap, &Silent),
            causes: &["blocking cldap_no_answer domain_controller dc1.corp.example"],
            ..NOT_READY
        },
        Case {
            name: "TCP 389 is dropped",
            change: |setting| first(setting).set(Ldap, &Silent),
            causes: &["blocking port_blocked domain_controller on dc1.corp.example"],
            ..NOT_READY
        },
        Case {
            name: "TCP 445 is dropped",
            change: |setting| first(setting).set(Smb, &Silent),
            causes: &["blocking port_blocked domain_controller on dc1.corp.example"],
            evidence: &["connecting to dc1.corp.example"],
            ..NOT_READY
        },
        Case {
            name: "TCP 445 is refused",
            change: |setting| first(setting).set(Smb, &Refuse),
            causes: &["blocking port_blocked domain_controller on dc1.corp.example"],
            evidence: &["(127.0.0.11): refused"],
            ..NOT_READY
        },
        Case {
            name: "TCP 445 is dropped at both of two: one cause",
            controllers: 2,
            change: |setting| {
                for dc in &mut setting.controllers {
                    dc.set(Smb, &Silent);
                }
            },
            causes: &[
                "blocking port_blocked domain_controller on dc1.corp.example, dc2.corp.example",
            ],
            ..NOT_READY
        },
        Case {
            name: "TCP 445 is dropped at one of two",
            controllers: 2,
            change: |setting| first(setting).set(Smb, &Silent),
            causes: &["degrading port_blocked domain_controller on dc1.corp.example"],
            ..DEGRADED
        },
        Case {
            name: "the services of two half-dead controllers make no whole one",
            controllers: 2,
            change: |setting| {
                first(setting).set(Smb, &Refuse);
                setting.controllers[1].set(Rpc, &Refuse);
            },
            causes: &[
                "blocking port_blocked domain_controller on dc1.corp.example",
                "blocking rpc_endpoint_unavailable domain_controller on dc2.corp.example",
            ],
            ..NOT_READY
        },
        Case {
            name: "TCP and UDP 88 are dropped",
            change: |setting| {
                first(setting).set(KerberosTcp, &Silent);
                first(setting).set(KerberosUdp, &Silent);
            },
            causes: &["blocking kdc_no_answer domain_controller on dc1.corp.example"],
            ..NOT_READY
        },
        Case {
            name: "TCP 88 is dropped",
            change: |setting| first(setting).set(KerberosTcp, &Silent),
            causes: &["blocking kerberos_tcp_blocked domain_controller on dc1.corp.example"],
            ..NOT_READY
        },
        Case {
            name: "UDP 88 is dropped",
            change: |setting| first(setting).set(KerberosUdp, &Silent),
            causes: &["degrading kerberos_udp_blocked domain_controller on dc1.corp.example"],
            ..DEGRADED
        },
        Case {
            name: "TCP 135 is dropped",
            change: |setting| first(setting).set(Rpc, &Silent),
            causes: &["blocking rpc_endpoint_unavailable domain_controller on dc1.corp.example"],
            ..NOT_READY
        },
        Case {
            name: "the dynamic port of Netlogon is dropped",
            change: |setting| first(setting).set(Netlogon, &Silent),
            causes: &["blocking rpc_dynamic_port_blocked domain_controller dc1.corp.example"],
            evidence: &["for Netlogon: no answer from there"],
            ..NOT_READY
        },
        Case {
            name: "the dynamic port of Netlogon is refused",
            change: |setting| first(setting).set(Netlogon, &Refuse),
            causes: &["blocking rpc_dynamic_port_blocked domain_controller dc1.corp.example"],
            evidence: &["for Netlogon: connecting to 127.0.0.11:"],
            ..NOT_READY
        },
        Case {
            name: "the global catalog is dropped",
            change: |setting| first(setting).set(GlobalCatalog, &Silent),
            causes: &["degrading port_blocked domain_controller on dc1.corp.example"],
            ..DEGRADED
        },
        Case {
            name: "the global catalog of a controller that is none is not missed",
            change: |setting| {
                first(setting).says.netlogon.flags &= !0x4;
                first(setting).set(GlobalCatalog, &Refuse);
            },
            ..READY
        },
        Case {
            name: "TCP and UDP 464 are refused",
            change: |setting| {
                first(setting).set(KpasswdTcp, &Refuse);
                first(setting).set(KpasswdUdp, &Refuse);
            },
            causes: &["degrading port_blocked domain_controller on dc1.corp.example"],
            ..DEGRADED
        },
        Case {
            name: "TCP 464 alone is refused: the client falls back to UDP",
            change: |setting| first(setting).set(KpasswdTcp, &Refuse),
            ..READY
        },
        Case {
            name: "TCP 636 is refused: sign-in does not need it",
            change: |setting| first(setting).set(Ldaps, &Refuse),
            notes: &["info port_blocked domain_controller on dc1.corp.example"],
            ..READY
        },
        Case {
            name: "the time service of a controller is silent: Kerberos tells the time too",
            change: |setting| first(setting).set(Ntp, &Silent),
            notes: &["info ntp_no_answer domain_controller dc1.corp.example"],
            ..READY
        },
        Case {
            name: "the directory closes each connection right after its answer",
            change: |setting| {
                for service in [Ldap, Ldaps, GlobalCatalog] {
                    first(setting).set(service, &Truncated(100_000));
                }
            },
            ..READY
        },
    ]);
}

#[test]
fn a_dead_controller_is_one_cause_and_a_slow_one_is_usable() {
    run(&[
        Case {
            name: "the only controller drops everything",
            change: |setting| first(setting).set_all(&Silent),
            causes: &["blocking dc_unreachable domain_controller dc1.corp.example"],
            ..NOT_READY
        },
        Case {
            name: "one of two drops everything",
            controllers: 2,
            change: |setting| first(setting).set_all(&Silent),
            causes: &["degrading dc_unreachable domain_controller dc1.corp.example"],
            ..DEGRADED
        },
        Case {
            name: "both refuse everything",
            controllers: 2,
            change: |setting| {
                for dc in &mut setting.controllers {
                    dc.set_all(&Refuse);
                }
            },
            causes: &[
                "blocking dc_unreachable domain_controller dc1.corp.example, dc2.corp.example",
            ],
            ..NOT_READY
        },
        Case {
            name: "the ping is answered after 700 ms; Windows waits 400 ms",
            change: |setting| {
                setting.slow_ping = "400ms";
                first(setting).set(Cldap, &Delay(Duration::from_millis(700)));
            },
            causes: &["degrading dc_slow domain_controller dc1.corp.example"],
            ..DEGRADED
        },
        Case {
            name: "everything is answered after 700 ms, which is soon enough here",
            change: |setting| {
                for service in [
                    Cldap,
                    Ldap,
                    KerberosTcp,
                    KerberosUdp,
                    Rpc,
                    Netlogon,
                    Smb,
                    Ntp,
                ] {
                    first(setting).set(service, &Delay(Duration::from_millis(700)));
                }
            },
            ..READY
        },
    ]);
}

#[test]
fn a_path_on_which_long_packets_are_lost_is_told_from_one_that_is_none() {
    const FITS: usize = 1200 - 28;
    run(&[
        Case {
            name: "long questions and answers are lost over UDP and over TCP",
            change: |setting| {
                setting.timeout = "5s";
                for service in [Cldap, Ldap] {
                    first(setting).set(service, &Fits(FITS));
                }
            },
            causes: &["blocking mtu_blackhole domain_controller dc1.corp.example"],
            evidence: &[
                "one of 1200 is answered, and no router said so",
                "set MSS clamping to 1160",
            ],
            ..NOT_READY
        },
        Case {
            name: "long datagrams are lost, and TCP does not connect, so that nobody can tell",
            controllers: 2,
            change: |setting| {
                setting.timeout = "5s";
                first(setting).set(Cldap, &Fits(FITS));
                first(setting).set(Ldap, &Silent);
            },
            causes: &[
                "degrading port_blocked domain_controller on dc1.corp.example",
                "degrading mtu_blackhole domain_controller dc1.corp.example",
            ],
            evidence: &["whether TCP gets through could not be told"],
            ..DEGRADED
        },
        Case {
            name: "long datagrams are lost, and TCP packets as long are not: a filter of LDAP pings",
            change: |setting| first(setting).set(Cldap, &Fits(FITS)),
            notes: &["info not_tested domain_controller on dc1.corp.example"],
            ..READY
        },
        Case {
            name: "pings with padding are not answered",
            change: |setting| first(setting).set(Cldap, &Fits(200)),
            notes: &["info not_tested domain_controller on dc1.corp.example"],
            ..READY
        },
    ]);
}
