//! Clocks vote, and the odd one out is named.

use sightline_model::Verdict;

use super::{Case, DEGRADED, NOT_READY, READY, run};
use crate::support::behaviour::Behaviour::Silent;

#[test]
fn the_clock_that_is_wrong_is_the_one_that_is_named() {
    run(&[
        Case {
            name: "the only controller is ten minutes ahead of this box and of Internet time",
            change: |setting| setting.says().clock = 600,
            causes: &["blocking clock_skew sign_in dc1.corp.example"],
            evidence: &["the clock of dc1.corp.example is 600 s ahead; Kerberos tolerates 300 s"],
            ..NOT_READY
        },
        Case {
            name: "one of three controllers is ten minutes behind",
            controllers: 3,
            change: |setting| setting.says().clock = -600,
            causes: &["degrading clock_skew sign_in dc1.corp.example"],
            evidence: &["600 s behind"],
            ..DEGRADED
        },
        Case {
            name: "the only controller is two minutes ahead: Kerberos tolerates that",
            change: |setting| setting.says().clock = 120,
            causes: &["degrading clock_skew sign_in dc1.corp.example"],
            ..DEGRADED
        },
        Case {
            name: "the domain and Internet time agree against this box",
            controllers: 2,
            change: |setting| {
                for dc in &mut setting.controllers {
                    dc.says.clock = 600;
                }
                setting.time.ahead = 600;
            },
            verdict: Verdict::Unknown,
            causes: &["inconclusive clock_unsynced time 600 s behind"],
            ..READY
        },
        Case {
            name: "Internet time is ten minutes off",
            change: |setting| setting.time.ahead = 600,
            causes: &["degrading clock_offset time 127.0.0.123"],
            ..DEGRADED
        },
        Case {
            name: "the source of Internet time is silent",
            change: |setting| setting.time.behaviour = Silent,
            causes: &["degrading ntp_no_answer time 127.0.0.123"],
            ..DEGRADED
        },
        Case {
            name: "the source of Internet time has no time itself",
            change: |setting| setting.time.stratum = 16,
            causes: &["degrading ntp_no_answer time 127.0.0.123"],
            evidence: &["its own clock is not synchronised"],
            ..DEGRADED
        },
        Case {
            name: "the source of Internet time does not want to be asked",
            change: |setting| setting.time.stratum = 0,
            causes: &["degrading ntp_no_answer time 127.0.0.123"],
            evidence: &["refuses to tell the time (RATE)"],
            ..DEGRADED
        },
    ]);
}

/// Internet time is silent, and the only controller is ten minutes ahead.
fn two_clocks(setting: &mut crate::support::Setting) {
    setting.time.behaviour = Silent;
    setting.says().clock = 600;
}

const FOLLOWS: &str =
    "echo 0A3C0101,10.60.1.1,4,1764023000.1,0.0,0.0,0.0,0.0,0.0,0.1,0.01,0.1,2.0,Normal";

#[test]
fn of_two_clocks_the_own_time_service_decides() {
    const SILENT: &str = "degrading ntp_no_answer time 127.0.0.123";
    const OTHER: &str = "blocking clock_skew sign_in dc1.corp.example";
    const OWN: &str = "inconclusive clock_unsynced time 600 s apart from the domain";
    run(&[
        Case {
            name: "nobody knows of the own clock",
            change: two_clocks,
            verdict: Verdict::Unknown,
            causes: &[SILENT, OWN],
            evidence: &[
                "\"synchronised\": Text(\"nobody says\")",
                "timedatectl: not installed",
                "no third clock answers; nothing says that it is synchronised",
            ],
            ..READY
        },
        Case {
            name: "the kernel says that it is synchronised",
            change: |setting| {
                two_clocks(setting);
                setting.programs = vec![
                    (
                        "timedatectl",
                        "test \"$*\" = 'show --no-pager --property=NTPSynchronized --value' && echo yes",
                    ),
                    ("chronyc", "exec sleep 60"),
                ];
            },
            causes: &[SILENT, OTHER],
            evidence: &[
                "\"says\": Text(\"timedatectl: NTPSynchronized=yes\"), \"synchronised\": Flag(true)",
                "chronyc: no answer within 1 s",
            ],
            ..NOT_READY
        },
        Case {
            name: "the kernel says that it is not, whatever others say",
            change: |setting| {
                two_clocks(setting);
                setting.programs = vec![
                    ("timedatectl", "echo no"),
                    ("chronyc", FOLLOWS),
                    ("synchronized", ""),
                ];
            },
            verdict: Verdict::Unknown,
            causes: &[SILENT, OWN],
            evidence: &[
                "\"synchronised\": Flag(false)",
                "chronyc: it follows 10.60.1.1",
                "its own time service says that it is not synchronised",
            ],
            ..READY
        },
        Case {
            name: "there is no systemd, and chronyd follows a source",
            change: |setting| {
                two_clocks(setting);
                setting.programs = vec![("timedatectl", "exit 1"), ("chronyc", FOLLOWS)];
            },
            causes: &[SILENT, OTHER],
            evidence: &["\"says\": Text(\"chronyc: it follows 10.60.1.1\")"],
            ..NOT_READY
        },
        Case {
            name: "systemd-timesyncd has touched its file",
            change: |setting| {
                two_clocks(setting);
                setting.programs = vec![
                    ("timedatectl", "exit 1"),
                    ("chronyc", "echo 506 Cannot talk to daemon; exit 1"),
                    ("synchronized", ""),
                ];
            },
            causes: &[SILENT, OTHER],
            evidence: &[
                "chronyc: fails, `506 Cannot talk to daemon`",
                "synchronized: touched ",
            ],
            ..NOT_READY
        },
        Case {
            name: "a program says something that nobody understands",
            change: |setting| {
                two_clocks(setting);
                setting.programs = vec![("timedatectl", "yes '\\033[2J'")];
            },
            verdict: Verdict::Unknown,
            causes: &[SILENT, OWN],
            evidence: &["timedatectl: fails, `"],
            ..READY
        },
    ]);
}
