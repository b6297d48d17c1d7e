//! The `OpenAPI` document against the mount table of the running service.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use service_kit::Listener;
use testkit::TestApp;

const METHODS: [&str; 8] = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];

fn document() -> Value {
    serde_json::to_value((logbook::SERVICE.openapi)()).unwrap()
}

/// Method, path and the operation itself.
fn operations(document: &Value) -> Vec<(String, String, Value)> {
    let mut all = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            assert!(METHODS.contains(&method.as_str()), "{path} has a {method}");
            all.push((method.to_uppercase(), path.clone(), operation.clone()));
        }
    }
    all
}

#[tokio::test]
async fn every_public_route_is_described_and_nothing_else() {
    let app = TestApp::start(&[logbook::SERVICE], "").await;
    let routes: BTreeSet<(String, String)> = app
        .routes()
        .iter()
        .filter(|route| route.service == logbook::SERVICE.name && route.listener == Listener::Public)
        .map(|route| (route.method.clone(), route.pattern.clone()))
        .collect();
    let described: BTreeSet<(String, String)> =
        operations(&document()).into_iter().map(|(method, path, _)| (method, path)).collect();
    assert!(!routes.is_empty());
    let undescribed: Vec<_> = routes.difference(&described).collect();
    let unanswered: Vec<_> = described.difference(&routes).collect();
    assert!(
        undescribed.is_empty() && unanswered.is_empty(),
        "not described: {undescribed:?}; no route: {unanswered:?}"
    );
    println!("{} operations", routes.len());
    app.stop().await;
}

/// Generated clients name their functions after the ids, take each variable of the path, and read each failure.
#[test]
fn operations_have_names_variables_and_failures() {
    let document = document();
    let mut ids = BTreeSet::new();
    for (method, path, operation) in operations(&document) {
        let id = operation["operationId"].as_str().unwrap().to_owned();
        assert!(ids.insert(id.clone()), "{id} stands twice");
        assert!(operation["summary"].is_string(), "{method} {path} has no summary");
        let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
        let in_path = parameters.iter().filter(|p| p["in"] == "path").map(|p| p["name"].as_str().unwrap());
        let variables = path.split('{').skip(1).map(|rest| rest.split('}').next().unwrap());
        assert_eq!(in_path.collect::<BTreeSet<_>>(), variables.collect::<BTreeSet<_>>(), "{method} {path}");
        // ICAT+ fails in plain text.
        let (media_type, schema) = ("text/plain", json!({"type": "string"}));
        for (status, response) in operation["responses"].as_object().unwrap() {
            let content = response.get("content").and_then(Value::as_object);
            if status.as_str() >= "400" {
                assert_eq!(content.unwrap().keys().collect::<Vec<_>>(), [media_type], "{method} {path} {status}");
                assert_eq!(response["content"][media_type]["schema"], schema, "{method} {path} {status}");
            }
        }
    }
    let text = document.to_string();
    for reference in text.split("\"#/components/schemas/").skip(1).map(|rest| rest.split('"').next().unwrap()) {
        assert!(document["components"]["schemas"][reference].is_object(), "{reference} is not described");
    }
}
