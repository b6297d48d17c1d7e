//! What is for operators and other services does not exist on the port for users, however it is asked for.

use actix_web::web;
use service_kit::{ErrorFormat, Listener, Mount, RouteInfo, Running, ServiceDef};
use testkit::TestApp;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// Routes of every kind: with and without variables, under a prefix that also has public routes, for each method.
const SERVICE: ServiceDef = ServiceDef {
    name: "sample",
    build: |_| {
        let admin = Mount::new("/admin", Listener::Internal, ErrorFormat::PROBLEM_DETAILS)
            .post("/clear", async || "cleared")
            .get("/jobs/{id}", async |id: web::Path<i64>| id.to_string())
            .put("/jobs/{id}", async |id: web::Path<i64>| id.to_string())
            .delete("/jobs/{id}/files/{name}", async |ids: web::Path<(i64, String)>| ids.into_inner().1);
        let plugin = Mount::new("/authn.db", Listener::Internal, ErrorFormat::PROBLEM_DETAILS)
            .get("/description", async || r#"{"keys":[]}"#)
            .post("/authenticate", async || "{}");
        let shared =
            Mount::new("/icat", Listener::Internal, ErrorFormat::PROBLEM_DETAILS).get("/private", async || "private");
        let public = Mount::new("/icat", Listener::Public, ErrorFormat::PROBLEM_DETAILS)
            .get("/version", async || "6.2.0")
            .get("/user/{name}", async |name: web::Path<String>| name.into_inner());
        Box::pin(std::future::ready(Ok(Running { mounts: vec![admin, plugin, shared, public], ..Running::default() })))
    },
    ..ServiceDef::EMPTY
};

/// The path of a route with a value in place of each variable.
fn fill_variables(pattern: &str) -> String {
    let mut path = String::new();
    for (n, part) in pattern.split(['{', '}']).enumerate() {
        path.push_str(if n % 2 == 0 { part } else { "1" });
    }
    path
}

/// Each byte but the leading slash as `%xx`.
fn percent_encode_path(path: &str, hex: impl Fn(u8) -> String) -> String {
    path.bytes().enumerate().map(|(n, b)| if n == 0 { "/".to_owned() } else { hex(b) }).collect()
}

fn list_tricks(path: &str, app: &TestApp) -> Vec<String> {
    let inner = &path[1..];
    let host = |base: &str| format!("{base}{path}");
    vec![
        path.to_owned(),
        format!("/{path}"),
        format!("//{path}"),
        format!("/.{path}"),
        format!("/./{inner}"),
        format!("/;{path}"),
        format!("/;x=1{path}"),
        path.replace('/', "//"),
        format!("/{}", inner.replace('/', "//")),
        format!("/{}", inner.replace('/', "/./")),
        format!("/{}", inner.replace('/', "/x/../")),
        format!("/{}", inner.replace('/', "%2f")),
        format!("/{}", inner.replace('/', "%2F")),
        format!("/{}", inner.replace('/', "%252f")),
        format!("/%2f{inner}"),
        format!("/%2F{inner}"),
        format!("/%2e/{inner}"),
        format!("/%2E/{inner}"),
        percent_encode_path(path, |b| format!("%{b:02x}")),
        percent_encode_path(path, |b| format!("%{b:02X}")),
        percent_encode_path(path, |b| if b == b'/' { "/".to_owned() } else { format!("%{b:02x}") }),
        percent_encode_path(path, |b| if b == b'/' { "/".to_owned() } else { format!("%{b:02X}") }),
        percent_encode_path(path, |b| if b == b'/' { "/".to_owned() } else { format!("%25{b:02X}") }),
        format!("/icat/..{path}"),
        format!("/icat/../..{path}"),
        format!("/icat/%2e%2e{path}"),
        format!("/icat/%2E%2E{path}"),
        format!("/icat/.%2e{path}"),
        format!("/icat/%252e%252e{path}"),
        format!("/icat/..;{path}"),
        format!("/icat/..%2f{inner}"),
        format!("/icat/..%5c{inner}"),
        format!("/icat/..\\{inner}"),
        format!("/docs/..{path}"),
        format!("/docs/..%2f{inner}"),
        format!("/docs/%2e%2e%2f{inner}"),
        format!("{path}/"),
        format!("{path}//"),
        format!("{path}/."),
        format!("{path};x=1"),
        format!("{path};"),
        format!("{path}?x=1"),
        format!("{path}%3fx=1"),
        format!("{path}%00"),
        format!("{path}%20"),
        format!("{path}#x"),
        path.to_ascii_uppercase(),
        host(&app.public),
        host(&app.internal),
        host("https://localhost"),
        host("http://user@internal"),
        inner.to_owned(),
        "*".to_owned(),
    ]
}

/// Asks for a target exactly as written; HTTP clients would tidy it up first.
async fn raw_status(base: &str, route: &RouteInfo, target: &str, host: &str) -> u16 {
    let mut socket = tokio::net::TcpStream::connect(base.trim_start_matches("http://")).await.unwrap();
    let method = &route.method;
    let request =
        format!("{method} {target} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer).await.unwrap();
    let answer = String::from_utf8_lossy(&answer);
    answer.split(' ').nth(1).unwrap_or_else(|| panic!("{method} {target}: {answer:?}")).parse().unwrap()
}

/// The control is that the same request finds every one of these routes on the internal port.
#[tokio::test]
async fn internal_routes_do_not_exist_on_the_public_port() {
    let app = TestApp::start(&[SERVICE], "").await;
    let internal_host = app.internal.trim_start_matches("http://");
    let hosts = [app.public.trim_start_matches("http://"), internal_host, "localhost", "undulator.internal"];
    let routes: Vec<_> = app.routes().iter().filter(|route| route.listener == Listener::Internal).collect();
    let patterns: Vec<&str> = routes.iter().map(|route| route.pattern.as_str()).collect();
    for own in ["/health/live", "/health/ready", "/health/startup", "/metrics"] {
        assert!(patterns.contains(&own), "{own} is missing in {patterns:?}");
    }
    let mut asked = 0;
    for route in routes {
        let path = fill_variables(&route.pattern);
        let case = format!("{} {}", route.method, route.pattern);
        let there = raw_status(&app.internal, route, &path, internal_host).await;
        assert!(matches!(there, 200 | 204), "{case} on the internal port: {there}");
        for trick in list_tricks(&path, &app) {
            for host in hosts {
                let status = raw_status(&app.public, route, &trick, host).await;
                // Below `/docs/` everything is a file of the page, which is only read.
                let of_the_page = trick.starts_with("/docs/") && route.method != "GET" && status == 405;
                assert!(matches!(status, 404 | 501 | 400) || of_the_page, "{case} as {trick} of {host}: {status}");
                asked += 1;
            }
        }
    }
    println!("{asked} requests");
    app.stop().await;
}

/// And the other way round: what users reach is not answered where nobody counts their requests.
#[tokio::test]
async fn public_routes_do_not_exist_on_the_internal_port() {
    let app = TestApp::start(&[SERVICE], "").await;
    let routes: Vec<_> = app.routes().iter().filter(|route| route.listener == Listener::Public).collect();
    assert!(routes.len() > 2);
    for route in routes {
        let path = fill_variables(&route.pattern);
        let (here, there) = (
            raw_status(&app.public, route, &path, "localhost").await,
            raw_status(&app.internal, route, &path, "localhost").await,
        );
        // 404 is the page's word for a file that it does not have.
        assert!(matches!(here, 200 | 303) || route.pattern.starts_with("/docs/"), "{path}: {here}");
        assert!(matches!(there, 404 | 501), "{path}: {there}");
    }
    app.stop().await;
}
