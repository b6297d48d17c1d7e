//! A service's `OpenAPI` document against what it answers.

mod clients;

use std::collections::BTreeSet;

use serde_json::{Value, json};
use service_kit::{Listener, ServiceDef};

use crate::app::TestApp;

const METHODS: [&str; 8] = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];

/// Panics unless the document of a running service has each of its routes for users and no other, and each operation an
/// id of its own, a summary, the variables of its path, a `Failure` (or one whose name ends so) for each status from 400 on, and nothing that is
/// named but not described, and what generators of clients need. Says how many operations there are.
pub fn assert_described(app: &TestApp, service: &ServiceDef) {
    assert_described_as(app, service, |_| false);
}

/// The same for a service of which some paths fail in plain text, as ICAT+ does.
pub fn assert_described_as(app: &TestApp, service: &ServiceDef, in_plain_text: impl Fn(&str) -> bool) {
    assert_described_but(app, service, |_| false, in_plain_text);
}

/// The same for a service that has pages as well, which no document describes.
pub fn assert_described_but(
    app: &TestApp,
    service: &ServiceDef,
    is_page: impl Fn(&str) -> bool,
    in_plain_text: impl Fn(&str) -> bool,
) {
    let document = serde_json::to_value((service.openapi)()).expect("a document");
    let operations = list_operations(&document);
    let described: BTreeSet<_> = operations.iter().map(|(method, path, _)| (method.clone(), path.clone())).collect();
    let routes: BTreeSet<_> = app
        .routes()
        .iter()
        .filter(|route| route.service == service.name && route.listener == Listener::Public && !is_page(&route.pattern))
        .map(|route| (route.method.clone(), route.pattern.clone()))
        .collect();
    assert!(!routes.is_empty(), "{} has no routes for users", service.name);
    let undescribed: Vec<_> = routes.difference(&described).collect();
    let unanswered: Vec<_> = described.difference(&routes).collect();
    assert!(undescribed.is_empty(), "no operation describes {undescribed:?}");
    assert!(unanswered.is_empty(), "no route answers {unanswered:?}");
    let mut ids = BTreeSet::new();
    for (method, path, operation) in &operations {
        let id = operation["operationId"].as_str().unwrap_or_else(|| panic!("{method} {path} has no id"));
        assert!(ids.insert(id), "{id} stands twice");
        assert!(operation["summary"].is_string(), "{method} {path} has no summary");
        check_variables(method, path, operation);
        check_failures(method, path, operation, in_plain_text(path));
        for scheme in array_items(&operation["security"]).filter_map(Value::as_object).flat_map(|scheme| scheme.keys())
        {
            let known = document["components"]["securitySchemes"][scheme].is_object();
            assert!(known, "{method} {path} asks for {scheme}, which no modifier of the document describes");
        }
    }
    let text = document.to_string();
    for schema in text.split("\"#/components/schemas/").skip(1).filter_map(|rest| rest.split('"').next()) {
        let known = document["components"]["schemas"][schema].is_object();
        assert!(known, "{schema} is not among the components of the document");
    }
    clients::check_for_clients(&document);
    println!("{}: {} operations", service.name, operations.len());
}

fn check_variables(method: &str, path: &str, operation: &Value) {
    let parameters = array_items(&operation["parameters"]).filter(|parameter| parameter["in"] == "path");
    let described: BTreeSet<_> = parameters.filter_map(|parameter| parameter["name"].as_str()).collect();
    let variables: BTreeSet<_> = path.split('{').skip(1).filter_map(|rest| rest.split('}').next()).collect();
    assert_eq!(described, variables, "the variables of {method} {path}");
}

fn check_failures(method: &str, path: &str, operation: &Value, in_plain_text: bool) {
    for (status, response) in operation["responses"].as_object().into_iter().flatten() {
        let failed = status.as_str() >= "400";
        if in_plain_text && failed {
            let plain = json!({"text/plain": {"schema": {"type": "string"}}});
            assert_eq!(response["content"], plain, "how {status} of {method} {path} fails");
            continue;
        }
        let of_failure = response["content"].as_object().is_some_and(|content| {
            let is_failure = |schema: &str| schema.ends_with("Failure");
            content.values().all(|media| media["schema"]["$ref"].as_str().is_some_and(is_failure))
        });
        assert_eq!(of_failure, failed, "whether {status} of {method} {path} is a Failure");
    }
}

/// Method, path and the operation itself.
fn list_operations(document: &Value) -> Vec<(String, String, &Value)> {
    let mut all = Vec::new();
    for (path, item) in document["paths"].as_object().into_iter().flatten() {
        for (method, operation) in item.as_object().into_iter().flatten() {
            assert!(METHODS.contains(&method.as_str()), "{path} has a {method}");
            all.push((method.to_uppercase(), path.clone(), operation));
        }
    }
    all
}

fn array_items(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}
