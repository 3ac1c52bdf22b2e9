mod faults;

use std::collections::BTreeMap;
use std::fs;

use sightline_model::silence::{Matching, Silence};
use sightline_model::snapshot::{Configuration, Schedule};
use sightline_model::{
    Class, Fixer, NetworkStatus, Reason, Severity, Stage, StageFinding, StageStatus, Status,
    Verdict,
};

use super::disk::Disk;
use super::minutes::Minutes;
use super::*;

const HOUR: i64 = 60;

/// The first minute of a day.
const START: i64 = 20_000 * 24 * HOUR;

fn time(minute: i64) -> Timestamp {
    Timestamp::from_unix_millis(minute * 60_000)
}

fn moment(minute: i64) -> Moment {
    Moment {
        wall: time(minute),
        steady: Duration::from_secs(60),
    }
}

/// A look at one network whose stages stand as a function says.
fn look(stands: impl Fn(Stage) -> Verdict) -> Snapshot {
    let stages = Stage::ALL.map(|stage| StageStatus {
        stage,
        verdict: stands(stage),
        class: Class::Hard,
        applicable: true,
        blocked_by: Vec::new(),
        findings: vec![StageFinding {
            reason: Reason::PortBlocked,
            subject: String::new(),
            severity: Severity::Blocking,
            summary: String::new(),
            explained_by: None,
        }],
        probes: Vec::new(),
    });
    let verdict = stages
        .iter()
        .map(|stage| stage.verdict)
        .max()
        .unwrap_or_default();
    Snapshot {
        status: Arc::new(Status {
            schema: Status::SCHEMA,
            site: "berlin-02".into(),
            time: Timestamp::default(),
            verdict,
            networks: vec![NetworkStatus {
                network: "deploy".into(),
                verdict,
                judged: Vec::new(),
                not_tested: Vec::new(),
                domain: None,
                client_site: None,
                root_causes: Vec::new(),
                stages: stages.to_vec(),
                paths: Vec::new(),
                domain_controllers: Vec::new(),
                last_good: None,
                changes: Vec::new(),
            }],
        }),
        at: moment(START),
        started: Timestamp::default(),
        is_warm: true,
        checks: Arc::default(),
        open: Vec::new(),
        closed: Arc::default(),
        incidents_total: Arc::default(),
        memory: Arc::default(),
        durations: Arc::default(),
        schedule: Schedule {
            progress: Some(moment(START)),
            ..Schedule::default()
        },
        configuration: Configuration::default(),
    }
}

fn healthy() -> Snapshot {
    look(|_| Verdict::Ready)
}

fn dark() -> Snapshot {
    look(|_| Verdict::NotReady)
}

fn incident(number: i64) -> Incident {
    Incident {
        id: format!("{number:x}-1"),
        network: "deploy".into(),
        key: format!("port_blocked {number}"),
        stage: Stage::DomainController,
        reason: Reason::PortBlocked,
        subject: "tcp/445 on dc1.corp.example.com, dc2.corp.example.com".into(),
        severity: Severity::Blocking,
        summary: "tcp/445 is closed on the way to both domain controllers.".into(),
        seen_by_user: "The sign-in takes minutes and ends with an error.".into(),
        fix: "Open tcp/445 from this network to the domain controllers.".into(),
        fixer: Fixer::Network,
        evidence: vec!["connect to 10.0.0.10:445: no answer within 3 s".into(); 4],
        also_affected: vec![Stage::SignIn],
        since: Timestamp::from_unix_millis(START * 60_000 + number),
        closed: None,
        flapping: false,
        changes: Vec::new(),
    }
}

fn over(number: i64) -> Incident {
    Incident {
        closed: Some(Timestamp::from_unix_millis(
            START * 60_000 + number + 600_001,
        )),
        ..incident(number)
    }
}

fn opened_at(directory: &Path) -> (Store, Opened) {
    Store::open(directory, Store::QUOTA, time(START))
}

async fn closed(store: Store) {
    assert!(store.close(Duration::from_secs(10)).await);
}

/// The course of the network as a whole, a cell a minute: `r`eady, `d`egraded, `n`ot ready, `u`nknown.
async fn course(store: &Store, from: i64, minutes: i64) -> String {
    let question = Question {
        network: "deploy".into(),
        from: time(from),
        until: time(from + minutes),
        cells: usize::try_from(minutes).expect("a number"),
    };
    let strips = store.history(question).await.expect("an answer");
    let Some(whole) = strips.first().filter(|strip| strip.stage.is_none()) else {
        return String::new();
    };
    let words = whole.cells.iter().map(|cell| match cell {
        None => '-',
        Some((verdict, _)) => verdict.id().chars().next().expect("a word"),
    });
    words.collect()
}

#[tokio::test]
async fn incidents_and_minutes_survive_a_restart() {
    let home = tempfile::tempdir().expect("a directory");
    let place = home.path().join("state");
    let (store, before) = opened_at(&place);
    assert_eq!(before, Opened::default());
    assert!(store.record(&Event::Opened(incident(1))).kept().await);
    let changed = Incident {
        subject: "tcp/445 on dc1".into(),
        ..incident(1)
    };
    assert!(store.record(&Event::Changed(changed.clone())).kept().await);
    assert!(store.record(&Event::Opened(incident(2))).kept().await);
    assert!(store.record(&Event::Closed(over(2))).kept().await);
    for minute in START..START + 20 {
        store.sample(
            moment(minute),
            &if minute < START + 4 {
                healthy()
            } else {
                dark()
            },
        );
    }
    let all = format!("{}{}", "r".repeat(4), "n".repeat(15));
    // The minute that is under way is not over.
    assert_eq!(course(&store, START, 20).await, format!("{all}-"));
    assert_eq!(store.health().trouble, None);
    closed(store).await;

    let (store, after) = opened_at(&place);
    assert_eq!(after.note, None);
    assert_eq!(after.past.open, std::slice::from_ref(&changed));
    assert_eq!(after.past.closed, [over(2)]);
    for minute in START + 25..START + 28 {
        store.sample(moment(minute), &healthy());
    }
    assert_eq!(course(&store, START, 28).await, format!("{all}n-----rr-"));
    assert_eq!(
        store.incidents(time(START), time(START + 1), 10).await,
        Some(vec![over(2), changed])
    );
    assert_eq!(
        store.incidents(time(START), time(START + 1), 1).await,
        Some(vec![over(2)])
    );
    assert_eq!(
        store
            .incidents(time(START + 11), time(START + 12), 9)
            .await
            .map(|all| all.len()),
        Some(1)
    );
    closed(store).await;
}

/// A memory with a silence.
fn memory(why: &str) -> Memory {
    Memory {
        silences: vec![Silence {
            id: "1".into(),
            from: time(START),
            until: time(START + HOUR),
            why: why.into(),
            matching: Matching::default(),
        }],
        ..Memory::default()
    }
}

#[tokio::test]
async fn what_is_remembered_beside_incidents_survives_a_restart_also_in_a_file_of_before() {
    let home = tempfile::tempdir().expect("a directory");
    let place = home.path();
    let (store, _) = opened_at(place);
    assert!(store.record(&Event::Opened(incident(1))).kept().await);
    closed(store).await;
    // As a release has left it that did not have the table.
    let file = rusqlite::Connection::open(place.join("sightline.db")).expect("a file");
    file.execute_batch("DROP TABLE memo").expect("it is done");
    drop(file);
    let (store, opened) = opened_at(place);
    assert_eq!((opened.note, opened.past.memory), (None, Memory::default()));
    store.remember(&memory("one"));
    store.remember(&memory("two"));
    let before = store.health().written_bytes;
    closed(store).await;
    let (store, opened) = opened_at(place);
    assert_eq!(opened.past.memory, memory("two"));
    assert_eq!(opened.past.open, [incident(1)]);
    // What is as it was is not written again.
    store.remember(&memory("two"));
    assert!(store.history(a_minute()).await.is_some());
    assert_eq!(store.health().written_bytes, 0, "before it was {before}");
    closed(store).await;
    // What cannot be read is forgotten, and costs nothing else.
    let file = rusqlite::Connection::open(place.join("sightline.db")).expect("a file");
    file.execute_batch("UPDATE memo SET body = '[{' WHERE name = 'silences'")
        .expect("it is done");
    drop(file);
    let (store, opened) = opened_at(place);
    assert_eq!((opened.note, opened.past.memory), (None, Memory::default()));
    assert_eq!(opened.past.open, [incident(1)]);
    closed(store).await;
}

fn a_minute() -> Question {
    Question {
        network: "deploy".into(),
        from: time(START),
        until: time(START + 1),
        cells: 1,
    }
}

#[tokio::test]
async fn a_cell_is_the_worst_within_it_and_each_stage_has_its_own_strip() {
    let home = tempfile::tempdir().expect("a directory");
    let (store, _) = opened_at(home.path());
    for minute in START..=START + HOUR {
        let slow = minute == START + 17;
        let vpn = move |stage| match stage {
            Stage::Vpn if slow => Verdict::Degraded,
            _ => Verdict::Ready,
        };
        store.sample(moment(minute), &look(vpn));
    }
    let question = Question {
        network: "deploy".into(),
        from: time(START - HOUR),
        until: time(START + HOUR),
        cells: 12,
    };
    let strips = store.history(question.clone()).await.expect("an answer");
    assert_eq!(strips.len(), 1 + Stage::ALL.len());
    let vpn = strips
        .iter()
        .find(|strip| strip.stage == Some(Stage::Vpn))
        .expect("a strip");
    let ready = Some((Verdict::Ready, None));
    let slow = Some((Verdict::Degraded, Some(Reason::PortBlocked)));
    let expected = [
        None, None, None, None, None, None, ready, slow, ready, ready, ready, ready,
    ];
    assert_eq!(vpn.cells, expected);
    let other = Question {
        network: "office".into(),
        ..question
    };
    assert_eq!(store.history(other).await, Some(Vec::new()));
    closed(store).await;
}

#[tokio::test]
async fn a_clock_that_is_wrong_for_a_while_costs_no_history() {
    let home = tempfile::tempdir().expect("a directory");
    let (store, _) = opened_at(home.path());
    let year = 365 * 24 * HOUR;
    for begin in [START, START + year, START - year, START + 50] {
        for minute in begin..begin + 40 {
            store.sample(moment(minute), &healthy());
        }
    }
    assert_eq!(
        course(&store, START, 90).await,
        format!("{}{}{}-", "r".repeat(40), "-".repeat(10), "r".repeat(39))
    );
    closed(store).await;
}

#[tokio::test]
async fn what_is_older_than_the_longest_strip_is_thrown_away() {
    let home = tempfile::tempdir().expect("a directory");
    let (store, _) = opened_at(home.path());
    for event in [Event::Opened(incident(1)), Event::Closed(over(2))] {
        assert!(store.record(&event).kept().await);
    }
    let month = 32 * 24 * HOUR;
    for minute in (START..START + HOUR).chain(START + month..START + month + 2 * HOUR) {
        store.sample(moment(minute), &healthy());
    }
    // It is asked after what was put in before.
    assert_eq!(course(&store, START + month, 2).await, "rr");
    assert_eq!(course(&store, START, 2).await, "");
    assert_eq!(
        store.incidents(time(START), time(START + 1), 10).await,
        Some(vec![incident(1)])
    );
    closed(store).await;
}

/// Bytes that this thread has written, by calls and to disks.
fn written_by_this_thread() -> (u64, u64) {
    let text = fs::read_to_string("/proc/thread-self/io").expect("the kernel counts");
    let number = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        line.and_then(|number| number.trim().parse().ok())
            .expect("a number")
    };
    (number("wchar:"), number("write_bytes:"))
}

/// Writes 24 hours as the thread of the store does; the bytes that this takes.
fn a_day(incidents: i64, stands: impl Fn(i64, Stage) -> Verdict) -> (u64, u64, u64) {
    let home = tempfile::tempdir().expect("a directory");
    let before = written_by_this_thread();
    let file = home.path().join("sightline.db");
    let mut disk = Disk::open(&file, Store::QUOTA)
        .map_err(|why| why.to_string())
        .expect("it opens");
    let mut minutes = Minutes::new();
    for minute in 0..24 * HOUR {
        minutes.take(moment(START + minute), &look(|stage| stands(minute, stage)));
        if minutes.waiting() >= 15 {
            disk.put_sheets(&minutes.hand_out())
                .map_err(|why| why.to_string())
                .expect("it is written");
        }
        if incidents > 0 && minute % (24 * HOUR / incidents) == 0 {
            for now in [incident(minute), incident(minute), over(minute)] {
                let one = BTreeMap::from([(now.id.clone(), now)]);
                disk.put(&one)
                    .map_err(|why| why.to_string())
                    .expect("it is written");
            }
        }
    }
    let counted = disk.written();
    drop(disk);
    let after = written_by_this_thread();
    (counted, after.0 - before.0, after.1 - before.1)
}

#[test]
fn a_day_costs_no_more_bytes_than_a_small_disk_bears() {
    let steady = a_day(6, |minute, stage| match stage {
        Stage::DomainController if minute % (4 * HOUR) < 12 => Verdict::NotReady,
        _ => Verdict::Ready,
    });
    // Everything comes and goes, each minute, and an incident opens every ten.
    let outage = a_day(144, |minute, _| {
        if minute % 2 == 0 {
            Verdict::NotReady
        } else {
            Verdict::Ready
        }
    });
    for (name, (counted, called, on_disk), most) in [
        ("steady", steady, 2_000_000),
        ("outage", outage, 10_000_000),
    ] {
        println!("{name}: {counted} B counted, {called} B by calls, {on_disk} B to the disk");
        assert!(
            counted <= most && called <= most && on_disk <= most,
            "{name}"
        );
        // What is told is not less than what happened, but for the last log that goes into the file.
        assert!(counted + 300_000 > called, "{name}: {counted} of {called}");
        assert!(called > 100_000, "{name}: nothing was written");
    }
}

#[tokio::test]
async fn a_quota_costs_the_oldest_history_and_no_incident() {
    let home = tempfile::tempdir().expect("a directory");
    let quota = 3 << 20;
    let (store, _) = Store::open(home.path(), quota, time(START));
    for number in 0..200 {
        drop(store.record(&Event::Closed(over(number))));
    }
    let days = 14;
    for minute in START..START + days * 24 * HOUR {
        store.sample(
            moment(minute),
            &if minute % 2 == 0 { healthy() } else { dark() },
        );
        if minute % 1000 == 0 {
            // As a thread would in two weeks, it keeps up.
            course(&store, minute, 1).await;
        }
    }
    let last = START + days * 24 * HOUR - 10;
    assert_eq!(course(&store, last, 5).await, "rnrnr");
    assert_eq!(course(&store, START, 5).await, "");
    let kept = store.incidents(time(START), time(START + HOUR), 1000).await;
    assert_eq!(kept.map(|kept| kept.len()), Some(200));
    assert!(store.health().bytes <= quota, "{}", store.health().bytes);
    assert_eq!(store.health().trouble, None);
    closed(store).await;
}

#[test]
fn minutes_are_written_by_changes_and_what_nobody_saw_is_a_gap() {
    let mut minutes = Minutes::new();
    let cold = Snapshot {
        is_warm: false,
        ..dark()
    };
    minutes.take(moment(START), &cold);
    minutes.take(moment(START), &healthy());
    minutes.take(moment(START), &dark());
    minutes.take(moment(START), &healthy());
    minutes.take(moment(START + 1), &healthy());
    minutes.take(moment(START + 2), &healthy());
    let stalled = Moment {
        steady: Duration::from_secs(3600),
        ..moment(START + 3)
    };
    minutes.take(stalled, &healthy());
    minutes.finish();
    let sheets = minutes.hand_out();
    let [sheet] = sheets.as_slice() else {
        panic!("{sheets:?}");
    };
    assert_eq!((sheet.from, sheet.until), (START, START + 4));
    let whole = sheet
        .changes
        .iter()
        .filter(|change| change.line.1.is_none());
    let whole: Vec<_> = whole
        .map(|change| (change.minute - START, change.word))
        .collect();
    let expected = [
        (0, Some((Verdict::NotReady, None))),
        (1, Some((Verdict::Ready, None))),
        (3, Some((Verdict::Unknown, Some(Reason::NotRun)))),
    ];
    assert_eq!(whole, expected);
    assert_eq!(sheet.changes.len(), 3 * (1 + Stage::ALL.len()));
}
