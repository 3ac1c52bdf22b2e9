//! The program itself, run with a limit.

use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// What a run of the program left behind.
#[derive(Debug)]
pub(crate) struct Ended {
    /// The exit status; `None` after a signal.
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    /// The most memory that it held, in kilobytes; 0 if it ended before anybody could look.
    pub(crate) peak_kilobytes: u64,
}

/// No run of the program takes longer.
const LIMIT: Duration = Duration::from_secs(30);

/// Runs `program` in an environment without settings of its own, and waits for its end.
pub(crate) fn run(program: &Path, arguments: &[&str]) -> Ended {
    run_with(program, arguments, &[])
}

/// As [`run`], with variables.
pub(crate) fn run_with(program: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Ended {
    wait(start(program, arguments, variables))
}

/// As [`run`], and whoever was to read its output is gone before there is any.
pub(crate) fn run_unread(program: &Path, arguments: &[&str]) -> Ended {
    let mut child = start(program, arguments, &[]);
    drop(child.stdout.take());
    wait(child)
}

fn start(program: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Child {
    let mut command = Command::new(program);
    command.args(arguments);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("SIGHTLINE_") {
            command.env_remove(name);
        }
    }
    command
        .envs(variables.iter().copied())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("starting {}: {error}", program.display()))
}

fn wait(mut child: Child) -> Ended {
    let stdout = child.stdout.take().map(collect);
    let stderr = child.stderr.take().map(collect);
    let id = child.id();
    let (ended, end) = mpsc::channel::<()>();
    let watcher = thread::spawn(move || {
        let mut peak = 0;
        // The time between two looks ends early when the program does.
        while end.recv_timeout(Duration::from_millis(2)) == Err(mpsc::RecvTimeoutError::Timeout) {
            peak = peak_kilobytes(id).unwrap_or(peak);
        }
        peak
    });
    let (overdue, due) = mpsc::channel::<()>();
    let killer = thread::spawn(move || {
        let is_late = due.recv_timeout(LIMIT) == Err(mpsc::RecvTimeoutError::Timeout);
        if is_late {
            let pid = i32::try_from(id)
                .ok()
                .and_then(rustix::process::Pid::from_raw);
            let pid = pid.expect("a child has a number");
            let _gone = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
        }
        is_late
    });
    let [stdout, stderr] = [stdout, stderr].map(|text| {
        let text = text.map(|text| text.join().expect("reading a pipe does not panic"));
        text.unwrap_or_default()
    });
    let status = child.wait().expect("a child can be waited for");
    drop((ended, overdue));
    let is_late = killer.join().expect("waiting does not panic");
    assert!(!is_late, "still running after {LIMIT:?}: {stdout}{stderr}");
    Ended {
        code: status.code(),
        stdout,
        stderr,
        peak_kilobytes: watcher.join().expect("reading a file does not panic"),
    }
}

fn collect(mut pipe: impl Read + Send + 'static) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        let _closed = pipe.read_to_end(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

/// `VmHWM` of a process.
fn peak_kilobytes(id: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}
