//! `sightline check` against a world: exit codes, and what is printed in each form.

use std::path::Path;

use serde_json::Value;

use super::sightline;
use crate::support::behaviour::Behaviour;
use crate::support::program::{self, Ended};
use crate::support::{Service, Setting, World};

/// Runs a check of `world` with more arguments.
fn check(world: &World, more: &[&str]) -> Ended {
    let file = world.config_file().to_str().expect("a path in UTF-8");
    let mut arguments = vec!["check", "--config", file];
    arguments.extend(more);
    sightline(&arguments)
}

/// A network whose two controllers refuse SMB.
fn without_smb() -> Setting {
    let mut setting = Setting::healthy(2);
    for controller in &mut setting.controllers {
        controller.set(Service::Smb, &Behaviour::Refuse);
    }
    setting
}

#[test]
fn the_exit_status_is_the_verdict_in_every_form_of_output() {
    let healthy = Setting::healthy(2);
    let mut degraded = Setting::healthy(2);
    degraded.controllers[0].set(Service::Smb, &Behaviour::Refuse);
    let mut unknown = Setting::healthy(2);
    unknown.time.ahead = 600;
    for controller in &mut unknown.controllers {
        controller.says.clock = 600;
    }
    for (setting, code, human, json, nagios) in [
        (healthy, 0, "READY  ", "ready", "SIGHTLINE OK - "),
        (
            degraded,
            1,
            "DEGRADED  ",
            "degraded",
            "SIGHTLINE WARNING - ",
        ),
        (
            without_smb(),
            2,
            "NOT READY  ",
            "not_ready",
            "SIGHTLINE CRITICAL - ",
        ),
        (unknown, 3, "UNKNOWN  ", "unknown", "SIGHTLINE UNKNOWN - "),
    ] {
        let world = World::start(&setting);
        for (output, begins) in [("human", human), ("json", "{\n"), ("nagios", nagios)] {
            let ended = check(&world, &["--output", output]);
            assert_eq!(
                ended.code,
                Some(code),
                "{output}: {}{}",
                ended.stdout,
                ended.stderr
            );
            assert_eq!(ended.stderr, "", "{output}");
            assert!(
                ended.stdout.starts_with(begins),
                "{begins}: {}",
                ended.stdout
            );
            if output == "json" {
                let status: Value = serde_json::from_str(&ended.stdout).expect("JSON");
                assert_eq!(status["verdict"], json);
            }
        }
    }
}

#[test]
fn for_people_the_cause_stands_before_the_stages_and_the_stages_before_the_controllers() {
    let world = World::start(&without_smb());
    let text = check(&world, &[]).stdout;
    let places: Vec<_> = [
        "NOT READY",
        "port_blocked at domain_controller",
        "fix:",
        "S0  Network",
        "S7  Domain controller",
        "dc1.corp.example (127.0.0.11)",
    ]
    .iter()
    .map(|part| {
        text.find(part)
            .unwrap_or_else(|| panic!("{part} in {text}"))
    })
    .collect();
    assert!(places.is_sorted(), "{places:?} in {text}");
    assert_eq!(
        text.matches("port_blocked at domain_controller").count(),
        1,
        "{text}"
    );
    // Whoever is told of a cause must be able to act on it: where, who, and what came back.
    for part in ["dc2.corp.example", "who:", "evidence:", "refused"] {
        assert!(text.contains(part), "{part} in {text}");
    }
}

#[test]
fn verbose_shows_every_run_with_its_phases_and_the_slowest_chain() {
    let world = World::start(&Setting::healthy(1));
    let text = check(&world, &["--verbose"]).stdout;
    for part in [
        "Slowest chain",
        "[connect ",
        "cldap",
        "netlogon_ports: ",
        "SMB 3.1.1",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
}

#[test]
fn for_monitoring_it_is_one_line_with_performance_data() {
    for (setting, usable) in [(Setting::healthy(2), 2), (without_smb(), 0)] {
        let world = World::start(&setting);
        let text = check(&world, &["--output", "nagios"]).stdout;
        let line = text.strip_suffix('\n').expect("a line");
        assert!(!line.contains('\n'), "{line}");
        let (_, data) = line.split_once(" | ").expect("performance data");
        assert!(!data.contains('|'), "{line}");
        let (duration, controllers) = data.split_once(' ').expect("two values");
        let seconds = duration
            .strip_prefix("duration=")
            .and_then(|rest| rest.strip_suffix('s'));
        let seconds: f64 = seconds.and_then(|text| text.parse().ok()).expect("seconds");
        assert!((0.0..10.0).contains(&seconds), "{line}");
        assert_eq!(controllers, format!("dcs_usable={usable};;;0;2"));
    }
}

/// The keys that programs rely on, by where they stand. More may be there.
const CONTRACT: [(&str, &[&str]); 7] = [
    ("", &["schema", "site", "time", "verdict", "networks"]),
    (
        "/networks/0",
        &[
            "network",
            "verdict",
            "root_causes",
            "stages",
            "domain_controllers",
        ],
    ),
    (
        "/networks/0/root_causes/0",
        &[
            "stage",
            "reason",
            "subject",
            "severity",
            "summary",
            "fix",
            "since",
            "also_affected",
        ],
    ),
    (
        "/networks/0/stages/0",
        &[
            "stage",
            "verdict",
            "class",
            "blocked_by",
            "findings",
            "probes",
            "applicable",
        ],
    ),
    (
        "/networks/0/stages/0/probes/1",
        &[
            "probe",
            "target",
            "path",
            "state",
            "reason",
            "duration_seconds",
            "phases",
            "last_run",
            "evidence",
        ],
    ),
    (
        "/networks/0/domain_controllers/0",
        &[
            "name",
            "addresses",
            "ad_site",
            "usable",
            "paths",
            "clock_skew_seconds",
            "services",
        ],
    ),
    (
        "/networks/0/domain_controllers/0/services",
        &["cldap", "ldap", "kerberos", "rpc", "smb"],
    ),
];

#[test]
fn for_programs_it_is_json_with_every_key_of_the_contract() {
    let world = World::start(&without_smb());
    let ended = check(&world, &["--output", "json"]);
    let status: Value = serde_json::from_str(&ended.stdout).expect("JSON");
    for (place, keys) in CONTRACT {
        let object = status.pointer(place).and_then(Value::as_object);
        let object = object.unwrap_or_else(|| panic!("an object at {place}"));
        for key in keys {
            assert!(object.contains_key(*key), "{place}/{key}");
        }
    }
    for (place, value) in [
        ("/schema", "sightline.status/1"),
        ("/site", "test"),
        ("/networks/0/network", "lab"),
        ("/networks/0/root_causes/0/stage", "domain_controller"),
        ("/networks/0/root_causes/0/reason", "port_blocked"),
        ("/networks/0/root_causes/0/severity", "blocking"),
        ("/networks/0/root_causes/0/also_affected/0", "sign_in"),
        ("/networks/0/stages/0/stage", "network"),
        ("/networks/0/stages/0/class", "hard"),
        ("/networks/0/stages/0/probes/1/path", "direct"),
        ("/networks/0/stages/0/probes/1/state", "pass"),
        ("/networks/0/domain_controllers/0/addresses/0", "127.0.0.11"),
        ("/networks/0/domain_controllers/0/services/cldap", "pass"),
        ("/networks/0/domain_controllers/0/services/smb", "fail"),
    ] {
        assert_eq!(status.pointer(place), Some(&Value::from(value)), "{place}");
    }
    let stages = status
        .pointer("/networks/0/stages")
        .and_then(Value::as_array);
    let stages: Vec<_> = stages
        .into_iter()
        .flatten()
        .map(|stage| &stage["stage"])
        .collect();
    let all = sightline_model::Stage::ALL.map(|stage| Value::from(stage.id()));
    assert_eq!(stages, all.iter().collect::<Vec<_>>());
    for place in ["/time", "/networks/0/root_causes/0/since"] {
        let time = status
            .pointer(place)
            .and_then(Value::as_str)
            .expect("a text");
        time.parse::<jiff::Timestamp>()
            .unwrap_or_else(|error| panic!("{place}: {error}"));
    }
}

#[test]
fn only_the_named_stages_decide_and_those_that_they_need_are_run_too() {
    let mut setting = Setting::healthy(1);
    setting.time.behaviour = Behaviour::Refuse;
    let world = World::start(&setting);
    assert_eq!(check(&world, &[]).code, Some(1));
    let named = ["--stage", "domain_controller", "--stage", "sign_in"];
    let ended = check(&world, &named);
    assert_eq!(ended.code, Some(0), "{}", ended.stdout);
    assert!(ended.stdout.contains("S0  Network"), "{}", ended.stdout);
    assert_eq!(check(&world, &["--stage", "time"]).code, Some(1));
}

#[test]
fn hosts_of_the_internet_are_asked_only_for_stages_that_need_them() {
    let world = World::start(&Setting::online(1));
    let asked = |stages: &[&str]| {
        let mut arguments = vec!["--output", "json"];
        arguments.extend(stages.iter().flat_map(|stage| ["--stage", stage]));
        let ended = check(&world, &arguments);
        assert_eq!(ended.code, Some(0), "{}", ended.stdout);
        let status: Value = serde_json::from_str(&ended.stdout).expect("JSON");
        let stages = status["networks"][0]["stages"].as_array().cloned();
        let mut hosts: Vec<String> = stages
            .into_iter()
            .flatten()
            .flat_map(|stage| stage["probes"].as_array().cloned().unwrap_or_default())
            .filter(|probe| {
                !["dns", "link", "dhcp", "ra", "clock"]
                    .contains(&probe["probe"].as_str().unwrap_or_default())
            })
            .map(|probe| probe["target"].as_str().unwrap_or_default().to_owned())
            .filter(|target| !target.starts_with("dc1."))
            .map(|target| target.split(':').next().unwrap_or_default().to_owned())
            .collect();
        hosts.sort();
        hosts.dedup();
        hosts
    };
    assert_eq!(asked(&["domain_controller"]), Vec::<String>::new());
    assert_eq!(asked(&["internet"]), ["www.msftconnecttest.com"]);
    assert_eq!(
        asked(&["autopilot"]),
        [
            // A certificate is as good as the clock it is judged by.
            "127.0.0.123",
            "crl.microsoft.com",
            "cs.dds.microsoft.com",
            "login.live.com",
            "www.microsoft.com",
            "www.msftconnecttest.com",
            "ztd.dds.microsoft.com"
        ]
    );
    assert_eq!(asked(&["sign_in"]), ["127.0.0.123"]);
    assert!(asked(&[]).len() > 10);
}

#[test]
fn a_firewall_that_begins_to_drop_is_the_cause_of_the_next_check() {
    let mut world = World::start(&Setting::healthy(2));
    assert_eq!(check(&world, &[]).code, Some(0));
    world.silence(Service::Smb);
    let ended = check(&world, &[]);
    assert_eq!(ended.code, Some(2), "{}", ended.stdout);
    let subject = format!(
        "tcp/{} on dc1.corp.example, dc2.corp.example",
        world.port(Service::Smb)
    );
    for part in ["port_blocked at domain_controller", &subject] {
        assert!(ended.stdout.contains(part), "{part} in {}", ended.stdout);
    }
}

#[test]
fn a_reader_that_goes_away_early_is_no_fault() {
    let world = World::start(&Setting::healthy(1));
    let file = world.config_file().to_str().expect("a path in UTF-8");
    for (arguments, code) in [
        (&["check", "--config", file, "--verbose"][..], 0),
        (&["check", "--config", file, "--output", "json"], 0),
        (&["explain"], 0),
        (&["config", "schema"], 0),
        (&["--help"], 0),
    ] {
        let program = Path::new(env!("CARGO_BIN_EXE_sightline"));
        let ended = program::run_unread(program, arguments);
        assert_eq!(ended.code, Some(code), "{arguments:?}");
        assert_eq!(ended.stderr, "", "{arguments:?}");
    }
}
