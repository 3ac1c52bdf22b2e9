//! Who may name whom in the code. The table is the architecture; a file that strays from it fails
//! here by its name.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// A module of the program, and the modules of ours that it may name; with a path behind the name,
/// only that. A module stands below all that it names.
const TABLE: [(&str, &[&str]); 23] = [
    ("text", &[]),
    ("config", &[]),
    ("endpoints", &["config"]),
    ("path", &[]),
    ("program", &["text"]),
    ("run", &["text", "path"]),
    ("account", &["text", "run"]),
    ("net", &["text", "path", "run"]),
    ("plan", &["config", "endpoints", "path", "account", "net"]),
    (
        "probe",
        &[
            "text",
            "endpoints",
            "path",
            "program",
            "run",
            "account",
            "net",
            "plan",
        ],
    ),
    (
        "survey",
        &["text", "endpoints", "path", "run", "net", "plan", "probe"],
    ),
    ("timetable", &[]),
    ("store", &["text"]),
    ("check", &["run", "plan", "survey"]),
    (
        "engine",
        &[
            "text",
            "config::Config",
            "run",
            "plan",
            "survey",
            "timetable",
        ],
    ),
    (
        "surface",
        &["text", "endpoints", "check", "survey::Link", "store"],
    ),
    (
        "web",
        &[
            "text",
            "config::Errors",
            "config::Problem",
            "config::web_file",
            "engine::Clock",
            "engine::Command",
            "engine::SilenceOrder",
            "store",
            "surface",
        ],
    ),
    ("appliance", &["text", "engine::Clock", "surface"]),
    ("systemd", &["surface"]),
    ("logging", &[]),
    ("control", &["text"]),
    (
        "app",
        &[
            "appliance",
            "check",
            "engine",
            "plan",
            "store",
            "surface",
            "systemd",
            "text",
            "web",
        ],
    ),
    (
        "cli",
        &[
            "text",
            "app",
            "control",
            "logging",
            "config",
            "web::Security",
            "endpoints",
            "net",
            "plan",
            "check",
            "surface",
            "run",
            "probe",
            "survey",
        ],
    ),
];

/// Modules that may name the wire formats.
const SPEAK: [&str; 2] = ["net", "probe"];

/// Above so many lines a file holds a second concept.
const LONGEST: usize = 500;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every Rust file below `directory`, with its text without comments.
fn sources(directory: &str) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut open = vec![root().join(directory)];
    while let Some(directory) = open.pop() {
        let entries = std::fs::read_dir(&directory)
            .unwrap_or_else(|error| panic!("reading {}: {error}", directory.display()));
        for path in entries.map(|entry| entry.expect("an entry").path()) {
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = std::fs::read_to_string(&path).expect("a source file is text");
                found.push((path, text));
            }
        }
    }
    found.sort();
    found
}

/// The lines that are code.
fn code(text: &str) -> String {
    let lines = text
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"));
    lines.flat_map(|line| [line, "\n"]).collect()
}

/// The module of the program that a file belongs to.
fn module_of(path: &Path) -> String {
    let inner = path
        .strip_prefix(root().join("daemon/src"))
        .expect("a file of the program");
    let first = inner.components().next().expect("a file has a name");
    let first = Path::new(first.as_os_str());
    first.with_extension("").to_string_lossy().into_owned()
}

/// Every path that begins with `crate::`, without that, a group taken apart at its first level.
fn named(code: &str) -> BTreeSet<String> {
    let is_path = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
    code.split("crate::")
        .skip(1)
        .flat_map(|rest| match rest.strip_prefix('{') {
            Some(group) => {
                let group = group.split('}').next().unwrap_or_default();
                group.split(',').map(str::trim).map(str::to_owned).collect()
            }
            None => vec![rest.to_owned()],
        })
        .map(|path| {
            path.split(|c| !is_path(c))
                .next()
                .unwrap_or_default()
                .to_owned()
        })
        .filter(|path| !path.is_empty())
        .collect()
}

#[test]
fn every_module_names_only_those_that_the_table_allows() {
    let mut strays = Vec::new();
    for (path, text) in sources("daemon/src") {
        let module = module_of(&path);
        if matches!(module.as_str(), "lib" | "main") {
            continue;
        }
        let allowed = TABLE.iter().find(|(name, _)| *name == module);
        let Some((_, allowed)) = allowed else {
            strays.push(format!(
                "{}: module {module} is not in the table",
                path.display()
            ));
            continue;
        };
        let code = code(&text);
        for named in named(&code) {
            let is_allowed = named.split("::").next() == Some(&module)
                || allowed
                    .iter()
                    .any(|allowed| named == *allowed || named.starts_with(&format!("{allowed}::")));
            if !is_allowed {
                strays.push(format!("{}: {module} names {named}", path.display()));
            }
        }
        if code.contains("sightline_wire") && !SPEAK.contains(&module.as_str()) {
            strays.push(format!(
                "{}: {module} names the wire formats",
                path.display()
            ));
        }
    }
    assert!(strays.is_empty(), "\n{}", strays.join("\n"));
}

#[test]
fn a_module_of_the_table_names_only_what_stands_above_it() {
    for (at, (module, allowed)) in TABLE.iter().enumerate() {
        for named in allowed.iter().filter(|named| !named.contains("::")) {
            let is_above = TABLE
                .iter()
                .take(if *module == "cli" { TABLE.len() } else { at })
                .any(|(above, _)| above == named);
            assert!(
                is_above,
                "{module} names {named}, which does not stand above it"
            );
        }
    }
}

#[test]
fn the_wire_formats_and_the_model_name_nothing_of_ours() {
    for member in ["daemon/wire", "daemon/model"] {
        let own = member.replace("daemon/", "sightline_");
        for (path, text) in sources(member) {
            let code = code(&text);
            let names_ours = code
                .split("sightline")
                .skip(1)
                .map(|rest| format!("sightline{rest}"))
                .any(|rest| {
                    (rest.starts_with("sightline_") || rest.starts_with("sightline::"))
                        && !rest.starts_with(&own)
                });
            assert!(
                !names_ours,
                "{} names another crate of ours",
                path.display()
            );
        }
        let manifest = std::fs::read_to_string(root().join(member).join("Cargo.toml"))
            .expect("a member has a manifest");
        assert_eq!(
            manifest.matches("sightline-").count(),
            1,
            "{member} depends on ours"
        );
    }
}

#[test]
fn no_file_holds_a_second_concept() {
    let long: Vec<_> = sources("daemon")
        .into_iter()
        .map(|(path, text)| (path, text.lines().count()))
        .filter(|(_, lines)| *lines > LONGEST)
        .collect();
    assert!(long.is_empty(), "{long:?}");
}

#[test]
fn every_file_of_a_kind_is_in_the_list_of_kinds() {
    let files: BTreeSet<String> = sources("daemon/src/probe")
        .iter()
        .filter(|(path, _)| path.parent() == Some(&root().join("daemon/src/probe")))
        // A file without is what several kinds have in common.
        .filter(|(_, text)| text.contains("const KIND: Kind"))
        .map(|(path, _)| {
            path.file_stem()
                .expect("a name")
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    let list = std::fs::read_to_string(root().join("daemon/src/probe.rs")).expect("the list");
    let listed: BTreeSet<String> = list
        .lines()
        .filter_map(|line| line.trim().strip_suffix("::KIND,"))
        .map(str::to_owned)
        .collect();
    assert_eq!(files, listed);
    assert_eq!(sightline::probe::KINDS.len(), files.len());
}

#[test]
fn the_table_finds_a_path_in_every_form() {
    let code = "use crate::net::{self, tls};\nuse crate::{plan::Plan, text};\n\
                let x = crate::run::now(); pub(crate) fn f() {}\n";
    let found = named(code);
    let expected = ["net::", "plan::Plan", "run::now", "text"];
    assert_eq!(found, expected.map(str::to_owned).into());
}
