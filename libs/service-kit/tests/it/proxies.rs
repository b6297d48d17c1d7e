//! Whose word counts for who sent a request.

use actix_web::web;
use service_kit::{ClientAddress, ErrorFormat, Listener, Mount, Running, ServiceDef};
use testkit::TestApp;

const SERVICE: ServiceDef = ServiceDef {
    name: "sample",
    build: |_| {
        let mount = Mount::new("/who", Listener::Public, ErrorFormat::PROBLEM_DETAILS)
            .get("", async |client: web::ReqData<ClientAddress>| client.0.to_string());
        Box::pin(std::future::ready(Ok(Running { mounts: vec![mount], ..Running::default() })))
    },
    ..ServiceDef::EMPTY
};

async fn find_client(app: &TestApp, forwarded: &str) -> String {
    let request = app.http.get(format!("{}/who", app.public)).header("x-forwarded-for", forwarded);
    request.send().await.unwrap().text().await.unwrap()
}

#[tokio::test]
async fn a_proxy_that_is_trusted_speaks_for_its_clients() {
    let app = TestApp::start(&[SERVICE], "").await;
    assert_eq!(find_client(&app, "203.0.113.5").await, "203.0.113.5");
    assert_eq!(
        find_client(&app, "198.51.100.1, 203.0.113.5").await,
        "203.0.113.5",
        "the client's own claim stands further left"
    );
    assert_eq!(find_client(&app, "2001:db8::5").await, "2001:db8::5");
    assert_eq!(find_client(&app, "nonsense").await, "127.0.0.1");
    app.stop().await;
}

#[tokio::test]
async fn nobody_speaks_for_others_where_no_proxy_is_trusted() {
    for none in ["[]", "[\"10.0.0.0/8\"]"] {
        let app = TestApp::start(&[SERVICE], &format!("[http]\ntrusted_proxies = {none}\n")).await;
        assert_eq!(find_client(&app, "203.0.113.5").await, "127.0.0.1", "{none}");
        app.stop().await;
    }
}

/// Otherwise one client behind the proxy would use up what all may ask.
#[tokio::test]
async fn the_rate_limit_counts_clients_and_not_their_proxy() {
    let app = TestApp::start(&[SERVICE], "[http.limits]\nrate = 1\nburst = 1\n").await;
    let ask = async |n: u8| {
        let request = app.http.get(format!("{}/who", app.public)).header("x-forwarded-for", format!("203.0.113.{n}"));
        request.send().await.unwrap().status().as_u16()
    };
    for n in 1..20 {
        assert_eq!(ask(n).await, 200, "client {n} asks for the first time");
    }
    let crowd = futures_util::future::join_all((0..8).map(|_| ask(100))).await;
    assert!(crowd.contains(&429), "the control: one client alone is slowed down: {crowd:?}");
    app.stop().await;
}
