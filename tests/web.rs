//! The web surface of the daemon over real sockets, by clients good and bad.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sightline::engine::{Clock, Command};
use sightline::store::{Health, Store};
use sightline::surface::metrics::{self, Format, Own, Process};
use sightline::web::{self, Doors, Listener, Reload, Security};
use sightline_model::incident::Moment;
use sightline_model::snapshot::{CheckView, Configuration, Schedule, Snapshot};
use sightline_model::steady::CheckState;
use sightline_model::{Timestamp, judge};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot, watch};

use crate::surfaces::{STARTED, scene};

mod api;
mod control;
mod events;
mod history;
pub(crate) mod page;
mod report;
mod secured;
mod silences;

/// A clock that is set by hand.
#[derive(Debug)]
struct ByHand(Mutex<Duration>);

impl Clock for ByHand {
    fn now(&self) -> Moment {
        moment(*self.0.lock().expect("not poisoned"))
    }
}

pub(crate) fn moment(steady: Duration) -> Moment {
    let millis = i64::try_from(steady.as_millis()).expect("a short time");
    Moment {
        wall: Timestamp::from_unix_millis(STARTED.unix_millis() + millis),
        steady,
    }
}

/// The network of the surfaces, as the daemon knows it ten seconds after its start.
pub(crate) fn snapshot(is_broken: bool) -> Snapshot {
    let scene = scene(is_broken);
    let at = moment(Duration::from_secs(10));
    let checks = scene.networks.iter().flat_map(|network| {
        let seen = network.observations.iter();
        seen.map(|seen| CheckView {
            network: network.name.clone(),
            path: seen.path.clone(),
            probe: seen.check.probe,
            target: seen.check.target.to_string(),
            every: Duration::from_secs(30),
            state: Some(CheckState::first(seen.clone())),
            failures: seen
                .outcome
                .worst()
                .map(|worst| (worst.reason, 1))
                .into_iter()
                .collect(),
        })
    });
    Snapshot {
        checks: Arc::new(checks.collect()),
        status: Arc::new(judge(&scene)),
        at,
        started: STARTED,
        is_warm: true,
        open: Vec::new(),
        closed: Arc::default(),
        incidents_total: Arc::default(),
        memory: Arc::default(),
        durations: Arc::default(),
        schedule: Schedule {
            progress: Some(at),
            ..Schedule::default()
        },
        configuration: Configuration {
            loaded: STARTED,
            shown: "[site]\nname = \"berlin-02\"\n".into(),
            ..Configuration::default()
        },
    }
}

pub(crate) struct Served {
    pub(crate) address: SocketAddr,
    pub(crate) store: Store,
    _directory: tempfile::TempDir,
    clock: Arc<ByHand>,
    pub(crate) snapshots: watch::Sender<Arc<Snapshot>>,
    pub(crate) commands: mpsc::Receiver<Command>,
    reloads: mpsc::Receiver<Reload>,
    stop: Option<oneshot::Sender<()>>,
    server: tokio::task::JoinHandle<()>,
}

/// An answer as it came.
#[derive(Debug)]
struct Answer {
    code: u16,
    head: String,
    body: String,
}

impl Answer {
    /// Reads until the end.
    async fn read(stream: &mut (impl AsyncRead + Unpin)) -> Self {
        let mut bytes = Vec::new();
        let read = stream.read_to_end(&mut bytes);
        let read = tokio::time::timeout(Duration::from_secs(20), read).await;
        read.expect("it ends").expect("it answers");
        Self::of(bytes)
    }

    fn of(bytes: Vec<u8>) -> Self {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let (head, body) = text.split_once("\r\n\r\n").expect("a head");
        let code = head.split(' ').nth(1).expect("a status");
        Self {
            code: code.parse().expect("a number"),
            head: head.to_owned(),
            body: body.to_owned(),
        }
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (key, value) = line.split_once(": ")?;
            key.eq_ignore_ascii_case(name).then_some(value)
        })
    }
}

impl Served {
    pub(crate) async fn new(snapshot: Snapshot) -> Self {
        Self::also_at(snapshot, None).await
    }

    async fn secured(snapshot: Snapshot, security: Security) -> Self {
        Self::start(snapshot, None, security).await
    }

    /// One that clients reach in another way, too.
    async fn also_at(snapshot: Snapshot, other: Option<Listener>) -> Self {
        let open = Security::open(None).expect("nothing to be wrong");
        Self::start(snapshot, other, open).await
    }

    async fn start(snapshot: Snapshot, other: Option<Listener>, security: Security) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let clock = Arc::new(ByHand(Mutex::new(Duration::from_secs(12))));
        let directory = tempfile::tempdir().expect("a scratch directory");
        let (store, _nothing) = Store::open(directory.path(), Store::QUOTA, STARTED);
        let (snapshots, receiver) = watch::channel(Arc::new(snapshot));
        let (sender, commands) = mpsc::channel(4);
        let (reload, reloads) = mpsc::channel(1);
        let doors = Doors {
            snapshots: receiver,
            store: store.clone(),
            clock: Arc::<ByHand>::clone(&clock),
            commands: sender,
            reload,
            security,
        };
        let (stop, stopped) = oneshot::channel::<()>();
        let listeners = other.into_iter().chain([Listener::Net(listener)]);
        let server = tokio::spawn(web::serve(listeners.collect(), doors, async {
            let _stopped = stopped.await;
        }));
        Self {
            address,
            store,
            _directory: directory,
            clock,
            snapshots,
            commands,
            reloads,
            stop: Some(stop),
            server,
        }
    }

    fn passes(&self, seconds: u64) {
        *self.clock.0.lock().expect("not poisoned") += Duration::from_secs(seconds);
    }

    /// Sends a request as it is, and reads until the end.
    async fn raw(&self, request: &str) -> Answer {
        let mut stream = TcpStream::connect(self.address).await.expect("it listens");
        stream
            .write_all(request.as_bytes())
            .await
            .expect("it reads");
        Answer::read(&mut stream).await
    }

    async fn ask(&self, line: &str, headers: &str) -> Answer {
        let address = self.address;
        self.raw(&format!(
            "{line} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n{headers}\r\n"
        ))
        .await
    }

    async fn get(&self, path: &str) -> Answer {
        self.ask(&format!("GET {path}"), "").await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_daemon_that_knows_says_how_it_is() {
    let served = Served::new(snapshot(false)).await;
    for path in ["/-/healthy", "/-/ready", "/site-ready"] {
        assert_eq!(served.get(path).await.code, 200, "{path}");
    }
    let status = served.get("/api/v1/status").await;
    assert_eq!(status.header("content-type"), Some("application/json"));
    let parsed: serde_json::Value = serde_json::from_str(&status.body).expect("JSON");
    assert_eq!(parsed["schema"], "sightline.status/1");
    assert_eq!(parsed["verdict"], "ready");

    served.snapshots.send_replace(Arc::new(snapshot(true)));
    assert_eq!(served.get("/-/ready").await.code, 200);
    let site = served.get("/site-ready").await;
    assert_eq!(site.code, 503);
    let lines: Vec<_> = site.body.lines().collect();
    let cause = &served.snapshots.borrow().status.networks[0].root_causes[0];
    assert_eq!(lines, ["not_ready", &cause.summary, &cause.fix]);
    let parsed: serde_json::Value =
        serde_json::from_str(&served.get("/api/v1/status").await.body).expect("JSON");
    assert_eq!(
        parsed["networks"][0]["root_causes"][0]["reason"],
        "port_blocked"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_daemon_that_has_not_looked_at_everything_blames_nobody() {
    let cold = Snapshot {
        is_warm: false,
        ..snapshot(true)
    };
    let served = Served::new(cold).await;
    assert_eq!(served.get("/-/healthy").await.code, 200);
    let ready = served.get("/-/ready").await;
    assert_eq!(ready.code, 503);
    assert_eq!(ready.body, "Not everything has been asked once yet.\n");
    let site = served.get("/site-ready").await;
    assert_eq!(site.code, 503);
    assert!(
        site.body.starts_with("unknown\nNot everything"),
        "{}",
        site.body
    );
    let parsed: serde_json::Value =
        serde_json::from_str(&served.get("/api/v1/status").await.body).expect("JSON");
    assert_eq!(parsed["verdict"], "unknown");
    assert_eq!(parsed["networks"][0]["verdict"], "unknown");
    assert_eq!(parsed["networks"][0]["root_causes"], serde_json::json!([]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_daemon_that_stands_still_says_that_it_does_not_know() {
    let served = Served::new(snapshot(false)).await;
    assert_eq!(served.get("/site-ready").await.code, 200);
    served.passes(120);
    assert_eq!(served.get("/-/healthy").await.code, 200);
    let ready = served.get("/-/ready").await;
    assert_eq!(ready.code, 503);
    assert!(
        ready.body.contains("no run has ended for 122 s"),
        "{}",
        ready.body
    );
    assert!(
        served
            .get("/site-ready")
            .await
            .body
            .starts_with("unknown\n")
    );
    let parsed: serde_json::Value =
        serde_json::from_str(&served.get("/api/v1/status").await.body).expect("JSON");
    assert_eq!(parsed["verdict"], "unknown");
    assert_eq!(parsed["networks"][0]["stages"][0]["verdict"], "unknown");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn incidents_are_listed_open_ones_first() {
    use sightline_model::incident::{Event, Incidents, Patience};
    let mut known = snapshot(true);
    let mut incidents = Incidents::new(Patience::default());
    for second in [0, 30] {
        for event in incidents.follow(&known.status, moment(Duration::from_secs(second))) {
            if let Event::Opened(incident) = event {
                known.open.push(incident);
            }
        }
    }
    let served = Served::new(known).await;
    let answer = served.get("/api/v1/incidents").await;
    let parsed: serde_json::Value = serde_json::from_str(&answer.body).expect("JSON");
    assert_eq!(parsed["schema"], "sightline.incidents/1");
    assert_eq!(parsed["open"][0]["reason"], "port_blocked");
    assert_eq!(parsed["open"][0]["closed"], serde_json::Value::Null);
    assert_eq!(parsed["closed"], serde_json::json!([]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_answer_forbids_what_a_browser_might_do_with_it() {
    let served = Served::new(snapshot(false)).await;
    for path in ["/-/healthy", "/api/v1/status", "/nothing"] {
        let answer = served.get(path).await;
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{path}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        let policy = answer.header("content-security-policy").expect("a policy");
        assert!(policy.starts_with("default-src 'self'"), "{policy}");
    }
    assert_eq!(served.get("/nothing").await.code, 404);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_methods_bodies_and_large_heads_are_refused() {
    let served = Served::new(snapshot(false)).await;
    for method in ["POST", "PUT", "DELETE", "OPTIONS", "PROPFIND"] {
        let answer = served.ask(&format!("{method} /api/v1/status"), "").await;
        assert_eq!(answer.code, 405, "{method}");
        assert_eq!(answer.header("allow"), Some("GET,HEAD"));
    }
    let head = served.ask("HEAD /api/v1/status", "").await;
    assert_eq!((head.code, head.body.as_str()), (200, ""));
    for body in [
        "content-length: 2\r\n\r\nhi",
        "transfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    ] {
        assert_eq!(served.ask("POST /-/reload", body).await.code, 413);
    }
    let large = format!("x: {}\r\n", "y".repeat(20_000));
    assert_eq!(served.ask("GET /-/healthy", &large).await.code, 431);
    assert_eq!(
        served
            .ask("GET /-/healthy", &"x: y\r\n".repeat(80))
            .await
            .code,
        431
    );
    assert_eq!(
        served.raw("GET /-/healthy HTTP/1.0\r\n\r\n").await.code,
        200
    );
    assert_eq!(served.raw("nonsense\r\n\r\n").await.code, 400);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn somebody_on_this_box_can_have_everything_asked_now_but_not_all_the_time() {
    let mut served = Served::new(snapshot(false)).await;
    assert_eq!(served.ask("POST /api/v1/check", "").await.code, 403);
    let allowed = "x-requested-with: test\r\ncontent-length: 0\r\n";
    assert_eq!(served.ask("POST /api/v1/check", allowed).await.code, 202);
    assert!(matches!(served.commands.try_recv(), Ok(Command::CheckNow)));
    served.passes(10);
    let again = served.ask("POST /api/v1/check", allowed).await;
    assert_eq!((again.code, again.header("retry-after")), (429, Some("21")));
    assert!(served.commands.try_recv().is_err());
    served.passes(20);
    assert_eq!(served.ask("POST /api/v1/check", allowed).await.code, 202);
    assert_eq!(served.get("/api/v1/check").await.code, 405);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_configuration_in_use_can_be_looked_at() {
    let served = Served::new(snapshot(false)).await;
    let answer = served.get("/api/v1/config").await;
    let kind = answer.header("content-type");
    assert_eq!(kind, Some("application/toml; charset=utf-8"));
    assert_eq!(answer.body, "[site]\nname = \"berlin-02\"\n");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_has_the_configuration_read_again_hears_what_came_of_it() {
    let mut served = Served::new(snapshot(false)).await;
    let mut reloads = std::mem::replace(&mut served.reloads, mpsc::channel(1).1);
    tokio::spawn(async move {
        let outcomes = [Ok(()), Err("line 3: no key `foo`".to_owned())];
        for outcome in outcomes {
            let reload = reloads.recv().await.expect("an order");
            reload.send(outcome).expect("somebody waits");
        }
    });
    let allowed = "x-requested-with: test\r\n";
    assert_eq!(served.ask("POST /-/reload", "").await.code, 403);
    assert_eq!(served.ask("POST /-/reload", allowed).await.code, 200);
    let refused = served.ask("POST /-/reload", allowed).await;
    assert_eq!(refused.code, 500);
    assert!(refused.body.contains("no key `foo`"), "{}", refused.body);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_hundred_connections_that_say_nothing_keep_nobody_out() {
    let served = Served::new(snapshot(true)).await;
    let mut silent = Vec::new();
    for at in 0..500 {
        let mut stream = TcpStream::connect(served.address)
            .await
            .expect("it listens");
        if at % 2 == 0 {
            let part = b"GET /api/v1/status HTTP/1.1\r\nx: ";
            stream.write_all(part).await.expect("it reads");
        }
        silent.push(stream);
    }
    let begun = std::time::Instant::now();
    let asked = (0..200).map(|_| served.get("/api/v1/status"));
    let answers = futures_util::future::join_all(asked).await;
    let took = begun.elapsed();
    assert!(answers.iter().all(|answer| answer.code == 200));
    assert!(took < Duration::from_secs(5), "{took:?}");
    println!("200 answers beside 500 silent connections: {took:?}");
    drop(silent);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_is_used_again_and_cut_when_nothing_comes() {
    let served = Served::new(snapshot(false)).await;
    let mut stream = TcpStream::connect(served.address)
        .await
        .expect("it listens");
    for _ in 0..3 {
        let request = b"GET /-/healthy HTTP/1.1\r\nhost: x\r\n\r\n";
        stream.write_all(request).await.expect("it reads");
        let mut bytes = [0; 1024];
        let length = stream.read(&mut bytes).await.expect("it answers");
        assert!(bytes[..length].starts_with(b"HTTP/1.1 200"));
    }
    let mut rest = Vec::new();
    let read = stream.read_to_end(&mut rest);
    let read = tokio::time::timeout(Duration::from_secs(15), read).await;
    assert!(read.is_ok(), "an idle connection stays open");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_stops_within_two_seconds_whoever_is_connected() {
    let mut served = Served::new(snapshot(false)).await;
    let mut stream = TcpStream::connect(served.address)
        .await
        .expect("it listens");
    stream.write_all(b"GET /").await.expect("it reads");
    assert_eq!(served.get("/-/healthy").await.code, 200);
    let begun = std::time::Instant::now();
    drop(served.stop.take());
    served.server.await.expect("it ends");
    assert!(begun.elapsed() < Duration::from_secs(2));
    assert!(TcpStream::connect(served.address).await.is_err());
}

/// A snapshot with as many checks as a full profile has, of which some fail.
fn full(checks: usize) -> Snapshot {
    let mut known = snapshot(true);
    let few = Arc::clone(&known.checks);
    let many = few.iter().cycle().take(checks).enumerate();
    let many = many.map(|(at, check)| CheckView {
        target: format!("host{at:03}.region.example.com:443"),
        ..check.clone()
    });
    known.checks = Arc::new(many.collect());
    known
}

fn promtool(text: &str) {
    use std::io::Write;
    use std::process::{Command, Stdio};
    let tool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn();
    let Ok(mut tool) = tool else {
        println!("left out: there is no promtool here");
        return;
    };
    let mut input = tool.stdin.take().expect("a pipe");
    input.write_all(text.as_bytes()).expect("it reads");
    drop(input);
    let said = tool.wait_with_output().expect("it ends");
    let words = String::from_utf8_lossy(&said.stderr).into_owned();
    assert!(said.status.success() && words.is_empty(), "{words}");
}

#[test]
fn metrics_are_as_they_were_promised() {
    let mut known = snapshot(true);
    known.durations = {
        let mut durations = sightline_model::snapshot::Durations::default();
        durations.observe(Duration::from_millis(3));
        durations.observe(Duration::from_secs(5));
        let key = ("default".to_owned(), "direct".to_owned(), "smb");
        Arc::new([(key, durations)].into())
    };
    known.schedule.lag.observe(Duration::from_millis(4));
    let known = Arc::new(known);
    let render = |format| {
        let process = Process {
            cpu: Some(Duration::from_millis(1250)),
            resident: Some(10_485_760),
            virtual_memory: Some(104_857_600),
            open_descriptors: Some(21),
            most_descriptors: Some(1024),
        };
        let own = Own {
            process,
            store: Health {
                bytes: 49_152,
                written_bytes: 102_400,
                errors: 2,
                ..Health::default()
            },
        };
        let text = metrics::render(&known, known.at, own, format).expect("it is written");
        let build = text
            .lines()
            .find(|line| line.starts_with("sightline_build_info{"));
        let build = build.expect("it says what it was built from").to_owned();
        text.replace(&build, "sightline_build_info{} 1")
    };
    let text = render(Format::Text);
    promtool(&text.replace("sightline_build_info{} 1", "sightline_build_info 1"));
    crate::surfaces::compare("metrics.txt", &text);
    let open = render(Format::OpenMetrics);
    assert!(open.ends_with("# EOF\n"));
    crate::surfaces::compare("metrics.openmetrics", &open);
}

#[test]
fn no_series_is_there_twice_and_hostile_names_stay_in_their_labels() {
    let mut known = full(300);
    let checks = Arc::make_mut(&mut known.checks);
    for check in checks.iter_mut().step_by(7) {
        check.target = "a\"} 1\nevil{x=\"\\".to_owned();
    }
    let text = metrics::render(
        &Arc::new(known),
        moment(Duration::from_secs(12)),
        Own::default(),
        Format::Text,
    );
    let text = text.expect("it is written");
    promtool(&text);
    let mut series: Vec<_> = text
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.rsplit_once(' ').map(|(series, _)| series))
        .collect();
    let all = series.len();
    series.sort_unstable();
    series.dedup();
    assert_eq!(series.len(), all);
    assert!(!text.contains("\nevil"));
}

#[test]
fn a_scrape_of_a_full_profile_is_quick_and_small() {
    let known = Arc::new(full(250));
    let begun = std::time::Instant::now();
    let mut size = 0;
    for _ in 0..20 {
        let text = metrics::render(&known, known.at, Own::default(), Format::Text);
        size = text.expect("it is written").len();
    }
    let each = begun.elapsed() / 20;
    println!("250 checks: {size} octets in {each:?}");
    assert!(size <= 300_000, "{size}");
    // Ten times what it may take of an optimised build on a small box.
    assert!(each < Duration::from_millis(50), "{each:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn metrics_come_in_the_format_that_is_asked_for() {
    let served = Served::new(snapshot(false)).await;
    let text = served.get("/metrics").await;
    assert_eq!(
        text.header("content-type"),
        Some("text/plain; version=0.0.4; charset=utf-8")
    );
    assert!(
        text.body
            .contains("\nsightline_ready{network=\"default\"} 1\n")
    );
    assert!(text.body.contains("\nprocess_resident_memory_bytes "));
    promtool(&text.body);
    let accept = "accept: application/openmetrics-text;version=1.0.0;q=0.8,*/*;q=0.1\r\n";
    let open = served.ask("GET /metrics", accept).await;
    let kind = open.header("content-type").expect("a type");
    assert!(kind.starts_with("application/openmetrics-text; version=1.0.0"));
    assert!(open.body.ends_with("# EOF\n"));
    served.passes(120);
    let stalled = served.get("/metrics").await.body;
    assert!(stalled.contains("\nsightline_ready{network=\"default\"} 0\n"));
}
