//! What was before now, and news as they come.

use sightline::store::Strip;
use sightline::surface::history::{Course, Range};
use sightline_model::{Reason, Stage, Verdict};

use super::*;

/// Two hours of looks before now: ready, then not ready.
fn with_a_past(served: &Served) {
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
    // What was read is good for a minute, and the page has it too.
    let page = served.get("/").await.body;
    assert!(page.contains("<rect class=\"n\"") && page.contains("not ready: port_blocked"));
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn news_come_by_themselves() {
    let served = Served::new(snapshot(true)).await;
    let mut stream = TcpStream::connect(served.address)
        .await
        .expect("it listens");
    let request = format!(
        "GET /api/v1/events HTTP/1.1\r\nhost: {}\r\n\r\n",
        served.address
    );
    stream
        .write_all(request.as_bytes())
        .await
        .expect("it reads");
    let mut heard = String::new();
    let mut hears = async |what: &str| {
        let reading = async {
            while !heard.contains(what) {
                let mut bytes = [0; 4096];
                let length = stream.read(&mut bytes).await.expect("it goes on");
                assert!(length > 0, "it ended: {heard}");
                heard.push_str(&String::from_utf8_lossy(&bytes[..length]));
            }
        };
        tokio::time::timeout(Duration::from_secs(10), reading)
            .await
            .expect(what);
    };
    hears("event: status").await;
    hears("\"verdict\":\"not_ready\"").await;
    served.snapshots.send_replace(Arc::new(snapshot(false)));
    hears("\"verdict\":\"ready\"").await;
    assert!(
        heard
            .to_lowercase()
            .contains("content-type: text/event-stream")
    );
    assert!(heard.contains("retry: 3000"));
}

#[test]
fn a_page_with_a_month_that_changes_in_each_cell_is_small() {
    let known = full(250);
    let now = moment(Duration::from_secs(12));
    let word = |cell: usize| match cell % 2 {
        0 => Some((Verdict::NotReady, Some(Reason::ResolverLacksAdZone))),
        _ => Some((Verdict::Degraded, Some(Reason::RpcDynamicPortBlocked))),
    };
    let networks = known.status.networks.iter();
    let courses: Vec<Course> = networks
        .flat_map(|network| {
            Range::ALL.map(|range| {
                let question = range.question(&network.network, now.wall);
                let stages = Stage::ALL.into_iter().map(Some);
                let strips = [None].into_iter().chain(stages).map(|stage| Strip {
                    stage,
                    cells: (0..question.cells).map(word).collect(),
                });
                Course {
                    range,
                    strips: strips.collect(),
                    question,
                }
            })
        })
        .collect();
    let page = page::render(&known, now, (Reader::Commands, &courses)).expect("it is written");
    println!("a page with a bad month: {} octets", page.len());
    assert!(page.matches("<rect").count() > 500);
    assert!(page.len() <= 100_000, "{}", page.len());
}
