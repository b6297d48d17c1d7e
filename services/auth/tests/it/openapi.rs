//! The `OpenAPI` document against the mount table of the running service.

use testkit::TestApp;

#[tokio::test]
async fn every_public_route_is_described_and_nothing_else() {
    let app = TestApp::start(&[auth::SERVICE], "").await;
    testkit::assert_described_but(
        &app,
        &auth::SERVICE,
        |path| path.starts_with("/auth/app") || path.ends_with("/start") || path.ends_with("/callback"),
        |path| path.starts_with("/session"),
    );
    app.stop().await;
}

#[test]
fn failures_are_problems_and_a_session_needs_no_body() {
    let document = serde_json::to_value((auth::SERVICE.openapi)()).unwrap();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            for (status, response) in operation["responses"].as_object().unwrap() {
                if status.as_str() >= "400"
                    && !path.starts_with("/session")
                    && !(status == "400" && path.ends_with("/backchannel-logout"))
                {
                    let media: Vec<_> = response["content"].as_object().unwrap().keys().collect();
                    let is_native = ["/auth/v1/", "/.well-known/"].iter().any(|prefix| path.starts_with(prefix));
                    let expected = if is_native { "application/problem+json" } else { "application/json" };
                    assert_eq!(media, [expected], "{method} {path} {status}");
                }
            }
        }
    }
    let login = &document["paths"]["/auth/v1/token"]["post"]["requestBody"];
    assert_eq!(login["required"], false, "a session needs no body");
}
