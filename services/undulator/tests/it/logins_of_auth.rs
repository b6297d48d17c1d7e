//! The real service auth: what it gives out is accepted by the catalogue of its process, and what it ends is refused by a service
//! that hears no events of it.

use std::sync::Arc;

use auth::AccountName;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::StatusCode;
use serde_json::{Value, json};
use service_kit::{Sources, SystemIds};
use testkit::{TestApp, list_backends, probe, wait_until};

const PASSWORD: &str = "only in tests, never elsewhere";
const QUERY: &str = "/icat/entityManager?query=SELECT+COUNT(f)+FROM+Facility+f";

async fn create_root(app: &TestApp) {
    let sources = Sources { clock: Arc::clone(&app.clock) as _, ids: Arc::new(SystemIds) };
    let accounts = auth::open_accounts(&app.config, &sources).await.unwrap();
    let account = AccountName { mechanism: "simple".to_owned(), name: "root".to_owned() };
    accounts.create_account(&account, PASSWORD).await.unwrap();
    accounts.close().await;
}

/// An access token of ten minutes, and its refresh token.
async fn log_in(app: &TestApp) -> (String, String) {
    let login = json!({"plugin": "simple", "username": "root", "password": PASSWORD, "refresh_token": "body"});
    let answer = app.http.post(format!("{}/auth/v1/token", app.public)).json(&login).send().await.unwrap();
    let tokens: Value = answer.json().await.unwrap();
    let text = |name: &str| tokens[name].as_str().unwrap().to_owned();
    (text("access_token"), text("refresh_token"))
}

/// The handle in a token for SciGateway.
async fn log_in_for_handle(app: &TestApp) -> String {
    let login = json!({"mnemonic": "simple", "credentials": {"username": "root", "password": PASSWORD}});
    let answer = app.http.post(format!("{}/auth/login", app.public)).json(&login).send().await.unwrap();
    let token: String = answer.json().await.unwrap();
    let claims = URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap();
    let claims: Value = serde_json::from_slice(&claims).unwrap();
    claims["sessionId"].as_str().unwrap().to_owned()
}

async fn get_with_bearer(app: &TestApp, path: &str, bearer: &str) -> StatusCode {
    app.http.get(format!("{}{path}", app.public)).bearer_auth(bearer).send().await.unwrap().status()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_catalogue_accepts_what_auth_gives_out_until_the_login_ends() {
    for backend in list_backends() {
        let app = TestApp::start_on(&backend, &[auth::SERVICE, icat::SERVICE], "").await;
        create_root(&app).await;
        let (token, _) = log_in(&app).await;
        for credential in [&token, &log_in_for_handle(&app).await] {
            assert_eq!(get_with_bearer(&app, QUERY, credential).await, 200);
            let by_parameter = app.http.get(format!("{}{QUERY}&sessionId={credential}", app.public)).send().await;
            assert_eq!(by_parameter.unwrap().status(), 200);
            let shown = app.http.get(format!("{}/icat/session/-", app.public)).bearer_auth(credential).send().await;
            assert_eq!(shown.unwrap().json::<Value>().await.unwrap()["userName"], "simple/root");
        }
        let ended = app.http.post(format!("{}/auth/v1/logout", app.public)).bearer_auth(&token).send().await.unwrap();
        assert_eq!(ended.status(), 204);
        app.drain().await;
        wait_until("the token is refused", async || (get_with_bearer(&app, QUERY, &token).await == 403).then_some(()))
            .await;
        app.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_whose_session_ends_at_the_catalogue_cannot_be_refreshed() {
    let app = TestApp::start(&[auth::SERVICE, icat::SERVICE], "").await;
    create_root(&app).await;
    let (token, refresh) = log_in(&app).await;
    let ended = app.http.delete(format!("{}/icat/session/-", app.public)).bearer_auth(&token).send().await.unwrap();
    assert_eq!(ended.status(), 204);
    wait_until("the token is refused", async || (get_with_bearer(&app, QUERY, &token).await == 403).then_some(()))
        .await;
    let refresh =
        app.http.post(format!("{}/auth/v1/token/refresh", app.public)).json(&json!({"refresh_token": refresh}));
    assert_eq!(refresh.send().await.unwrap().status(), 401);
    app.stop().await;
}

/// A login that a user ends from another device: auth does not know the id of its session.
#[tokio::test(flavor = "multi_thread")]
async fn a_login_that_is_ended_from_elsewhere_leaves_no_session() {
    let app = TestApp::start(&[auth::SERVICE, icat::SERVICE], "").await;
    create_root(&app).await;
    let ((here, _), (_, _)) = (log_in(&app).await, log_in(&app).await);
    let list = app.http.get(format!("{}/auth/v1/logins", app.public)).bearer_auth(&here).send().await.unwrap();
    let list: Value = list.json().await.unwrap();
    let other = list["logins"].as_array().unwrap().iter().find(|login| login["is_current"] == false).unwrap();
    let count = async || {
        let mut tx = app.db("icat").read().await.unwrap();
        tx.fetch_one("SELECT COUNT(*) AS n FROM session", &[]).await.unwrap().get::<i64>("n").unwrap()
    };
    assert_eq!(count().await, 2);
    let url = format!("{}/auth/v1/logins/{}", app.public, other["id"].as_str().unwrap());
    assert_eq!(app.http.delete(url).bearer_auth(&here).send().await.unwrap().status(), 204);
    app.drain().await;
    assert_eq!(count().await, 1);
    assert_eq!(get_with_bearer(&app, QUERY, &here).await, 200);
    app.stop().await;
}

/// As with a service of another process without NATS, whose cache knows the caller: its clock stands still.
#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_hears_no_events_refuses_an_ended_login_within_half_a_minute() {
    let site = TestApp::start(&[auth::SERVICE, icat::SERVICE], "").await;
    create_root(&site).await;
    let settings = format!(
        "[icat]\nurl = \"{0}\"\nchanges = \"none\"\n[identity]\njwks_url = \"{0}/.well-known/jwks.json\"\nauth_url = \"{1}\"\n",
        site.public, site.internal
    );
    let other = TestApp::start(&[probe::SERVICE], &settings).await;
    let create_thing = async |bearer: &str, name: &str| {
        let request = other.http.post(format!("{}/probe/things", other.public)).bearer_auth(bearer);
        request.json(&json!({"name": name})).send().await.unwrap().status()
    };
    let (token, _) = log_in(&site).await;
    let (control, _) = log_in(&site).await;
    let handle = log_in_for_handle(&site).await;
    for (name, credential) in [("a", &token), ("b", &control), ("c", &handle)] {
        assert_eq!(create_thing(credential, name).await, 201);
    }
    let ended = site.http.post(format!("{}/auth/v1/logout", site.public)).bearer_auth(&token).send().await.unwrap();
    assert_eq!(ended.status(), 204);
    // Auth reads its list again.
    site.clock.advance_seconds(6);
    wait_until("the token is refused", async || (create_thing(&token, "a").await == 401).then_some(())).await;
    for credential in [&control, &handle] {
        assert_eq!(create_thing(credential, "a").await, 409, "others are served");
    }
    other.stop().await;
    site.stop().await;
}
