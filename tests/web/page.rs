//! The status page: what is on it, how large it is, and whom it blames.

use super::*;
use sightline::store::{Strip, Word};
use sightline::surface::history::{Book, Course, Range};
use sightline::surface::page::{self, Reader};
use sightline_model::{Reason, Stage, Verdict};

/// A history in which each cell is another one than the one before.
fn bad_history(network: &str) -> Book {
    let now = moment(Duration::from_secs(12)).wall;
    let courses = Range::ALL.map(|range| {
        let cell = |at: usize| -> Option<Word> {
            match at % 4 {
                0 => Some((Verdict::NotReady, Some(Reason::DhcpRogue))),
                1 => Some((Verdict::Degraded, Some(Reason::PortBlocked))),
                2 => Some((Verdict::Unknown, Some(Reason::NotRun))),
                _ => None,
            }
        };
        let stages = Stage::ALL.into_iter().map(Some);
        let strips = [None].into_iter().chain(stages).map(|stage| Strip {
            stage,
            cells: (0..range.cells()).map(cell).collect(),
        });
        let course = Course {
            range,
            from: range.question(network, now).from,
            strips: strips.collect(),
        };
        ((network.to_owned(), range), Arc::new(course))
    });
    courses.into()
}

/// The page as somebody at the box sees it two seconds after the snapshot.
fn page_of(known: &Snapshot) -> String {
    let now = moment(Duration::from_secs(12));
    page::render((known, &Book::new()), now, Reader::Looks).expect("it is written")
}

#[test]
fn the_page_says_the_verdict_the_cause_and_the_fix_first() {
    let known = snapshot(true);
    let text = page_of(&known);
    let cause = &known.status.networks[0].root_causes[0];
    let places: Vec<_> = [
        "Not ready",
        &cause.summary,
        "What to do:",
        "Domain controllers</h2>",
    ]
    .iter()
    .map(|words| {
        text.find(*words)
            .unwrap_or_else(|| panic!("{words} is missing"))
    })
    .collect();
    assert!(places.is_sorted(), "{places:?}");
    let body = text.split_once("</style>").expect("a style").1;
    let body = body.split_once("<script>").expect("a script").0;
    let version = format!("sightline {}", env!("CARGO_PKG_VERSION"));
    crate::surfaces::compare("page.html", &body.replace(&version, "sightline VERSION"));
    assert!(page_of(&snapshot(false)).contains("</span> Ready</h1>"));
}

#[test]
fn a_page_of_what_is_not_known_blames_nobody_and_an_old_one_says_so() {
    let cold = Snapshot {
        is_warm: false,
        ..snapshot(true)
    };
    let text = page_of(&cold);
    assert!(text.contains("</span> Unknown</h1>"));
    assert!(text.contains("Not everything has been asked once yet."));
    assert!(!text.contains("What to do:"));
    assert!(
        !text.contains(">Not ready</span>"),
        "no stage is blamed either"
    );
    let old = page::render(
        (&snapshot(false), &Book::new()),
        moment(Duration::from_secs(600)),
        Reader::Looks,
    );
    let old = old.expect("it is written");
    assert!(old.contains("class=\"stale\"") && old.contains("The schedule stands still"));
    assert!(!old.contains("</span> Ready</h1>") && !old.contains("ready\">Ready"));
}

#[test]
fn names_of_others_stay_text_on_the_page() {
    let mut known = snapshot(true);
    let status = Arc::make_mut(&mut known.status);
    let evil = "<script>alert(1)</script>\"'><img src=x>";
    status.site = evil.into();
    for network in &mut status.networks {
        network.network = evil.into();
        network.root_causes[0].summary = evil.into();
        network.root_causes[0].fix = evil.into();
        network.domain_controllers[0].name = evil.into();
        for finding in network
            .stages
            .iter_mut()
            .flat_map(|stage| &mut stage.findings)
        {
            finding.summary = evil.into();
        }
        network.domain_controllers[0].ad_site = Some(evil.into());
    }
    for check in Arc::make_mut(&mut known.checks) {
        check.target = evil.into();
        check.network = evil.into();
        check.path = evil.into();
    }
    known.configuration.refused = Some(evil.into());
    let text = page_of(&known);
    assert!(!text.contains("<script>alert") && !text.contains("<img"));
    assert_eq!(text.matches("<script>").count(), 1);
}

/// A day and a half that ends two seconds after the snapshot: mostly good, and an hour in eight broken; an
/// hour without looks before it.
pub(crate) fn with_a_bad_day(store: &Store) {
    let now = moment(Duration::from_secs(12)).wall.unix_millis();
    let looks = [snapshot(false), snapshot(true)];
    for minute in (0..36 * 60).filter(|minute| !(60 * 20..60 * 21).contains(minute)) {
        let at = Moment {
            wall: Timestamp::from_unix_millis(now - (36 * 60 - minute) * 60_000),
            steady: Duration::from_secs(10),
        };
        let look = &looks[usize::from(minute / 60 % 8 == 3)];
        store.sample(at, look);
    }
}

/// Everything that a full profile can have on one page, at its worst.
pub(crate) fn worst(networks: usize) -> (Snapshot, Book) {
    let mut known = full(250);
    let checks = Arc::make_mut(&mut known.checks);
    for check in checks.iter_mut() {
        let state = check.state.take().expect("it has run");
        let mut seen = state.believed().clone();
        seen.check.also = Stage::ALL.to_vec();
        for finding in &mut seen.outcome.findings {
            finding.detail = "nothing came back ".repeat(100);
        }
        check.state = Some(CheckState::first(seen));
    }
    let status = Arc::make_mut(&mut known.status);
    let network = &mut status.networks[0];
    let dc = network.domain_controllers[0].clone();
    network.domain_controllers = vec![dc; 500];
    let cause = network.root_causes[0].clone();
    network.root_causes = vec![cause; 20];
    let finding = network
        .stages
        .iter()
        .find_map(|stage| stage.findings.first().cloned());
    for stage in &mut network.stages {
        stage.applicable = true;
        stage.findings = finding.clone().into_iter().collect();
        stage.blocked_by = vec![Stage::Network, Stage::Vpn];
    }
    let network = network.clone();
    status.networks = (0..networks)
        .map(|number| {
            let mut network = network.clone();
            network.domain_controllers.truncate(500 / networks);
            network.root_causes.truncate(20 / networks);
            if number > 0 {
                network.network = format!("network-{number}");
            }
            network
        })
        .collect();
    let incident = crate::store::incident(1, 1);
    known.open = vec![incident.clone(); 100];
    known.closed = Arc::new(vec![incident; 100]);
    let names = status.networks.iter();
    let book = names.flat_map(|network| bad_history(&network.network));
    let book = book.collect();
    (known, book)
}

#[test]
fn a_page_of_a_large_site_after_a_bad_month_is_small() {
    for networks in [1, 2] {
        let (known, book) = worst(networks);
        let now = moment(Duration::from_secs(12));
        let text = page::render((&known, &book), now, Reader::Commands).expect("it is written");
        println!("the worst page, {networks} networks: {} octets", text.len());
        assert!(text.len() <= 100_000, "{networks}: {}", text.len());
        assert!(text.contains("class=n><title>"));
    }
}

#[test]
fn history_is_told_by_height_and_in_words_too() {
    let known = snapshot(true);
    let now = moment(Duration::from_secs(12));
    let mut book = bad_history("default");
    let text = page::render((&known, &book), now, Reader::Looks).expect("it is written");
    assert!(text.contains("<summary>The same in words</summary>"));
    assert!(text.contains("aria-label=\"The network, last 24 hours, 96 cells: 24 degraded, 24 not ready, 24 unknown, 24 not looked at\""));
    assert!(text.contains("degraded, port_blocked</li>"));
    book.clear();
    let without = page::render((&known, &book), now, Reader::Looks).expect("it is written");
    assert!(!without.contains("<h2>History</h2>"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_does_not_answer_costs_history_and_not_the_page() {
    let served = Served::new(snapshot(true)).await;
    history::with_a_past(&served);
    assert!(served.get("/").await.body.contains("<h2>History</h2>"));
    assert!(served.store.close(Duration::from_secs(5)).await);
    served.passes(30);
    let page = served.get("/").await;
    assert_eq!(page.code, 200);
    assert!(page.body.contains("<h2>History</h2>"), "the old one");
    let other = Served::new(snapshot(true)).await;
    assert!(other.store.close(Duration::from_secs(5)).await);
    assert!(!other.get("/").await.body.contains("<h2>History</h2>"));
    assert_eq!(other.get("/api/v1/history").await.code, 503);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_page_loads_nothing_from_elsewhere_and_commands_only_from_this_box() {
    let served = Served::new(snapshot(true)).await;
    let answer = served.get("/").await;
    assert_eq!(
        answer.header("content-type"),
        Some("text/html; charset=utf-8")
    );
    let policy = answer.header("content-security-policy").expect("a policy");
    assert!(policy.contains("script-src 'sha256-") && !policy.contains("unsafe"));
    assert!(answer.body.contains("id=\"check\""));
    assert!(!answer.body.contains("src="), "something is loaded");
    let by_name = "GET / HTTP/1.1\r\nhost: box.example.com\r\nconnection: close\r\n\r\n";
    assert!(!served.raw(by_name).await.body.contains("id=\"check\""));
}
