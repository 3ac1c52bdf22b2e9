//! Silences over HTTP, and the status for people and monitoring systems.

use sightline::engine::SilenceOrder;
use sightline_model::incident::Memory;
use sightline_model::silence::{Matching, Silence};
use sightline_model::{Reason, Stage};

use super::*;

const ALLOWED: &str = "x-requested-with: test\r\n";

pub(super) fn silence() -> Silence {
    Silence {
        id: "19ab3c4d5e6".to_owned(),
        from: STARTED,
        until: Timestamp::from_unix_millis(STARTED.unix_millis() + 7_200_000),
        why: "the switch is changed".to_owned(),
        matching: Matching {
            stage: Some(Stage::Vpn),
            ..Matching::default()
        },
    }
}

/// Answers orders as the engine would, and hands them out.
fn engine(served: &mut Served) -> mpsc::UnboundedReceiver<SilenceOrder> {
    let mut commands = std::mem::replace(&mut served.commands, mpsc::channel(1).1);
    let (seen, orders) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Some(command) = commands.recv().await {
            match command {
                Command::Silence(order, reply) => {
                    let answer = if order.matching.network.is_some() {
                        Err("there is no such network".to_owned())
                    } else {
                        Ok(silence())
                    };
                    seen.send(order).expect("somebody looks");
                    reply.send(answer).expect("somebody waits");
                }
                Command::EndSilence(id, reply) => {
                    let is_there = id == silence().id;
                    reply.send(is_there).expect("somebody waits");
                }
                other => panic!("{other:?}"),
            }
        }
    });
    orders
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silence_is_begun_listed_and_ended_by_whoever_may_command() {
    let mut known = snapshot(true);
    known.memory = Arc::new(Memory {
        silences: vec![silence()],
        ..Memory::default()
    });
    let mut served = Served::new(known).await;
    let mut orders = engine(&mut served);
    let begin = "POST /api/v1/silences?for=1h+30m&why=the%20switch%20is%20changed&stage=vpn&reason=vpn_no_route";
    assert_eq!(served.ask(begin, "").await.code, 403);
    let begun = served.ask(begin, ALLOWED).await;
    assert_eq!(
        (begun.code, begun.header("content-type")),
        (200, Some("application/json"))
    );
    assert!(
        begun.body.contains("\"id\": \"19ab3c4d5e6\""),
        "{}",
        begun.body
    );
    let order = orders.recv().await.expect("an order");
    assert_eq!(
        order,
        SilenceOrder {
            lasts: Duration::from_secs(5400),
            why: "the switch is changed".to_owned(),
            matching: Matching {
                network: None,
                stage: Some(Stage::Vpn),
                reason: Some(Reason::VpnNoRoute),
            },
        }
    );
    let listed = served.get("/api/v1/silences").await;
    assert!(
        listed.body.contains("\"schema\": \"sightline.silences/1\""),
        "{}",
        listed.body
    );
    let listed = served.get("/api/v1/silences?output=text").await;
    assert_eq!(
        listed.body,
        "until 2026-11-25T11:46:40Z, stage vpn (19ab3c4d5e6): the switch is changed\n"
    );
    assert_eq!(
        served
            .ask("DELETE /api/v1/silences/19ab3c4d5e6", "")
            .await
            .code,
        403
    );
    assert_eq!(
        served
            .ask("DELETE /api/v1/silences/19ab3c4d5e6", ALLOWED)
            .await
            .code,
        200
    );
    assert_eq!(
        served.ask("DELETE /api/v1/silences/1", ALLOWED).await.code,
        404
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silence_that_makes_no_sense_is_refused_in_a_sentence() {
    let mut served = Served::new(snapshot(false)).await;
    let _orders = engine(&mut served);
    let long = "x".repeat(201);
    for (query, said) in [
        ("", "for"),
        ("for=2h", "why"),
        ("for=soon&why=x", "`soon` is no time"),
        ("for=-2h&why=x", "no time"),
        ("for=2h&why=+", "needs a reason"),
        (&format!("for=2h&why={long}"), "at most 200"),
        ("for=2h&why=x&stage=lunch", "no stage `lunch`"),
        ("for=2h&why=x&reason=%1b", "no reason `\\u{1b}`"),
        ("for=2h&why=x&network=none", "no such network"),
        ("for=2h&why=x&colour=red", "colour"),
    ] {
        let answer = served
            .ask(&format!("POST /api/v1/silences?{query}"), ALLOWED)
            .await;
        assert_eq!(answer.code, 400, "{query}: {}", answer.body);
        assert!(answer.body.contains(said), "{query}: {}", answer.body);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_status_comes_for_people_and_monitoring_systems_too() {
    let served = Served::new(snapshot(true)).await;
    let human = served.get("/api/v1/status?output=human").await.body;
    assert!(human.contains('\u{1b}'), "it has styles");
    let text = served
        .get("/api/v1/status?output=text&verbose=true")
        .await
        .body;
    assert!(
        !text.contains('\u{1b}') && text.contains("judged 2 s ago"),
        "{text}"
    );
    assert!(
        text.contains("    since:          2026-11-25T09:46:40Z"),
        "{text}"
    );
    let line = served.get("/api/v1/status?output=nagios").await.body;
    assert!(
        line.starts_with("SIGHTLINE CRITICAL - ") && line.contains("| age=2s"),
        "{line}"
    );
    assert_eq!(line.lines().count(), 1);
    for wrong in ["output=xml", "verbose=maybe", "x=1"] {
        assert_eq!(
            served.get(&format!("/api/v1/status?{wrong}")).await.code,
            400
        );
    }
    served.passes(200);
    let line = served.get("/api/v1/status?output=nagios").await.body;
    assert!(
        line.starts_with("SIGHTLINE UNKNOWN - The schedule stands still"),
        "{line}"
    );
}
