//! The program against hostile answers: what must not end the process or fill its memory.

use std::net::Ipv4Addr;
use std::path::Path;

use super::{healthy, peak};
use crate::support::Service::{Cldap, GlobalCatalog, Ldap, Ldaps};
use crate::support::behaviour::Behaviour;
use crate::support::setting::SITE;
use crate::support::{DOMAIN, Service, Setting, World, dns, program};

/// Runs the program against a world in which LDAP in every form answers with `bytes`, and a second
/// controller is healthy.
fn check_against(behaviour: &Behaviour) -> program::Ended {
    let mut setting = Setting::healthy(2);
    for service in [Ldap, Ldaps, GlobalCatalog, Cldap] {
        setting.controllers[0].set(service, behaviour);
    }
    let world = World::start(&setting);
    let file = world.config_file().to_str().expect("a path in UTF-8");
    let ended = program::run(
        Path::new(env!("CARGO_BIN_EXE_sightline")),
        &["check", "--config", file, "--output", "json"],
    );
    assert_eq!(
        ended.code,
        Some(1),
        "{behaviour:?}: {}{}",
        ended.stdout,
        ended.stderr
    );
    assert_eq!(ended.stderr, "", "{behaviour:?}");
    assert!(!ended.stdout.contains("internal_error"), "{}", ended.stdout);
    ended
}

#[test]
fn nested_ldap_elements_do_not_overflow_the_stack_of_the_ldap3_crate() {
    // ldap3 reads BER by recursion: 8000 levels overflow the stack of a worker of 2 MiB and end the
    // process, 2000 make its task panic.
    for levels in [2_000, 8_000, 40_000, 100_000] {
        check_against(&Behaviour::Nested(levels));
    }
}

#[test]
fn an_answer_of_another_operation_does_not_panic_in_the_ldap3_crate() {
    // A message with the number of our search, whose operation is no answer to it.
    check_against(&Behaviour::Custom(vec![0x30, 5, 2, 1, 1, 0x67, 0]));
}

#[test]
fn a_zone_with_thousands_of_controllers_and_addresses_costs_no_memory() {
    /// What the unit of systemd grants, in kilobytes.
    const GRANTED: u64 = 64 * 1024;

    let mut setting = Setting::healthy(1);
    let names: Vec<_> = (1..=1000)
        .map(|number| format!("dc{number}.{DOMAIN}"))
        .collect();
    let targets: Vec<_> = names.iter().map(|name| (0, name.as_str())).collect();
    let knows = setting.knows();
    for owner in [dns::locator(DOMAIN), dns::site_locator(SITE, DOMAIN)] {
        knows.services(&owner, &targets);
    }
    for (number, name) in (0..=u8::MAX).cycle().zip(names.iter().skip(1)) {
        let many = (1..=20).map(|last| Ipv4Addr::new(127, 9, number, last));
        knows.addresses(name, &many.collect::<Vec<_>>());
    }
    let hostile = peak(&setting);
    assert!(hostile <= GRANTED, "{hostile} kB");
}

#[test]
fn hostile_answers_cost_no_memory() {
    /// Kilobytes that one hostile answer may cost, beyond the healthy one.
    const EACH: u64 = 128;

    let usual = peak(&healthy());
    let answers = healthy().controllers.len() * Service::ALL.len();
    let bound = usual + EACH * u64::try_from(answers).expect("a handful");
    for behaviour in [
        Behaviour::Endless,
        Behaviour::HugeLength,
        Behaviour::Nested(100_000),
    ] {
        // Not one service of each controller but all of all, so that they add up.
        let mut setting = healthy();
        for controller in &mut setting.controllers {
            controller.set_all(&behaviour);
        }
        let hostile = peak(&setting);
        assert!(
            hostile <= bound,
            "{behaviour:?}: {hostile} kB, and {usual} kB in the healthy world"
        );
    }
}
