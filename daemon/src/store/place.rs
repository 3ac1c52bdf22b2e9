//! The file of the store, looked at and moved without opening it as what it may not be.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use sightline_model::Timestamp;

/// The file that everything is in.
const NAME: &str = "sightline.db";

/// What SQLite puts beside a file, by the end of its name.
const COMPANIONS: [&str; 4] = ["", "-wal", "-journal", "-shm"];

/// `SLST` as a number: whose file it is (SQLite, `PRAGMA application_id`).
pub(super) const APPLICATION: i32 = 0x534c_5354;

/// How the tables are laid out (`PRAGMA user_version`). A release that adds to it raises it, and takes what
/// older ones have left; an older one begins anew beside it.
pub(super) const VERSION: i32 = 1;

/// What there is before it is opened.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// Nothing yet.
    Nothing,
    /// A file of a version that is understood.
    Ours,
    /// A file of a later release.
    Newer(i32),
    /// Something else.
    Damaged(&'static str),
}

/// The file in a directory. The directory is made if it is not there.
///
/// # Errors
/// As the system says.
pub(super) fn prepare(directory: &Path) -> io::Result<PathBuf> {
    if !directory.is_dir() {
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true).mode(0o700).create(directory)?;
    }
    Ok(directory.join(NAME))
}

/// Reads what the first hundred bytes of a file say ("The Database Header", <https://sqlite.org/fileformat2.html>).
///
/// # Errors
/// As the system says.
pub(super) fn look(file: &Path) -> io::Result<Found> {
    let mut header = Vec::new();
    match File::open(file) {
        Ok(opened) => opened.take(100).read_to_end(&mut header)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Found::Nothing),
        Err(error) => return Err(error),
    };
    let number = |at: usize| {
        let bytes = header.get(at..at + 4)?;
        Some(i32::from_be_bytes(bytes.try_into().ok()?))
    };
    Ok(match (number(60), number(68)) {
        _ if header.is_empty() => Found::Nothing,
        _ if !header.starts_with(b"SQLite format 3\0") => Found::Damaged("it is no database"),
        (Some(version), Some(APPLICATION)) if version > VERSION => Found::Newer(version),
        (Some(VERSION), Some(APPLICATION)) => Found::Ours,
        _ => Found::Damaged("it is not a database of sightline"),
    })
}

/// Makes an empty file that only its owner reads.
///
/// # Errors
/// As the system says.
pub(super) fn create(file: &Path) -> io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.create(true).append(true).mode(0o600);
    options.open(file).map(drop)
}

/// Moves a damaged file out of the way. One is kept.
///
/// # Errors
/// As the system says.
pub(super) fn set_damaged_aside(file: &Path, now: Timestamp) -> io::Result<PathBuf> {
    for (path, name) in beside(file) {
        if name.starts_with(&format!("{NAME}.corrupt-")) {
            fs::remove_file(path)?;
        }
    }
    let time = now.to_string().replace(['-', ':'], "");
    set_aside(file, &format!(".corrupt-{time}"))
}

/// Moves a file of a later release out of the way, as it is.
///
/// # Errors
/// As the system says.
pub(super) fn set_newer_aside(file: &Path, version: i32) -> io::Result<PathBuf> {
    set_aside(file, &format!(".version-{version}"))
}

/// Bytes of what was set aside.
pub(super) fn bytes_aside(file: &Path) -> u64 {
    let aside = beside(file)
        .into_iter()
        .filter(|(_, name)| name.starts_with(&format!("{NAME}.")));
    aside
        .filter_map(|(path, _)| Some(path.metadata().ok()?.len()))
        .sum()
}

/// Bytes of a file and of the log that belongs to it.
pub(super) fn bytes(file: &Path) -> u64 {
    size(file) + size(&with_end(file, "-wal"))
}

/// Bytes of the log of a file.
pub(super) fn log_bytes(file: &Path) -> u64 {
    size(&with_end(file, "-wal"))
}

fn size(file: &Path) -> u64 {
    file.metadata().map_or(0, |known| known.len())
}

fn set_aside(file: &Path, end: &str) -> io::Result<PathBuf> {
    let aside = with_end(file, end);
    for companion in COMPANIONS {
        // The log of an older one under the same name must not be taken for that of this one.
        unless_missing(fs::remove_file(with_end(&aside, companion)))?;
    }
    for companion in COMPANIONS {
        unless_missing(fs::rename(
            with_end(file, companion),
            with_end(&aside, companion),
        ))?;
    }
    if let Some(directory) = file.parent() {
        File::open(directory)?.sync_all()?;
    }
    Ok(aside)
}

fn unless_missing(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn with_end(file: &Path, end: &str) -> PathBuf {
    let mut name = OsString::from(file);
    name.push(end);
    name.into()
}

/// What is in the same directory, with its name.
fn beside(file: &Path) -> Vec<(PathBuf, String)> {
    let entries = file
        .parent()
        .and_then(|directory| directory.read_dir().ok());
    let entries = entries.into_iter().flatten().filter_map(Result::ok);
    entries
        .map(|entry| {
            (
                entry.path(),
                entry.file_name().to_string_lossy().into_owned(),
            )
        })
        .collect()
}
