//! HTTP: request ids, mounts that collide, pools.

use service_kit::{Code, ErrorFormat, Listener, Mount, Pools, Running, ServiceDef};
use testkit::TestApp;

const SERVICE: ServiceDef = ServiceDef {
    name: "sample",
    build: |_| {
        let mount = Mount::new("/icat", Listener::Public, ErrorFormat::PROBLEM_DETAILS).get("/ok", async || "ok");
        Box::pin(std::future::ready(Ok(Running { mounts: vec![mount], ..Running::default() })))
    },
    ..ServiceDef::EMPTY
};

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

#[tokio::test]
async fn two_services_cannot_claim_one_address() {
    let config =
        service_kit::Config::from_toml(&[], "[http]\nbind = \"127.0.0.1:0\"\ninternal_bind = \"127.0.0.1:0\"\n")
            .unwrap();
    let dir = tempfile::tempdir().unwrap();
    let config = config.with_setting("data_dir", dir.path()).unwrap();
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
