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
