//! Configurations that are wrong, and the commands that help to write a right one.

use std::path::{Path, PathBuf};

use super::{sightline, sightline_with};
use crate::support::{Setting, World};

/// A scratch directory with a configuration in it.
struct Scratch(tempfile::TempDir);

impl Scratch {
    fn new(text: &str) -> Self {
        let scratch = Self(tempfile::tempdir().expect("a scratch directory"));
        std::fs::write(scratch.file(), text).expect("written");
        scratch
    }

    fn file(&self) -> PathBuf {
        self.0.path().join("sightline.toml")
    }
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path in UTF-8")
}

/// Both commands that read a configuration refuse `file`, each with its own exit code, and say all
/// of `said`.
fn assert_is_refused(file: &Path, said: &[&str]) {
    for (arguments, code) in [
        (&["check", "--config", text(file)][..], 3),
        (&["config", "check", "--config", text(file)], 78),
        (&["config", "show", "--config", text(file)], 78),
    ] {
        let ended = sightline(arguments);
        assert_eq!(ended.code, Some(code), "{arguments:?}: {}", ended.stderr);
        assert_eq!(ended.stdout, "", "{arguments:?}");
        for part in said {
            assert!(
                ended.stderr.contains(part),
                "{arguments:?}, {part}: {}",
                ended.stderr
            );
        }
        let count = ended
            .stderr
            .matches("1 problem in the configuration")
            .count();
        assert_eq!(count, 1, "{}", ended.stderr);
    }
}

#[test]
fn a_mistake_in_the_file_is_told_with_its_place_and_what_was_meant() {
    for (toml, place, said) in [
        (
            "[domain]\nnmae = \"corp.example\"\n",
            ":2:1",
            &["unknown key `domain.nmae`", "did you mean `name`?"][..],
        ),
        (
            "[domian]\nname = \"corp.example\"\n",
            ":1:2",
            &["unknown key `domian`", "did you mean `domain`?"],
        ),
        (
            "[probe]\ntimeout = 5\n",
            ":2:11",
            &["invalid type: integer `5`, expected a duration in quotes such as \"5s\""],
        ),
        (
            "[probe]\ntimeout = \"-5s\"\n",
            ":2:11",
            &["no possible duration", "\"1s\" to \"1m\""],
        ),
        (
            "[probe]\ntimeout = \"2h\"\n",
            ":2:11",
            &["out of range", "1s to 1m"],
        ),
        (
            "[domain]\nname = \"10.0.0.1\"\n",
            ":2:8",
            &["`10.0.0.1` is no DNS name"],
        ),
        (
            "[[network]]\nresolvers = [\"corp\"]\n",
            ":2:14",
            &["`corp` is no address"],
        ),
        ("[ports]\nldap = 0\n", ":2:8", &["from 1 to 65535"]),
        ("[domain\nname = 1\n", ":1:8", &["this is no TOML"]),
        (
            "[tls]\ncorporate_roots = [\"/nonexistent/ca.pem\"]\n",
            ":2:20",
            &["/nonexistent/ca.pem: No such file"],
        ),
    ] {
        let scratch = Scratch::new(toml);
        let place = format!("sightline.toml{place}");
        let mut said = said.to_vec();
        said.push(&place);
        assert_is_refused(&scratch.file(), &said);
    }
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let scratch = Scratch::new("");
    let missing = scratch.0.path().join("missing.toml");
    assert_is_refused(&missing, &["missing.toml: No such file"]);
    // Not even root can read through a file.
    let through = scratch.file().join("inner.toml");
    assert_is_refused(&through, &["inner.toml: Not a directory"]);
    assert_is_refused(scratch.0.path(), &["is a directory, not a file"]);
    std::fs::write(scratch.file(), [0xff]).expect("written");
    assert_is_refused(&scratch.file(), &["is no text: byte 0 is not UTF-8"]);
}

#[test]
fn a_mistake_in_the_environment_is_told_by_its_variable() {
    let scratch = Scratch::new("");
    let file = scratch.file();
    let arguments = ["config", "check", "--config", text(&file)];
    let ended = sightline_with(&arguments, &[("SIGHTLINE_PROBE__TIMEOUT", "soon")]);
    assert_eq!(ended.code, Some(78));
    assert!(
        ended
            .stderr
            .contains("environment variable SIGHTLINE_PROBE__TIMEOUT: `soon`"),
        "{}",
        ended.stderr
    );
}

#[test]
fn a_domain_on_the_command_line_must_be_a_name() {
    for (domain, said) in [
        ("two words", "--domain: `two words` is no DNS name"),
        ("", "it is empty"),
        ("10.1.0.53", "digits only"),
        ("corp..example", "between two dots"),
    ] {
        let ended = sightline(&["check", "--domain", domain]);
        assert_eq!(ended.code, Some(3), "{domain}");
        assert!(ended.stderr.contains(said), "{domain}: {}", ended.stderr);
        assert_eq!(ended.stdout, "", "{domain}");
    }
}

#[test]
fn without_any_domain_it_is_said_where_to_give_one() {
    let scratch = Scratch::new("[[network]]\nresolvers = [\"127.0.0.1:9\"]\n");
    let ended = sightline(&["check", "--config", text(&scratch.file())]);
    assert_eq!(ended.code, Some(3));
    assert_eq!(ended.stdout, "");
    for part in ["no domain to look for", "--domain NAME", "[domain] name"] {
        assert!(ended.stderr.contains(part), "{}", ended.stderr);
    }
}

#[test]
fn init_writes_a_configuration_that_is_valid_and_never_writes_over_one() {
    let scratch = Scratch::new("");
    let file = scratch.0.path().join("new/sightline.toml");
    let ended = sightline(&["config", "init", text(&file)]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let valid = sightline(&["config", "check", "--config", text(&file)]);
    assert_eq!(valid.code, Some(0), "{}", valid.stderr);

    std::fs::write(&file, "# mine\n").expect("written");
    let again = sightline(&["config", "init", text(&file)]);
    assert_eq!(again.code, Some(1));
    assert!(
        again.stderr.contains("exists and is kept"),
        "{}",
        again.stderr
    );
    assert_eq!(
        std::fs::read_to_string(&file).expect("it is there"),
        "# mine\n"
    );

    let nowhere = scratch.file().join("inner/sightline.toml");
    let refused = sightline(&["config", "init", text(&nowhere)]);
    assert_eq!(refused.code, Some(1));
    assert!(refused.stderr.contains("error: "), "{}", refused.stderr);
}

#[test]
fn what_counts_in_the_end_can_be_shown_and_read_back() {
    let world = World::start(&Setting::healthy(1));
    let given: toml::Table = world.config().parse().expect("TOML");
    let shown = sightline(&["config", "show", "--config", text(world.config_file())]);
    assert_eq!(shown.code, Some(0), "{}", shown.stderr);
    let table: toml::Table = shown.stdout.parse().expect("what is shown is TOML");
    for key in ["domain", "ports", "time"] {
        for (inner, value) in given[key].as_table().expect("a table") {
            assert_eq!(table[key].get(inner), Some(value), "{key}.{inner}");
        }
    }
    let scratch = Scratch::new(&shown.stdout);
    let again = sightline(&["config", "show", "--config", text(&scratch.file())]);
    assert_eq!(again.stdout, shown.stdout);
}

#[test]
fn the_schema_is_json_and_knows_every_table() {
    let ended = sightline(&["config", "schema"]);
    assert_eq!(ended.code, Some(0));
    let schema: serde_json::Value = serde_json::from_str(&ended.stdout).expect("JSON");
    for table in ["site", "domain", "network", "probe", "time", "ports", "tls"] {
        assert!(schema["properties"].get(table).is_some(), "{table}");
    }
}

#[test]
fn who_reads_the_output_of_a_check_hears_why_there_is_none() {
    let one = "[domain]\nnmae = \"a|b\"\n";
    let two = "[domain]\nnmae = 1\n[probe]\ntimeout = 5\n";
    let nobody = "[[network]]\nresolvers = [\"127.0.0.1:9\"]\n";
    for (toml, first, count) in [
        (one, "sightline.toml:2:1: unknown key `domain.nmae`", 1),
        (two, "sightline.toml:2:1: unknown key `domain.nmae`", 2),
        (nobody, "no domain to look for: none is configured", 1),
    ] {
        let scratch = Scratch::new(toml);
        let file = scratch.file();
        let check = |output| sightline(&["check", "--output", output, "--config", text(&file)]);
        let [human, json, nagios] = ["human", "json", "nagios"].map(check);
        for ended in [&human, &json, &nagios] {
            assert_eq!(ended.code, Some(3), "{}", ended.stderr);
            assert_eq!(ended.stderr, human.stderr);
        }
        assert_eq!(human.stdout, "");

        let refusal: serde_json::Value = serde_json::from_str(&json.stdout).expect("JSON");
        assert_eq!(refusal["schema"], "sightline.error/1");
        let said = refusal["error"].as_str().expect("a text");
        assert!(said.contains(first), "{said}");
        let all = refusal["errors"].as_array();
        assert_eq!(all.map_or(1, Vec::len), count, "{}", json.stdout);

        let line = nagios.stdout.strip_suffix('\n').expect("a line");
        assert!(line.starts_with("SIGHTLINE UNKNOWN - "), "{line}");
        assert!(line.contains(first), "{line}");
        assert_eq!(line.contains("(1 more problem)"), count == 2, "{line}");
        assert!(!line.contains(['\n', '|']), "{line}");
    }
}
