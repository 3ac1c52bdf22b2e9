//! The description of the API says what is there: every answer is as it describes it.

use serde_json::{Value, json};
use sightline_model::incident::Memory;

use super::*;

/// What is served, as a description.
async fn description(served: &Served) -> Value {
    let answer = served.get("/api/v1/openapi.json").await;
    assert_eq!(
        (answer.code, answer.header("content-type")),
        (200, Some("application/json"))
    );
    serde_json::from_str(&answer.body).expect("JSON")
}

/// What an answer does not have in common with its description.
fn mistakes(all: &Value, place: &str, answer: &Value) -> Vec<String> {
    let schema = all.pointer(place).unwrap_or_else(|| panic!("no {place}"));
    // The references in it begin at the root of the whole.
    let mut whole = schema.clone();
    whole["components"] = all["components"].clone();
    let validator = jsonschema::validator_for(&whole).expect("a schema");
    let errors = validator.iter_errors(answer);
    errors
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_answer_is_as_it_is_described() {
    let mut known = snapshot(true);
    let incident = crate::store::incident(1, 1);
    known.open = vec![incident.clone()];
    known.closed = Arc::new(vec![incident]);
    known.memory = Arc::new(Memory {
        silences: vec![silences::silence()],
        ..Memory::default()
    });
    let served = Served::new(known).await;
    let all = description(&served).await;
    for (path, query) in [
        ("/api/v1/status", ""),
        ("/api/v1/incidents", ""),
        ("/api/v1/incidents", "?most=5"),
        ("/api/v1/history", "?range=7d"),
        ("/api/v1/silences", ""),
        ("/api/v1/openapi.json", ""),
    ] {
        let answer = served.get(&format!("{path}{query}")).await;
        let value: Value = serde_json::from_str(&answer.body).expect("JSON");
        let place = format!(
            "/paths/{}/get/responses/200/content/application~1json/schema",
            path.replace('/', "~1")
        );
        assert_eq!(
            mistakes(&all, &place, &value),
            Vec::<String>::new(),
            "{path}{query}"
        );
    }
    // It can fail.
    let wrong = json!({"schema": "sightline.status/1", "site": 7});
    assert!(mistakes(&all, "/components/schemas/Status", &wrong).len() > 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_described_is_there_and_nothing_else() {
    let served = Served::new(snapshot(true)).await;
    let all = description(&served).await;
    let paths = all["paths"].as_object().expect("paths");
    for (path, methods) in paths {
        let path = path.replace("{id}", "1");
        for method in methods.as_object().expect("methods").keys() {
            if path == "/api/v1/events" {
                continue;
            }
            let line = format!("{} {path}", method.to_uppercase());
            let code = served.ask(&line, "").await.code.to_string();
            let described = &methods[method]["responses"];
            assert!(described[&code].is_object(), "{line} gives {code}");
        }
        // A method that is not described is not allowed.
        let code = served.ask(&format!("PUT {path}"), "").await.code;
        assert_eq!(code, 405, "{path}");
    }
    // The routes of the program are those of the description.
    let routes = include_str!("../../daemon/src/web/routes.rs");
    let routes: String = routes.split_whitespace().collect();
    let named = routes.split(".route(\"").skip(1);
    let named: std::collections::BTreeSet<_> =
        named.filter_map(|rest| rest.split('"').next()).collect();
    let described: std::collections::BTreeSet<_> = paths.keys().map(String::as_str).collect();
    assert_eq!(named, described);
}
