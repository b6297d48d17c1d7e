//! How streamed answers reach clients of HTTP/1.1 and HTTP/1.0.

use std::convert::Infallible;
use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::web::Bytes;
use futures_util::stream::{self, StreamExt as _};
use service_kit::{ErrorFormat, Listener, Mount, Running, ServiceDef};
use testkit::TestApp;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

const PIECE: usize = 1000;
const GUARD: Duration = Duration::from_secs(30);

const SERVICE: ServiceDef = ServiceDef {
    name: "sample",
    build: |_| {
        let mount = Mount::new("/sample", Listener::Public, ErrorFormat::PROBLEM_DETAILS)
            .get("/small", async || stream_chunks(27))
            .get("/large", async || stream_chunks(300))
            .get("/empty", async || stream_chunks(0))
            .get("/sized", async || "sized")
            .get("/broken", async || {
                let broken = stream::iter([Ok(Bytes::from_static(b"abc")), Err(std::io::Error::other("broken"))]);
                HttpResponse::Ok().streaming(broken)
            })
            .get("/live", async || stream_event("text/event-stream"))
            .get("/slow", async || stream_event("application/json"));
        Box::pin(std::future::ready(Ok(Running { mounts: vec![mount], ..Running::default() })))
    },
    ..ServiceDef::EMPTY
};

/// A stream of so many pieces, each of which comes at the second time of asking.
fn stream_chunks(count: usize) -> HttpResponse {
    let pieces = stream::iter(0..count).then(async |_| {
        tokio::task::yield_now().await;
        Ok::<_, Infallible>(Bytes::from(vec![b'a'; PIECE]))
    });
    HttpResponse::Ok().content_type("application/json").streaming(pieces)
}

/// One piece, and then nothing for ever.
fn stream_event(content_type: &'static str) -> HttpResponse {
    let pieces = stream::iter([Ok::<_, Infallible>(Bytes::from_static(b"data: first\n\n"))]).chain(stream::pending());
    HttpResponse::Ok().content_type(content_type).streaming(pieces)
}

async fn open_request(app: &TestApp, method: &str, path: &str, version: &str, headers: &str) -> TcpStream {
    let mut socket = TcpStream::connect(app.public.trim_start_matches("http://")).await.unwrap();
    let request = format!("{method} /sample{path} HTTP/{version}\r\nHost: localhost\r\n{headers}\r\n");
    socket.write_all(request.as_bytes()).await.unwrap();
    socket
}

/// Head in lower case and body, when the server has closed the connection.
async fn send_request(app: &TestApp, method: &str, path: &str, version: &str, headers: &str) -> (String, Vec<u8>) {
    let mut socket = open_request(app, method, path, version, headers).await;
    let mut answer = Vec::new();
    tokio::time::timeout(GUARD, socket.read_to_end(&mut answer)).await.expect("the connection is closed").unwrap();
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n").expect("a head") + 4;
    (String::from_utf8_lossy(&answer[..end]).to_lowercase(), answer[end..].to_vec())
}

#[tokio::test]
async fn small_streamed_answers_have_a_length_and_large_ones_chunks() {
    let app = TestApp::start(&[SERVICE], "").await;
    for (path, length) in [("/small", 27 * PIECE), ("/empty", 0), ("/sized", 5)] {
        let (head, body) = send_request(&app, "GET", path, "1.1", "Connection: close\r\n").await;
        assert!(head.contains(&format!("\r\ncontent-length: {length}\r\n")), "{path}: {head}");
        assert!(!head.contains("transfer-encoding"), "{path}: {head}");
        assert_eq!(body.len(), length, "{path}");
    }
    let (head, body) = send_request(&app, "GET", "/large", "1.1", "Connection: close\r\n").await;
    assert!(head.contains("\r\ntransfer-encoding: chunked\r\n") && !head.contains("content-length"), "{head}");
    assert!(body.ends_with(b"\r\n0\r\n\r\n"));
    let letters: Vec<u8> = body.iter().copied().filter(|byte| *byte == b'a').collect();
    assert_eq!(letters.len(), 300 * PIECE);
    let (head, body) = send_request(&app, "HEAD", "/small", "1.1", "Connection: close\r\n").await;
    assert!(head.starts_with("http/1.1 200") && body.is_empty(), "{head}");
    app.stop().await;
}

#[tokio::test]
async fn clients_of_http_1_0_never_get_chunks() {
    let app = TestApp::start(&[SERVICE], "").await;
    for method in ["GET", "HEAD"] {
        for path in ["/small", "/large", "/empty", "/sized"] {
            let (head, _) = send_request(&app, method, path, "1.0", "").await;
            assert!(head.contains(" 200 ") && !head.contains("transfer-encoding"), "{method} {path}: {head}");
        }
    }
    let (head, body) = send_request(&app, "GET", "/large", "1.0", "").await;
    assert!(body == vec![b'a'; 300 * PIECE], "{head} {} bytes", body.len());
    // Who asks to keep the connection is told that it ends, where that is what ends the body.
    let (head, body) = send_request(&app, "GET", "/large", "1.0", "Connection: keep-alive\r\n").await;
    assert!(!head.contains("keep-alive") && !head.contains("transfer-encoding"), "{head}");
    assert_eq!(body.len(), 300 * PIECE);
    app.stop().await;
}

#[tokio::test]
async fn a_body_that_breaks_off_is_never_whole() {
    let app = TestApp::start(&[SERVICE], "").await;
    let mut socket = open_request(&app, "GET", "/broken", "1.1", "").await;
    let mut answer = Vec::new();
    tokio::time::timeout(GUARD, socket.read_to_end(&mut answer)).await.expect("the connection is closed").unwrap();
    let answer = String::from_utf8_lossy(&answer);
    assert!(!answer.contains("content-length") && !answer.ends_with("0\r\n\r\n"), "{answer}");
    app.stop().await;
}

#[tokio::test]
async fn what_comes_late_is_not_held_back() {
    let app = TestApp::start(&[SERVICE], "").await;
    for path in ["/live", "/slow"] {
        let mut socket = open_request(&app, "GET", path, "1.1", "").await;
        let mut answer = Vec::new();
        let first = async {
            while !answer.windows(5).any(|window| window == b"first") {
                assert!(socket.read_buf(&mut answer).await.unwrap() > 0, "{path} ends");
            }
        };
        tokio::time::timeout(GUARD, first).await.expect("the first piece comes");
    }
    app.stop().await;
}
