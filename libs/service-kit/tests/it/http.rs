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

/// A hundred megabytes of zeros are a hundred kilobytes.
#[tokio::test]
async fn compressed_bodies_are_refused_before_they_are_unpacked() {
    let app = TestApp::start(&[SERVICE], "").await;
    for (encoding, status) in [("gzip", 415), ("identity, br", 415), ("Identity", 200)] {
        let request = app.http.get(format!("{}/icat/ok", app.public)).header("content-encoding", encoding);
        let answer = request.body("x").send().await.unwrap();
        assert_eq!(answer.status().as_u16(), status, "{encoding}");
    }
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

/// As interfaces made with `FastAPI` answer.
const STRICT: ServiceDef = ServiceDef {
    name: "strict",
    build: |_| {
        let mount = Mount::new("/strict", Listener::Public, ErrorFormat::PROBLEM_DETAILS).get("/ok", async || "ok");
        let mount = mount.put("/ok", async || "put").only_listed_methods().redirect_trailing_slash();
        Box::pin(std::future::ready(Ok(Running { mounts: vec![mount], ..Running::default() })))
    },
    ..ServiceDef::EMPTY
};

#[tokio::test]
async fn a_mount_may_have_its_listed_methods_only_and_redirect_slashes() {
    let app = TestApp::start(&[STRICT], "").await;
    let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let send = async |method: &str, path: &str| {
        let url = format!("{}/strict{path}", app.public);
        let response = http.request(method.parse().unwrap(), url).send().await.unwrap();
        let header = |name: &str| response.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
        (response.status().as_u16(), header("allow"), header("location"))
    };
    for method in ["GET", "PUT"] {
        assert_eq!(send(method, "/ok").await, (200, None, None));
    }
    for method in ["HEAD", "OPTIONS", "DELETE"] {
        assert_eq!(send(method, "/ok").await, (405, Some("GET, PUT".to_owned()), None));
    }
    for method in ["GET", "PUT", "POST", "HEAD"] {
        let location = format!("{}/strict/ok?a=%2F", app.public);
        assert_eq!(send(method, "/ok/?a=%2F").await, (307, None, Some(location)));
    }
    assert_eq!(send("GET", "/other/").await.0, 404);
    app.stop().await;
}

#[tokio::test]
async fn a_redirect_leads_where_the_client_sees_the_server() {
    let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    for (settings, root) in [
        ("", Some("https://data.example.org")),
        ("[http]\ntrusted_proxies = []\n", None),
        ("public_url = \"https://site.example.org/\"\n", Some("https://site.example.org")),
    ] {
        let app = TestApp::start(&[STRICT], settings).await;
        let request = http.get(format!("{}/strict/ok/", app.public)).header("x-forwarded-host", "data.example.org");
        let answer = request.header("x-forwarded-proto", "https").send().await.unwrap();
        let expected = format!("{}/strict/ok", root.unwrap_or(&app.public));
        assert_eq!(
            (answer.status().as_u16(), answer.headers()["location"].to_str().unwrap()),
            (307, expected.as_str())
        );
        app.stop().await;
    }
}
