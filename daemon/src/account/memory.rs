//! The file that remembers a refusal.
//!
//! It always has the same length and is written in place, so that a disk that is full by then is no
//! reason to forget. Its lock keeps other processes from using the account at the same time.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::OFlags;
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep};

use super::{Refusal, flags, read_some};

/// Its name in the store.
pub const FILE: &str = "account.json";

/// Its length in bytes. A refusal has about 600.
const LENGTH: usize = 16 * 1024;

/// Of the form of the file. What has another one is no memory.
const VERSION: u32 = 1;

/// How often a lock is looked at again.
const PAUSE: Duration = Duration::from_millis(50);

#[derive(Debug, Deserialize, Serialize)]
struct Content {
    version: u32,
    refused: Option<Refusal>,
}

/// The file, locked.
#[derive(Debug)]
pub(super) struct Memory {
    file: File,
    path: PathBuf,
}

impl Memory {
    /// Opens the file in `directory` for reading and writing, makes both if need be, and waits for
    /// whoever has it.
    pub(super) async fn open(directory: &Path, patience: Duration) -> Result<Self, String> {
        let path = directory.join(FILE);
        let failed = |error: &io::Error| format!("{}: {error}", path.display());
        if !directory.exists() {
            DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(directory)
                .map_err(|error| failed(&error))?;
        }
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .custom_flags(flags(OFlags::NONBLOCK | OFlags::NOFOLLOW))
            .open(&path)
            .map_err(|error| failed(&error))?;
        if !file.metadata().map_err(|error| failed(&error))?.is_file() {
            return Err(format!("{} is no file", path.display()));
        }
        let deadline = Instant::now() + patience;
        loop {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::Error(error)) => return Err(failed(&error)),
                Err(TryLockError::WouldBlock) if Instant::now() < deadline => sleep(PAUSE).await,
                Err(TryLockError::WouldBlock) => {
                    return Err(format!("{} is in use by another sightline", path.display()));
                }
            }
        }
        let memory = Self { file, path };
        let length = memory.file.metadata().map(|file| file.len());
        if !length.is_ok_and(|length| usize::try_from(length) == Ok(LENGTH)) {
            let refused = memory.refusal();
            memory.write(refused)?;
        }
        Ok(memory)
    }

    /// What is remembered. A damaged file remembers nothing.
    pub(super) fn refusal(&self) -> Option<Refusal> {
        let mut file = &self.file;
        io::Seek::rewind(&mut file).ok()?;
        let bytes = read_some(&mut file.try_clone().ok()?, LENGTH).ok()?;
        let content: Content = serde_json::from_slice(&bytes).ok()?;
        content.refused.filter(|_| content.version == VERSION)
    }

    /// Remembers a refusal, through a power cut too.
    pub(super) fn remember(&self, refusal: &Refusal) -> Result<(), String> {
        self.write(Some(refusal.clone()))
    }

    fn write(&self, refused: Option<Refusal>) -> Result<(), String> {
        let content = Content {
            version: VERSION,
            refused,
        };
        let written = serde_json::to_vec(&content)
            .map_err(io::Error::other)
            .and_then(|mut bytes| {
                if bytes.len() >= LENGTH {
                    return Err(io::ErrorKind::FileTooLarge.into());
                }
                bytes.resize(LENGTH - 1, b' ');
                bytes.push(b'\n');
                self.file.write_all_at(&bytes, 0)?;
                self.file
                    .set_len(u64::try_from(LENGTH).unwrap_or(u64::MAX))?;
                self.file.sync_all()
            });
        written.map_err(|error| format!("{}: {error}", self.path.display()))
    }
}
