//! What was before now, and what it may cost to ask for it.

use sightline_model::incident::{Event, Incident};

use super::*;

/// Two hours of looks before now: ready, then not ready.
pub(crate) fn with_a_past(served: &Served) {
    let now = moment(Duration::from_secs(12)).wall.unix_millis();
    for minute in 0..120_i64 {
        let is_broken = minute >= 60;
        let at = Moment {
            wall: Timestamp::from_unix_millis(now - (120 - minute) * 60_000),
            steady: Duration::from_secs(10),
        };
        let mut look = snapshot(is_broken);
        look.at = at;
        look.schedule.progress = Some(at);
        served.store.sample(at, &look);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_course_of_a_network_is_told_over_a_day_a_week_and_a_month() {
    let served = Served::new(snapshot(true)).await;
    with_a_past(&served);
    for (range, cells, seconds) in [("24h", 96, 900), ("7d", 84, 7200), ("30d", 90, 28_800)] {
        let answer = served.get(&format!("/api/v1/history?range={range}")).await;
        assert_eq!(answer.code, 200, "{}", answer.body);
        let value: serde_json::Value = serde_json::from_str(&answer.body).expect("JSON");
        assert_eq!(value["schema"], "sightline.history/1");
        assert_eq!(value["cell_seconds"], seconds);
        let all = value["strips"][0]["cells"]
            .as_array()
            .expect("cells")
            .clone();
        assert_eq!(all.len(), cells);
        let last = all
            .iter()
            .rev()
            .find(|cell| !cell.is_null())
            .expect("a cell");
        assert_eq!(
            (&last["verdict"], &last["reason"]),
            (&"not_ready".into(), &"port_blocked".into())
        );
        assert!(all[0].is_null());
    }
    let of_a_stage = served
        .get("/api/v1/history?network=default&stage=internet")
        .await;
    let value: serde_json::Value = serde_json::from_str(&of_a_stage.body).expect("JSON");
    assert_eq!(value["strips"].as_array().expect("strips").len(), 1);
    for (query, code) in [
        ("range=1y", 400),
        ("stage=lunch", 400),
        ("colour=red", 400),
        ("network=none", 404),
    ] {
        assert_eq!(
            served.get(&format!("/api/v1/history?{query}")).await.code,
            code,
            "{query}"
        );
    }
    // The page has it, too.
    let page = served.get("/").await.body;
    assert!(page.contains("class=n><title>") && page.contains("not ready, port_blocked"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn incidents_of_any_time_come_from_the_store() {
    let served = Served::new(snapshot(true)).await;
    let all = "/api/v1/incidents?from=2026-11-01T00:00:00Z&until=2026-12-01T00:00:00Z";
    let found = served.get(all).await;
    assert_eq!(found.code, 200, "{}", found.body);
    assert!(found.body.contains("\"incidents\": []"), "{}", found.body);
    for query in ["from=yesterday", "most=-1", "most=x", "x=1"] {
        assert_eq!(
            served.get(&format!("/api/v1/incidents?{query}")).await.code,
            400,
            "{query}"
        );
    }
    assert_eq!(
        served.get("/api/v1/incidents?most=99999999").await.code,
        200
    );
}

fn parsed(answer: &Answer) -> serde_json::Value {
    assert_eq!(answer.code, 200, "{}", answer.body);
    serde_json::from_str(&answer.body).expect("JSON")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_course_is_read_once_however_many_ask() {
    let served = Served::new(snapshot(false)).await;
    let path = "/api/v1/history?network=default";
    let before = parsed(&served.get(path).await);
    with_a_past(&served);
    let asked = (0..100).map(|_| served.get(path));
    for answer in futures_util::future::join_all(asked).await {
        assert_eq!(parsed(&answer)["strips"], before["strips"]);
    }
    served.passes(20);
    assert_ne!(parsed(&served.get(path).await)["strips"], before["strips"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn incidents_of_a_stretch_of_time_come_from_the_store_one_question_a_second() {
    let served = Served::new(snapshot(true)).await;
    let cause = &served.snapshots.borrow().status.networks[0].root_causes[0].clone();
    for (number, closed) in [(1, Some(STARTED)), (2, None)] {
        let hour = 3_600_000 * (3 - number);
        let incident = Incident {
            id: format!("test-{number}"),
            network: "default".into(),
            key: cause.key.clone(),
            stage: cause.stage,
            reason: cause.reason,
            subject: cause.subject.clone(),
            severity: cause.severity,
            summary: cause.summary.clone(),
            seen_by_user: cause.seen_by_user.clone(),
            fix: cause.fix.clone(),
            fixer: cause.fixer,
            evidence: Vec::new(),
            also_affected: Vec::new(),
            since: Timestamp::from_unix_millis(STARTED.unix_millis() - hour),
            closed,
            flapping: false,
            changes: Vec::new(),
        };
        served.store.record(&Event::Opened(incident)).kept().await;
    }
    let begun = std::time::Instant::now();
    let all = parsed(&served.get("/api/v1/incidents?most=10").await);
    assert_eq!(all["incidents"][0]["id"], "test-2");
    assert_eq!(all["incidents"][1]["id"], "test-1");
    let one = parsed(&served.get("/api/v1/incidents?most=1").await);
    assert_eq!(one["incidents"].as_array().map(Vec::len), Some(1));
    let old = parsed(
        &served
            .get("/api/v1/incidents?until=2020-01-01T00:00:00Z")
            .await,
    );
    assert_eq!(old["incidents"], serde_json::json!([]));
    assert!(begun.elapsed() >= Duration::from_secs(2), "{begun:?}");

    let asked = (0..30).map(|_| served.get("/api/v1/incidents?most=3"));
    let answers = futures_util::future::join_all(asked).await;
    let busy = answers.iter().filter(|answer| answer.code == 429).count();
    assert!(busy >= 25, "{busy}");
}
