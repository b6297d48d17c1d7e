//! What the tests of tokens share: a client of the interface, and keys that the tests know.

use std::sync::Arc;

use auth::Accounts;
use auth::store::audit::{self, AuditRow};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use reqwest::Response;
use serde_json::{Value, json};
use service_kit::{Micros, Sources, SystemIds};
use testkit::TestApp;

/// Made by `openssl genpkey -algorithm ed25519` (3.0.19), which prints its public half as [`OPENSSL_X`].
pub const OPENSSL_KEY: &str = "-----BEGIN PRIVATE KEY-----\n\
    MC4CAQAwBQYDK2VwBCIEIHj/tflnB00b37ii36zYMQeROJAB7264SOzyGg9YNzDR\n\
    -----END PRIVATE KEY-----\n";
pub const OPENSSL_X: &str = "8SoTs8kBfIUaJXm2ZRhcA6OLZfLhZfdhDPWOZEDRPz0";
/// Another one.
pub const SECOND_KEY: &str = "-----BEGIN PRIVATE KEY-----\n\
    MC4CAQAwBQYDK2VwBCIEILW739ABDcrWem28aJgsXRQeOS2ohwPUfe+H/GS9ju22\n\
    -----END PRIVATE KEY-----\n";

/// Of the accounts that the tests make.
pub const PASSWORD: &str = "correct horse battery";

/// The right password at the catalogue of these tests.
pub fn ada_credentials() -> Value {
    json!({"plugin": "db", "username": "ada", "password": "x1"})
}

/// Administers the accounts of a running server, as a command does.
pub async fn open_accounts(app: &TestApp) -> Accounts {
    auth::open_accounts(&app.config, &build_sources(app)).await.unwrap()
}

/// The clock of the test.
pub fn build_sources(app: &TestApp) -> Sources {
    Sources { clock: Arc::clone(&app.clock) as _, ids: Arc::new(SystemIds) }
}

/// A directory with one key, `a`, which signs.
pub fn keys_dir() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("a.pem"), OPENSSL_KEY).unwrap();
    std::fs::write(dir.path().join("active"), "a\n").unwrap();
    dir
}

pub fn keys_settings(keys: &tempfile::TempDir) -> String {
    format!("[auth]\nkeys_dir = \"{}\"\n", keys.path().display())
}

pub async fn request_token(app: &TestApp, body: &Value) -> Response {
    app.http.post(format!("{}/auth/v1/token", app.public)).json(body).send().await.unwrap()
}

pub async fn request_token_for_session(app: &TestApp, session_id: &str) -> Response {
    app.http.post(format!("{}/auth/v1/token", app.public)).bearer_auth(session_id).send().await.unwrap()
}

pub async fn read_token(answer: Response) -> String {
    assert_eq!(answer.status(), 200);
    let answer: Value = answer.json().await.unwrap();
    answer["access_token"].as_str().unwrap().to_owned()
}

pub async fn resolve_token(app: &TestApp, token: &str) -> (u16, Value) {
    let answer = app.http.post(format!("{}/sessions/resolve", app.internal)).bearer_auth(token).send().await.unwrap();
    assert_eq!(answer.headers()["cache-control"], "no-store");
    (answer.status().as_u16(), answer.json().await.unwrap())
}

pub async fn end_token(app: &TestApp, token: &str) -> u16 {
    let request = app.http.delete(format!("{}/auth/v1/token", app.public)).bearer_auth(token);
    request.send().await.unwrap().status().as_u16()
}

pub async fn get_jwks(app: &TestApp) -> JwkSet {
    app.http.get(format!("{}/.well-known/jwks.json", app.public)).send().await.unwrap().json().await.unwrap()
}

/// One part of a token as JSON: 0 is the header, 1 are the claims.
pub fn decode_part(token: &str, place: usize) -> Value {
    let text = token.split('.').nth(place).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).unwrap()).unwrap()
}

/// As another program would do it, with nothing but the published keys.
pub fn verify_with_published_keys(token: &str, keys: &JwkSet) -> Value {
    let header = jsonwebtoken::decode_header(token).unwrap();
    let key = DecodingKey::from_jwk(keys.find(&header.kid.unwrap()).unwrap()).unwrap();
    let mut rules = Validation::new(Algorithm::EdDSA);
    rules.set_audience(&["undulator"]);
    rules.set_issuer(&["undulator"]);
    // The library reads the machine's clock, and these tests have one of their own.
    rules.validate_exp = false;
    jsonwebtoken::decode::<Value>(token, &key, &rules).unwrap().claims
}

/// The body of a login with a new session of its own, which asks for a refresh token.
pub fn fresh_credentials(name: &str, place: &str) -> Value {
    json!({"plugin": "fresh", "username": name, "password": "x1", "refresh_token": place})
}

/// The access token and the refresh token of a new login.
pub async fn log_in_fresh(app: &TestApp, name: &str) -> TokenPair {
    let answer = request_token(app, &fresh_credentials(name, "body")).await;
    assert_eq!(answer.status(), 200);
    TokenPair::from_answer(answer).await
}

/// What a login or a refresh gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenPair {
    pub access: String,
    pub refresh: String,
}

impl TokenPair {
    pub async fn from_answer(answer: Response) -> Self {
        let answer: Value = answer.json().await.unwrap();
        let text = |key: &str| answer[key].as_str().unwrap().to_owned();
        Self { access: text("access_token"), refresh: text("refresh_token") }
    }
}

/// A refresh at one of several servers.
pub async fn refresh_at(app: &TestApp, public: &str, refresh_token: &str) -> Response {
    let body = json!({"refresh_token": refresh_token});
    app.http.post(format!("{public}/auth/v1/token/refresh")).json(&body).send().await.unwrap()
}

pub async fn refresh(app: &TestApp, refresh_token: &str) -> Response {
    refresh_at(app, &app.public, refresh_token).await
}

pub async fn refresh_pair(app: &TestApp, refresh_token: &str) -> TokenPair {
    let answer = refresh(app, refresh_token).await;
    assert_eq!(answer.status(), 200);
    TokenPair::from_answer(answer).await
}

/// The slug of a problem.
pub async fn read_slug(answer: Response) -> String {
    let problem: Value = answer.json().await.unwrap();
    problem["type"].as_str().unwrap().strip_prefix("urn:undulator:problem:").unwrap().to_owned()
}

/// Kinds and reasons of the audit log, in its order.
pub async fn list_audit(app: &TestApp) -> Vec<(String, String)> {
    let rows = list_audit_rows(app).await;
    rows.into_iter().map(|row| (row.kind, row.reason)).collect()
}

pub async fn list_audit_rows(app: &TestApp) -> Vec<AuditRow> {
    let mut tx = app.db("auth").read().await.unwrap();
    audit::list_entries(&mut tx, Micros::from_i64(0), 100_000).await.unwrap()
}

/// The ICAT session behind a token.
pub async fn find_session(app: &TestApp, access: &str) -> String {
    let (status, session) = resolve_token(app, access).await;
    assert_eq!(status, 200);
    session["session_id"].as_str().unwrap().to_owned()
}
