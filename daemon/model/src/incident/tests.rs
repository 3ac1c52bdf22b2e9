use super::*;
use crate::stage::Class;
use crate::status::StageStatus;

fn cause(reason: Reason, subject: &str, severity: Severity) -> RootCause {
    RootCause {
        stage: Stage::DomainController,
        reason,
        key: reason.code().to_owned(),
        subject: subject.to_owned(),
        severity,
        summary: format!("{reason} at {subject}"),
        fix: String::new(),
        fixer: Fixer::Network,
        seen_by_user: String::new(),
        evidence: Vec::new(),
        since: Timestamp::default(),
        also_affected: Vec::new(),
    }
}

fn status(root_causes: Vec<RootCause>, verdict: Verdict) -> Status {
    Status {
        schema: Status::SCHEMA,
        site: "berlin-02".into(),
        time: Timestamp::default(),
        verdict,
        networks: vec![NetworkStatus {
            network: "default".into(),
            verdict,
            judged: Vec::new(),
            not_tested: Vec::new(),
            domain: None,
            client_site: None,
            root_causes,
            stages: vec![StageStatus {
                stage: Stage::DomainController,
                verdict,
                class: Class::Hard,
                applicable: true,
                blocked_by: Vec::new(),
                findings: Vec::new(),
                probes: Vec::new(),
            }],
            paths: Vec::new(),
            domain_controllers: Vec::new(),
            last_good: None,
            changes: Vec::new(),
        }],
    }
}

fn at(seconds: u64) -> Moment {
    Moment {
        wall: Timestamp::from_unix_millis(i64::try_from(seconds).expect("a time") * 1000),
        steady: Duration::from_secs(seconds),
    }
}

/// Follows a cause that is there (`x`), gone (`.`) or not to be seen (`?`), ten seconds each; what happened
/// at which second.
fn followed(incidents: &mut Incidents, course: &str) -> Vec<String> {
    let mut said = Vec::new();
    for (second, word) in (0..).step_by(10).zip(course.chars()) {
        let scene = match word {
            'x' => status(
                vec![cause(Reason::PortBlocked, "dc1", Severity::Blocking)],
                Verdict::NotReady,
            ),
            '?' => status(Vec::new(), Verdict::Unknown),
            _ => status(Vec::new(), Verdict::Ready),
        };
        for event in incidents.follow(&scene, at(second)) {
            said.push(match event {
                Event::Opened(incident) => {
                    format!("{second} opened, since {}", seconds(incident.since))
                }
                Event::Changed(_) => format!("{second} changed"),
                Event::Closed(incident) => {
                    format!(
                        "{second} closed at {}",
                        seconds(incident.closed.expect("a close"))
                    )
                }
            });
        }
    }
    said
}

fn seconds(time: Timestamp) -> i64 {
    time.unix_millis() / 1000
}

#[test]
fn a_cause_that_stands_opens_once_and_closes_once() {
    let mut incidents = Incidents::new(Patience::default());
    let said = followed(&mut incidents, "..xxxxxx........");
    assert_eq!(said, ["40 opened, since 20", "130 closed at 80"]);
    assert_eq!(incidents.open().count(), 0);
}

#[test]
fn what_is_gone_before_it_has_stood_is_none() {
    let mut incidents = Incidents::new(Patience::default());
    assert!(followed(&mut incidents, "x.xx.x.x").is_empty());
}

#[test]
fn what_is_back_before_it_was_gone_for_good_is_the_same_incident() {
    let mut incidents = Incidents::new(Patience::default());
    let said = followed(&mut incidents, "xxxx...xxx...xx.......");
    assert_eq!(said, ["20 opened, since 0", "200 closed at 150"]);
}

#[test]
fn whoever_cannot_look_does_not_call_it_over() {
    let mut incidents = Incidents::new(Patience::default());
    let said = followed(&mut incidents, "xxx??????????????......");
    assert_eq!(said, ["20 opened, since 0", "220 closed at 170"]);
}

#[test]
fn a_cause_that_comes_and_goes_stays_open_until_it_has_stopped() {
    let mut incidents = Incidents::new(Patience::default());
    let course = format!("{}{}", "xxx......".repeat(3), ".".repeat(90));
    let said = followed(&mut incidents, &course);
    assert_eq!(
        said,
        [
            "20 opened, since 0",
            "80 closed at 30",
            "110 opened, since 90",
            "170 closed at 120",
            "200 opened, since 180",
            "1110 closed at 210",
        ]
    );
}

#[test]
fn a_change_is_told_of_the_same_incident() {
    let mut incidents = Incidents::new(Patience::default());
    let with = |subject: &str, severity| {
        let causes = vec![cause(Reason::PortBlocked, subject, severity)];
        status(causes, Verdict::NotReady)
    };
    incidents.follow(&with("dc1", Severity::Degrading), at(0));
    let opened = incidents.follow(&with("dc1", Severity::Degrading), at(20));
    let Some(Event::Opened(opened)) = opened.first() else {
        panic!("{opened:?}");
    };
    assert!(
        incidents
            .follow(&with("dc1", Severity::Degrading), at(30))
            .is_empty()
    );
    let changed = incidents.follow(&with("dc1, dc2", Severity::Blocking), at(40));
    let [Event::Changed(changed)] = changed.as_slice() else {
        panic!("{changed:?}");
    };
    assert_eq!(
        (&changed.id, changed.subject.as_str()),
        (&opened.id, "dc1, dc2")
    );
    assert_eq!(changed.severity, Severity::Blocking);
}

#[test]
fn a_clock_that_is_set_opens_and_closes_nothing() {
    let mut incidents = Incidents::new(Patience::default());
    let broken = || {
        let causes = vec![cause(Reason::PortBlocked, "dc1", Severity::Blocking)];
        status(causes, Verdict::NotReady)
    };
    let set = |steady: u64, wall: i64| Moment {
        wall: Timestamp::from_unix_millis(wall * 1000),
        steady: Duration::from_secs(steady),
    };
    assert!(incidents.follow(&broken(), set(0, 10_000)).is_empty());
    assert!(incidents.follow(&broken(), set(10, 13_610)).is_empty());
    assert_eq!(incidents.follow(&broken(), set(20, 6_420)).len(), 1);
    let healthy = status(Vec::new(), Verdict::Ready);
    assert!(incidents.follow(&healthy, set(30, 13_000)).is_empty());
    assert!(incidents.follow(&healthy, set(40, 16_600)).is_empty());
    assert_eq!(incidents.follow(&healthy, set(75, 16_635)).len(), 1);
}

#[test]
fn what_was_open_before_a_restart_goes_on_under_the_same_name() {
    let mut before = Incidents::new(Patience::default());
    followed(&mut before, "xxx");
    let open: Vec<Incident> = before.open().cloned().collect();
    let id = open[0].id.clone();
    let past = Past {
        memory: Memory::default(),
        open,
        closed: Vec::new(),
    };
    let mut after = Incidents::resumed(Patience::default(), &past, at(0));
    assert!(followed(&mut after, "xxx").is_empty());
    assert_eq!(after.open().next().map(|open| open.id.clone()), Some(id));
    let said = followed(&mut after, "......");
    assert_eq!(said, ["50 closed at 0"]);
}

#[test]
fn what_came_and_went_before_a_restart_is_still_known_to() {
    let mut before = Incidents::new(Patience::default());
    let mut closed = Vec::new();
    let mut now = 0;
    for word in "xxx......xxx......".chars() {
        let causes = (word == 'x').then(|| cause(Reason::PortBlocked, "dc1", Severity::Blocking));
        let scene = status(causes.into_iter().collect(), Verdict::Ready);
        for event in before.follow(&scene, at(now)) {
            if let Event::Closed(incident) = event {
                closed.insert(0, incident);
            }
        }
        now += 10;
    }
    assert_eq!(closed.len(), 2);
    let past = Past {
        memory: Memory::default(),
        open: Vec::new(),
        closed,
    };
    let restarted = |wall: u64| {
        let moment = Moment {
            steady: Duration::ZERO,
            ..at(wall)
        };
        let mut after = Incidents::resumed(Patience::default(), &past, moment);
        followed(&mut after, "xxx");
        after.open().next().map(|open| open.flapping)
    };
    assert_eq!(restarted(now), Some(true));
    assert_eq!(restarted(now + 4000), Some(false));
}
