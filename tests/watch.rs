//! The daemon on real servers at its usual intervals, with a real Prometheus beside it: what breaks is an open
//! incident in time and over in time, and what is no fault opens nothing.
//!
//! Needs the lab, as `lab` does, and takes up to a quarter of an hour:
//! `cargo test --test integration a_daemon_in_the_lab -- --ignored`.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// A fault of network, controllers or the Internet is an incident so soon, and over so soon.
const SOON: (u64, u64) = (180, 120);

/// One of a single host of Microsoft.
const OF_A_HOST: (u64, u64) = (420, 180);

struct Lab(PathBuf);

impl Lab {
    fn run(&self, arguments: &[&str]) -> String {
        let output = Command::new(&self.0)
            .args(arguments)
            .stdin(Stdio::null())
            .output()
            .expect("the lab is there");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "lab {arguments:?}: {said}{error}");
        said
    }

    /// The variables that the lab tells tests.
    fn path(&self, key: &str) -> String {
        let all = self.run(&["env"]);
        let mut lines = all.lines().filter_map(|line| line.split_once('='));
        let found = lines.find_map(|(known, value)| (known == key).then(|| value.to_owned()));
        found.unwrap_or_else(|| panic!("the lab says nothing of {key}"))
    }

    /// A program in the site, which ends with the value.
    fn start(&self, words: &[&str], log: &Path) -> Running {
        let file = std::fs::File::create(log).expect("a log");
        // The namespace first, so that the process that is ended is the program itself.
        let child = Command::new(&self.0)
            .args(["in", "site", "env", "-u", "LAB_PREFIX"])
            .args(words)
            .stdin(Stdio::null())
            .stdout(file.try_clone().expect("the same log"))
            .stderr(file)
            .spawn()
            .expect("it starts");
        Running(child)
    }

    fn get(&self, url: &str) -> String {
        self.run(&["in", "site", "curl", "-sf", "--max-time", "20", url])
    }

    fn api(&self, what: &str) -> Value {
        let text = self.get(&format!("http://127.0.0.1:9798/api/v1/{what}"));
        serde_json::from_str(&text).expect("JSON")
    }

    /// The reasons of incidents that are open, and how many there were.
    fn incidents(&self) -> (Vec<String>, usize) {
        let known = self.api("incidents");
        let of = |list: &Value| {
            let all = list.as_array().expect("a list").iter();
            let reasons = all.map(|one| one["reason"].as_str().expect("a reason").to_owned());
            reasons.collect::<Vec<_>>()
        };
        let (open, closed) = (of(&known["open"]), of(&known["closed"]));
        let all = open.len() + closed.len();
        (open, all)
    }

    /// Waits until the reasons of open incidents are these, and says how long that took.
    fn waits_for(&self, wanted: &[&str], within: u64) -> u64 {
        let begun = Instant::now();
        loop {
            let (mut open, _) = self.incidents();
            open.sort();
            if open == wanted {
                return begun.elapsed().as_secs();
            }
            let passed = begun.elapsed().as_secs();
            assert!(
                passed <= within,
                "{open:?} after {passed} s, wanted {wanted:?}"
            );
            std::thread::sleep(Duration::from_secs(1));
        }
    }

    fn is_ready(&self) -> bool {
        self.api("status")["verdict"] == "ready"
    }

    fn waits_until_ready(&self) {
        let begun = Instant::now();
        while !self.is_ready() {
            assert!(
                begun.elapsed() < Duration::from_secs(120),
                "{}",
                self.api("status")
            );
            std::thread::sleep(Duration::from_secs(1));
        }
    }
}

struct Running(Child);

impl Running {
    fn signal(&self, name: &str) {
        let sent = Command::new("kill")
            .args([format!("-{name}"), self.0.id().to_string()])
            .status();
        assert!(sent.expect("kill(1) is there").success());
    }

    fn ends(mut self) {
        self.signal("TERM");
        let begun = Instant::now();
        while self.0.try_wait().expect("its state").is_none() {
            assert!(begun.elapsed() < Duration::from_secs(10), "it does not end");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Resident memory in KiB, and open descriptors.
    fn costs(&self) -> (u64, usize) {
        let id = self.0.id();
        let status = std::fs::read_to_string(format!("/proc/{id}/status")).expect("it runs");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let resident = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
        let open = std::fs::read_dir(format!("/proc/{id}/fd"))
            .expect("it runs")
            .count();
        (resident.expect("a number"), open)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _gone = self.0.kill();
        let _gone = self.0.wait();
    }
}

/// Takes away whatever is broken, however the test ends.
struct Healed<'a>(&'a Lab);

impl Drop for Healed<'_> {
    fn drop(&mut self) {
        let heal = Command::new(&self.0.0).arg("heal").status();
        let nft = ["in", "edge", "nft", "delete", "table", "inet", "once"];
        let once = Command::new(&self.0.0)
            .args(nft)
            .stderr(Stdio::null())
            .status();
        // At the end of a test that has failed there is nobody to tell.
        let _told = (heal, once);
    }
}

/// One value of the metrics.
fn metric(text: &str, series: &str) -> f64 {
    let line = text.lines().find_map(|line| line.strip_prefix(series));
    let value = line.and_then(|rest| rest.trim().parse().ok());
    value.unwrap_or_else(|| panic!("no {series} in the metrics"))
}

/// The answer of Prometheus to a query, the first value.
fn asked(lab: &Lab, query: &str) -> Option<String> {
    let encoded: String = form_urlencoded::byte_serialize(query.as_bytes()).collect();
    let text = lab.get(&format!(
        "http://127.0.0.1:9090/api/v1/query?query={encoded}"
    ));
    let answer: Value = serde_json::from_str(&text).expect("JSON");
    let value = &answer["data"]["result"][0]["value"][1];
    value.as_str().map(str::to_owned)
}

/// Two hundred scrapes at once and five hundred clients that say nothing, for half a minute.
const CROWD: &str = r#"
import socket, subprocess, time
slow = []
for _ in range(500):
    one = socket.create_connection(("127.0.0.1", 9798), 5)
    one.sendall(b"GET / HTTP/1.1\r\nhost:")
    slow.append(one)
end = time.time() + 30
done = failed = 0
while time.time() < end:
    # Each address needs its own output.
    asked = ["-o", "/dev/null", "http://127.0.0.1:9798/metrics"] * 50
    all = [subprocess.Popen(["curl", "-sf", "--max-time", "20", "--parallel", "--parallel-max", "50"] + asked)
           for _ in range(4)]
    for one in all:
        done += 50
        failed += 50 * (one.wait() != 0)
print(done, failed)
"#;

#[test]
#[ignore = "needs the lab; tests/run runs it there"]
fn a_daemon_in_the_lab_opens_in_time_closes_in_time_and_is_not_alarmed_by_nothing() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let lab = Lab(root.join("tests/lab/lab"));
    let home = tempfile::tempdir().expect("a scratch directory");
    let file = home.path().join("sightline.toml");
    let text = format!(
        "[site]\nname = \"lab\"\n[domain]\nname = \"corp.example.com\"\ntenant = \"contoso.com\"\n\
         [tls]\ncorporate_roots = [\"{}\"]\nextra_public_roots = [\"{}\"]\n\
         [store]\npath = \"{}\"\n[web]\ncontrol_socket = \"{}\"\n",
        lab.path("LAB_CA_FILE"),
        lab.path("LAB_PUBLIC_CA_FILE"),
        home.path().join("state").display(),
        home.path().join("control.sock").display(),
    );
    std::fs::write(&file, &text).expect("a file");
    let healed = Healed(&lab);
    let program = env!("CARGO_BIN_EXE_sightline");
    let config = file.display().to_string();
    let words = [program, "run", "--config", &config];
    let daemon = lab.start(&words, &home.path().join("daemon.log"));
    let begun = Instant::now();
    while Command::new(&lab.0)
        .args(["in", "site", "curl", "-sf", "-o", "/dev/null"])
        .arg("http://127.0.0.1:9798/-/ready")
        .status()
        .is_ok_and(|status| !status.success())
    {
        assert!(begun.elapsed() < Duration::from_secs(60), "it is not ready");
        std::thread::sleep(Duration::from_millis(200));
    }
    lab.waits_until_ready();
    let at_begin = daemon.costs();

    let scrape = home.path().join("prometheus.yml");
    let target = "scrape_configs:\n- job_name: sightline\n  scrape_interval: 5s\n  \
                  static_configs:\n  - targets: ['127.0.0.1:9798']\n";
    std::fs::write(&scrape, target).expect("a file");
    let prometheus_log = home.path().join("prometheus.log");
    let storage = format!("--storage.tsdb.path={}", home.path().join("tsdb").display());
    let scraped = format!("--config.file={}", scrape.display());
    let listen = "--web.listen-address=127.0.0.1:9090";
    let prometheus = lab.start(&["prometheus", &scraped, &storage, listen], &prometheus_log);

    // Times.
    let mut figures = String::new();
    let mut count = 0;
    for (faults, open, (opens, closes)) in [
        (
            &["host-blocked", "tcp445-blocked"][..],
            &["endpoint_unreachable", "port_blocked"][..],
            OF_A_HOST,
        ),
        (&["internet-dead"], &["internet_unreachable"], SOON),
        (&["resolvers-dead"], &["resolver_unreachable"], SOON),
    ] {
        let words: Vec<_> = ["fault"].iter().chain(faults).copied().collect();
        lab.run(&words);
        let opened = lab.waits_for(open, opens);
        lab.run(&["heal"]);
        let closed = lab.waits_for(&[], closes);
        let _infallible = writeln!(
            figures,
            "{faults:?}: open after {opened} s, over after {closed} s"
        );
        count += open.len();
        lab.waits_until_ready();
    }
    print!("{figures}");

    // What is no fault.
    let lose_one = "table inet once {\n chain c {\n  type filter hook forward priority -5;\n  \
                    udp dport 389 limit rate 1/day burst 1 packets drop\n  \
                    tcp dport 88 tcp flags syn limit rate 1/day burst 1 packets drop\n }\n}\n";
    let once = home.path().join("once.nft");
    std::fs::write(&once, lose_one).expect("a file");
    lab.run(&["in", "edge", "nft", "-f", &once.display().to_string()]);
    daemon.signal("HUP");
    std::thread::sleep(Duration::from_secs(75));
    lab.run(&["in", "edge", "nft", "delete", "table", "inet", "once"]);
    assert_eq!(
        lab.incidents(),
        (Vec::new(), count),
        "lost packets and a reload"
    );

    daemon.signal("STOP");
    std::thread::sleep(Duration::from_secs(100));
    daemon.signal("CONT");
    std::thread::sleep(Duration::from_secs(60));
    assert_eq!(lab.incidents(), (Vec::new(), count), "a daemon that slept");
    lab.waits_until_ready();

    // A file that is not good changes nothing and is told.
    std::fs::write(&file, text.replace("tenant", "tenent")).expect("a file");
    daemon.signal("HUP");
    std::thread::sleep(Duration::from_secs(2));
    let metrics = lab.get("http://127.0.0.1:9798/metrics");
    assert!((metric(&metrics, "sightline_config_last_reload_successful ") - 0.0).abs() < 0.5);
    let page = lab.get("http://127.0.0.1:9798/");
    assert!(page.contains("The last configuration was refused") && page.contains("tenent"));
    std::fs::write(&file, &text).expect("a file");
    daemon.signal("HUP");
    std::thread::sleep(Duration::from_secs(2));

    // A crowd.
    let late = |metrics: &str| {
        metric(metrics, "sightline_schedule_lag_seconds_count ")
            - metric(
                metrics,
                "sightline_schedule_lag_seconds_bucket{le=\"1.0\"} ",
            )
    };
    let before = lab.get("http://127.0.0.1:9798/metrics");
    let said = lab.run(&["in", "site", "python3", "-c", CROWD]);
    let after = lab.get("http://127.0.0.1:9798/metrics");
    let failed: u64 = said
        .split_whitespace()
        .nth(1)
        .and_then(|word| word.parse().ok())
        .expect("a number");
    println!(
        "scrapes beside 500 silent clients, done and failed: {}",
        said.trim()
    );
    assert_eq!(failed, 0, "{said}");
    // The lag of the sleep is in both.
    assert!((late(&after) - late(&before)).abs() < 0.5, "runs were late");
    assert!(lab.is_ready());
    assert_eq!(lab.incidents(), (Vec::new(), count), "a crowd");

    // What Prometheus has of it.
    assert_eq!(asked(&lab, "up{job=\"sightline\"}").as_deref(), Some("1"));
    assert_eq!(asked(&lab, "sightline_ready").as_deref(), Some("1"));
    let quantile =
        "histogram_quantile(0.9, sum by (le) (rate(sightline_probe_duration_seconds_bucket[5m])))";
    let quantile: f64 = asked(&lab, quantile)
        .and_then(|text| text.parse().ok())
        .expect("a number");
    assert!(quantile > 0.0 && quantile < 10.0, "{quantile}");
    let opened =
        asked(&lab, "sum(sightline_incidents_total)").and_then(|text| text.parse::<f64>().ok());
    assert!(opened.is_some_and(|opened| opened >= 1.0), "{opened:?}");
    let log = std::fs::read_to_string(&prometheus_log).expect("its log");
    let complaints: Vec<_> = log
        .lines()
        .filter(|line| line.contains("level=warn") || line.contains("level=error"))
        .filter(|line| line.contains("scrape"))
        .collect();
    assert!(complaints.is_empty(), "{complaints:?}");
    prometheus.ends();

    // It stays as large as it was.
    let at_end = daemon.costs();
    println!("resident KiB and descriptors: {at_begin:?} when it was ready, {at_end:?} at the end");
    assert!(at_end.0 < at_begin.0 * 2 && at_end.1 <= at_begin.1 + 20);

    // A restart.
    daemon.ends();
    let again = lab.start(&words, &home.path().join("again.log"));
    std::thread::sleep(Duration::from_secs(45));
    assert_eq!(
        lab.incidents(),
        (Vec::new(), count),
        "a restart, with what was before"
    );
    assert!(lab.is_ready());
    again.ends();
    drop(healed);
}
