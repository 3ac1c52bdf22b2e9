//! The account that the configuration names: its password, and the memory of a refusal.
//!
//! Credentials are never guessed. Whoever uses the account opens an [`Attempt`], one at a time; after
//! one refusal there is none, until the account, the domain or the password file changes. The refusal
//! is remembered on disk, since a check may run every five minutes; where nothing can be remembered,
//! the account is not used.

mod memory;

use std::ffi::OsString;
use std::fmt;
use std::fs::{File, Metadata, OpenOptions};
use std::io::Read;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustix::fs::OFlags;
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;

use crate::run;
use crate::text;
use memory::Memory;

pub use memory::FILE;

/// Longer passwords do not exist: Active Directory ends at 256 characters.
const LONGEST_PASSWORD: usize = 1024;

/// Where systemd lays credentials for a service, anew at each of its starts.
const CREDENTIALS: &str = "/run/credentials";

/// The account, and who may use it right now.
#[derive(Debug)]
pub struct Account {
    name: String,
    password_file: PathBuf,
    store: PathBuf,
    /// One use at a time, whatever for and in whichever network.
    turn: Arc<Semaphore>,
    /// What this process knows, whatever became of the file.
    refused: Mutex<Option<Refusal>>,
}

/// A password. It is printed nowhere.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

/// Why the account is not used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Closed {
    /// It was refused before, and nothing has changed since.
    Refused(String),
    /// The password cannot be read, or a refusal could not be remembered: why, and how to mend it.
    Unusable(String),
}

/// A refusal.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
struct Refusal {
    fingerprint: Fingerprint,
    /// When, for people.
    time: String,
    /// Which domain controller.
    by: String,
    /// In which words.
    said: String,
}

/// What an account is told from another one by. Nothing here is made from the password itself.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
struct Fingerprint {
    account: String,
    domain: String,
    /// Device, inode, size and time of the password file; of a credential its name and size, because
    /// systemd makes it anew at each start.
    password_file: String,
}

/// A use of the account, the only one on this box until it is dropped.
#[derive(Debug)]
pub struct Attempt<'a> {
    account: &'a Account,
    memory: Memory,
    fingerprint: Fingerprint,
    password: Secret,
}

impl Secret {
    /// The password, for the exchange that needs it and nothing else.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

impl Account {
    /// The account `name`, a UPN or a name of the domain. A refusal is remembered in `store`.
    #[must_use]
    pub fn new(name: String, password_file: PathBuf, store: PathBuf) -> Self {
        Self {
            name,
            password_file,
            store,
            turn: Arc::new(Semaphore::new(1)),
            refused: Mutex::default(),
        }
    }

    /// What to wait for before a run that may use the account: runs would spend their time on waiting
    /// for each other otherwise.
    #[must_use]
    pub fn turn(&self) -> Arc<Semaphore> {
        Arc::clone(&self.turn)
    }

    /// The name with a domain, as a directory takes it in a bind ([MS-ADTS] 5.1.1.1.1).
    #[must_use]
    pub fn in_domain(&self, domain: &str) -> String {
        if self.name.contains('@') {
            self.name.clone()
        } else {
            format!("{}@{domain}", self.name)
        }
    }

    /// The name as a Kerberos client of `domain`: without a suffix that is the domain itself.
    #[must_use]
    pub fn client<'a>(&'a self, domain: &str) -> &'a str {
        match self.name.split_once('@') {
            Some((user, suffix)) if suffix.eq_ignore_ascii_case(domain) => user,
            _ => &self.name,
        }
    }

    /// Opens the account for one use, if nobody has refused it. Waits for another process that uses it.
    ///
    /// # Errors
    /// Why it is not to be used.
    pub async fn open(&self, domain: &str, patience: Duration) -> Result<Attempt<'_>, Closed> {
        let memory = Memory::open(&self.store, patience).await.map_err(|what| {
            Closed::Unusable(format!(
                "{what}; the account is used only where a refusal can be remembered: make {} a \
                 directory that this program may write (store.path)",
                self.store.display()
            ))
        })?;
        let (password, file) = read_password(&self.password_file).map_err(Closed::Unusable)?;
        let fingerprint = Fingerprint {
            account: self.name.clone(),
            domain: domain.to_owned(),
            password_file: identity(&self.password_file, &file),
        };
        let known = self
            .known()
            .into_iter()
            .chain(memory.refusal())
            .find(|refusal| refusal.fingerprint == fingerprint);
        if let Some(refusal) = known {
            return Err(Closed::Refused(self.told_again(&refusal)));
        }
        Ok(Attempt {
            account: self,
            memory,
            fingerprint,
            password,
        })
    }

    fn known(&self) -> Option<Refusal> {
        let known = self.refused.lock();
        known.unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn told_again(&self, refusal: &Refusal) -> String {
        format!(
            "{} was refused by {} at {}: {}. It is not tried again until {}",
            self.name,
            refusal.by,
            refusal.time,
            refusal.said,
            self.until()
        )
    }

    /// What makes a new attempt possible.
    fn until(&self) -> String {
        let memory = self.store.join(FILE);
        if is_credential(
            &self.password_file,
            std::env::var_os("CREDENTIALS_DIRECTORY"),
        ) {
            // A new password of the same length looks like the old one.
            format!(
                "[account] changes, or {} is deleted after the credential has changed",
                memory.display()
            )
        } else {
            format!(
                "[account] or the file {} changes (`touch` is enough), or {} is deleted",
                self.password_file.display(),
                memory.display()
            )
        }
    }
}

impl Attempt<'_> {
    /// The password.
    #[must_use]
    pub fn password(&self) -> &Secret {
        &self.password
    }

    /// `by` has refused the account, in these words. Returns what is to be told.
    #[must_use]
    pub fn refused(self, by: &str, said: &str) -> String {
        let refusal = Refusal {
            fingerprint: self.fingerprint.clone(),
            time: run::now().to_string(),
            by: by.to_owned(),
            said: text::harmless(said),
        };
        let name = &self.account.name;
        let until = self.account.until();
        let told = match self.memory.remember(&refusal) {
            Ok(()) => format!("{by} refused {name}: {said}. It is not tried again until {until}"),
            Err(error) => format!(
                "{by} refused {name}: {said}. This could not be remembered ({error}), and the next \
                 check will try again: take [account] out of the configuration, or make room in {}",
                self.account.store.display()
            ),
        };
        let known = self.account.refused.lock();
        *known.unwrap_or_else(PoisonError::into_inner) = Some(refusal);
        told
    }
}

/// Reads a password and what the file is told from others by.
fn read_password(path: &Path) -> Result<(Secret, Metadata), String> {
    let failed = |what: &dyn fmt::Display| {
        format!(
            "the password in {} (account.password_file) cannot be used: {what}",
            path.display()
        )
    };
    // Whatever stands there in the place of a file must not keep us.
    let mut file = OpenOptions::new()
        .read(true)
        .custom_flags(flags(OFlags::NONBLOCK))
        .open(path)
        .map_err(|error| failed(&error))?;
    let metadata = file.metadata().map_err(|error| failed(&error))?;
    if !metadata.is_file() {
        return Err(failed(&"it is no file"));
    }
    let bytes = read_some(&mut file, LONGEST_PASSWORD + 3).map_err(|error| failed(&error))?;
    let bytes = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
    let bytes = bytes.strip_suffix(b"\r").unwrap_or(bytes);
    if bytes.is_empty() {
        // A bind without a password is one of nobody, and succeeds (RFC 4513 §5.1.2).
        return Err(failed(&"it is empty"));
    }
    if bytes.len() > LONGEST_PASSWORD {
        return Err(failed(&format_args!(
            "it is longer than {LONGEST_PASSWORD} bytes"
        )));
    }
    if bytes.iter().any(u8::is_ascii_control) {
        return Err(failed(&"it has more than one line, or control characters"));
    }
    match std::str::from_utf8(bytes) {
        Ok(password) => Ok((Secret(password.to_owned()), metadata)),
        Err(_) => Err(failed(&"it is not UTF-8")),
    }
}

/// At most `most` bytes from where a file stands.
fn read_some(file: &mut File, most: usize) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let most = u64::try_from(most).unwrap_or(u64::MAX);
    file.take(most).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn flags(flags: OFlags) -> i32 {
    flags.bits().cast_signed()
}

fn identity(path: &Path, file: &Metadata) -> String {
    if is_credential(path, std::env::var_os("CREDENTIALS_DIRECTORY")) {
        return format!("credential {} of {} bytes", path.display(), file.len());
    }
    format!(
        "{}:{} of {} bytes, {}.{:09}",
        file.dev(),
        file.ino(),
        file.len(),
        file.mtime(),
        file.mtime_nsec()
    )
}

/// Whether systemd lays the file anew at each start of the service.
fn is_credential(path: &Path, directory: Option<OsString>) -> bool {
    path.starts_with(CREDENTIALS)
        || directory.is_some_and(|directory| !directory.is_empty() && path.starts_with(directory))
}

#[cfg(test)]
mod tests;
