//! What is wanted of each network of a box, and of the packets that the lab counts on each link.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::{list, text};

/// What is wanted of one network among several.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    name: String,
    verdict: String,
    /// As those of the case.
    #[serde(default)]
    causes: Vec<String>,
}

/// Compares all networks, in their order.
pub(super) fn mistakes(wanted: &[Wanted], status: &Value) -> Vec<String> {
    let names: Vec<_> = list(&status["networks"])
        .map(|network| text(network, "network"))
        .collect();
    if !names.iter().eq(wanted.iter().map(|wanted| &wanted.name)) {
        return vec![format!(
            "networks:\n     got {names:?}\n  wanted {wanted:?}"
        )];
    }
    let pairs = list(&status["networks"]).zip(wanted);
    let found = pairs.flat_map(|(network, wanted)| {
        let found = mistakes_of_one(&wanted.verdict, &wanted.causes, network);
        found
            .into_iter()
            .map(|mistake| format!("{} {mistake}", wanted.name))
    });
    found.collect()
}

/// Compares the verdict and all root causes of one network.
pub(super) fn mistakes_of_one(verdict: &str, causes: &[String], network: &Value) -> Vec<String> {
    let mut mistakes = Vec::new();
    let got = text(network, "verdict");
    if got != verdict {
        mistakes.push(format!("verdict:\n     got {got}\n  wanted {verdict}"));
    }
    let got: Vec<String> = list(&network["root_causes"])
        .map(|cause| {
            let word = |key| text(cause, key);
            let place = format!("{}/{}", word("stage"), word("reason"));
            format!("{place} {} {}", word("severity"), word("subject"))
        })
        .collect();
    let is_same = got.len() == causes.len()
        && got
            .iter()
            .zip(causes)
            .all(|(got, wanted)| is_as_wanted(got, wanted));
    if !is_same {
        mistakes.push(format!("causes:\n     got {got:#?}\n  wanted {causes:#?}"));
    }
    mistakes
}

/// Where a cause ends with `…`, more may follow.
fn is_as_wanted(got: &str, wanted: &str) -> bool {
    match wanted.strip_suffix('…') {
        Some(begin) => got.starts_with(begin),
        None => got == wanted,
    }
}

/// Compares what `lab counts` printed with the least and the most that each number may be.
pub(super) fn miscounts(wanted: &BTreeMap<String, [u64; 2]>, printed: &str) -> Vec<String> {
    let counted: BTreeMap<&str, u64> = printed
        .lines()
        .filter_map(|line| line.split_once('='))
        .filter_map(|(name, number)| Some((name, number.parse().ok()?)))
        .collect();
    let mut mistakes = Vec::new();
    for (name, [least, most]) in wanted {
        let got = counted.get(name.as_str());
        if !got.is_some_and(|got| (least..=most).contains(&got)) {
            mistakes.push(format!(
                "{name}: got {got:?}, wanted {least} to {most}; all: {counted:?}"
            ));
        }
    }
    mistakes
}

#[test]
fn a_packet_on_the_wrong_link_is_a_mistake_and_so_is_a_count_that_is_missing() {
    let wanted = BTreeMap::from([
        ("leaked".to_owned(), [0, 0]),
        ("sent".to_owned(), [1, u64::MAX]),
    ]);
    for (printed, mistakes) in [
        ("leaked=0\nsent=17\n", 0),
        ("leaked=1\nsent=17\n", 1),
        ("leaked=0\nsent=0\n", 1),
        ("sent=17\n", 1),
        ("", 2),
    ] {
        assert_eq!(miscounts(&wanted, printed).len(), mistakes, "{printed}");
    }
}

#[test]
fn each_network_is_compared_with_what_is_wanted_of_it() {
    let wanted: BTreeMap<String, Vec<Wanted>> = toml::from_str(
        "networks = [{ name = \"a\", verdict = \"ready\" },\n\
         { name = \"b\", verdict = \"unknown\", causes = [\"network/link_down inconclusive eth1\"] }]",
    )
    .expect("valid");
    let wanted = &wanted["networks"];
    let cause = serde_json::json!({
        "stage": "network", "reason": "link_down", "severity": "inconclusive", "subject": "eth1"
    });
    let a = serde_json::json!({ "network": "a", "verdict": "ready" });
    let b = serde_json::json!({ "network": "b", "verdict": "unknown", "root_causes": [cause] });
    let found =
        |networks: &[&Value]| mistakes(wanted, &serde_json::json!({ "networks": networks })).len();
    assert_eq!(found(&[&a, &b]), 0);
    assert_eq!(found(&[&b, &a]), 1);
    assert_eq!(found(&[&a]), 1);
    let mut down = b.clone();
    down["root_causes"] = Value::Null;
    assert_eq!(found(&[&a, &down]), 1);
    down["verdict"] = "ready".into();
    assert_eq!(found(&[&a, &down]), 2);
}
