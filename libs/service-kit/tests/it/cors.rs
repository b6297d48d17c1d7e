//! Which pages of other origins may read the answers.

use actix_web::web;
use reqwest::header::HeaderMap;
use service_kit::{Code, ErrorFormat, Listener, Mount, Problem, Running, ServiceDef};
use testkit::TestApp;

const SERVICE: ServiceDef = ServiceDef {
    name: "sample",
    build: |_| {
        let mount = |prefix| {
            Mount::new(prefix, Listener::Public, ErrorFormat::PROBLEM_DETAILS)
                .get("/ok", async || "ok")
                .post("/ok", async || "ok")
                .get("/missing", async || Err::<String, _>(Problem::new(Code::NotFound, "sample/missing", "missing")))
                .get("/panic", panic_in_handler)
                .get("/refused/{code}", refuse_request)
                .get("/slow", async || std::future::pending::<String>().await)
        };
        let mounts = vec![mount("/open").cors(), mount("/closed"), mount("/all").cors_for_everybody()];
        Box::pin(std::future::ready(Ok(Running { mounts, ..Running::default() })))
    },
    ..ServiceDef::EMPTY
};
async fn panic_in_handler() -> String {
    panic!("on purpose")
}

async fn refuse_request(code: web::Path<String>) -> Result<String, Problem> {
    let code = match code.as_str() {
        "401" => Code::Unauthenticated,
        "403" => Code::Forbidden,
        "409" => Code::Conflict,
        "413" => Code::TooLarge,
        "502" => Code::BadGateway,
        _ => Code::Unavailable,
    };
    Err(Problem::new(code, "sample/refused", "refused"))
}

const FRIEND: &str = "https://data.example.org";
const FRIENDS: &str = "[http.cors]\nallowed_origins = [\"https://data.example.org\"]\n";

async fn send_request(app: &TestApp, method: &str, path: &str, headers: &[(&str, &str)]) -> (u16, HeaderMap) {
    let mut request = app.http.request(method.parse().unwrap(), format!("{}{path}", app.public));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), answer.headers().clone())
}

fn names_of_cors(headers: &HeaderMap) -> Vec<&str> {
    headers.keys().map(reqwest::header::HeaderName::as_str).filter(|name| name.starts_with("access-control-")).collect()
}

#[tokio::test]
async fn pages_of_allowed_origins_may_read_answers_and_refusals() {
    let app = TestApp::start(&[SERVICE], FRIENDS).await;
    for (path, status) in [("/open/ok", 200), ("/open/missing", 404)] {
        let (got, headers) = send_request(&app, "GET", path, &[("origin", FRIEND)]).await;
        assert_eq!(got, status, "{path}");
        assert_eq!(headers["access-control-allow-origin"], FRIEND, "{path}");
        assert!(headers["vary"].to_str().unwrap().contains("Origin"), "{path}: {headers:?}");
        assert!(!headers.contains_key("access-control-allow-credentials"), "{path}");
    }
    let (status, headers) = send_request(&app, "DELETE", "/open/ok", &[("origin", FRIEND)]).await;
    assert_eq!((status, &headers["allow"]), (405, &"GET, POST, HEAD, OPTIONS".parse().unwrap()));
    assert_eq!(headers["access-control-allow-origin"], FRIEND);
    app.stop().await;
}

#[tokio::test]
async fn pages_of_other_origins_and_programs_get_no_such_headers() {
    let app = TestApp::start(&[SERVICE], FRIENDS).await;
    let others = ["https://evil.example.org", "http://data.example.org", "https://data.example.org.evil", "null"];
    for (path, status) in [("/open/ok", 200), ("/open/missing", 404), ("/closed/ok", 200)] {
        for origin in others {
            let (got, headers) = send_request(&app, "GET", path, &[("origin", origin)]).await;
            assert_eq!(got, status, "{path} for {origin}");
            assert!(!headers.contains_key("access-control-allow-origin"), "{path} for {origin}: {headers:?}");
        }
    }
    let (_, headers) = send_request(&app, "GET", "/open/ok", &[]).await;
    assert!(!headers.contains_key("access-control-allow-origin"), "{headers:?}");
    let (_, headers) = send_request(&app, "GET", "/closed/ok", &[("origin", FRIEND)]).await;
    assert_eq!(names_of_cors(&headers), [""; 0], "a mount that did not ask for it");
    app.stop().await;
}

#[tokio::test]
async fn preflights_are_answered_for_allowed_origins_only() {
    let app = TestApp::start(&[SERVICE], FRIENDS).await;
    let preflight = |origin| {
        [
            ("origin", origin),
            ("access-control-request-method", "POST"),
            ("access-control-request-headers", "authorization,idempotency-key"),
        ]
    };
    let (status, headers) = send_request(&app, "OPTIONS", "/open/ok", &preflight(FRIEND)).await;
    assert_eq!(status, 204);
    assert_eq!(headers["access-control-allow-origin"], FRIEND);
    assert!(headers["access-control-allow-methods"].to_str().unwrap().contains("POST"), "{headers:?}");
    let allowed = headers["access-control-allow-headers"].to_str().unwrap();
    for name in
        ["Authorization", "Content-Type", "If-Match", "Range", "Idempotency-Key", "X-Request-Id", "authorization"]
    {
        assert!(allowed.split(", ").any(|allowed| allowed.split(',').any(|a| a == name)), "{name} in {allowed}");
    }
    assert_eq!(headers["access-control-max-age"], "3600");

    let (status, headers) = send_request(&app, "OPTIONS", "/open/ok", &preflight("https://evil.example.org")).await;
    assert_eq!(status, 204);
    assert!(!headers.contains_key("access-control-allow-origin"), "{headers:?}");
    let (status, headers) = send_request(&app, "OPTIONS", "/closed/ok", &preflight(FRIEND)).await;
    assert_eq!((status, names_of_cors(&headers)), (204, Vec::new()));
    app.stop().await;
}

#[tokio::test]
async fn nobody_is_allowed_unless_configured_and_everybody_by_a_star() {
    let app = TestApp::start(&[SERVICE], "").await;
    let (status, headers) = send_request(&app, "GET", "/open/ok", &[("origin", FRIEND)]).await;
    assert_eq!((status, names_of_cors(&headers)), (200, Vec::new()));
    app.stop().await;

    let app = TestApp::start(&[SERVICE], "[http.cors]\nallowed_origins = [\"*\"]\n").await;
    let (_, headers) = send_request(&app, "GET", "/open/ok", &[("origin", "https://any.example.org")]).await;
    let allowed = headers["access-control-allow-origin"].to_str().unwrap();
    assert!(["*", "https://any.example.org"].contains(&allowed), "{allowed}");
    app.stop().await;
}

/// Without the headers a page cannot read why it was refused, nor when to come back.
#[tokio::test]
async fn refusals_and_failures_of_every_kind_can_be_read() {
    let limits = "[http.limits]\nrate = 1\nburst = 14\ntime = \"200ms\"\n";
    let app = TestApp::start(&[SERVICE], &format!("{limits}{FRIENDS}")).await;
    let read = async |path: &str| {
        let (status, headers) = send_request(&app, "GET", path, &[("origin", FRIEND)]).await;
        let expected = if path.starts_with("/all") { "*" } else { FRIEND };
        assert_eq!(headers["access-control-allow-origin"], expected, "{path} {status}");
        let exposed = headers["access-control-expose-headers"].to_str().unwrap();
        for name in ["ETag", "Content-Range", "Content-Disposition", "Retry-After", "X-Request-Id", "Location", "Link"]
        {
            assert!(exposed.split(", ").any(|exposed| exposed == name), "{name} in {exposed}");
        }
        status
    };
    for code in [401, 403, 409, 413, 502, 503] {
        assert_eq!(read(&format!("/open/refused/{code}")).await, code);
    }
    assert_eq!(read("/all/refused/403").await, 403);
    assert_eq!(read("/open/panic").await, 500);
    assert_eq!(read("/open/slow").await, 503);
    assert_eq!(read("/all/nothing-here").await, 404);
    let mut refused = 0;
    for _ in 0..15 {
        refused += u32::from(read("/open/ok").await == 429);
    }
    assert!(refused > 0, "the control: some are too many");
    app.stop().await;
}
