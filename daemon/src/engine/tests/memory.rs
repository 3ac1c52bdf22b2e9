use super::*;

#[test]
fn names_that_change_with_every_answer_do_not_fill_the_memory() {
    let begun = Instant::now();
    let moment = |seconds: u64| Moment {
        wall: sightline_model::Timestamp::from_unix_millis(0),
        steady: Duration::from_secs(seconds),
    };
    let mut state = State::new(Arc::new(plan(|_| {})), Past::default(), moment(0));
    for round in 0..100_u64 {
        let now = begun + Duration::from_secs(round);
        state.judge(moment(round), now);
        while let Some((key, task)) = state.take_due(now, 1).pop() {
            let mut facts = facts(&task.check.subject, task.check.service);
            if let Some(record) = facts.records.pop() {
                let others = (0..40).map(|number| SrvRecord {
                    target: format!("dc{round}-{number}.{DOMAIN}"),
                    ..record.clone()
                });
                facts.records = others.collect();
            }
            let seen = Observation {
                path: task.path.name.clone(),
                started: moment(round).wall,
                took: Duration::from_millis(1),
                outcome: Outcome {
                    facts,
                    ..Outcome::default()
                },
                check: task.check.clone(),
            };
            state.ended(&key, seen, now, moment(round));
        }
        state.check_now(now, Duration::ZERO);
    }
    let most = 1000 + state.snapshot(moment(100), 0).checks.len();
    assert!(state.known() <= most, "{} of {most}", state.known());
}

#[tokio::test(start_paused = true)]
async fn an_incident_says_what_was_different_when_it_opened() {
    let mut site = Site::new();
    site.passes(900).await;
    assert!(site.snapshot().memory.baselines.contains_key("default"));
    site.world.breaks(
        "dns locator Resolver { server: 127.1.0.99",
        Reason::DnsNxdomain,
    );
    site.commands
        .send(Command::Reload(Box::new(plan_with(
            [127, 1, 0, 99],
            |_| {},
        ))))
        .await
        .expect("somebody listens");
    site.passes(180).await;
    assert_eq!(site.events(), ["opened dns_nxdomain"]);
    let said: Vec<_> = site.snapshot().open[0]
        .changes
        .iter()
        .map(|change| (change.is.clone(), change.was.clone()))
        .collect();
    let one = |text: &str| vec![text.to_owned()];
    assert_eq!(said, [(one("127.1.0.99:53"), one("127.1.0.53:53"))]);
    // A daemon that is started anew compares with the same.
    let past = Past {
        memory: (*site.snapshot().memory).clone(),
        open: site.snapshot().open.clone(),
        closed: Vec::new(),
    };
    let again = Site::after(past, Arc::clone(&site.world));
    again.passes(60).await;
    let status = Arc::clone(&again.snapshot().status);
    assert_eq!(
        status.networks[0].changes.len(),
        0,
        "it has its old resolver again"
    );
    assert!(status.networks[0].last_good.is_some());
}

#[tokio::test(start_paused = true)]
async fn silences_are_told_end_by_themselves_and_are_bounded() {
    let site = Site::new();
    site.passes(60).await;
    let order = |seconds: u64, network: Option<&str>| SilenceOrder {
        lasts: Duration::from_secs(seconds),
        why: "the switch is changed".to_owned(),
        matching: Matching {
            network: network.map(str::to_owned),
            ..Matching::default()
        },
    };
    let ask = async |order: SilenceOrder| {
        let (reply, answer) = oneshot::channel();
        let command = Command::Silence(order, reply);
        site.commands.send(command).await.expect("somebody listens");
        answer.await.expect("an answer")
    };
    let silence = ask(order(600, None)).await.expect("a silence");
    for wrong in [
        order(1, None),
        order(91 * 24 * 3600, None),
        order(600, Some("none")),
    ] {
        assert!(ask(wrong.clone()).await.is_err(), "{wrong:?}");
    }
    site.passes(60).await;
    assert_eq!(site.snapshot().memory.silences, [silence]);
    site.passes(600).await;
    assert!(site.snapshot().memory.silences.is_empty(), "it is over");
    let ids: std::collections::BTreeSet<_> = {
        let mut ids = Vec::new();
        for _ in 0..Silence::MOST {
            ids.push(
                ask(order(600, Some("default")))
                    .await
                    .expect("a silence")
                    .id,
            );
        }
        ids.into_iter().collect()
    };
    assert_eq!(ids.len(), Silence::MOST);
    assert!(ask(order(600, None)).await.is_err(), "there are enough");
    let (reply, answer) = oneshot::channel();
    let id = ids.first().expect("one").clone();
    site.commands
        .send(Command::EndSilence(id, reply))
        .await
        .expect("somebody listens");
    assert_eq!(answer.await, Ok(true));
    assert!(ask(order(600, None)).await.is_ok());
}
