//! The daemon as a process: what it tells the service manager, and which signals it obeys.

mod web;

use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Nobody listens there, so that everything that is asked fails at once and on this machine.
const NOWHERE: &str = r#"
[site]
name = "berlin-02"
[domain]
name = "corp.example.com"
[time]
sources = ["127.0.0.1"]
[ports]
ntp = 9
[web]
listen = []
control_socket = ""
[[network]]
name = "default"
interface = "lo"
resolvers = ["127.0.0.1:9"]
proxy = "direct"
"#;

struct Daemon {
    /// Gone once it has stopped.
    child: Option<Child>,
    manager: UnixDatagram,
    file: PathBuf,
    _directory: tempfile::TempDir,
}

impl Daemon {
    fn start(text: &str) -> Self {
        let directory = tempfile::tempdir().expect("a scratch directory");
        let file = directory.path().join("sightline.toml");
        let text = format!(
            "{text}\n[store]\npath = \"{}\"\n",
            directory.path().display()
        );
        std::fs::write(&file, text).expect("a file");
        let socket = directory.path().join("notify");
        let manager = UnixDatagram::bind(&socket).expect("a socket");
        let timeout = Some(Duration::from_secs(20));
        manager.set_read_timeout(timeout).expect("a timeout");
        let child = Command::new(env!("CARGO_BIN_EXE_sightline"))
            .args(["run", "--log-format", "json", "--config"])
            .arg(&file)
            .env("NOTIFY_SOCKET", &socket)
            .env("WATCHDOG_USEC", "60000000")
            .env_remove("JOURNAL_STREAM")
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        Self {
            child: Some(child),
            manager,
            file,
            _directory: directory,
        }
    }

    /// Waits for a message that holds `text`.
    fn tells(&self, text: &str) -> String {
        let begun = Instant::now();
        let mut heard = Vec::new();
        while begun.elapsed() < Duration::from_secs(60) {
            let mut buffer = [0; 4096];
            let Ok(length) = self.manager.recv(&mut buffer) else {
                break;
            };
            let message = String::from_utf8_lossy(&buffer[..length]).into_owned();
            if message.contains(text) {
                return message;
            }
            heard.push(message);
        }
        panic!("it never told `{text}`, but {heard:?}");
    }

    fn signal(&self, name: &str) {
        let child = self.child.as_ref().expect("it runs");
        let sent = Command::new("kill")
            .args([format!("-{name}"), child.id().to_string()])
            .status();
        assert!(sent.expect("kill(1) is there").success());
    }

    /// Its exit status and what it wrote, once it has been told to stop.
    fn stops(mut self) -> (Option<i32>, String) {
        let begun = Instant::now();
        self.signal("TERM");
        self.tells("STOPPING=1");
        let child = self.child.take().expect("it runs");
        let ended = child.wait_with_output().expect("its output");
        assert!(begun.elapsed() < Duration::from_secs(2), "it took longer");
        let said = String::from_utf8_lossy(&ended.stderr).into_owned();
        (ended.status.code(), said)
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _gone = child.kill();
            let _gone = child.wait();
        }
    }
}

#[test]
fn it_is_ready_tells_the_verdict_feeds_the_watchdog_and_stops_when_told() {
    let daemon = Daemon::start(NOWHERE);
    daemon.tells("READY=1");
    let status = daemon.tells("STATUS=NOT READY");
    assert!(status.contains("127.0.0.1:9"), "{status}");
    daemon.tells("WATCHDOG=1");
    let (code, said) = daemon.stops();
    assert_eq!(code, Some(0), "{said}");
    for line in said.lines() {
        let line: serde_json::Value = serde_json::from_str(line).expect(line);
        assert!(
            line["message"].is_string() && line["level"].is_string(),
            "{line}"
        );
    }
    let mut lines = said.lines();
    assert!(
        lines.any(|line| line.contains("\"verdict\":\"not_ready\"")),
        "{said}"
    );
}

#[test]
fn a_reload_is_told_and_a_file_that_is_not_good_changes_nothing_but_what_is_said() {
    let daemon = Daemon::start(NOWHERE);
    daemon.tells("READY=1");
    daemon.tells("STATUS=NOT READY");
    let broken = NOWHERE.replace("resolvers", "resolver");
    let good = std::fs::read_to_string(&daemon.file).expect("a file");
    std::fs::write(&daemon.file, broken).expect("a file");
    daemon.signal("HUP");
    daemon.tells("RELOADING=1");
    daemon.tells("READY=1");
    let status = daemon.tells("The configuration file is not good");
    assert!(
        status.contains("NOT READY") && status.contains("resolver"),
        "{status}"
    );
    std::fs::write(&daemon.file, good).expect("a file");
    daemon.signal("HUP");
    daemon.tells("READY=1");
    let status = daemon.tells("STATUS=NOT READY");
    assert!(!status.contains("not good"), "{status}");
    assert_eq!(daemon.stops().0, Some(0));
}

#[test]
fn a_wrong_configuration_at_the_start_is_refused_with_its_place() {
    let directory = tempfile::tempdir().expect("a scratch directory");
    let file = directory.path().join("sightline.toml");
    std::fs::write(&file, "[site]\nnaem = \"x\"\n").expect("a file");
    let ended = Command::new(env!("CARGO_BIN_EXE_sightline"))
        .args(["run", "--config"])
        .arg(&file)
        .output()
        .expect("the program starts");
    let said = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(78), "{said}");
    assert!(said.contains(":2:1") && said.contains("name"), "{said}");
}

/// Whether somebody answers at a control socket.
fn answers(file: &std::path::Path) -> bool {
    use std::io::{Read, Write};
    let Ok(mut stream) = std::os::unix::net::UnixStream::connect(file) else {
        return false;
    };
    let question = b"GET /-/healthy HTTP/1.1\r\nhost: box\r\nconnection: close\r\n\r\n";
    stream.write_all(question).expect("it reads");
    let mut said = String::new();
    stream.read_to_string(&mut said).expect("it answers");
    said.starts_with("HTTP/1.1 200 ")
}

#[test]
fn the_control_socket_stands_before_it_is_ready_and_survives_a_kill() {
    let directory = tempfile::tempdir().expect("a scratch directory");
    let file = directory.path().join("control.sock");
    let named = format!("control_socket = \"{}\"", file.display());
    let text = NOWHERE.replace("control_socket = \"\"", &named);

    let mut killed = Daemon::start(&text);
    killed.tells("READY=1");
    assert!(answers(&file));
    let second = Daemon::start(&text);
    second.tells("READY=1");
    let (code, said) = second.stops();
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("another sightline listens"), "{said}");
    assert!(answers(&file), "the second took the place of the first");

    let mut child = killed.child.take().expect("it runs");
    child.kill().expect("killed");
    child.wait().expect("it ended");
    assert!(file.exists() && !answers(&file));
    let next = Daemon::start(&text);
    next.tells("READY=1");
    assert!(answers(&file));
    assert_eq!(next.stops().0, Some(0));
    assert!(!file.exists());
}

/// Exit status and both outputs of a command that asks the daemon.
fn asked(socket: &std::path::Path, arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sightline"));
    let ended = command
        .args(arguments)
        .arg("--socket")
        .arg(socket)
        .output()
        .expect("the program starts");
    let both = [ended.stdout, ended.stderr].concat();
    let said = String::from_utf8_lossy(&both).into_owned();
    (ended.status.code(), said)
}

#[test]
fn other_commands_ask_the_daemon() {
    let directory = tempfile::tempdir().expect("a scratch directory");
    let socket = directory.path().join("control.sock");
    let (code, said) = asked(&socket, &["status"]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("no daemon of sightline listens"), "{said}");
    let (code, said) = asked(&socket, &["status", "--output", "nagios"]);
    assert_eq!(code, Some(3), "{said}");
    assert!(said.starts_with("SIGHTLINE UNKNOWN - no daemon"), "{said}");

    let named = format!("control_socket = \"{}\"", socket.display());
    let daemon = Daemon::start(&NOWHERE.replace("control_socket = \"\"", &named));
    daemon.tells("STATUS=NOT READY");
    let (code, said) = asked(&socket, &["status"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(
        said.starts_with("NOT READY") && said.contains("since:"),
        "{said}"
    );
    assert!(!said.contains('\u{1b}'), "a pipe gets no styles");
    let (code, said) = asked(&socket, &["status", "--output", "nagios"]);
    assert_eq!(code, Some(2), "{said}");
    let (code, said) = asked(&socket, &["status", "--output", "json"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(
        serde_json::from_str::<serde_json::Value>(&said).is_ok(),
        "{said}"
    );

    for (arguments, wanted) in [
        (&["silence"][..], 64),
        (&["silence", "2h"], 64),
        (&["silence", "soon", "x"], 1),
        (&["silence", "--end", "../x"], 64),
        (&["silence", "--end", "1"], 1),
        (&["silence", "2h", "x", "--stage", "lunch"], 64),
    ] {
        assert_eq!(asked(&socket, arguments).0, Some(wanted), "{arguments:?}");
    }
    let (code, said) = asked(
        &socket,
        &["silence", "2h", "the switch is changed", "--stage", "vpn"],
    );
    assert_eq!(code, Some(0), "{said}");
    assert!(said.starts_with("Nobody is called until "), "{said}");
    assert!(said.contains("stage vpn"), "{said}");
    let (_, said) = asked(&socket, &["silence", "--list"]);
    let id = said.split(['(', ')']).nth(1).expect(&said).to_owned();
    assert_eq!(asked(&socket, &["silence", "--end", &id]).0, Some(0));
    assert_eq!(
        asked(&socket, &["silence", "--list"]).1,
        "There is no silence.\n"
    );

    let file = directory.path().join("report.tar.gz");
    let name = file.display().to_string();
    let (code, said) = asked(&socket, &["report", &name]);
    assert_eq!(code, Some(0), "{said}");
    assert!(std::fs::metadata(&file).expect("a file").len() > 1000);
    let (code, said) = asked(&socket, &["report", &name]);
    assert_eq!(code, Some(1), "an existing file is kept: {said}");
    assert_eq!(daemon.stops().0, Some(0));
}

#[test]
fn an_incident_in_a_silence_is_told_as_information() {
    let directory = tempfile::tempdir().expect("a scratch directory");
    let socket = directory.path().join("control.sock");
    let named = format!("control_socket = \"{}\"", socket.display());
    let daemon = Daemon::start(&NOWHERE.replace("control_socket = \"\"", &named));
    daemon.tells("STATUS=NOT READY");
    let quiet = [
        "silence",
        "2h",
        "the switch is changed",
        "--reason",
        "resolver_unreachable",
    ];
    assert_eq!(asked(&socket, &quiet).0, Some(0));
    let begun = Instant::now();
    while !asked(&socket, &["status"]).1.contains("Open incidents") {
        assert!(begun.elapsed() < Duration::from_secs(60), "nothing opens");
        std::thread::sleep(Duration::from_millis(500));
    }
    let (code, said) = daemon.stops();
    assert_eq!(code, Some(0), "{said}");
    let opened: Vec<serde_json::Value> = said
        .lines()
        .filter(|line| line.contains("\"opened"))
        .map(|line| serde_json::from_str(line).expect(line))
        .collect();
    assert!(!opened.is_empty(), "{said}");
    for line in opened {
        let is_silent = line["reason"] == "resolver_unreachable";
        assert_eq!(line["silent_until"].is_string(), is_silent, "{line}");
        assert_eq!(line["level"] == "INFO", is_silent, "{line}");
    }
}
