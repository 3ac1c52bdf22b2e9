//! Files as text, and the way back from a value to its place.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use toml::de::{DeTable, DeValue};

use super::problem::{Errors, Place, Problem};

/// The largest file that is read, in bytes: a configuration has ten lines, a CA bundle some
/// hundred kilobytes.
const LARGEST: u64 = 1024 * 1024;

/// One file that was read.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) file: PathBuf,
    pub(super) text: String,
}

/// One step into a table or a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Key(String),
    Index(usize),
}

/// Reads a file of bearable size as text.
///
/// # Errors
/// A sentence that names the file.
pub(super) fn read(file: &Path) -> Result<String, String> {
    let failed = |error: std::io::Error| format!("reading {}: {error}", file.display());
    let opened = File::open(file).map_err(failed)?;
    if opened.metadata().map_err(failed)?.is_dir() {
        return Err(format!("{} is a directory, not a file", file.display()));
    }
    let mut bytes = Vec::new();
    opened
        .take(LARGEST + 1)
        .read_to_end(&mut bytes)
        .map_err(failed)?;
    if bytes.len() as u64 > LARGEST {
        return Err(format!("{} is larger than 1 MiB", file.display()));
    }
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        format!("{} is no text: byte {at} is not UTF-8", file.display())
    })
}

impl Source {
    pub(super) fn read(file: PathBuf) -> Result<Self, String> {
        let text = read(&file)?;
        Ok(Self { file, text })
    }

    /// The file as a table.
    ///
    /// # Errors
    /// Everything that is no TOML, with its place.
    pub(super) fn table(&self) -> Result<toml::Table, Errors> {
        let (_, errors) = DeTable::parse_recoverable(&self.text);
        let mut found = Errors::default();
        for error in &errors {
            found.push(self.syntax(error));
        }
        if !found.is_empty() {
            return Err(found);
        }
        toml::from_str(&self.text).map_err(|error| self.syntax(&error).into())
    }

    fn syntax(&self, error: &toml::de::Error) -> Problem {
        let place = error
            .span()
            .map(|span| Place::new(&self.file, &self.text, span));
        let what = match &place {
            Some(_) => format!("this is no TOML: {}", error.message()),
            None => format!("{} is no TOML: {}", self.file.display(), error.message()),
        };
        Problem::new(place, what)
    }

    /// Where the value at `path` stands, or its key where `wants_key` or where the value is a table.
    /// `None` if it does not stand in this file.
    pub(super) fn place(&self, path: &[Step], wants_key: bool) -> Option<Place> {
        let (root, _) = DeTable::parse_recoverable(&self.text);
        let mut value = DeValue::Table(root.into_inner());
        let mut span = 0..0;
        for step in path {
            value = match (step, value) {
                (Step::Key(key), DeValue::Table(table)) => {
                    let (found, inner) = table
                        .into_iter()
                        .find(|(name, _)| name.get_ref().as_ref() == key)?;
                    span = if wants_key || matches!(inner.get_ref(), DeValue::Table(_)) {
                        found.span()
                    } else {
                        inner.span()
                    };
                    inner.into_inner()
                }
                (Step::Index(index), DeValue::Array(list)) => {
                    let inner = list.into_iter().nth(*index)?;
                    span = inner.span();
                    inner.into_inner()
                }
                _ => return None,
            };
        }
        Some(Place::new(&self.file, &self.text, span))
    }
}
