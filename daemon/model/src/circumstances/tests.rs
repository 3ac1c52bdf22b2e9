use super::*;
use Circumstance::{CertificateIssuer, Controllers, Resolvers};

const PATIENCE: Duration = Duration::from_secs(360);

fn circumstances(all: &[(Circumstance, &str, &str)]) -> Circumstances {
    let mut circumstances = Circumstances::default();
    for (what, of, value) in all {
        circumstances.put(*what, of, (*value).to_owned());
    }
    circumstances
}

fn resolved_by(resolver: &str) -> Circumstances {
    circumstances(&[
        (Resolvers, "", resolver),
        (Controllers, "", "dc1.corp.example.com"),
        (Controllers, "", "dc2.corp.example.com"),
    ])
}

fn at(seconds: u64) -> Moment {
    Moment {
        wall: Timestamp::from_unix_millis(i64::try_from(seconds).expect("a time") * 1000),
        steady: Duration::from_secs(seconds),
    }
}

/// What is told after a look that asked everything.
fn told(watch: &mut Watch, current: &Circumstances, verdict: Verdict, second: u64) -> Vec<String> {
    let changes = watch.follow(current, (verdict, true), PATIENCE, at(second));
    changes.iter().map(ToString::to_string).collect()
}

fn good_until(seconds: u64) -> Watch {
    let mut watch = Watch::default();
    let all = resolved_by("10.1.0.53:53");
    for second in (0..=seconds).step_by(30) {
        assert_eq!(
            told(&mut watch, &all, Verdict::Ready, second),
            Vec::<String>::new()
        );
    }
    watch
}

#[test]
fn what_changed_before_the_fault_was_seen_is_told_with_the_fault() {
    let mut watch = good_until(600);
    let other = resolved_by("10.9.9.9:53");
    let line = "Resolvers: 10.9.9.9:53, was 10.1.0.53:53 (seen 1970-01-01T00:10:10Z)";
    // Nothing is broken yet, as nothing has been asked again.
    assert_eq!(told(&mut watch, &other, Verdict::Ready, 610), [line]);
    assert_eq!(told(&mut watch, &other, Verdict::NotReady, 650), [line]);
    assert_eq!(told(&mut watch, &other, Verdict::NotReady, 90_000), [line]);
    let good = watch.baseline().expect("one").at;
    assert_eq!(good, at(600).wall);
    // Somebody has mended it otherwise, and it stays so.
    assert_eq!(told(&mut watch, &other, Verdict::Ready, 90_030), [line]);
    assert!(told(&mut watch, &other, Verdict::Ready, 90_400).is_empty());
    assert_eq!(watch.baseline().expect("one").at, at(90_400).wall);
}

#[test]
fn what_is_not_seen_is_no_difference_and_what_is_in_doubt_is_no_baseline() {
    let mut watch = good_until(60);
    let nothing = circumstances(&[(Resolvers, "", "10.1.0.53:53")]);
    assert!(told(&mut watch, &nothing, Verdict::NotReady, 90).is_empty());
    let other = resolved_by("10.9.9.9:53");
    for second in (100..2000).step_by(30) {
        let unsettled = (Verdict::Ready, false);
        assert_eq!(
            watch.follow(&other, unsettled, PATIENCE, at(second)).len(),
            1
        );
    }
    assert_eq!(watch.baseline().expect("one").at, at(60).wall);
}

#[test]
fn a_site_that_is_degraded_is_taken_as_it_is_after_a_day() {
    let mut watch = good_until(60);
    let other = resolved_by("10.9.9.9:53");
    let day = 24 * 3600;
    assert_eq!(told(&mut watch, &other, Verdict::Degraded, 600).len(), 1);
    assert_eq!(told(&mut watch, &other, Verdict::Degraded, day).len(), 1);
    assert_eq!(
        told(&mut watch, &other, Verdict::Degraded, day + 100).len(),
        1
    );
    assert!(told(&mut watch, &other, Verdict::Degraded, day + 500).is_empty());
    // One that was never better has something to compare with at once.
    let mut poor = Watch::default();
    assert!(told(&mut poor, &other, Verdict::Degraded, 0).is_empty());
    let line = told(
        &mut poor,
        &resolved_by("10.1.0.53:53"),
        Verdict::NotReady,
        30,
    );
    assert_eq!(line.len(), 1);
}

#[test]
fn one_new_issuer_on_many_hosts_is_one_line_and_issuers_that_take_turns_are_none() {
    let hosts = ["a", "b", "c", "d", "e", "f"];
    let signed = |issuer: &str| {
        let all: Vec<_> = hosts
            .iter()
            .map(|host| (CertificateIssuer, *host, issuer))
            .collect();
        circumstances(&all)
    };
    let mut watch = Watch::default();
    for (turn, issuer) in ["CN=One", "CN=Two"].iter().cycle().take(40).enumerate() {
        let second = u64::try_from(turn).expect("a number") * 100;
        let said = told(&mut watch, &signed(issuer), Verdict::Ready, second);
        assert!(said.is_empty() || second < 700, "{second}: {said:?}");
    }
    let said = told(&mut watch, &signed("CN=Proxy"), Verdict::NotReady, 5000);
    assert_eq!(
        said,
        [
            "Issuer of certificates of a, b, c, d and 2 more: CN=Proxy, was CN=One, CN=Two (seen 1970-01-01T01:23:20Z)"
        ]
    );
}

#[test]
fn a_baseline_is_read_as_it_was_written() {
    let watch = good_until(600);
    let baseline = watch.baseline().expect("one").clone();
    let stored = Stored::from(baseline.clone());
    let read = Baseline::from(stored);
    assert_eq!(read, baseline);
    let mut resumed = Watch::resumed(Some(read));
    let line = told(
        &mut resumed,
        &resolved_by("10.9.9.9:53"),
        Verdict::NotReady,
        700,
    );
    assert_eq!(line.len(), 1);
}

#[test]
fn an_answer_of_hundreds_of_names_is_compared_by_the_same_few() {
    let named = |names: &mut dyn Iterator<Item = u32>| {
        let mut all = Circumstances::default();
        for number in names {
            all.put(Controllers, "", format!("dc{number:04}"));
        }
        all
    };
    let forwards = named(&mut (0..1500));
    let backwards = named(&mut (0..1500).rev());
    assert_eq!(forwards, backwards);
    assert!(
        forwards
            .0
            .values()
            .all(|values| values.len() == MOST_VALUES)
    );
    assert!(forwards.differences(&backwards).next().is_none());
}
