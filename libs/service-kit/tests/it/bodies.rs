//! Bodies that do not come: who sends them keeps no place from others.

use std::time::Duration;

use actix_web::web;
use service_kit::{ErrorFormat, Listener, Mount, Running, ServiceDef};
use testkit::TestApp;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

const SERVICE: ServiceDef = ServiceDef {
    name: "sample",
    build: |_| {
        let mount = Mount::new("/sample", Listener::Public, ErrorFormat::PROBLEM_DETAILS)
            .post("/size", async |body: web::Bytes| body.len().to_string());
        Box::pin(std::future::ready(Ok(Running { mounts: vec![mount], ..Running::default() })))
    },
    ..ServiceDef::EMPTY
};
/// Larger than what is waited for before a request takes a place.
const LARGE: usize = 200 * 1024;

/// A request that announces a body of `size` bytes and sends the first `sent` of them.
async fn begin_request(app: &TestApp, size: usize, sent: usize) -> TcpStream {
    let mut socket = TcpStream::connect(app.public.trim_start_matches("http://")).await.unwrap();
    let head = format!("POST /sample/size HTTP/1.1\r\nHost: localhost\r\nContent-Length: {size}\r\n\r\n");
    socket.write_all(head.as_bytes()).await.unwrap();
    socket.write_all(&vec![b'a'; sent]).await.unwrap();
    socket
}

async fn post_body(app: &TestApp) -> (u16, String) {
    let answer = app.http.post(format!("{}/sample/size", app.public)).body("four").send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

async fn count_active_requests(app: &TestApp) -> i64 {
    let text = app.http.get(format!("{}/metrics", app.internal)).send().await.unwrap().text().await.unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix("http_server_active_requests ")).unwrap();
    // The question for the metrics is itself one.
    line.parse::<i64>().unwrap() - 1
}

#[tokio::test]
async fn requests_whose_small_body_is_not_there_take_no_place() {
    let app = TestApp::start(&[SERVICE], "[http.limits]\nconcurrency = 2\n").await;
    let mut silent = Vec::new();
    for _ in 0..20 {
        silent.push(begin_request(&app, 50, 1).await);
    }
    testkit::wait_until("20 requests wait for their bodies", async || {
        (count_active_requests(&app).await == 20).then_some(())
    })
    .await;
    assert_eq!(post_body(&app).await, (200, "4".to_owned()));
    drop(silent);
    app.stop().await;
}

#[tokio::test]
async fn a_body_that_falls_silent_is_answered_408_and_gives_its_place_back() {
    let app = TestApp::start(&[SERVICE], "[http]\nbody_timeout = \"300ms\"\n[http.limits]\nconcurrency = 1\n").await;
    for sent in [0, 1, LARGE / 2] {
        let mut silent = begin_request(&app, LARGE, sent).await;
        let mut answer = Vec::new();
        let ended = tokio::time::timeout(Duration::from_secs(20), silent.read_to_end(&mut answer)).await;
        let answer = String::from_utf8_lossy(&answer);
        assert!(answer.starts_with("HTTP/1.1 408 "), "after {sent} bytes: {answer}");
        assert!(ended.is_ok(), "after {sent} bytes the connection stays open");
        assert_eq!(post_body(&app).await, (200, "4".to_owned()));
    }
    app.stop().await;
}

#[tokio::test]
async fn a_large_body_that_keeps_flowing_may_take_its_time() {
    let app = TestApp::start(&[SERVICE], "[http]\nbody_timeout = \"1s\"\n").await;
    let mut flowing = begin_request(&app, LARGE, 0).await;
    // Twice the time that a silent body has.
    let mut pace = tokio::time::interval(Duration::from_millis(100));
    for _ in 0..20 {
        pace.tick().await;
        flowing.write_all(&vec![b'a'; LARGE / 20]).await.unwrap();
    }
    let mut answer = [0; 12];
    flowing.read_exact(&mut answer).await.unwrap();
    assert_eq!(String::from_utf8_lossy(&answer), "HTTP/1.1 200");
    drop(flowing);
    app.stop().await;
}
