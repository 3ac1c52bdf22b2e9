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
