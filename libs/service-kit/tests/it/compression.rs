//! Which answers are compressed.

use actix_web::{HttpRequest, HttpResponse};
use service_kit::{ErrorFormat, Listener, Mount, Running, ServiceDef};
use testkit::TestApp;

const LINE: &str = "the same line again and again\n";
const LENGTH: usize = 30 * 200;

const SERVICE: ServiceDef = ServiceDef {
    name: "sample",
    build: |_| {
        let mount = |prefix| {
            Mount::new(prefix, Listener::Public, ErrorFormat::PROBLEM_DETAILS)
                .get("/text", async || LINE.repeat(200))
                .get("/ranges", serve_ranges)
        };
        let mounts = vec![mount("/packed").compressed(), mount("/plain")];
        Box::pin(std::future::ready(Ok(Running { mounts, ..Running::default() })))
    },
    ..ServiceDef::EMPTY
};

/// Whatever range is asked for, half of the text; 416 for one beyond the end.
async fn serve_ranges(request: HttpRequest) -> HttpResponse {
    match request.headers().get("range").map(|value| value.to_str().unwrap()) {
        None => HttpResponse::Ok().body(LINE.repeat(200)),
        Some("bytes=9000-") => HttpResponse::RangeNotSatisfiable().body(LINE.repeat(200)),
        Some(_) => HttpResponse::PartialContent()
            .insert_header(("content-range", format!("bytes 0-2999/{LENGTH}")))
            .body(LINE.repeat(100)),
    }
}

/// Status, encoding and body as it came over the wire.
async fn send_request(app: &TestApp, path: &str, headers: &[(&str, &str)]) -> (u16, Option<String>, Vec<u8>) {
    let mut request = app.http.get(format!("{}{path}", app.public));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let answer = request.send().await.unwrap();
    let encoding = answer.headers().get("content-encoding").map(|value| value.to_str().unwrap().to_owned());
    (answer.status().as_u16(), encoding, answer.bytes().await.unwrap().to_vec())
}

const GZIP: (&str, &str) = ("accept-encoding", "gzip, deflate, br, zstd");

#[tokio::test]
async fn only_mounts_that_say_so_compress_and_only_for_who_asks() {
    let app = TestApp::start(&[SERVICE], "").await;
    let (status, encoding, body) = send_request(&app, "/packed/text", &[GZIP]).await;
    assert_eq!((status, encoding.as_deref()), (200, Some("gzip")));
    assert!(body.starts_with(&[0x1f, 0x8b]) && body.len() < LENGTH / 10, "{} bytes", body.len());
    let (_, encoding, body) = send_request(&app, "/openapi.json", &[GZIP]).await;
    assert_eq!(encoding.as_deref(), Some("gzip"));
    assert!(body.starts_with(&[0x1f, 0x8b]));

    let plain = LINE.repeat(200).into_bytes();
    for (path, headers) in [
        ("/packed/text", &[][..]),
        ("/packed/text", &[("accept-encoding", "identity")]),
        ("/packed/text", &[("accept-encoding", "br")]),
        ("/packed/text", &[("accept-encoding", "gzip;q=0")]),
        ("/plain/text", &[GZIP]),
    ] {
        assert_eq!(send_request(&app, path, headers).await, (200, None, plain.clone()), "{path} {headers:?}");
    }
    app.stop().await;
}

/// The control is the first request, which is compressed.
#[tokio::test]
async fn nothing_is_compressed_where_a_range_is_asked_for() {
    let app = TestApp::start(&[SERVICE], "").await;
    assert_eq!(send_request(&app, "/packed/ranges", &[GZIP]).await.1.as_deref(), Some("gzip"));
    let (whole, half) = (LINE.repeat(200).into_bytes(), LINE.repeat(100).into_bytes());
    for (path, range, expected) in [
        ("/packed/ranges", "bytes=0-2999", (206, None, half.clone())),
        ("/packed/ranges", "bytes=9000-", (416, None, whole.clone())),
        ("/packed/text", "bytes=0-2999", (200, None, whole.clone())),
        ("/plain/ranges", "bytes=0-2999", (206, None, half)),
        ("/plain/text", "bytes=0-2999", (200, None, whole)),
    ] {
        assert_eq!(send_request(&app, path, &[GZIP, ("range", range)]).await, expected, "{path} {range}");
    }
    app.stop().await;
}
