//! The program as people and monitoring systems call it: arguments, exit codes, messages, output.

mod check;
mod configuration;

use std::path::Path;

use sightline_model::Reason;

use crate::support::program::{self, Ended};

/// Runs the program.
fn sightline(arguments: &[&str]) -> Ended {
    let ended = program::run(Path::new(env!("CARGO_BIN_EXE_sightline")), arguments);
    assert_is_calm(&ended, arguments);
    ended
}

/// Runs the program with variables in its environment.
fn sightline_with(arguments: &[&str], variables: &[(&str, &str)]) -> Ended {
    let program = Path::new(env!("CARGO_BIN_EXE_sightline"));
    let ended = program::run_with(program, arguments, variables);
    assert_is_calm(&ended, arguments);
    ended
}

/// No run ends by a signal or shows its insides, and a pipe gets no colour.
fn assert_is_calm(ended: &Ended, arguments: &[&str]) {
    assert!(ended.code.is_some(), "{arguments:?}: ended by a signal");
    for text in [&ended.stdout, &ended.stderr] {
        for inside in ["panicked", "RUST_BACKTRACE", "stack backtrace", "\u{1b}"] {
            assert!(!text.contains(inside), "{arguments:?}: {text}");
        }
    }
}

#[test]
fn mistakes_of_usage_exit_with_3_at_check_and_64_elsewhere() {
    for (arguments, code, said) in [
        (&["check", "--nonsense"][..], 3, "--nonsense"),
        (&["check", "--output", "xml"], 3, "human, json, nagios"),
        (
            &["check", "--stage", "lunch"],
            3,
            "no stage `lunch`; the stages are network, proxy",
        ),
        (&["check", "--stage"], 3, "--stage"),
        (&["check", "surplus"], 3, "surplus"),
        (&["nonsense"], 64, "nonsense"),
        (&[], 64, "Usage"),
        (&["config"], 64, "Usage"),
        (&["config", "nonsense"], 64, "nonsense"),
        (&["explain", "dns_nodata", "surplus"], 64, "surplus"),
        (&["--nonsense", "check"], 64, "--nonsense"),
    ] {
        let ended = sightline(arguments);
        assert_eq!(ended.code, Some(code), "{arguments:?}: {}", ended.stderr);
        assert!(
            ended.stderr.contains(said),
            "{arguments:?}: {}",
            ended.stderr
        );
        assert_eq!(ended.stdout, "", "{arguments:?}");
    }
}

#[test]
fn help_and_version_are_no_mistakes() {
    for (arguments, said) in [
        (&["--help"][..], "check"),
        (&["help"], "explain"),
        (&["check", "--help"], "--stage"),
        (&["config", "init", "--help"], "kept"),
        (&["--version"], env!("CARGO_PKG_VERSION")),
    ] {
        let ended = sightline(arguments);
        assert_eq!(ended.code, Some(0), "{arguments:?}: {}", ended.stderr);
        assert!(
            ended.stdout.contains(said),
            "{arguments:?}: {}",
            ended.stdout
        );
        assert_eq!(ended.stderr, "", "{arguments:?}");
    }
}

#[test]
fn a_reason_is_explained_for_whoever_reads_it_in_an_alert() {
    for reason in Reason::ALL {
        let ended = sightline(&["explain", reason.code()]);
        assert_eq!(ended.code, Some(0), "{reason}");
        let text = reason.text();
        for part in [text.means, text.seen, text.fix, text.fixer.title()] {
            assert!(ended.stdout.contains(part), "{reason}: {}", ended.stdout);
        }
    }
}

#[test]
fn without_a_reason_all_of_them_are_listed() {
    let ended = sightline(&["explain"]);
    assert_eq!(ended.code, Some(0));
    let listed: Vec<_> = ended
        .stdout
        .lines()
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    let all: Vec<_> = Reason::ALL.iter().map(|reason| reason.code()).collect();
    assert_eq!(listed, all);
}

#[test]
fn an_unknown_reason_is_answered_with_the_nearest_one() {
    let ended = sightline(&["explain", "dns_nodate\u{1b}[2J"]);
    assert_eq!(ended.code, Some(64));
    assert!(
        ended.stderr.contains("did you mean `dns_nodata`?"),
        "{}",
        ended.stderr
    );
    assert_eq!(ended.stdout, "");
}
