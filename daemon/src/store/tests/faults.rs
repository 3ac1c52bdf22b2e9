//! What is wrong with the directory or the file costs history and nothing else.

use rusqlite::Connection;

use super::*;

fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).expect("a directory");
    let mut names: Vec<_> = entries
        .map(|entry| {
            entry
                .expect("an entry")
                .file_name()
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    names.sort();
    names
}

/// A store that has to do without a disk, and says why, does all the rest.
async fn serves_without_a_disk(place: &Path, why: &str) {
    let (store, opened) = opened_at(place);
    assert_eq!(opened.past, Past::default());
    let trouble = store.health().trouble.expect("something is wrong");
    assert!(trouble.contains(why), "{trouble}");
    assert!(!store.record(&Event::Opened(incident(1))).kept().await);
    for minute in START..START + 40 {
        store.sample(moment(minute), &healthy());
    }
    assert_eq!(course(&store, START, 3).await, "rrr");
    assert_eq!(
        store.incidents(time(START), time(START + 1), 10).await,
        Some(vec![incident(1)])
    );
    assert!(store.health().errors > 0);
    assert!(store.health().trouble.is_some());
    closed(store).await;
}

#[tokio::test]
async fn a_directory_that_cannot_be_used_costs_history_and_nothing_else() {
    let home = tempfile::tempdir().expect("a directory");
    let file = home.path().join("file");
    fs::write(&file, "no directory").expect("a file");
    serves_without_a_disk(&file, "File exists").await;
    serves_without_a_disk(&file.join("below"), "Not a directory").await;
    // Nobody writes there, whoever asks.
    serves_without_a_disk(Path::new("/proc/sightline"), "No such file").await;
    serves_without_a_disk(Path::new("/proc/self"), "No such file").await;
    let blocked = home.path().join("blocked");
    fs::create_dir_all(blocked.join("sightline.db")).expect("a directory");
    serves_without_a_disk(&blocked, "Is a directory").await;
}

#[tokio::test]
async fn one_daemon_has_the_file() {
    let home = tempfile::tempdir().expect("a directory");
    let (first, _) = opened_at(home.path());
    assert!(first.record(&Event::Opened(incident(7))).kept().await);
    serves_without_a_disk(home.path(), "another process").await;
    closed(first).await;
    let (again, opened) = opened_at(home.path());
    assert_eq!(opened.past.open, [incident(7)]);
    closed(again).await;
}

#[tokio::test]
async fn a_disk_that_hangs_is_not_waited_for() {
    let home = tempfile::tempdir().expect("a directory");
    // Whoever opens a pipe that nobody writes to waits for ever.
    let pipe = home.path().join("sightline.db");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.expect("mkfifo is there").success());
    let begun = std::time::Instant::now();
    let (store, opened) = opened_at(home.path());
    assert!(begun.elapsed() < Duration::from_secs(5));
    assert_eq!(opened, Opened::default());
    let trouble = store.health().trouble.expect("something is wrong");
    assert!(trouble.contains("does not answer"), "{trouble}");
    for number in 0..5000 {
        drop(store.record(&Event::Opened(incident(number))));
        store.sample(
            moment(START + number),
            &if number % 2 == 0 { healthy() } else { dark() },
        );
    }
    let waiting = |store: &Store| {
        let inside = store.shared.mailbox.inside();
        let sheets = inside.minutes.unwritten();
        let changes: usize = sheets.iter().map(|sheet| sheet.changes.len()).sum();
        (inside.incidents.len(), changes)
    };
    let (incidents, changes) = waiting(&store);
    assert_eq!(incidents, 1024);
    assert!((1000..=20_000).contains(&changes), "{changes}");
    assert_eq!(
        store
            .history(Question {
                network: "deploy".into(),
                from: time(START),
                until: time(START + 1),
                cells: 1
            })
            .await,
        None
    );
    assert!(!store.close(Duration::from_millis(50)).await);
    // Lets the thread go: what it finds then is not used.
    fs::write(&pipe, "x").expect("it is read");
}

#[tokio::test]
async fn a_damaged_file_is_kept_once_and_history_begins_anew() {
    let home = tempfile::tempdir().expect("a directory");
    let place = home.path();
    let file = place.join("sightline.db");
    type Damage = fn(&mut Vec<u8>);
    let damages: [(&str, Damage); 4] = [
        ("it is no database", |bytes| bytes.fill(b'x')),
        ("it is not a database of sightline", |bytes| bytes[68] = 0),
        ("it is damaged", |bytes| bytes.truncate(5000)),
        ("it is damaged", |bytes| bytes[4096..].fill(0xa5)),
    ];
    for (round, (why, damage)) in (0..).zip(damages) {
        let (store, _) = opened_at(place);
        for number in 0..40 {
            assert!(store.record(&Event::Opened(incident(number))).kept().await);
        }
        closed(store).await;
        let mut bytes = fs::read(&file).expect("a file");
        damage(&mut bytes);
        fs::write(&file, &bytes).expect("a file");
        let (store, opened) = Store::open(place, Store::QUOTA, time(START + round));
        let note = opened.note.expect("something to tell");
        assert!(note.contains(why), "{note}");
        assert_eq!(opened.past, Past::default());
        assert_eq!(store.health().trouble, None);
        assert!(store.record(&Event::Opened(incident(1))).kept().await);
        closed(store).await;
        let kept: Vec<_> = names(place)
            .into_iter()
            .filter(|name| name.contains("corrupt"))
            .collect();
        let name = kept.first().expect("one");
        assert_eq!(kept.len(), 1, "{kept:?}");
        assert_eq!(fs::read(place.join(name)).expect("a file"), bytes, "{name}");
    }
}

#[tokio::test]
async fn a_file_of_a_later_release_is_set_aside_as_it_is() {
    let home = tempfile::tempdir().expect("a directory");
    let place = home.path();
    let file = place.join("sightline.db");
    let (store, _) = opened_at(place);
    assert!(store.record(&Event::Opened(incident(1))).kept().await);
    closed(store).await;
    let newer = Connection::open(&file).expect("a file");
    newer.execute_batch("PRAGMA user_version = 7; ALTER TABLE incident ADD COLUMN x INTEGER; PRAGMA wal_checkpoint; UPDATE incident SET x = 1;").expect("it is done");
    // As a power cut leaves it: with a log.
    let log = fs::read(place.join("sightline.db-wal")).expect("a log");
    let bytes = fs::read(&file).expect("a file");
    drop(newer);
    fs::write(&file, &bytes).expect("a file");
    fs::write(place.join("sightline.db-wal"), &log).expect("a log");

    let (store, opened) = opened_at(place);
    let note = opened.note.expect("something to tell");
    assert!(
        note.contains("later release") && note.contains("sightline.db.version-7"),
        "{note}"
    );
    assert_eq!(opened.past, Past::default());
    assert!(store.record(&Event::Opened(incident(2))).kept().await);
    closed(store).await;
    assert_eq!(
        fs::read(place.join("sightline.db.version-7")).expect("a file"),
        bytes
    );
    assert_eq!(
        fs::read(place.join("sightline.db.version-7-wal")).expect("a log"),
        log
    );
    let (store, opened) = opened_at(place);
    assert_eq!((opened.note, opened.past.open), (None, vec![incident(2)]));
    closed(store).await;
}

#[tokio::test]
async fn a_store_without_room_says_so_and_goes_on_when_there_is_some() {
    let home = tempfile::tempdir().expect("a directory");
    let (store, _) = Store::open(home.path(), 1 << 20, time(START));
    let mut full = None;
    for number in 0..400 {
        if !store.record(&Event::Opened(incident(number))).kept().await {
            full = Some(number);
            break;
        }
    }
    let full = full.expect("there is no end to it");
    assert!(full > 10, "{full}");
    let trouble = store.health().trouble.expect("something is wrong");
    assert!(trouble.contains("no room"), "{trouble}");
    // What is over makes room for what is not.
    for number in 0..10 {
        drop(store.record(&Event::Closed(over(number))));
    }
    let mut kept = false;
    for _ in 0..3 {
        kept = store.record(&Event::Opened(incident(full))).kept().await;
    }
    assert!(kept);
    assert_eq!(store.health().trouble, None);
    closed(store).await;
    let (store, opened) = opened_at(home.path());
    let open: Vec<_> = (10..=full).map(incident).collect();
    assert_eq!(opened.past.open, open);
    closed(store).await;
}

#[test]
fn a_file_that_turns_out_to_be_damaged_is_replaced_and_keeps_what_is_open() {
    let home = tempfile::tempdir().expect("a directory");
    let (store, _) = opened_at(&home.path().join("other"));
    let shared = Arc::clone(&store.shared);
    let opened = Keeper::open(shared, home.path().to_owned(), Store::QUOTA, time(START));
    let (mut keeper, _) = opened.map_err(|why| why.to_string()).expect("it opens");
    let known = |number| BTreeMap::from([(incident(number).id, incident(number))]);
    assert!(keeper.keep(known(1)));
    assert!(keeper.keep(known(2)));
    let closed = BTreeMap::from([(over(1).id, over(1))]);
    assert!(keeper.keep(closed));
    keeper.begin_anew("a page is torn".into());
    assert!(keeper.keep(known(3)));
    drop(keeper);
    assert!(
        names(home.path())
            .iter()
            .any(|name| name.contains("corrupt"))
    );
    drop(store);
    let (_store, opened) = opened_at(home.path());
    assert_eq!(opened.past.open, [incident(2), incident(3)]);
}
