//! Answers that are made to harm. Each costs one failed check of one service: no time beyond the
//! deadline, no panic, no memory, and nothing of what the neighbours say.

mod account;
mod program;
mod web;

use std::net::Ipv4Addr;
use std::path::Path;
use std::time::Duration;

use futures_util::StreamExt;
use sightline_model::{NetworkStatus, Reason, Stage, State, Verdict};

use crate::scenarios::{causes, look, network};
use crate::support::Service::{
    Cldap, GlobalCatalog, KerberosTcp, KerberosUdp, KpasswdTcp, KpasswdUdp, Ldap, Ldaps, Netlogon,
    Ntp, Rpc, Smb,
};
use crate::support::behaviour::Behaviour;
use crate::support::{self, Service, Setting, World};

/// The deadline of one run in these worlds, and what a check may take beyond it.
const TIMEOUT: Duration = Duration::from_secs(3);
const GRACE: Duration = Duration::from_secs(2);

/// One thing that a controller does, and how its failure is called.
struct Victim {
    /// The name in `services` of the JSON contract.
    service: &'static str,
    /// What misbehaves: both transports where one alone is not missed.
    offers: &'static [Service],
    /// What its silence is called.
    silence: Reason,
    /// What bytes that are not the protocol are called.
    nonsense: Reason,
    spoken_over: Transport,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Transport {
    Tcp,
    Udp,
    /// Over both, and whichever ends later is told.
    Both,
}

const fn victim(
    service: &'static str,
    offers: &'static [Service],
    silence: Reason,
    spoken_over: Transport,
) -> Victim {
    Victim {
        service,
        offers,
        silence,
        nonsense: Reason::ProtocolError,
        spoken_over,
    }
}

/// Everything that a controller does. Each has a controller of its own that fails at it.
const VICTIMS: [Victim; 10] = [
    victim("cldap", &[Cldap], Reason::CldapNoAnswer, Transport::Udp),
    victim("ldap", &[Ldap], Reason::PortBlocked, Transport::Tcp),
    victim("ldaps", &[Ldaps], Reason::PortBlocked, Transport::Tcp),
    victim(
        "global_catalog",
        &[GlobalCatalog],
        Reason::PortBlocked,
        Transport::Tcp,
    ),
    // The KDC is judged by TCP, which clients prefer.
    victim(
        "kerberos",
        &[KerberosTcp, KerberosUdp],
        Reason::KdcNoAnswer,
        Transport::Tcp,
    ),
    victim(
        "kpasswd",
        &[KpasswdTcp, KpasswdUdp],
        Reason::PortBlocked,
        Transport::Both,
    ),
    victim(
        "rpc",
        &[Rpc],
        Reason::RpcEndpointUnavailable,
        Transport::Tcp,
    ),
    // Whatever is wrong with a dynamic port, the port is the cause.
    Victim {
        nonsense: Reason::RpcDynamicPortBlocked,
        ..victim(
            "rpc",
            &[Netlogon],
            Reason::RpcDynamicPortBlocked,
            Transport::Tcp,
        )
    },
    victim("smb", &[Smb], Reason::PortBlocked, Transport::Tcp),
    victim("ntp", &[Ntp], Reason::NtpNoAnswer, Transport::Udp),
];

/// How a misbehaviour looks from outside.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Looks {
    Silent,
    Nonsense,
    /// Up to the protocol: one waits for the rest, another sees at once that it cannot come.
    Either,
}

/// Every misbehaviour, and how it looks over UDP and over TCP.
fn misbehaviours() -> Vec<(Behaviour, Looks, Looks)> {
    use Behaviour as B;
    use Looks::{Either, Nonsense, Silent};
    vec![
        (B::Silent, Silent, Silent),
        (B::Refuse, Silent, Silent),
        (B::AcceptAndSilent, Silent, Silent),
        (B::Reset, Silent, Silent),
        (B::CloseEarly, Silent, Silent),
        (B::Truncated(1), Nonsense, Silent),
        (B::Truncated(20), Nonsense, Silent),
        (B::Garbage, Nonsense, Nonsense),
        (B::Endless, Either, Nonsense),
        (B::SlowBytes, Nonsense, Silent),
        (B::WrongId, Silent, Either),
        (B::HugeLength, Nonsense, Either),
        (B::Nested(8_000), Nonsense, Nonsense),
        (B::Nested(100_000), Nonsense, Nonsense),
        (B::CompressionLoop, Nonsense, Nonsense),
        (B::Custom(vec![0; 3]), Nonsense, Either),
    ]
}

/// A world in which the controller with the number of each victim fails at that, the source of
/// Internet time fails, and one more controller is healthy.
fn each_fails_at_one(behaviour: &Behaviour) -> Setting {
    let mut setting = healthy();
    setting.time.behaviour = behaviour.clone();
    for (controller, victim) in setting.controllers.iter_mut().zip(&VICTIMS) {
        for offer in victim.offers {
            controller.set(*offer, behaviour);
        }
    }
    setting
}

/// The same world before anything fails.
fn healthy() -> Setting {
    let count = u8::try_from(VICTIMS.len() + 1).expect("a handful of services");
    let mut setting = Setting::healthy(count);
    setting.domain_keys = "dc_sample = 32\n".to_owned();
    setting
}

#[test]
fn a_hostile_answer_costs_the_service_that_gave_it_and_nothing_else() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    let wrong: Vec<String> = runtime.block_on(async {
        futures_util::stream::iter(misbehaviours())
            .map(|(behaviour, over_udp, over_tcp)| async move {
                let world = World::start(&each_fails_at_one(&behaviour));
                let checked = look(&world).await;
                let mut wrong = overall(network(&checked), checked.took);
                for (number, victim) in VICTIMS.iter().enumerate() {
                    let name = format!("dc{}.corp.example", number + 1);
                    let expected = expected(victim, &behaviour, over_udp, over_tcp);
                    wrong.extend(at_one(network(&checked), &name, victim.service, &expected));
                }
                wrong.extend(at_the_time_source(network(&checked), over_udp));
                wrong.extend(at_the_healthy_one(network(&checked)));
                (!wrong.is_empty()).then(|| format!("{behaviour:?}:\n  {}", wrong.join("\n  ")))
            })
            .buffer_unordered(3)
            .filter_map(std::future::ready)
            .collect()
            .await
    });
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// Kilobytes that a check of this world takes at most at one time.
fn peak(setting: &Setting) -> u64 {
    let world = World::start(setting);
    let file = world.config_file().to_str().expect("a path in UTF-8");
    let ended = support::program::run(
        Path::new(env!("CARGO_BIN_EXE_sightline")),
        &["check", "--config", file, "--output", "nagios"],
    );
    assert!(
        ended.peak_kilobytes > 0,
        "nobody could look: {}",
        ended.stdout
    );
    ended.peak_kilobytes
}

/// The reasons that are right for a victim.
fn expected(victim: &Victim, behaviour: &Behaviour, udp: Looks, tcp: Looks) -> Vec<Reason> {
    let reasons = |looks| match looks {
        Looks::Silent => vec![victim.silence],
        Looks::Nonsense => vec![victim.nonsense],
        Looks::Either => vec![victim.silence, victim.nonsense],
    };
    match victim.spoken_over {
        // Another protocol in place of TLS.
        _ if victim.service == "ldaps" && *behaviour == Behaviour::Garbage => {
            vec![Reason::TlsHandshake]
        }
        Transport::Udp => reasons(udp),
        Transport::Tcp => reasons(tcp),
        Transport::Both => [reasons(udp), reasons(tcp)].concat(),
    }
}

fn overall(network: &NetworkStatus, took: Duration) -> Vec<String> {
    let mut wrong = Vec::new();
    if took > TIMEOUT + GRACE {
        wrong.push(format!("the check took {took:?}"));
    }
    if network.verdict != Verdict::Degraded {
        wrong.push(format!(
            "the verdict is {}: {:?}",
            network.verdict,
            causes(network)
        ));
    }
    let panics = network
        .stages
        .iter()
        .flat_map(|status| &status.probes)
        .filter(|probe| probe.reason == Some(Reason::InternalError));
    wrong.extend(panics.map(|probe| format!("a fault of our own: {probe:?}")));
    wrong
}

/// What is wrong with the judgement of one controller: it must fail at `service`, by one of the
/// `expected` reasons, and at nothing else.
fn at_one(
    network: &NetworkStatus,
    name: &str,
    service: &str,
    expected: &[Reason],
) -> Option<String> {
    let dc = network
        .domain_controllers
        .iter()
        .find(|dc| dc.name == name)?;
    let failing: Vec<_> = dc
        .services
        .iter()
        // Whether this process may send an echo is up to the machine.
        .filter(|(service, state)| **state != State::Pass && **service != "icmp")
        .collect();
    let findings: Vec<_> = network
        .stages
        .iter()
        .flat_map(|status| &status.findings)
        .filter(|finding| finding.subject.split([' ', ',']).any(|word| word == name))
        .map(|finding| finding.reason)
        .filter(|reason| *reason != Reason::NoPermission)
        .collect();
    let is_right = failing == [(&service, &State::Fail)]
        && matches!(findings.as_slice(), [reason] if expected.contains(reason));
    (!is_right).then(|| {
        let details: Vec<_> = network
            .stages
            .iter()
            .flat_map(|status| &status.probes)
            .filter(|probe| probe.target.host == name)
            .filter_map(|probe| probe.detail.as_deref())
            .collect();
        format!(
            "{name}: {service} should fail by {expected:?}; {failing:?} fail by {findings:?}\n    {}",
            details.join("\n    ")
        )
    })
}

fn at_the_time_source(network: &NetworkStatus, looks: Looks) -> Option<String> {
    let reasons: Vec<_> = network
        .root_causes
        .iter()
        .filter(|cause| cause.stage == Stage::Time)
        .map(|cause| cause.reason)
        .collect();
    let is_right = match looks {
        Looks::Silent => reasons == [Reason::NtpNoAnswer],
        Looks::Nonsense => reasons == [Reason::ProtocolError],
        Looks::Either => matches!(
            reasons.as_slice(),
            [Reason::NtpNoAnswer | Reason::ProtocolError]
        ),
    };
    (!is_right).then(|| format!("the time source fails by {reasons:?}"))
}

fn at_the_healthy_one(network: &NetworkStatus) -> Option<String> {
    let name = format!("dc{}.corp.example", VICTIMS.len() + 1);
    let dc = network.domain_controllers.iter().find(|dc| dc.name == name);
    let is_whole = dc.is_some_and(|dc| {
        dc.usable
            && dc
                .services
                .iter()
                .all(|(service, state)| *state == State::Pass || *service == "icmp")
    });
    (!is_whole).then(|| format!("{name} should be whole: {dc:?}"))
}

#[test]
fn a_hostile_resolver_is_unreachable_and_the_others_lead_to_the_controllers() {
    let all = misbehaviours();
    // Nested elements are none of DNS.
    let of_dns: Vec<_> = all
        .iter()
        .map(|(behaviour, _, _)| behaviour)
        .filter(|behaviour| !matches!(behaviour, Behaviour::Nested(_)))
        .collect();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    // A network may have eight resolvers, and one of them is healthy.
    for few in of_dns.chunks(7) {
        let mut setting = Setting::healthy(1);
        for behaviour in few {
            let resolver = setting.add_resolver();
            resolver.udp = (*behaviour).clone();
            resolver.tcp = (*behaviour).clone();
        }
        let world = World::start(&setting);
        let checked = runtime.block_on(look(&world));
        let network = network(&checked);

        assert_eq!(overall(network, checked.took), Vec::<String>::new());
        assert!(
            network.domain_controllers.iter().all(|dc| dc.usable),
            "{few:?}"
        );
        let causes = causes(network);
        let [cause] = causes.as_slice() else {
            panic!("{few:?}: {causes:?}");
        };
        assert!(
            cause.starts_with("degrading resolver_unreachable network"),
            "{cause}"
        );
        for number in 1..=few.len() {
            let number = u8::try_from(number).expect("a handful");
            let address = Ipv4Addr::new(127, 0, 0, 200 + number).to_string();
            assert!(
                cause.contains(&address),
                "{:?}: {cause}",
                few.get(usize::from(number) - 1)
            );
        }
    }
}
