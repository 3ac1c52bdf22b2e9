//! The store under `kill -9`: a child writes incidents and minutes as fast as it can and says what it was
//! told to be on the disk; it is killed at a random moment, and what it said must be there, once.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rand::RngExt;
use rusqlite::{Connection, OpenFlags};
use sightline::store::{Opened, Store};
use sightline_model::incident::{Event, Incident, Moment};
use sightline_model::snapshot::{Configuration, Schedule, Snapshot};
use sightline_model::{
    Fixer, NetworkStatus, Reason, Severity, Stage, StageStatus, Status, Timestamp, Verdict,
};

/// Where the child writes; without it, it is no child.
const PLACE: &str = "SIGHTLINE_TEST_STORE";

const KILLS: usize = 200;

/// As many causes come and go.
const CAUSES: u64 = 7;

const NOON: i64 = 1_800_000_000_000;

pub(crate) fn incident(round: u64, number: u64) -> Incident {
    Incident {
        id: format!("{round:x}-{number}"),
        network: "deploy".into(),
        key: format!("port_blocked {}", number % CAUSES),
        stage: Stage::DomainController,
        reason: Reason::PortBlocked,
        subject: format!("tcp/{number} on dc1.corp.example.com"),
        severity: Severity::Blocking,
        summary: "x".repeat(200),
        seen_by_user: "y".repeat(200),
        fix: "z".repeat(200),
        fixer: Fixer::Network,
        evidence: vec!["connect: no answer".into(); 10],
        also_affected: vec![Stage::SignIn],
        since: Timestamp::from_unix_millis(NOON),
        closed: None,
        flapping: false,
        changes: Vec::new(),
    }
}

fn look(verdict: Verdict) -> Snapshot {
    let at = moment(0);
    Snapshot {
        status: std::sync::Arc::new(Status {
            schema: Status::SCHEMA,
            site: String::new(),
            time: at.wall,
            verdict,
            networks: vec![NetworkStatus {
                network: "deploy".into(),
                verdict,
                judged: Vec::new(),
                not_tested: Vec::new(),
                domain: None,
                client_site: None,
                root_causes: Vec::new(),
                stages: Stage::ALL
                    .map(|stage| StageStatus {
                        stage,
                        verdict,
                        class: stage.class(),
                        applicable: true,
                        blocked_by: Vec::new(),
                        findings: Vec::new(),
                        probes: Vec::new(),
                    })
                    .to_vec(),
                paths: Vec::new(),
                domain_controllers: Vec::new(),
                last_good: None,
                changes: Vec::new(),
            }],
        }),
        at,
        started: at.wall,
        is_warm: true,
        checks: std::sync::Arc::default(),
        durations: std::sync::Arc::default(),
        open: Vec::new(),
        closed: std::sync::Arc::default(),
        incidents_total: std::sync::Arc::default(),
        memory: std::sync::Arc::default(),
        schedule: Schedule {
            progress: Some(at),
            ..Schedule::default()
        },
        configuration: Configuration::default(),
    }
}

fn moment(minute: i64) -> Moment {
    Moment {
        wall: Timestamp::from_unix_millis(NOON + minute * 60_000),
        steady: Duration::ZERO,
    }
}

/// The child: writes until it is killed.
#[tokio::test]
#[ignore = "it is started by the test below"]
async fn writes_until_it_is_killed() {
    let Ok(place) = std::env::var(PLACE) else {
        return;
    };
    let (place, round) = place.split_once('|').expect("a directory and a number");
    let round = round.parse().expect("a number");
    let (store, opened) = Store::open(Path::new(place), Store::QUOTA, moment(0).wall);
    assert_eq!(store.health().trouble, None);
    for left in opened.past.open {
        // As an engine does that finds the causes gone.
        let closed = Incident {
            closed: Some(left.since),
            ..left
        };
        say("closing", &closed.id);
        assert!(store.record(&Event::Closed(closed.clone())).kept().await);
        say("closed", &closed.id);
    }
    let (ready, dark) = (look(Verdict::Ready), look(Verdict::NotReady));
    let mut minute = 0;
    for number in 0.. {
        for _ in 0..5 {
            minute += 1;
            store.sample(moment(minute), if minute % 2 == 0 { &ready } else { &dark });
        }
        say("opening", &incident(round, number).id);
        assert!(
            store
                .record(&Event::Opened(incident(round, number)))
                .kept()
                .await
        );
        say("opened", &incident(round, number).id);
        if number >= CAUSES - 1 {
            let closed = Incident {
                closed: Some(moment(minute).wall),
                ..incident(round, number + 1 - CAUSES)
            };
            say("closing", &closed.id);
            assert!(store.record(&Event::Closed(closed.clone())).kept().await);
            say("closed", &closed.id);
        }
    }
}

fn say(what: &str, id: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "\n@ {what} {id}").expect("somebody reads");
    out.flush().expect("somebody reads");
}

/// Starts a child, kills it after a while, and returns what it said.
fn killed_after(wait: Duration, place: &Path, round: usize) -> Vec<(String, String)> {
    let mut child = Command::new(std::env::current_exe().expect("a program"))
        .args([
            "store::writes_until_it_is_killed",
            "--exact",
            "--ignored",
            "--nocapture",
        ])
        .env(PLACE, format!("{}|{round}", place.display()))
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("it starts");
    let out = child.stdout.take().expect("a pipe");
    let reader = std::thread::spawn(move || {
        let lines = BufReader::new(out).lines().map_while(Result::ok);
        let said = lines.filter_map(|line| {
            let (what, id) = line.strip_prefix("@ ")?.split_once(' ')?;
            Some((what.to_owned(), id.to_owned()))
        });
        said.collect()
    });
    std::thread::sleep(wait);
    child.kill().expect("it is there");
    child.wait().expect("it is over");
    reader.join().expect("it reads")
}

/// What is in the file: each incident and whether it is over.
fn written(place: &Path) -> BTreeMap<String, bool> {
    let file = place.join("sightline.db");
    let db = Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_ONLY).expect("a file");
    let mut statement = db
        .prepare("SELECT id, closed IS NOT NULL FROM incident")
        .expect("the table is there");
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)));
    let rows: Vec<(String, bool)> = rows.expect("rows").map(|row| row.expect("a row")).collect();
    let count = rows.len();
    let all: BTreeMap<_, _> = rows.into_iter().collect();
    assert_eq!(all.len(), count, "an incident is there twice");
    all
}

#[tokio::test]
async fn two_hundred_kills_lose_no_incident_and_double_none() {
    let home = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a directory on a disk");
    let begun = Instant::now();
    let (mut kept, mut most_said, mut before_the_first) = (0, 0, 0);
    let mut place = home.path().join("0");
    // What is known to be open, and to be over.
    let (mut opened, mut over) = (BTreeSet::new(), BTreeSet::new());
    for round in 0..KILLS {
        if round % 20 == 0 {
            // Once more from the beginning, and killed early.
            place = home.path().join(round.to_string());
            opened.clear();
            over.clear();
        }
        let most = if round % 20 < 5 { 60 } else { 200 };
        let wait = Duration::from_micros(rand::rng().random_range(5_000..most * 1000));
        let said = killed_after(wait, &place, round);
        most_said = most_said.max(said.len());
        before_the_first += usize::from(said.is_empty());
        let mut closing = BTreeSet::new();
        for (what, id) in said {
            match what.as_str() {
                "opened" => drop(opened.insert(id)),
                "closing" => drop(closing.insert(id)),
                "closed" => drop(over.insert(id)),
                _ => {}
            }
        }
        let (store, Opened { past, note }) = Store::open(&place, Store::QUOTA, moment(0).wall);
        assert_eq!((note, store.health().trouble), (None, None), "kill {round}");
        let causes: BTreeSet<_> = past.open.iter().map(|incident| &incident.key).collect();
        assert_eq!(
            causes.len(),
            past.open.len(),
            "kill {round}: a cause is open twice"
        );
        assert!(store.close(Duration::from_secs(10)).await);
        let written = written(&place);
        for id in &opened {
            let is_over = written
                .get(id)
                .unwrap_or_else(|| panic!("kill {round}: {id} is lost"));
            assert!(
                over.contains(id) <= *is_over
                    && (!is_over || over.contains(id) || closing.contains(id)),
                "kill {round}: {id} is over: {is_over}"
            );
            if *is_over {
                over.insert(id.clone());
            }
        }
        kept += opened.len();
    }
    println!(
        "{KILLS} kills in {:.1} s, {before_the_first} of them before the first incident; at most {most_said} \
         lines of one child, {kept} looks at incidents that had to be there",
        begun.elapsed().as_secs_f64()
    );
    assert!(before_the_first < KILLS / 2, "it was hardly ever at work");
}
