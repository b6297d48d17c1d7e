//! The HTTP floor: dialects for what no handler answers, both listeners, request ids, pools.

use std::sync::Arc;

use actix_web::web;
use service_kit::{Code, Dialect, Listener, Mount, Pools, Problem, Running, ServiceDef};
use testkit::TestApp;

const DIALECTS: [(&str, Dialect); 5] = [
    ("/problem", Dialect::Problem),
    ("/icat", Dialect::Icat),
    ("/ids", Dialect::Ids),
    ("/authn.db", Dialect::Authn),
    ("/session", Dialect::IcatPlus),
];

static SERVICE: ServiceDef =
    ServiceDef { name: "sample", build: |_| Box::pin(std::future::ready(Ok(build()))), ..ServiceDef::EMPTY };

fn build() -> Running {
    let mut mounts: Vec<Mount> = DIALECTS
        .into_iter()
        .map(|(prefix, dialect)| {
            Mount::new(prefix, Listener::Public, dialect)
                .state(Arc::new("state".to_owned()))
                .get("/ok", async |state: web::Data<String>| state.to_string())
                .get("/panic", panics)
                .get("/secret", async || Err::<String, _>(Problem::internal("canary-51e0")))
                .get("/id/{n}", async |n: web::Path<i64>| n.to_string())
                .post("/json", async |body: web::Json<Vec<i64>>| body.len().to_string())
        })
        .collect();
    mounts.push(Mount::new("/admin", Listener::Internal, Dialect::Problem).get("/clear", async || "cleared"));
    Running { mounts, ..Running::default() }
}

async fn panics() -> String {
    panic!("canary-51e0")
}

/// Each dialect and each failure that no handler made; the expected lines are the wire formats' own.
#[tokio::test]
async fn failures_of_no_handler_take_the_dialect_of_their_mount() {
    let app = TestApp::start(&[SERVICE], "[http.limits]\nbody = \"1KiB\"\n").await;
    let expected = [
        (
            "/icat",
            "GET",
            "/nothing",
            "",
            501,
            r#"{"code":"NOT_IMPLEMENTED","message":"Operation not implemented by this ICAT server."}"#,
        ),
        ("/icat", "PUT", "/ok", "", 405, r#"{"code":"BAD_PARAMETER","message":"this address takes GET"}"#),
        (
            "/ids",
            "GET",
            "/nothing",
            "",
            501,
            r#"{"code":"NOT_IMPLEMENTED","message":"Operation not implemented by this IDS server."}"#,
        ),
        ("/ids", "POST", "/ok", "", 405, r#"{"code":"BadRequestException","message":"this address takes GET"}"#),
        (
            "/authn.db",
            "GET",
            "/x",
            "",
            501,
            r#"{"code":"NOT_IMPLEMENTED","message":"Operation not implemented by this authn server."}"#,
        ),
        ("/session", "GET", "/a/b/c", "", 404, "there is nothing at this address"),
        ("/session", "DELETE", "/json", "", 405, "this address takes POST"),
    ];
    for (prefix, method, path, body, status, text) in expected {
        let url = format!("{}{prefix}{path}", app.public);
        let answer = app.http.request(method.parse().unwrap(), url).body(body).send().await.unwrap();
        assert_eq!(answer.status(), status, "{method} {prefix}{path}");
        assert_eq!(answer.text().await.unwrap(), text, "{method} {prefix}{path}");
    }
    for (prefix, _) in DIALECTS {
        let cases = [
            ("GET", "/id/x", String::new(), None, 400),
            ("POST", "/json", "[1,".to_owned(), Some("application/json"), 400),
            ("POST", "/json", "[1]".to_owned(), None, 400),
            ("POST", "/json", format!("[{}1]", "1,".repeat(2000)), Some("application/json"), 413),
            ("GET", "/panic", String::new(), None, 500),
            ("GET", "/secret", String::new(), None, 500),
        ];
        for (method, path, body, media_type, status) in cases {
            let url = format!("{}{prefix}{path}", app.public);
            let mut request = app.http.request(method.parse().unwrap(), url).body(body);
            if let Some(media_type) = media_type {
                request = request.header("content-type", media_type);
            }
            let answer = request.send().await.unwrap();
            assert_eq!(answer.status(), status, "{method} {prefix}{path}");
            assert!(answer.headers().contains_key("x-request-id"), "{method} {prefix}{path}");
            let text = answer.text().await.unwrap();
            assert!(!text.is_empty() && !text.contains("canary"), "{method} {prefix}{path}: {text}");
            let is_json = text.starts_with('{');
            assert_eq!(is_json, prefix != "/session", "{method} {prefix}{path}: {text}");
        }
        let alive = app.http.get(format!("{}{prefix}/ok", app.public)).send().await.unwrap();
        assert_eq!(alive.text().await.unwrap(), "state", "the worker survived the panic");
    }
    app.stop().await;
}

#[tokio::test]
async fn head_has_the_headers_of_get_and_no_body() {
    let app = TestApp::start(&[SERVICE], "").await;
    let answer = app.http.head(format!("{}/icat/ok", app.public)).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["content-length"], "5");
    assert_eq!(answer.bytes().await.unwrap().len(), 0);
}

#[tokio::test]
async fn a_request_id_is_kept_if_it_is_harmless_and_made_otherwise() {
    let app = TestApp::start(&[SERVICE], "").await;
    let id_of = async |given: &str| {
        let request = app.http.get(format!("{}/icat/ok", app.public)).header("x-request-id", given);
        request.send().await.unwrap().headers()["x-request-id"].to_str().unwrap().to_owned()
    };
    assert_eq!(id_of("abc-1.2_3").await, "abc-1.2_3");
    assert_eq!(id_of("two words").await.len(), 36);
    assert_eq!(id_of(&"x".repeat(65)).await.len(), 36);
}

/// The control is that the same routes answer on the internal port.
#[tokio::test]
async fn internal_routes_do_not_exist_on_the_public_port() {
    let app = TestApp::start(&[SERVICE], "").await;
    let internal = ["/admin/clear", "/health/live", "/health/ready", "/health/startup"];
    for path in internal {
        let answer = app.http.get(format!("{}{path}", app.internal)).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{path}");
        for trick in [
            path.to_owned(),
            format!("/{path}"),
            path.replacen('/', "/./", 2),
            path.replace('a', "%61"),
            format!("/icat/..{path}"),
            format!("/icat/%2e%2e{path}"),
            format!("{path}/"),
            format!("{path};x=1"),
        ] {
            let status = raw_status(&app.public, &trick).await;
            assert!(status == 404 || status == 501 || status == 400, "{trick}: {status}");
        }
    }
}

/// Asks for a path exactly as written; HTTP clients would tidy it up first.
async fn raw_status(base: &str, path: &str) -> u16 {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let address = base.trim_start_matches("http://");
    let mut socket = tokio::net::TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await.unwrap();
    answer.split(' ').nth(1).unwrap().parse().unwrap()
}

#[tokio::test]
async fn two_services_cannot_claim_one_address() {
    let config =
        service_kit::Config::from_toml(&[], "[http]\nbind = \"127.0.0.1:0\"\ninternal_bind = \"127.0.0.1:0\"\n")
            .unwrap();
    let dir = tempfile::tempdir().unwrap();
    let config = config.with("data_dir", dir.path()).unwrap();
    let twin = ServiceDef { name: "twin", ..SERVICE };
    let outcome = service_kit::Server::start(&[SERVICE, twin], &config, service_kit::Sources::default()).await;
    let refused = outcome.err().expect("refused").to_string();
    assert!(refused.starts_with("two services claim GET /"), "{refused}");
}

/// Filled by work that waits for us, so nothing depends on timing.
#[tokio::test]
async fn a_full_pool_answers_at_once() {
    let pool = Pools::default().open("storage.test", 1, 1);
    let (release, wait) = std::sync::mpsc::channel::<()>();
    let (started, running) = tokio::sync::oneshot::channel();
    let hung = pool.run(move || {
        started.send(()).ok();
        wait.recv().ok();
    });
    let queued = pool.run(|| 7);
    tokio::pin!(hung, queued);
    tokio::select! {
        biased;
        _ = &mut hung => panic!("hangs until released"),
        _ = &mut queued => panic!("waits for its turn"),
        _ = running => {}
    }
    let refused = pool.run(|| ()).await.expect_err("no place left");
    assert_eq!((refused.code, refused.retry_after), (Code::Unavailable, Some(5)));
    release.send(()).unwrap();
    hung.await.unwrap();
    assert_eq!(queued.await.unwrap(), 7);
}
