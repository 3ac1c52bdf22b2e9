//! The daemon as a process: where it is shown, and to whom.

use super::*;

/// Asks over a connection to an address, and says what came.
fn fetched(address: std::net::SocketAddr, path: &str) -> String {
    use std::io::{Read, Write};
    let mut stream = std::net::TcpStream::connect(address).expect("somebody listens");
    let question = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
    stream.write_all(question.as_bytes()).expect("it reads");
    let mut said = String::new();
    stream.read_to_string(&mut said).expect("it answers");
    said
}

#[test]
fn sockets_that_were_passed_take_the_place_of_those_of_the_configuration() {
    let one = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let other = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let addresses = [&one, &other].map(|it| it.local_addr().expect("an address"));
    let directory = tempfile::tempdir().expect("a scratch directory");
    let file = directory.path().join("sightline.toml");
    // A port that cannot be had would stop it, were it wanted.
    let text = NOWHERE.replace("listen = []", "listen = [\"192.0.2.1:9798\"]");
    let store = format!("\n[store]\npath = \"{}\"\n", directory.path().display());
    std::fs::write(&file, text + &store).expect("a file");
    // As the manager does it: from descriptor 3 on, for one process (sd_listen_fds(3)).
    let pass = "exec 3<&0 4<&1; LISTEN_PID=$$ LISTEN_FDS=2 exec \"$@\"";
    let child = Command::new("sh")
        .args(["-c", pass, "sh", env!("CARGO_BIN_EXE_sightline"), "run"])
        .args(["--log-format", "text", "--config"])
        .arg(&file)
        .stdin(std::os::fd::OwnedFd::from(one))
        .stdout(std::os::fd::OwnedFd::from(other))
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    // The sockets stood before it started: nobody was refused, and the first waits.
    for address in addresses {
        assert!(fetched(address, "/-/healthy").starts_with("HTTP/1.1 200 "));
    }
    let id = child.id().to_string();
    let sent = Command::new("kill").args(["-TERM", &id]).status();
    assert!(sent.expect("kill(1) is there").success());
    let ended = child.wait_with_output().expect("its output");
    let said = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(0), "{said}");
    assert!(said.contains("has passed 2 sockets"), "{said}");
}

#[test]
fn a_wrong_web_file_is_refused_at_the_start_and_changes_nothing_later() {
    let directory = tempfile::tempdir().expect("a scratch directory");
    let web_file = directory.path().join("web.yml");
    let write = |text: &str| std::fs::write(&web_file, text).expect("a file");
    let named = format!("[web]\nconfig_file = \"{}\"", web_file.display());
    let text = NOWHERE.replace("[web]", &named);
    let file = directory.path().join("sightline.toml");
    std::fs::write(&file, &text).expect("a file");
    write("basic_auth_user: {}\n");
    for command in [&["run"][..], &["config", "check"]] {
        let ended = Command::new(env!("CARGO_BIN_EXE_sightline"))
            .args(command)
            .arg("--config")
            .arg(&file)
            .output()
            .expect("the program starts");
        let said = String::from_utf8_lossy(&ended.stderr);
        assert_eq!(ended.status.code(), Some(78), "{said}");
        assert!(
            said.contains("web.yml:1:1") && said.contains("basic_auth_users"),
            "{said}"
        );
    }
    write("");
    let daemon = Daemon::start(&text);
    daemon.tells("READY=1");
    daemon.tells("STATUS=NOT READY");
    write("rate_limit: soon\n");
    let status = daemon.tells("The configuration file is not good");
    assert!(status.contains("web.yml:1:13"), "{status}");
    daemon.signal("HUP");
    daemon.tells("RELOADING=1");
    daemon.tells("READY=1");
    write("");
    daemon.signal("HUP");
    daemon.tells("READY=1");
    let status = daemon.tells("STATUS=NOT READY");
    assert!(!status.contains("not good"), "{status}");
    assert_eq!(daemon.stops().0, Some(0));
}
