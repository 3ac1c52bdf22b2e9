//! From files and environment to a [`Config`], or to everything that is wrong with them.

mod check;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use config::FileFormat;
use serde_path_to_error::Segment;

use super::names::DomainName;
use super::problem::{Errors, Problem, quoted};
use super::settings::Config;
use super::source::{Source, Step};
use super::{drop_ins, suggest};

/// What the names of variables begin with; tables are parted by two underscores:
/// `SIGHTLINE_DOMAIN__NAME`.
const PREFIX: &str = "SIGHTLINE_";

/// Most drop-ins that are read.
const MOST_FILES: usize = 100;

/// Where to load from.
#[derive(Clone, Debug)]
pub struct Load {
    /// The file that somebody named; it must be there.
    pub file: Option<PathBuf>,
    /// The file to take if nobody named one; it need not be there.
    pub default_file: PathBuf,
    /// Names and values of the environment.
    pub environment: Vec<(String, String)>,
    /// The name of this box, which the site is called by if nothing else is said.
    pub host_name: String,
    /// What the command line says.
    pub overrides: Overrides,
}

/// What the command line says against the files.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    /// The domain to look for.
    pub domain: Option<String>,
    /// Measure how fast content comes.
    pub throughput: bool,
}

/// Loads the configuration: the file, then its drop-ins in the order of their names, then the
/// environment, then the command line; what comes later wins.
///
/// # Errors
/// Everything that is wrong, each with its place.
pub fn load(load: &Load) -> Result<Config, Errors> {
    let mut errors = Errors::default();
    let sources = read_all(load, &mut errors);
    let mut tables = Vec::new();
    for source in &sources {
        match source.table() {
            Ok(table) => tables.push(known_tables(table, source, &mut errors)),
            Err(found) => errors.extend(found),
        }
    }
    let variables = Variables::read(&load.environment, &mut errors);
    tables.push(variables.table.clone());
    // A file that is no TOML leaves gaps; what follows from them would only confuse.
    if !errors.is_empty() && tables.len() <= sources.len() {
        return Err(sorted(errors, &sources));
    }
    let merged = match merge(&tables) {
        Ok(merged) => merged,
        Err(error) => {
            errors.push(Problem::new(None, error));
            return Err(sorted(errors, &sources));
        }
    };
    let places = Places {
        sources: &sources,
        variables: &variables,
    };
    let (mut config, torn) = judge(merged, &places, &mut errors);
    if !is_named(&tables) && !load.host_name.is_empty() {
        config.site.name = load.host_name.chars().take(63).collect();
    }
    if let Some(text) = &load.overrides.domain {
        match text.parse::<DomainName>() {
            Ok(name) => config.domain.name = Some(name),
            Err(error) => errors.push(Problem::new(None, format!("--domain: {error}"))),
        }
    }
    config.probe.throughput |= load.overrides.throughput;
    check::check(&config, &places, &mut errors);
    if !torn.contains("account") {
        check::account(&config, &places, &mut errors);
    }
    // Where an entry of theirs has lost a value already, what follows from that would only confuse.
    if !torn.contains("endpoint") {
        check::endpoints(&config.endpoint, &places, &mut errors);
    }
    if errors.is_empty() {
        Ok(config)
    } else {
        Err(sorted(errors, &sources))
    }
}

fn sorted(mut errors: Errors, sources: &[Source]) -> Errors {
    let files: Vec<&Path> = sources.iter().map(|source| source.file.as_path()).collect();
    errors.sort(&files);
    errors
}

fn read_all(load: &Load, errors: &mut Errors) -> Vec<Source> {
    let mut sources = Vec::new();
    let file = load.file.as_ref().unwrap_or(&load.default_file);
    let is_wanted = load.file.is_some() || file.exists();
    if is_wanted {
        match Source::read(file.clone()) {
            Ok(source) => sources.push(source),
            Err(what) => {
                // The drop-ins stand beside it, and what is wrong there is likely the same.
                errors.push(Problem::new(None, what));
                return sources;
            }
        }
    }
    for file in listed(&drop_ins(file), errors) {
        match Source::read(file) {
            Ok(source) => sources.push(source),
            Err(what) => errors.push(Problem::new(None, what)),
        }
    }
    sources
}

/// The drop-ins in the order of their names. A directory that is not there has none.
fn listed(directory: &Path, errors: &mut Errors) -> Vec<PathBuf> {
    let entries = match std::fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Vec::new(),
        Err(error) => {
            errors.push(Problem::new(
                None,
                format!("reading {}: {error}", directory.display()),
            ));
            return Vec::new();
        }
    };
    let mut files: Vec<PathBuf> = entries
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|end| end == "toml"))
        .filter(|path| {
            // What an editor leaves behind is no drop-in.
            !path
                .file_name()
                .is_some_and(|name| name.to_string_lossy().starts_with('.'))
        })
        .collect();
    files.sort();
    if files.len() > MOST_FILES {
        errors.push(Problem::new(
            None,
            format!(
                "{} has {} files; at most {MOST_FILES} are read",
                directory.display(),
                files.len()
            ),
        ));
        files.truncate(MOST_FILES);
    }
    files
}

/// The crate `config` takes a dot or a bracket in the name of a table as a path. No table here has
/// one, so that such a name is refused before it can lead anywhere.
fn known_tables(table: toml::Table, source: &Source, errors: &mut Errors) -> toml::Table {
    let (known, other): (Vec<_>, Vec<_>) = table.into_iter().partition(|(key, _)| {
        key.chars()
            .all(|c| c.is_ascii_alphanumeric() || "_-".contains(c))
    });
    for (key, _) in other {
        let place = source.place(&[Step::Key(key.clone())], true);
        errors.push(Problem::new(place, format!("unknown key {}", quoted(&key))));
    }
    known.into_iter().collect()
}

fn merge(tables: &[toml::Table]) -> Result<toml::Table, String> {
    let mut builder = config::Config::builder();
    for table in tables {
        let text = toml::to_string(table).map_err(|error| error.to_string())?;
        builder = builder.add_source(config::File::from_str(&text, FileFormat::Toml));
    }
    builder
        .build()
        .and_then(config::Config::try_deserialize)
        .map_err(|error| error.to_string())
}

fn is_named(tables: &[toml::Table]) -> bool {
    tables.iter().any(|table| {
        table
            .get("site")
            .and_then(toml::Value::as_table)
            .is_some_and(|site| site.contains_key("name"))
    })
}

/// Variables of the environment that are ours. A value is read as TOML where it is such, so that
/// numbers and lists can be given, and as text otherwise.
struct Variables {
    table: toml::Table,
    /// By path: the name of the variable.
    names: Vec<(Vec<Step>, String)>,
}

impl Variables {
    fn read(environment: &[(String, String)], errors: &mut Errors) -> Self {
        let mut ours: Vec<_> = environment
            .iter()
            .filter_map(|(name, value)| Some((name, name.strip_prefix(PREFIX)?, value)))
            .collect();
        ours.sort();
        let mut variables = Self {
            table: toml::Table::new(),
            names: Vec::new(),
        };
        for (name, rest, value) in ours {
            let Some((table, key)) = rest.split_once("__") else {
                errors.push(
                    Problem::new(
                        None,
                        format!("environment variable {}: no such key", quoted(name)),
                    )
                    .with_help(
                        "table and key are parted by two underscores, as in SIGHTLINE_DOMAIN__NAME",
                    ),
                );
                continue;
            };
            let (table, key) = (table.to_ascii_lowercase(), key.to_ascii_lowercase());
            variables.names.push((
                vec![Step::Key(table.clone()), Step::Key(key.clone())],
                name.clone(),
            ));
            let inner = variables
                .table
                .entry(table)
                .or_insert_with(|| toml::Value::Table(toml::Table::new()));
            if let toml::Value::Table(inner) = inner {
                inner.insert(key, value_of(value));
            }
        }
        variables
    }
}

fn value_of(text: &str) -> toml::Value {
    let as_toml = format!("value = {text}");
    toml::from_str::<toml::Table>(&as_toml)
        .ok()
        .filter(|table| table.len() == 1)
        .and_then(|mut table| table.remove("value"))
        .filter(|value| !matches!(value, toml::Value::Datetime(_) | toml::Value::Table(_)))
        .unwrap_or_else(|| toml::Value::String(text.to_owned()))
}

/// Everything that a value may have come from.
struct Places<'a> {
    sources: &'a [Source],
    variables: &'a Variables,
}

impl Places<'_> {
    /// A problem with the value at `path`, where it stands: the last source that has it counts.
    fn problem(&self, path: &[Step], wants_key: bool, what: &str) -> Problem {
        let variable = self
            .variables
            .names
            .iter()
            .find(|(of, _)| path.starts_with(of));
        let from = |name: &str| Problem::new(None, format!("environment variable {name}: {what}"));
        if let Some((_, name)) = variable {
            return from(name);
        }
        let place = self
            .sources
            .iter()
            .rev()
            .find_map(|source| source.place(path, wants_key));
        // A table that no file has is there because a variable names it.
        let inner = self
            .variables
            .names
            .iter()
            .find(|(of, _)| !path.is_empty() && of.starts_with(path));
        if let (None, Some((_, name))) = (&place, inner) {
            return from(name);
        }
        let key = written(path);
        let what = if wants_key || key.is_empty() {
            what.to_owned()
        } else {
            format!("{key}: {what}")
        };
        Problem::new(place, what)
    }
}

/// A path as an operator would write it: `network[1].resolvers`.
fn written(path: &[Step]) -> String {
    let mut text = String::new();
    for step in path {
        match step {
            Step::Key(key) if text.is_empty() => text.push_str(key),
            Step::Key(key) => {
                text.push('.');
                text.push_str(key);
            }
            Step::Index(index) => text.push_str(&format!("[{index}]")),
        }
    }
    text
}

/// Reads the merged table. Serde stops at the first problem: it is noted, the value taken out, and
/// the rest read again, so that an operator sees all of them at once. Also gives the tables that
/// something was taken out of.
fn judge(
    merged: toml::Table,
    places: &Places<'_>,
    errors: &mut Errors,
) -> (Config, BTreeSet<String>) {
    let mut rest = toml::Value::Table(merged);
    let mut torn = BTreeSet::new();
    loop {
        let error = match serde_path_to_error::deserialize(rest.clone()) {
            Ok(config) => return (config, torn),
            Err(error) => error,
        };
        let path = steps(error.path());
        errors.push(describe(&path, error.inner(), places));
        if let Some(Step::Key(table)) = path.first() {
            torn.insert(table.clone());
        }
        if errors.is_full() || !remove(&mut rest, &path) {
            return (Config::default(), torn);
        }
    }
}

fn steps(path: &serde_path_to_error::Path) -> Vec<Step> {
    path.iter()
        .filter_map(|segment| match segment {
            Segment::Map { key } => Some(Step::Key(key.clone())),
            Segment::Seq { index } => Some(Step::Index(*index)),
            Segment::Enum { .. } | Segment::Unknown => None,
        })
        .collect()
}

fn describe(path: &[Step], error: &toml::de::Error, places: &Places<'_>) -> Problem {
    let message = error.message().trim();
    let Some(rest) = message.strip_prefix("unknown field ") else {
        return places.problem(path, false, message);
    };
    let problem = places.problem(path, true, &format!("unknown key `{}`", written(path)));
    // The names between backticks: the unknown one, then those that are possible.
    let names: Vec<&str> = rest.split('`').skip(1).step_by(2).collect();
    match names.split_first() {
        Some((unknown, known)) if !known.is_empty() => {
            match suggest::nearest(unknown, known.iter().copied()) {
                Some(meant) => problem.with_help(format!("did you mean `{meant}`?")),
                None => problem.with_help(format!("the keys here are {}", known.join(", "))),
            }
        }
        _ => problem,
    }
}

/// Takes the value at `path` out; of a list, the whole list goes, since its order has meaning.
fn remove(value: &mut toml::Value, path: &[Step]) -> bool {
    match (path, value) {
        ([Step::Key(key)] | [Step::Key(key), Step::Index(_)], toml::Value::Table(table)) => {
            table.remove(key).is_some()
        }
        ([Step::Key(key), rest @ ..], toml::Value::Table(table)) => {
            table.get_mut(key).is_some_and(|inner| remove(inner, rest))
        }
        ([Step::Index(index), rest @ ..], toml::Value::Array(list)) => list
            .get_mut(*index)
            .is_some_and(|inner| remove(inner, rest)),
        _ => false,
    }
}

#[cfg(test)]
mod tests;
