//! What operators see of requests, and what they must not see.

use actix_web::web;
use service_kit::{Code, ErrorFormat, Listener, Mount, Problem, Running, ServiceDef};
use testkit::TestApp;

const SERVICE: ServiceDef = ServiceDef {
    name: "sample",
    build: |_| {
        let mount = Mount::new("/things", Listener::Public, ErrorFormat::PROBLEM_DETAILS)
            .get("/{id}", async |id: web::Path<String>| id.into_inner())
            .delete("/{id}", async || Err::<String, _>(Problem::new(Code::Forbidden, "sample/no", "no")))
            .get("/{id}/panic", panic_in_handler);
        Box::pin(std::future::ready(Ok(Running { mounts: vec![mount], ..Running::default() })))
    },
    ..ServiceDef::EMPTY
};

async fn panic_in_handler() -> String {
    panic!("as the test wants")
}

const COUNT: &str = "http_server_request_duration_seconds_count";
const FAILURES: &str = "undulator_http_failures_total";

#[tokio::test]
async fn requests_are_counted_by_pattern_and_status_and_never_by_what_stands_in_the_path() {
    let app = TestApp::start(&[SERVICE], "").await;
    for (method, path, status) in [
        ("GET", "/things/canary-1", 200),
        ("GET", "/things/canary-2?session=canary-3", 200),
        ("HEAD", "/things/canary-4", 200),
        ("DELETE", "/things/canary-5", 403),
        ("POST", "/things/canary-6", 405),
        ("GET", "/things/canary-7/panic", 500),
        ("GET", "/canary-8", 404),
        ("GET", "/canary-9/x", 404),
        ("GET", "/things/canary-10/canary-11/x", 404),
        ("CANARY", "/things/canary-12", 405),
    ] {
        let url = format!("{}{path}", app.public);
        let answer = app.http.request(method.parse().unwrap(), url).send().await.unwrap();
        assert_eq!(answer.status(), status, "{method} {path}");
    }
    let answer = app.http.get(format!("{}/metrics", app.internal)).send().await.unwrap();
    assert_eq!(answer.headers()["content-type"], "application/openmetrics-text; version=1.0.0; charset=utf-8");
    let text = answer.text().await.unwrap();
    let mut series: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix(COUNT)).collect();
    series.sort_unstable();
    assert_eq!(
        series,
        [
            r#"{http_request_method="DELETE",http_route="/things/{id}",http_response_status_code="403"} 1"#,
            r#"{http_request_method="GET",http_route="/things/{id}",http_response_status_code="200"} 2"#,
            r#"{http_request_method="GET",http_route="/things/{id}/panic",http_response_status_code="500"} 1"#,
            r#"{http_request_method="GET",http_route="unmatched",http_response_status_code="404"} 3"#,
            r#"{http_request_method="HEAD",http_route="/things/{id}",http_response_status_code="200"} 1"#,
            r#"{http_request_method="POST",http_route="/things/{id}",http_response_status_code="405"} 1"#,
            r#"{http_request_method="_OTHER",http_route="/things/{id}",http_response_status_code="405"} 1"#,
        ]
    );
    let mut failures: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix(FAILURES)).collect();
    failures.sort_unstable();
    assert_eq!(
        failures,
        [
            r#"{http_route="/things/{id}",error_slug="method-not-allowed"} 2"#,
            r#"{http_route="/things/{id}",error_slug="sample/no"} 1"#,
            r#"{http_route="/things/{id}/panic",error_slug="internal"} 1"#,
            r#"{http_route="unmatched",error_slug="no-route"} 3"#,
        ]
    );
    assert!(!text.to_lowercase().contains("canary"), "{text}");
    assert!(text.contains("\nhttp_server_active_requests 1\n"), "only the one that asks: {text}");
    assert!(text.contains("db_client_connection_count{undulator_service=\"sample\""), "{text}");
    assert!(text.ends_with("# EOF\n"));
    let public = app.http.get(format!("{}/metrics", app.public)).send().await.unwrap();
    assert_eq!(public.status(), 404);
    app.stop().await;
}
