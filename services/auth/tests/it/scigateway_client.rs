//! A client of the interface of scigateway-auth, as SciGateway 3.0.1 and its plugins use it.

use reqwest::{Method, RequestBuilder, Response};
use serde_json::{Value, json};
use testkit::{Backend, TestApp};

use crate::icat::ICAT;

/// Generated once: that takes a moment.
const KEY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/scigateway/openssh.key");

pub async fn start_app(backend: &Backend) -> TestApp {
    let settings = format!("[identity]\nadministrators = [\"fresh/root\"]\n[auth]\nscigateway_key = {KEY:?}\n");
    TestApp::start_on(backend, &[auth::SERVICE, ICAT], &settings).await
}

/// A request that redirects do not take elsewhere.
pub fn build_request(app: &TestApp, method: Method, path: &str) -> RequestBuilder {
    let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    http.request(method, format!("{}/auth{path}", app.public))
}

pub async fn get_path(app: &TestApp, path: &str) -> Response {
    build_request(app, Method::GET, path).send().await.unwrap()
}

pub async fn post(app: &TestApp, path: &str, body: &Value) -> Response {
    build_request(app, Method::POST, path).json(body).send().await.unwrap()
}

/// At the authenticator of these tests that opens a session of its own for each login.
pub fn build_login(name: &str) -> Value {
    json!({"mnemonic": "fresh", "credentials": {"username": name, "password": "x1"}})
}

/// The token and the cookie of a login.
pub async fn log_in(app: &TestApp, name: &str) -> (String, String) {
    let answer = post(app, "/login", &build_login(name)).await;
    assert_eq!(answer.status(), 200);
    read_tokens(answer).await
}

pub async fn read_tokens(answer: Response) -> (String, String) {
    let cookie = answer.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    (answer.json().await.unwrap(), cookie)
}

pub async fn refresh(app: &TestApp, token: &str, cookie: &str) -> Response {
    let request = build_request(app, Method::POST, "/refresh").header("cookie", cookie);
    request.json(&json!({"token": token})).send().await.unwrap()
}

/// Both tokens of a refresh that is accepted.
pub async fn refresh_tokens(app: &TestApp, token: &str, cookie: &str) -> (String, String) {
    let answer = refresh(app, token, cookie).await;
    assert_eq!(answer.status(), 200);
    read_tokens(answer).await
}

/// The status of `/verify`.
pub async fn verify_token(app: &TestApp, token: &str) -> u16 {
    post(app, "/verify", &json!({"token": token})).await.status().as_u16()
}

/// Status and `detail`.
pub async fn read_failure(answer: Response) -> (u16, Value) {
    let status = answer.status().as_u16();
    assert_eq!(answer.headers()["content-type"], "application/json");
    let body: Value = answer.json().await.unwrap();
    assert_eq!(body.as_object().unwrap().len(), 1, "{body}");
    (status, body["detail"].clone())
}
