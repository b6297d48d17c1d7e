//! What a request gets that no handler answers, or that a handler refuses, in the error format of its mount.
//!
//! The codes and texts are those of icat.server 6.2, ids.server 2.1, the authenticator plugins and ICAT+ where these
//! say something: 501 for unknown addresses, a dead session as 403 with `SESSION`, wrong methods and media types as 4xx
//! with `BAD_PARAMETER`, and for downloads `DataNotOnlineException` where trying later helps, because clients go by the
//! code.

use actix_web::web;
use reqwest::Response;
use service_kit::{Code, ErrorFormat, Listener, Mount, Problem, Running, ServiceDef};
use testkit::TestApp;
use tokio::sync::Semaphore;

const REQUEST_ID: &str = "test-1";

/// Prefix, error format and the media type of its failures.
const MOUNTS: [(&str, ErrorFormat, &str); 5] = [
    ("/new", ErrorFormat::Problem, "application/problem+json"),
    ("/icat", ErrorFormat::Icat, "application/json"),
    ("/ids", ErrorFormat::Ids, "application/json"),
    ("/authn.db", ErrorFormat::Authn, "application/json"),
    ("/session", ErrorFormat::IcatPlus, "text/plain; charset=utf-8"),
];

const SERVICE: ServiceDef =
    ServiceDef { name: "sample", build: |_| Box::pin(std::future::ready(Ok(build()))), ..ServiceDef::EMPTY };

fn build() -> Running {
    let mount = |(prefix, error_format, _)| {
        Mount::new(prefix, Listener::Public, error_format)
            .get("/ok", async || "state")
            .post("/json", async |body: web::Json<Vec<i64>>| body.len().to_string())
            .post("/form", async |body: web::Form<Vec<(String, String)>>| body.len().to_string())
            .get("/number/{n}", async |n: web::Path<i64>| n.to_string())
            .get("/panic", panics)
            .get("/internal", async || Err::<String, _>(Problem::internal("canary-51e0")))
            .get("/stranger", async || Err::<String, _>(refused(Code::Unauthenticated, "the session has expired")))
            .get("/forbidden", async || Err::<String, _>(refused(Code::Forbidden, "members only")))
            .get("/missing", async || Err::<String, _>(refused(Code::NotFound, "there is no dataset 7")))
            .get("/hang", hangs)
            .get("/hold", holds)
    };
    Running { mounts: MOUNTS.into_iter().map(mount).collect(), ..Running::default() }
}

fn refused(code: Code, text: &str) -> Problem {
    Problem::new(code, "sample/refused", text)
}

async fn panics() -> String {
    panic!("canary-51e0")
}

async fn hangs() -> String {
    std::future::pending().await
}

static HELD: Semaphore = Semaphore::const_new(0);
static RELEASED: Semaphore = Semaphore::const_new(0);

/// Says that it is worked on, and waits for the test's word.
async fn holds() -> String {
    HELD.add_permits(1);
    RELEASED.acquire().await.unwrap().forget();
    "held".to_owned()
}

/// One failure: what is sent, and what comes back in each error format in the order of [`MOUNTS`].
struct Row {
    failure: &'static str,
    request: (&'static str, &'static str, Option<&'static str>, &'static str),
    allow: Option<&'static str>,
    retry_after: Option<&'static str>,
    cells: [(u16, &'static str); 5],
}

const NO_ROUTE: Row = Row {
    failure: "no route has this path",
    request: ("GET", "/no/such/route", None, ""),
    allow: None,
    retry_after: None,
    cells: [
        (
            404,
            r#"{"type":"urn:undulator:problem:no-route","title":"Not Found","status":404,"detail":"there is nothing at this address","request_id":"test-1"}"#,
        ),
        (501, r#"{"code":"NOT_IMPLEMENTED","message":"Operation not implemented by this ICAT server."}"#),
        (501, r#"{"code":"NOT_IMPLEMENTED","message":"Operation not implemented by this IDS server."}"#),
        (501, r#"{"code":"NOT_IMPLEMENTED","message":"Operation not implemented by this authn.db server."}"#),
        (404, "there is nothing at this address"),
    ],
};

const WRONG_METHOD: Row = Row {
    failure: "the path is there, the method is not",
    request: ("DELETE", "/ok", None, ""),
    allow: Some("GET, HEAD, OPTIONS"),
    retry_after: None,
    cells: [
        (
            405,
            r#"{"type":"urn:undulator:problem:method-not-allowed","title":"Method Not Allowed","status":405,"detail":"this address takes GET","request_id":"test-1"}"#,
        ),
        (405, r#"{"code":"BAD_PARAMETER","message":"this address takes GET"}"#),
        (405, r#"{"code":"BadRequestException","message":"this address takes GET"}"#),
        (405, r#"{"code":"AuthnException","message":"this address takes GET"}"#),
        (405, "this address takes GET"),
    ],
};

const HEAD_OF_POST: Row = Row {
    failure: "HEAD of what is only posted to",
    request: ("HEAD", "/json", None, ""),
    allow: Some("POST, OPTIONS"),
    retry_after: None,
    cells: [(405, ""), (405, ""), (405, ""), (405, ""), (405, "")],
};

const TOO_LARGE: Row = Row {
    failure: "a body over the limit",
    request: ("POST", "/json", Some("application/json"), LARGE),
    allow: None,
    retry_after: None,
    cells: [
        (
            413,
            r#"{"type":"urn:undulator:problem:too-large","title":"Payload Too Large","status":413,"detail":"JSON payload (67 bytes) is larger than allowed (limit: 64 bytes).","request_id":"test-1"}"#,
        ),
        (
            413,
            r#"{"code":"BAD_PARAMETER","message":"JSON payload (67 bytes) is larger than allowed (limit: 64 bytes)."}"#,
        ),
        (
            413,
            r#"{"code":"BadRequestException","message":"JSON payload (67 bytes) is larger than allowed (limit: 64 bytes)."}"#,
        ),
        (
            413,
            r#"{"code":"AuthnException","message":"JSON payload (67 bytes) is larger than allowed (limit: 64 bytes)."}"#,
        ),
        (413, "JSON payload (67 bytes) is larger than allowed (limit: 64 bytes)."),
    ],
};
const LARGE: &str = "[1000000001,1000000002,1000000003,1000000004,1000000005,1000000006]";

const BAD_JSON: Row = Row {
    failure: "a body that breaks off",
    request: ("POST", "/json", Some("application/json"), "[1,"),
    allow: None,
    retry_after: None,
    cells: [
        (
            400,
            r#"{"type":"urn:undulator:problem:bad-request","title":"Bad Request","status":400,"detail":"Json deserialize error: EOF while parsing a value at line 1 column 3","request_id":"test-1"}"#,
        ),
        (
            400,
            r#"{"code":"BAD_PARAMETER","message":"Json deserialize error: EOF while parsing a value at line 1 column 3"}"#,
        ),
        (
            400,
            r#"{"code":"BadRequestException","message":"Json deserialize error: EOF while parsing a value at line 1 column 3"}"#,
        ),
        (
            400,
            r#"{"code":"AuthnException","message":"Json deserialize error: EOF while parsing a value at line 1 column 3"}"#,
        ),
        (400, "Json deserialize error: EOF while parsing a value at line 1 column 3"),
    ],
};

const NOT_JSON: [(u16, &str); 5] = [
    (
        415,
        r#"{"type":"urn:undulator:problem:unsupported-media-type","title":"Unsupported Media Type","status":415,"detail":"the body must be application/json","request_id":"test-1"}"#,
    ),
    (415, r#"{"code":"BAD_PARAMETER","message":"the body must be application/json"}"#),
    (415, r#"{"code":"BadRequestException","message":"the body must be application/json"}"#),
    (415, r#"{"code":"AuthnException","message":"the body must be application/json"}"#),
    (415, "the body must be application/json"),
];

const NO_MEDIA_TYPE: Row = Row {
    failure: "a body without Content-Type",
    request: ("POST", "/json", None, "[1]"),
    allow: None,
    retry_after: None,
    cells: NOT_JSON,
};

const WRONG_MEDIA_TYPE: Row = Row {
    failure: "a body of another media type",
    request: ("POST", "/json", Some("text/plain"), "[1]"),
    allow: None,
    retry_after: None,
    cells: NOT_JSON,
};

const NO_FORM: Row = Row {
    failure: "JSON where a form is read",
    request: ("POST", "/form", Some("application/json"), "[1]"),
    allow: None,
    retry_after: None,
    cells: [
        (
            415,
            r#"{"type":"urn:undulator:problem:unsupported-media-type","title":"Unsupported Media Type","status":415,"detail":"the body must be application/x-www-form-urlencoded","request_id":"test-1"}"#,
        ),
        (415, r#"{"code":"BAD_PARAMETER","message":"the body must be application/x-www-form-urlencoded"}"#),
        (415, r#"{"code":"BadRequestException","message":"the body must be application/x-www-form-urlencoded"}"#),
        (415, r#"{"code":"AuthnException","message":"the body must be application/x-www-form-urlencoded"}"#),
        (415, "the body must be application/x-www-form-urlencoded"),
    ],
};

const BAD_PATH: Row = Row {
    failure: "a text in the path where a number stands",
    request: ("GET", "/number/x", None, ""),
    allow: None,
    retry_after: None,
    cells: [
        (
            400,
            r#"{"type":"urn:undulator:problem:bad-path","title":"Bad Request","status":400,"detail":"can not parse \"x\" to a i64","request_id":"test-1"}"#,
        ),
        (400, r#"{"code":"BAD_PARAMETER","message":"can not parse \"x\" to a i64"}"#),
        (400, r#"{"code":"BadRequestException","message":"can not parse \"x\" to a i64"}"#),
        (400, r#"{"code":"AuthnException","message":"can not parse \"x\" to a i64"}"#),
        (400, r#"can not parse "x" to a i64"#),
    ],
};

const FAULT: [(u16, &str); 5] = [
    (
        500,
        r#"{"type":"urn:undulator:problem:internal","title":"Internal Server Error","status":500,"detail":"internal error; the log has it under this request id","request_id":"test-1"}"#,
    ),
    (500, r#"{"code":"INTERNAL","message":"internal error; the log has it under this request id"}"#),
    (500, r#"{"code":"InternalException","message":"internal error; the log has it under this request id"}"#),
    (500, r#"{"code":"InternalException","message":"internal error; the log has it under this request id"}"#),
    (500, "internal error; the log has it under this request id"),
];

const PANIC: Row = Row {
    failure: "a handler panics",
    request: ("GET", "/panic", None, ""),
    allow: None,
    retry_after: None,
    cells: FAULT,
};

const INTERNAL: Row = Row {
    failure: "a fault of ours, whose cause nobody outside learns",
    request: ("GET", "/internal", None, ""),
    allow: None,
    retry_after: None,
    cells: FAULT,
};

const STRANGER: Row = Row {
    failure: "no valid credentials",
    request: ("GET", "/stranger", None, ""),
    allow: None,
    retry_after: None,
    cells: [
        (
            401,
            r#"{"type":"urn:undulator:problem:sample/refused","title":"Unauthorized","status":401,"detail":"the session has expired","request_id":"test-1"}"#,
        ),
        (403, r#"{"code":"SESSION","message":"the session has expired"}"#),
        (403, r#"{"code":"InsufficientPrivilegesException","message":"the session has expired"}"#),
        (403, r#"{"code":"AuthnException","message":"the session has expired"}"#),
        (401, "the session has expired"),
    ],
};

const FORBIDDEN: Row = Row {
    failure: "valid credentials without the right",
    request: ("GET", "/forbidden", None, ""),
    allow: None,
    retry_after: None,
    cells: [
        (
            403,
            r#"{"type":"urn:undulator:problem:sample/refused","title":"Forbidden","status":403,"detail":"members only","request_id":"test-1"}"#,
        ),
        (403, r#"{"code":"INSUFFICIENT_PRIVILEGES","message":"members only"}"#),
        (403, r#"{"code":"InsufficientPrivilegesException","message":"members only"}"#),
        (403, r#"{"code":"AuthnException","message":"members only"}"#),
        (403, "members only"),
    ],
};

const MISSING: Row = Row {
    failure: "the thing asked for does not exist",
    request: ("GET", "/missing", None, ""),
    allow: None,
    retry_after: None,
    cells: [
        (
            404,
            r#"{"type":"urn:undulator:problem:sample/refused","title":"Not Found","status":404,"detail":"there is no dataset 7","request_id":"test-1"}"#,
        ),
        (404, r#"{"code":"NO_SUCH_OBJECT_FOUND","message":"there is no dataset 7"}"#),
        (404, r#"{"code":"NotFoundException","message":"there is no dataset 7"}"#),
        (404, r#"{"code":"AuthnException","message":"there is no dataset 7"}"#),
        (404, "there is no dataset 7"),
    ],
};

const TIME_OUT: Row = Row {
    failure: "an answer that does not come",
    request: ("GET", "/hang", None, ""),
    allow: None,
    retry_after: Some("10"),
    cells: [
        (
            503,
            r#"{"type":"urn:undulator:problem:time-out","title":"Service Unavailable","status":503,"detail":"the answer took too long and was given up; nothing half-done is kept","request_id":"test-1"}"#,
        ),
        (
            503,
            r#"{"code":"INTERNAL","message":"the answer took too long and was given up; nothing half-done is kept"}"#,
        ),
        (
            503,
            r#"{"code":"DataNotOnlineException","message":"the answer took too long and was given up; nothing half-done is kept"}"#,
        ),
        (
            503,
            r#"{"code":"AuthnException","message":"the answer took too long and was given up; nothing half-done is kept"}"#,
        ),
        (503, "the answer took too long and was given up; nothing half-done is kept"),
    ],
};

const TOO_OFTEN: Row = Row {
    failure: "too many requests of one address",
    request: ("GET", "/ok", None, ""),
    allow: None,
    retry_after: Some("1"),
    cells: [
        (
            429,
            r#"{"type":"urn:undulator:problem:too-many-requests","title":"Too Many Requests","status":429,"detail":"too many requests from your address; slow down","request_id":"test-1"}"#,
        ),
        (429, r#"{"code":"INTERNAL","message":"too many requests from your address; slow down"}"#),
        (429, r#"{"code":"DataNotOnlineException","message":"too many requests from your address; slow down"}"#),
        (429, r#"{"code":"AuthnException","message":"too many requests from your address; slow down"}"#),
        (429, "too many requests from your address; slow down"),
    ],
};

const FULL: Row = Row {
    failure: "too many requests at once",
    request: ("GET", "/ok", None, ""),
    allow: None,
    retry_after: Some("1"),
    cells: [
        (
            503,
            r#"{"type":"urn:undulator:problem:busy","title":"Service Unavailable","status":503,"detail":"too many requests at once; try again","request_id":"test-1"}"#,
        ),
        (503, r#"{"code":"INTERNAL","message":"too many requests at once; try again"}"#),
        (503, r#"{"code":"DataNotOnlineException","message":"too many requests at once; try again"}"#),
        (503, r#"{"code":"AuthnException","message":"too many requests at once; try again"}"#),
        (503, "too many requests at once; try again"),
    ],
};

async fn ask(app: &TestApp, prefix: &str, row: &Row) -> Response {
    let (method, path, media_type, body) = row.request;
    let url = format!("{}{prefix}{path}", app.public);
    let mut request = app.http.request(method.parse().unwrap(), url).header("x-request-id", REQUEST_ID).body(body);
    if let Some(media_type) = media_type {
        request = request.header("content-type", media_type);
    }
    request.send().await.unwrap()
}

fn header<'r>(answer: &'r Response, name: &str) -> Option<&'r str> {
    answer.headers().get(name).map(|value| value.to_str().unwrap())
}

/// The answer in the error format of the mount with this place in the lists.
async fn check(answer: Response, row: &Row, place: usize) {
    let ((prefix, _, media_type), (status, body)) = (MOUNTS[place], row.cells[place]);
    let case = format!("{} under {prefix}", row.failure);
    assert_eq!(answer.status(), status, "{case}");
    assert_eq!(header(&answer, "content-type"), Some(media_type), "{case}");
    assert_eq!(header(&answer, "x-request-id"), Some(REQUEST_ID), "{case}");
    assert_eq!(header(&answer, "allow"), row.allow, "{case}");
    assert_eq!(header(&answer, "retry-after"), row.retry_after, "{case}");
    assert_eq!(header(&answer, "www-authenticate"), (status == 401).then_some("Bearer"), "{case}");
    assert_eq!(answer.text().await.unwrap(), body, "{case}");
}

#[tokio::test]
async fn each_failure_takes_the_form_of_its_mount() {
    let app = TestApp::start(&[SERVICE], "[http.limits]\nbody = \"64B\"\n").await;
    let rows = [
        NO_ROUTE,
        WRONG_METHOD,
        HEAD_OF_POST,
        TOO_LARGE,
        BAD_JSON,
        NO_MEDIA_TYPE,
        WRONG_MEDIA_TYPE,
        NO_FORM,
        BAD_PATH,
        PANIC,
        INTERNAL,
        STRANGER,
        FORBIDDEN,
        MISSING,
    ];
    for row in &rows {
        for (place, (prefix, ..)) in MOUNTS.iter().enumerate() {
            check(ask(&app, prefix, row).await, row, place).await;
        }
    }
    println!("{} failures in {} error_formats", rows.len(), MOUNTS.len());
    app.stop().await;
}

#[tokio::test]
async fn head_has_the_headers_of_get_and_no_body_and_options_names_the_methods() {
    let app = TestApp::start(&[SERVICE], "").await;
    for (prefix, ..) in MOUNTS {
        let ask = async |method: &str| {
            let url = format!("{}{prefix}/ok", app.public);
            let request = app.http.request(method.parse().unwrap(), url).header("x-request-id", REQUEST_ID);
            let answer = request.send().await.unwrap();
            let mut headers = answer.headers().clone();
            headers.remove("date");
            (answer.status().as_u16(), headers, answer.text().await.unwrap())
        };
        let (status, headers, body) = ask("GET").await;
        assert_eq!((status, body.as_str()), (200, "state"), "{prefix}");
        assert_eq!(headers["content-length"], "5", "{prefix}");
        assert_eq!(ask("HEAD").await, (200, headers, String::new()), "{prefix}");

        let (status, headers, body) = ask("OPTIONS").await;
        assert_eq!((status, body.as_str()), (204, ""), "{prefix}");
        assert_eq!(headers["allow"], "GET, HEAD, OPTIONS", "{prefix}");
        assert_eq!(headers["x-request-id"], REQUEST_ID, "{prefix}");
        assert_eq!(headers.len(), 2, "{prefix}: {headers:?}");
    }
    app.stop().await;
}

#[tokio::test]
async fn an_answer_that_does_not_come_is_given_up() {
    let app = TestApp::start(&[SERVICE], "[http.limits]\ntime = \"50ms\"\n").await;
    for (place, (prefix, ..)) in MOUNTS.iter().enumerate() {
        check(ask(&app, prefix, &TIME_OUT).await, &TIME_OUT, place).await;
    }
    app.stop().await;
}

/// The first of two requests may come a second after the last one and pass; more than a few in one second cannot.
#[tokio::test]
async fn who_asks_too_often_is_slowed_down() {
    let app = TestApp::start(&[SERVICE], "[http.limits]\nrate = 1\nburst = 1\n").await;
    for (place, (prefix, ..)) in MOUNTS.iter().enumerate() {
        let answers = futures_util::future::join_all((0..8).map(|_| ask(&app, prefix, &TOO_OFTEN))).await;
        let refused: Vec<Response> = answers.into_iter().filter(|answer| answer.status() != 200).collect();
        assert!(!refused.is_empty(), "{prefix}");
        for answer in refused {
            check(answer, &TOO_OFTEN, place).await;
        }
    }
    let internal = app.http.get(format!("{}/health/live", app.internal)).send().await.unwrap();
    assert_eq!(internal.status(), 200, "operators get through");
    app.stop().await;
}

#[tokio::test]
async fn a_full_process_says_so_at_once_and_has_room_again_afterwards() {
    let app = TestApp::start(&[SERVICE], "[http.limits]\nconcurrency = 1\n").await;
    let held = app.http.get(format!("{}/new/hold", app.public)).send();
    let meanwhile = async {
        HELD.acquire().await.unwrap().forget();
        for (place, (prefix, ..)) in MOUNTS.iter().enumerate() {
            check(ask(&app, prefix, &FULL).await, &FULL, place).await;
        }
        let internal = app.http.get(format!("{}/health/live", app.internal)).send().await.unwrap();
        assert_eq!(internal.status(), 200, "operators get through");
        RELEASED.add_permits(1);
    };
    let (held, ()) = tokio::join!(held, meanwhile);
    assert_eq!(held.unwrap().text().await.unwrap(), "held");
    assert_eq!(ask(&app, "/new", &FULL).await.status(), 200);
    app.stop().await;
}

/// Routes and error format must see the same path, however it is written.
#[tokio::test]
async fn a_prefix_with_needless_percent_encoding_has_the_dialect_of_its_mount() {
    let app = TestApp::start(&[SERVICE], "").await;
    for (place, (prefix, ..)) in MOUNTS.iter().enumerate() {
        let written = prefix.replacen('s', "%73", 1).replacen('i', "%69", 1).replacen('n', "%6E", 1);
        assert_ne!(written, *prefix);
        check(ask(&app, &written, &NO_ROUTE).await, &NO_ROUTE, place).await;
        check(ask(&app, &written, &STRANGER).await, &STRANGER, place).await;
    }
    app.stop().await;
}

/// Pages have the statuses of our own error format, and what they say is escaped.
#[tokio::test]
async fn a_page_says_what_failed() {
    const PAGES: ServiceDef = ServiceDef {
        name: "pages",
        build: |_| {
            let refusal = async || Err::<String, _>(refused(Code::Forbidden, "<b> & members"));
            let mount = Mount::new("/page", Listener::Public, ErrorFormat::Page).get("/forbidden", refusal);
            Box::pin(std::future::ready(Ok(Running { mounts: vec![mount], ..Running::default() })))
        },
        ..ServiceDef::EMPTY
    };
    let app = TestApp::start(&[PAGES], "").await;
    for (path, status, text) in
        [("/page/forbidden", 403, "&lt;b&gt; &amp; members"), ("/page/nothing", 404, "nothing at this address")]
    {
        let answer = app.http.get(format!("{}{path}", app.public)).send().await.unwrap();
        assert_eq!(answer.status(), status);
        assert_eq!(answer.headers()["content-type"], "text/html; charset=utf-8");
        let body = answer.text().await.unwrap();
        assert!(body.contains(text), "{body}");
    }
    app.stop().await;
}
