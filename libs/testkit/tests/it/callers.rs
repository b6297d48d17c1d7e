//! A route that takes a caller, and one that does not.

use reqwest::RequestBuilder;
use serde_json::{Value, json};
use testkit::probe::ThingChanged;
use testkit::{KEY, TestApp, key_of, list_backends, probe, recorder};

async fn send_request(request: RequestBuilder) -> (u16, Value) {
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

fn problem_type(problem: &Value) -> &str {
    problem["type"].as_str().unwrap().trim_start_matches("urn:undulator:problem:")
}

#[tokio::test]
async fn things_are_made_by_callers_with_the_scope_and_read_by_everybody() {
    for backend in list_backends() {
        let settings = key_of("db/alice", &["things:write"]);
        let app = TestApp::start_on(&backend, &[probe::SERVICE, recorder::SERVICE], &settings).await;
        let things = format!("{}/probe/things", app.public);
        let make = || app.http.post(&things).json(&json!({"name": "undulator"}));

        let (status, problem) = send_request(make()).await;
        assert_eq!((status, problem_type(&problem)), (401, "identity/no-credentials"));

        let (status, made) = send_request(make().bearer_auth(KEY)).await;
        assert_eq!((status, &made["name"]), (201, &json!("undulator")));
        app.drain().await;
        assert_eq!(app.recorded_events::<ThingChanged>().await.len(), 1, "the refusal left nothing");

        let (status, read) = send_request(app.http.get(format!("{things}/{}", made["id"]))).await;
        assert_eq!((status, &read["name"]), (200, &json!("undulator")));
        app.stop().await;
    }
}

#[tokio::test]
async fn a_key_for_something_else_makes_nothing() {
    let app = TestApp::start(&[probe::SERVICE], &key_of("db/alice", &["things:read"])).await;
    let request = app.http.post(format!("{}/probe/things", app.public)).bearer_auth(KEY).json(&json!({"name": "a"}));
    let (status, problem) = send_request(request).await;
    assert_eq!((status, problem_type(&problem)), (403, "identity/scope"));
    app.stop().await;
}
