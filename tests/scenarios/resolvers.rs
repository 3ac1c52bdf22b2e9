//! What the resolvers of a network know and how they say it.

use std::net::Ipv4Addr;

use hickory_proto::op::ResponseCode;
use hickory_proto::rr::{Name, RData, Record, RecordType, rdata::AAAA};

use super::{Case, DEGRADED, NOT_READY, READY, run};
use crate::support::behaviour::Behaviour::{Refuse, Silent};
use crate::support::dns::{self, Reply};
use crate::support::{DOMAIN, Setting};

/// Gives the name by which controllers are found this reply.
fn locator(setting: &mut Setting, reply: Reply) {
    setting
        .knows()
        .set(&dns::locator(DOMAIN), RecordType::SRV, reply);
}

/// Announces sixty controllers more than there are, as backups: too many for a datagram.
fn announce_sixty(setting: &mut Setting) {
    let backups: Vec<_> = (2..=60)
        .map(|number| format!("dc{number}.{DOMAIN}"))
        .collect();
    let mut targets = vec![(0, "dc1.corp.example")];
    targets.extend(backups.iter().map(|name| (10, name.as_str())));
    let owner = dns::locator(DOMAIN);
    setting.knows().services(&owner, &targets);
    setting.domain_keys = "dc_sample = 1\n".to_owned();
}

#[test]
fn a_resolver_that_does_not_lead_to_the_domain_is_told_from_a_record_that_is_missing() {
    run(&[
        Case {
            name: "the query for the domain goes to the Internet",
            change: |setting| setting.knows().on_domain = Some(Reply::from_the_root()),
            causes: &[
                "blocking resolver_lacks_ad_zone domain_controller corp.example @ 127.0.0.200",
            ],
            evidence: &["NXDOMAIN, says the root zone: the query went to the Internet"],
            ..NOT_READY
        },
        Case {
            name: "the resolver refuses the domain",
            change: |setting| setting.knows().on_domain = Some(Reply::code(ResponseCode::Refused)),
            causes: &["blocking resolver_lacks_ad_zone domain_controller corp.example"],
            evidence: &["REFUSED"],
            ..NOT_READY
        },
        Case {
            name: "the forwarder for the domain fails",
            change: |setting| setting.knows().on_domain = Some(Reply::code(ResponseCode::ServFail)),
            causes: &["blocking resolver_lacks_ad_zone domain_controller corp.example"],
            evidence: &["SERVFAIL"],
            ..NOT_READY
        },
        Case {
            name: "the resolver answers everything about the domain with nothing",
            change: |setting| setting.knows().on_domain = Some(Reply::code(ResponseCode::NoError)),
            causes: &["blocking resolver_lacks_ad_zone domain_controller corp.example"],
            evidence: &["NOERROR without records"],
            ..NOT_READY
        },
        Case {
            name: "the zone is there, the locator records are not",
            change: |setting| {
                let no = Reply::No(ResponseCode::NXDomain, Some(DOMAIN.to_owned()));
                locator(setting, no);
            },
            causes: &["blocking dns_nxdomain domain_controller _ldap._tcp.dc._msdcs.corp.example"],
            evidence: &["NXDOMAIN, says zone corp.example"],
            ..NOT_READY
        },
        Case {
            name: "the locator name has no SRV records",
            change: |setting| {
                let no = Reply::No(ResponseCode::NoError, Some(DOMAIN.to_owned()));
                locator(setting, no);
            },
            causes: &["blocking dns_nodata domain_controller _ldap._tcp.dc._msdcs.corp.example"],
            ..NOT_READY
        },
        Case {
            name: "the locator records are refused",
            change: |setting| locator(setting, Reply::code(ResponseCode::Refused)),
            causes: &["blocking dns_refused domain_controller _ldap._tcp.dc._msdcs.corp.example"],
            ..NOT_READY
        },
        Case {
            name: "the locator records fail",
            change: |setting| locator(setting, Reply::code(ResponseCode::ServFail)),
            causes: &["blocking dns_servfail domain_controller _ldap._tcp.dc._msdcs.corp.example"],
            ..NOT_READY
        },
        Case {
            name: "the question for the locator records is dropped",
            change: |setting| locator(setting, Reply::Silence),
            causes: &["blocking dns_timeout domain_controller _ldap._tcp.dc._msdcs.corp.example"],
            ..NOT_READY
        },
        Case {
            name: "the question for the address of the only target is dropped",
            change: |setting| {
                for kind in [RecordType::A, RecordType::AAAA] {
                    setting
                        .knows()
                        .set("dc1.corp.example", kind, Reply::Silence);
                }
            },
            causes: &["blocking dns_timeout domain_controller dc1.corp.example"],
            ..NOT_READY
        },
        Case {
            name: "the locator record says that the service is not offered",
            change: |setting| setting.knows().services(&dns::locator(DOMAIN), &[(0, ".")]),
            causes: &["blocking dns_nodata domain_controller _ldap._tcp.dc._msdcs.corp.example"],
            ..NOT_READY
        },
        Case {
            name: "the records of the KDCs are missing",
            change: |setting| {
                let no = Reply::No(ResponseCode::NXDomain, Some(DOMAIN.to_owned()));
                setting.knows().set(&dns::kdcs(DOMAIN), RecordType::SRV, no);
            },
            causes: &["degrading dns_nxdomain domain_controller _kerberos._tcp.dc._msdcs"],
            ..DEGRADED
        },
        Case {
            name: "the only target has no address",
            change: |setting| {
                let no = Reply::No(ResponseCode::NXDomain, Some(DOMAIN.to_owned()));
                setting.knows().set("dc1.corp.example", RecordType::A, no);
            },
            causes: &["blocking dns_target_unresolved domain_controller dc1.corp.example"],
            ..NOT_READY
        },
        Case {
            name: "one of two targets has no address",
            controllers: 2,
            change: |setting| {
                let no = Reply::No(ResponseCode::NXDomain, Some(DOMAIN.to_owned()));
                setting.knows().set("dc1.corp.example", RecordType::A, no);
            },
            causes: &["degrading dns_target_unresolved domain_controller dc1.corp.example"],
            ..DEGRADED
        },
    ]);
}

#[test]
fn answers_without_end_or_measure_end_and_are_measured() {
    run(&[
        Case {
            name: "the locator name is an alias of an alias of itself",
            change: |setting| {
                let owner = dns::locator(DOMAIN);
                let other = "_ldap._tcp.elsewhere.example";
                let records = vec![dns::alias(&owner, other), dns::alias(other, &owner)];
                locator(setting, Reply::Records(records));
            },
            causes: &["blocking dns_nodata domain_controller _ldap._tcp.dc._msdcs.corp.example"],
            ..NOT_READY
        },
        Case {
            name: "the name of the controller is an alias of an alias of itself",
            change: |setting| {
                let (owner, other) = ("dc1.corp.example", "dc1.elsewhere.example");
                let records = vec![dns::alias(owner, other), dns::alias(other, owner)];
                let knows = setting.knows();
                knows.set(owner, RecordType::A, Reply::Records(records.clone()));
                knows.set(owner, RecordType::AAAA, Reply::Records(records.clone()));
                knows.set(other, RecordType::A, Reply::Records(records.clone()));
                knows.set(other, RecordType::AAAA, Reply::Records(records));
            },
            causes: &["blocking dns_target_unresolved domain_controller dc1.corp.example"],
            ..NOT_READY
        },
        Case {
            name: "a controller has two hundred addresses more, at which nobody is",
            change: |setting| {
                let many = (1..=200).map(|last| Ipv4Addr::new(127, 0, 1, last));
                let addresses: Vec<_> = std::iter::once(Ipv4Addr::new(127, 0, 0, 11))
                    .chain(many)
                    .collect();
                setting.knows().addresses("dc1.corp.example", &addresses);
            },
            causes: &["degrading dc_unreachable domain_controller dc1.corp.example [127.0.1.1]"],
            ..DEGRADED
        },
        Case {
            name: "two thousand controllers are announced",
            change: |setting| {
                let names: Vec<_> = (2..=2000)
                    .map(|number| format!("dc{number}.{DOMAIN}"))
                    .collect();
                let mut targets = vec![(0, "dc1.corp.example")];
                targets.extend(names.iter().map(|name| (10, name.as_str())));
                let owner = dns::locator(DOMAIN);
                setting.knows().services(&owner, &targets);
                setting.domain_keys = "dc_sample = 1\n".to_owned();
            },
            ..READY
        },
    ]);
}

#[test]
fn forms_of_answers_that_clients_understand_are_no_fault() {
    run(&[
        Case {
            name: "the locator name is an alias",
            change: |setting| {
                let owner = dns::locator(DOMAIN);
                let mut records = vec![dns::alias(&owner, "_ldap._tcp.elsewhere.example")];
                records.extend(dns::services(
                    "_ldap._tcp.elsewhere.example",
                    &[(0, "dc1.corp.example")],
                ));
                locator(setting, Reply::Records(records));
            },
            ..READY
        },
        Case {
            name: "the same record twice, in capitals",
            change: |setting| {
                let owner = dns::locator(DOMAIN);
                let targets = [(0, "DC1.CORP.EXAMPLE"), (0, "DC1.Corp.Example")];
                setting.knows().services(&owner, &targets);
            },
            ..READY
        },
        Case {
            name: "the server cannot read EDNS0",
            change: |setting| setting.knows().dislikes_edns = true,
            evidence: &["\"edns\": Text(\"refused by the resolver\")"],
            ..READY
        },
        Case {
            name: "questions with EDNS0 get lost on the way",
            change: |setting| setting.knows().loses_edns = true,
            evidence: &["\"edns\": Text(\"no answer to the question with EDNS0\")"],
            ..READY
        },
        Case {
            name: "one of two resolvers does not answer for the name of the controller",
            change: |setting| {
                let knows = &mut setting.add_resolver().knows;
                for kind in [RecordType::A, RecordType::AAAA] {
                    knows.set("dc1.corp.example", kind, Reply::Silence);
                }
            },
            causes: &["degrading dns_timeout domain_controller dc1.corp.example @ 127.0.0.201"],
            ..DEGRADED
        },
        Case {
            name: "one of two resolvers gives an old address",
            change: |setting| {
                let old = Ipv4Addr::new(127, 0, 1, 9);
                setting
                    .add_resolver()
                    .knows
                    .address("dc1.corp.example", old);
            },
            causes: &["degrading dc_unreachable domain_controller dc1.corp.example [127.0.1.9]"],
            ..DEGRADED
        },
        Case {
            name: "the controller registered an address that it gave itself",
            change: |setting| {
                let addresses = [Ipv4Addr::new(127, 0, 0, 11), Ipv4Addr::new(169, 254, 7, 7)];
                setting.knows().addresses("dc1.corp.example", &addresses);
            },
            notes: &["info dns_target_unresolved domain_controller dc1.corp.example"],
            ..READY
        },
        Case {
            name: "of forty controllers the last one alone lives",
            change: |setting| {
                let dead: Vec<_> = (10..49)
                    .map(|number| {
                        (
                            format!("a{number}.{DOMAIN}"),
                            Ipv4Addr::new(127, 0, 1, number),
                        )
                    })
                    .collect();
                let mut targets: Vec<_> = dead.iter().map(|(name, _)| (0, name.as_str())).collect();
                targets.push((10, "dc1.corp.example"));
                let knows = setting.knows();
                knows.services(&dns::locator(DOMAIN), &targets);
                for (name, address) in &dead {
                    knows.address(name, *address);
                }
                setting.domain_keys = "dc_sample = 2\n".to_owned();
            },
            causes: &[
                "degrading dc_unreachable domain_controller a10.corp.example, a11.corp.example",
            ],
            ..DEGRADED
        },
        Case {
            name: "questions for IPv6 addresses are dropped",
            change: |setting| {
                let knows = setting.knows();
                knows.set("dc1.corp.example", RecordType::AAAA, Reply::Silence);
            },
            ..READY
        },
        Case {
            name: "a target has an IPv6 address too, to which this network has no route",
            change: |setting| {
                let address = "2001:db8::11".parse().expect("an address");
                let record = Record::from_rdata(
                    Name::from_ascii("dc1.corp.example.").expect("a name"),
                    600,
                    RData::AAAA(AAAA(address)),
                );
                let reply = Reply::Records(vec![record]);
                setting
                    .knows()
                    .set("dc1.corp.example", RecordType::AAAA, reply);
            },
            ..READY
        },
        Case {
            name: "sixty records come over TCP",
            change: announce_sixty,
            evidence: &["\"transport\": Text(\"tcp\")"],
            ..READY
        },
        Case {
            name: "TCP 53 is closed, and every answer fits into a datagram",
            change: |setting| setting.resolvers[0].tcp = Refuse,
            notes: &["info port_blocked network 127.0.0.200"],
            ..READY
        },
        Case {
            name: "sixty records and TCP 53 is refused",
            change: |setting| {
                announce_sixty(setting);
                setting.resolvers[0].tcp = Refuse;
            },
            causes: &["blocking dns_truncated domain_controller _ldap._tcp.dc._msdcs.corp.example"],
            ..NOT_READY
        },
        Case {
            name: "sixty records and TCP 53 is dropped",
            change: |setting| {
                announce_sixty(setting);
                setting.resolvers[0].tcp = Silent;
            },
            causes: &["blocking dns_truncated domain_controller _ldap._tcp.dc._msdcs.corp.example"],
            evidence: &["the UDP answer is truncated"],
            ..NOT_READY
        },
    ]);
}

#[test]
fn one_resolver_of_two_degrades_and_the_last_one_blocks() {
    run(&[
        Case {
            name: "one of two is dead",
            change: |setting| {
                let second = setting.add_resolver();
                (second.udp, second.tcp) = (Silent, Silent);
            },
            causes: &["degrading resolver_unreachable network 127.0.0.201"],
            ..DEGRADED
        },
        Case {
            name: "both are dead: one cause",
            change: |setting| {
                setting.add_resolver();
                for resolver in &mut setting.resolvers {
                    (resolver.udp, resolver.tcp) = (Refuse, Refuse);
                }
            },
            causes: &["blocking resolver_unreachable network 127.0.0.200"],
            ..NOT_READY
        },
        Case {
            name: "UDP 53 is dropped and TCP 53 is open",
            change: |setting| setting.resolvers[0].udp = Silent,
            causes: &["blocking port_blocked network udp/"],
            ..NOT_READY
        },
        Case {
            name: "one of two does not lead to the domain",
            change: |setting| {
                setting.add_resolver().knows.on_domain = Some(Reply::from_the_root());
            },
            causes: &["degrading resolver_lacks_ad_zone domain_controller @ 127.0.0.201"],
            ..DEGRADED
        },
        Case {
            name: "one of two lacks the locator records",
            change: |setting| {
                let no = Reply::No(ResponseCode::NXDomain, Some(DOMAIN.to_owned()));
                let owner = dns::locator(DOMAIN);
                setting
                    .add_resolver()
                    .knows
                    .set(&owner, RecordType::SRV, no);
            },
            causes: &["degrading dns_nxdomain domain_controller @ 127.0.0.201"],
            ..DEGRADED
        },
        Case {
            name: "one of two does not know the Internet",
            change: |setting| {
                setting.add_resolver().knows.on_internet =
                    Some(Reply::code(ResponseCode::ServFail));
            },
            causes: &["degrading resolver_lacks_internet network 127.0.0.201"],
            ..DEGRADED
        },
        Case {
            name: "nobody knows the Internet",
            change: |setting| {
                setting.knows().on_internet = Some(Reply::code(ResponseCode::ServFail));
            },
            causes: &["blocking internet_unreachable internet"],
            ..NOT_READY
        },
        Case {
            name: "names that cannot exist get an address",
            change: |setting| setting.knows().rewrites_to = Some(Ipv4Addr::new(192, 0, 2, 1)),
            causes: &["degrading dns_rewritten network 127.0.0.200"],
            evidence: &["cannot exist, and was answered with 192.0.2.1"],
            ..DEGRADED
        },
    ]);
}
