//! A program of the system that is asked something: by its absolute path, without a shell, with
//! bounds on its time and its output, and killed at the end.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::process::{Child, Command};

/// The most that is read of what a program says, in bytes.
const OUTPUT_MAX: u64 = 4096;

/// What a program said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// Whether it ended well.
    pub is_success: bool,
    /// The begin of its standard output.
    pub output: String,
}

/// Where a program stands in `directories`; the first counts.
#[must_use]
pub fn find(directories: &[PathBuf], name: &str) -> Option<PathBuf> {
    directories
        .iter()
        .map(|directory| directory.join(name))
        .find(|path| path.is_absolute() && path.is_file())
}

/// Runs a program with `arguments`, in an environment without settings of anybody.
///
/// # Errors
/// A sentence, where it does not start or does not end within `limit`.
pub async fn ask(program: &Path, arguments: &[&str], limit: Duration) -> Result<Said, String> {
    let mut output = Vec::new();
    let said = async {
        let mut child = start(program, arguments)
            .await
            .map_err(|error| format!("does not start: {error}"))?;
        if let Some(stdout) = child.stdout.take() {
            // Whoever says more than that is not waited for: its pipe is closed.
            stdout
                .take(OUTPUT_MAX)
                .read_to_end(&mut output)
                .await
                .map_err(|error| format!("cannot be read: {error}"))?;
        }
        let status = child.wait().await;
        status.map_err(|error| format!("is not heard of again: {error}"))
    };
    let status = tokio::time::timeout(limit, said)
        .await
        .map_err(|_elapsed| format!("no answer within {}", crate::text::duration(limit)))??;
    Ok(Said {
        is_success: status.success(),
        output: String::from_utf8_lossy(&output).trim().to_owned(),
    })
}

async fn start(program: &Path, arguments: &[&str]) -> io::Result<Child> {
    let mut command = Command::new(program);
    command
        .args(arguments)
        .env_clear()
        .env("LC_ALL", "C")
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true);
    loop {
        match command.spawn() {
            // Somebody is just writing it, such as an update.
            Err(error) if error.kind() == io::ErrorKind::ExecutableFileBusy => {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            started => return started,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;
    use std::time::Instant;

    use super::*;

    fn script(directory: &Path, text: &str) -> PathBuf {
        let path = directory.join("program");
        std::fs::write(&path, format!("#!/bin/sh\n{text}\n")).expect("it is written");
        let executable = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(&path, executable).expect("it is ours");
        path
    }

    async fn said(text: &str) -> Result<Said, String> {
        let directory = tempfile::tempdir().expect("a scratch directory");
        let program = script(directory.path(), text);
        ask(&program, &["a b"], Duration::from_secs(1)).await
    }

    #[tokio::test]
    async fn a_program_says_something_or_fails() {
        let said = async |text| said(text).await.expect("it ends");
        let ok = said("echo \"$1 $HOME\"").await;
        assert_eq!((ok.is_success, ok.output.as_str()), (true, "a b"));
        assert!(!said("exit 3").await.is_success);
    }

    #[tokio::test]
    async fn one_that_hangs_or_never_stops_talking_costs_the_limit_and_no_more() {
        let begun = Instant::now();
        let hung = said("exec sleep 60").await.expect_err("it hangs");
        assert_eq!(hung, "no answer within 1 s");
        // It writes into a closed pipe, which ends it.
        let endless = said("exec yes").await.expect("it is ended");
        assert!(!endless.is_success);
        assert_eq!(endless.output.len(), 4095);
        assert!(begun.elapsed() < Duration::from_secs(10));
    }

    #[tokio::test]
    async fn one_that_is_not_there_is_told() {
        let gone = ask(Path::new("/nowhere/program"), &[], Duration::from_secs(1)).await;
        assert!(
            gone.expect_err("it is not there")
                .starts_with("does not start: ")
        );
        assert_eq!(find(&[PathBuf::from("relative")], "program"), None);
    }
}
