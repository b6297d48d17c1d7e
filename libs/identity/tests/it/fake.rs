//! An ICAT with one session, an auth with the keys it is given, and a service whose routes want to know who calls. Each
//! set of services has its own state, steered over its internal listener.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use actix_web::{HttpRequest, HttpResponse, web};
use aws_lc_rs::signature::Ed25519KeyPair;
use events::messages::Event;
use events::messages::auth::{ApiKeyRevoked, SessionEnded, SessionsRevoked};
use events::{Events, Outbox};
use identity::{Caller, CredentialLocation, Identity, MaybeCaller, Permission};
use jsonwebtoken::jwk::{Jwk, JwkSet};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};
use service_kit::{Code, Ctx, Db, ErrorFormat, Listener, Mount, Problem, Running, ServiceDef};
use std::sync::Arc;
use testkit::TestApp;

pub const SESSION: &str = "5b0c1c8e-6f57-4c7e-9d55-0f2d4a7b9c10";
pub const START_SECONDS: i64 = 1_768_208_400;

pub const FAKE: ServiceDef = ServiceDef {
    name: "fake",
    build: |ctx| Box::pin(async move { build_fake_services(ctx).await }),
    ..ServiceDef::EMPTY
};

#[derive(Default)]
struct Fake {
    keys: Mutex<Value>,
    /// `Cache-Control` of the keys.
    cache_control: Mutex<Option<String>>,
    /// What `/auth/v1/revoked` answers by the position that it is asked for; its length is the `ETag`.
    revoked: Mutex<BTreeMap<String, Value>>,
    revoked_requests: Mutex<Vec<String>>,
    fetches: AtomicUsize,
    asked: AtomicUsize,
    /// What `/api-keys/resolve` answers by the key: 200, or 401 with a type.
    api_keys: Mutex<BTreeMap<String, Value>>,
    api_keys_asked: AtomicUsize,
    auth_is_down: AtomicBool,
    session_is_dead: AtomicBool,
    /// What auth says of how the user of a handle logged in.
    level: Mutex<Value>,
}

struct Ender {
    db: Db,
    outbox: Outbox,
    identity: Identity,
}

async fn build_fake_services(ctx: Ctx) -> Result<Running, service_kit::BuildError> {
    let events = Events::start(&ctx).await?;
    let identity = Identity::new(&ctx, &events)?;
    let fake = Arc::new(Fake::default());
    let ender = Arc::new(Ender { db: ctx.db.clone(), outbox: events.outbox(), identity: identity.clone() });
    let who = |mount: Mount, places| identity.accept_credentials(mount, places).get("", answer_user_name);
    let mounts = vec![
        Mount::new("/icat", Listener::Public, testkit::FAKE_ICAT_ERRORS)
            .state(Arc::clone(&fake))
            .get("/session/{id}", get_session),
        Mount::new("/.well-known", Listener::Public, ErrorFormat::PROBLEM_DETAILS)
            .state(Arc::clone(&fake))
            .get("/jwks.json", get_jwks),
        Mount::new("/auth/v1/revoked", Listener::Public, ErrorFormat::PROBLEM_DETAILS)
            .state(Arc::clone(&fake))
            .get("", list_revoked),
        Mount::new("/sessions", Listener::Internal, ErrorFormat::PROBLEM_DETAILS)
            .state(Arc::clone(&fake))
            .post("/resolve", resolve_token),
        Mount::new("/api-keys", Listener::Internal, ErrorFormat::PROBLEM_DETAILS)
            .state(Arc::clone(&fake))
            .post("/resolve", resolve_api_key),
        Mount::new("/steer", Listener::Internal, ErrorFormat::PROBLEM_DETAILS)
            .state(fake)
            .state(ender)
            .put("/keys", async |fake: web::Data<Fake>, keys: web::Json<Value>| {
                *fake.keys.lock().unwrap() = keys.into_inner();
                HttpResponse::NoContent().finish()
            })
            .put("/auth-is-down/{yes}", async |fake: web::Data<Fake>, yes: web::Path<bool>| {
                fake.auth_is_down.store(*yes, Ordering::SeqCst);
                HttpResponse::NoContent().finish()
            })
            .put("/session-is-dead/{yes}", async |fake: web::Data<Fake>, yes: web::Path<bool>| {
                fake.session_is_dead.store(*yes, Ordering::SeqCst);
                HttpResponse::NoContent().finish()
            })
            .put("/cache-control/{text}", async |fake: web::Data<Fake>, text: web::Path<String>| {
                *fake.cache_control.lock().unwrap() = Some(text.into_inner());
                HttpResponse::NoContent().finish()
            })
            .put("/revoked", async |fake: web::Data<Fake>, answers: web::Json<BTreeMap<String, Value>>| {
                *fake.revoked.lock().unwrap() = answers.into_inner();
                HttpResponse::NoContent().finish()
            })
            .put("/level", async |fake: web::Data<Fake>, level: web::Json<Value>| {
                *fake.level.lock().unwrap() = level.into_inner();
                HttpResponse::NoContent().finish()
            })
            .put("/api-keys", async |fake: web::Data<Fake>, keys: web::Json<BTreeMap<String, Value>>| {
                *fake.api_keys.lock().unwrap() = keys.into_inner();
                HttpResponse::NoContent().finish()
            })
            .post(
                "/revoke-api-key/{key}",
                async |ender: web::Data<Ender>, fake: web::Data<Fake>, key: web::Path<String>| {
                    fake.api_keys.lock().unwrap().remove(key.as_str());
                    let event = ApiKeyRevoked {
                        key_hash: service_kit::sha256_hex(key.as_str()),
                        subject: "simple/id29".to_owned(),
                    };
                    emit_event(&ender, &event).await
                },
            )
            .post("/lock/{user}", async |ender: web::Data<Ender>, fake: web::Data<Fake>, user: web::Path<String>| {
                fake.api_keys.lock().unwrap().clear();
                emit_event(&ender, &SessionsRevoked { subject: format!("simple/{user}"), begun_until: 0 }).await
            })
            .post("/poll-revoked", async |ender: web::Data<Ender>, fake: web::Data<Fake>| {
                // Of the worker too, which asks at the start.
                fake.revoked_requests.lock().unwrap().clear();
                ender.identity.poll_revoked_logins().await;
                HttpResponse::Ok().json(&*fake.revoked_requests.lock().unwrap())
            })
            .post("/tell-end", emit_session_ended)
            .get("/counts", async |fake: web::Data<Fake>| {
                let (fetches, asked) = (fake.fetches.load(Ordering::SeqCst), fake.asked.load(Ordering::SeqCst));
                let api_keys_asked = fake.api_keys_asked.load(Ordering::SeqCst);
                HttpResponse::Ok().json(json!({"fetches": fetches, "asked": asked, "api-keys-asked": api_keys_asked}))
            }),
        who(Mount::new("/who", Listener::Public, ErrorFormat::PROBLEM_DETAILS), &[]),
        who(
            Mount::new("/in-query", Listener::Public, ErrorFormat::PROBLEM_DETAILS),
            &[CredentialLocation::Query("sessionId")],
        ),
        who(
            Mount::new("/in-header", Listener::Public, ErrorFormat::PROBLEM_DETAILS),
            &[CredentialLocation::Header("x-session")],
        ),
        identity
            .accept_credentials(
                Mount::new("/in-path", Listener::Public, ErrorFormat::PROBLEM_DETAILS),
                &[CredentialLocation::Path("session")],
            )
            .get("/{session}/who", answer_user_name),
        Mount::new("/with-key", Listener::Public, ErrorFormat::PROBLEM_DETAILS).state(Arc::new(identity.clone())).get(
            "/{key}",
            async |identity: web::Data<Identity>, key: web::Path<String>| {
                identity.verify_api_key_or_session(&key, None).await.map(|caller| user_name(&caller))
            },
        ),
        identity
            .accept_credentials(Mount::new("/write-for", Listener::Public, ErrorFormat::PROBLEM_DETAILS), &[])
            .get("", write_for),
        identity
            .accept_credentials(Mount::new("/maybe", Listener::Public, ErrorFormat::PROBLEM_DETAILS), &[])
            .get("", async |caller: MaybeCaller| caller.0.map_or("nobody".to_owned(), |caller| user_name(&caller))),
        identity
            .accept_credentials(Mount::new("/write", Listener::Public, ErrorFormat::PROBLEM_DETAILS), &[])
            .post("", async |caller: Caller| caller.require_scope("logbook:write").map(|()| user_name(&caller))),
        identity
            .accept_credentials(Mount::new("/administer", Listener::Public, ErrorFormat::PROBLEM_DETAILS), &[])
            .get("", administer),
    ];
    Ok(Running { mounts, ..Running::default() })
}

fn user_name(caller: &Caller) -> String {
    caller.subject().icat_user_name.clone()
}

async fn administer(caller: Caller, identity: web::Data<Identity>) -> Result<String, Problem> {
    identity.require_permission(&caller, Permission::Administer).await.map(|()| user_name(&caller))
}

/// The instrument of the query twice if the caller may write for it; an empty one is none.
async fn write_for(caller: Caller, query: web::Query<Vec<(String, String)>>) -> Result<String, Problem> {
    let instrument = query[0].1.as_str();
    caller.require_instrument(Some(instrument).filter(|name| !name.is_empty()))?;
    assert!(instrument.is_empty() || caller.may_write_for_instrument(instrument));
    Ok(format!("{instrument} {instrument}"))
}

/// Who, and whether their session is known.
async fn answer_user_name(caller: Caller) -> String {
    format!("{}{}", user_name(&caller), if caller.session().is_some() { "" } else { " without session" })
}

async fn get_session(fake: web::Data<Fake>, id: web::Path<String>) -> HttpResponse {
    fake.asked.fetch_add(1, Ordering::SeqCst);
    if *id == SESSION && !fake.session_is_dead.load(Ordering::SeqCst) {
        return HttpResponse::Ok().json(json!({"userName": "db/ada", "remainingMinutes": 119.5}));
    }
    HttpResponse::Forbidden()
        .json(json!({"code": "SESSION", "message": format!("Unable to find user by sessionid: {id}")}))
}

async fn get_jwks(fake: web::Data<Fake>) -> HttpResponse {
    fake.fetches.fetch_add(1, Ordering::SeqCst);
    if fake.auth_is_down.load(Ordering::SeqCst) {
        return HttpResponse::ServiceUnavailable().finish();
    }
    let mut answer = HttpResponse::Ok();
    if let Some(text) = &*fake.cache_control.lock().unwrap() {
        answer.insert_header(("cache-control", text.as_str()));
    }
    answer.json(&*fake.keys.lock().unwrap())
}

/// As auth answers: 304 to the `ETag` of the same answer, 422 to a position that is not known.
async fn list_revoked(fake: web::Data<Fake>, request: HttpRequest) -> HttpResponse {
    let etag = request.headers().get("if-none-match").map(|tag| tag.to_str().unwrap().to_owned());
    let position = request.query_string().strip_prefix("after=").unwrap_or_default().to_owned();
    fake.revoked_requests.lock().unwrap().push(format!("{position} {}", etag.as_deref().unwrap_or("-")));
    if fake.auth_is_down.load(Ordering::SeqCst) {
        return HttpResponse::ServiceUnavailable().finish();
    }
    let answers = fake.revoked.lock().unwrap();
    let Some(answer) = answers.get(&position) else { return HttpResponse::UnprocessableEntity().finish() };
    let tag = format!("\"{}\"", answer["revoked"].as_array().unwrap().len());
    if etag.as_ref() == Some(&tag) {
        return HttpResponse::NotModified().finish();
    }
    HttpResponse::Ok().insert_header(("etag", tag)).json(answer)
}

async fn resolve_token(fake: web::Data<Fake>) -> Result<HttpResponse, Problem> {
    fake.asked.fetch_add(1, Ordering::SeqCst);
    if fake.auth_is_down.load(Ordering::SeqCst) {
        return Err(Problem::new(Code::Unavailable, "fake/down", "down"));
    }
    if fake.session_is_dead.load(Ordering::SeqCst) {
        return Err(Problem::new(Code::Unauthenticated, "fake/ended", "ended"));
    }
    let mut answer = json!({"session_id": SESSION, "user_name": "db/ada"});
    for (name, value) in fake.level.lock().unwrap().as_object().into_iter().flatten() {
        answer[name] = value.clone();
    }
    Ok(HttpResponse::Ok().json(answer))
}

async fn resolve_api_key(fake: web::Data<Fake>, request: HttpRequest) -> HttpResponse {
    fake.api_keys_asked.fetch_add(1, Ordering::SeqCst);
    if fake.auth_is_down.load(Ordering::SeqCst) {
        return HttpResponse::ServiceUnavailable().finish();
    }
    let bearer = request.headers().get("authorization").unwrap().to_str().unwrap().strip_prefix("Bearer ").unwrap();
    match fake.api_keys.lock().unwrap().get(bearer) {
        Some(answer) if answer.get("type").is_none() => HttpResponse::Ok().json(answer),
        Some(refusal) => HttpResponse::Unauthorized().json(refusal),
        None => HttpResponse::Unauthorized().json(json!({"type": "urn:undulator:problem:auth/unknown-api-key"})),
    }
}

async fn emit_session_ended(ender: web::Data<Ender>) -> Result<HttpResponse, Problem> {
    let event = SessionEnded { session_hash: service_kit::sha256_hex(SESSION), subject: "db/ada".to_owned() };
    emit_event(&ender, &event).await
}

async fn emit_event<E: Event>(ender: &Ender, event: &E) -> Result<HttpResponse, Problem> {
    ender.db.write(async |tx| ender.outbox.emit(tx, event).await).await?;
    Ok(HttpResponse::NoContent().finish())
}

pub async fn start_app(toml: &str) -> TestApp {
    TestApp::start(&[FAKE], toml).await
}

/// Status and body of a request with a bearer credential.
pub async fn get_with_bearer(app: &TestApp, path: &str, bearer: Option<&str>) -> (u16, String) {
    let mut request = app.http.get(format!("{}{path}", app.public));
    if let Some(bearer) = bearer {
        request = request.bearer_auth(bearer);
    }
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

pub async fn steer_fakes(app: &TestApp, path: &str) {
    let url = format!("{}/steer/{path}", app.internal);
    let is_post = path == "tell-end" || path.starts_with("revoke-api-key/") || path.starts_with("lock/");
    let method = if is_post { "POST" } else { "PUT" };
    let answer = app.http.request(method.parse().unwrap(), url).send().await.unwrap();
    assert_eq!(answer.status(), 204, "{path}");
}

/// What `/auth/v1/revoked` answers from now on, by position.
pub async fn set_revoked(app: &TestApp, answers: Value) {
    let url = format!("{}/steer/revoked", app.internal);
    assert_eq!(app.http.put(url).json(&answers).send().await.unwrap().status(), 204);
}

/// How the users of handles have logged in, as auth says from now on.
pub async fn set_level(app: &TestApp, level: Value) {
    let url = format!("{}/steer/level", app.internal);
    assert_eq!(app.http.put(url).json(&level).send().await.unwrap().status(), 204);
}

/// What auth answers about API keys from now on, by the key.
pub async fn set_api_keys(app: &TestApp, keys: Value) {
    let url = format!("{}/steer/api-keys", app.internal);
    assert_eq!(app.http.put(url).json(&keys).send().await.unwrap().status(), 204);
}

/// Polls, and returns the position and the `ETag` of each request.
pub async fn poll_revoked(app: &TestApp) -> Vec<String> {
    app.http.post(format!("{}/steer/poll-revoked", app.internal)).send().await.unwrap().json().await.unwrap()
}

/// The value of a series of `/metrics`.
pub async fn read_metric(app: &TestApp, series: &str) -> f64 {
    let text = app.http.get(format!("{}/metrics", app.internal)).send().await.unwrap().text().await.unwrap();
    let value = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    value.unwrap_or_else(|| panic!("{text}")).parse().unwrap()
}

pub async fn read_counter(app: &TestApp, what: &str) -> u64 {
    let counts: Value =
        app.http.get(format!("{}/steer/counts", app.internal)).send().await.unwrap().json().await.unwrap();
    counts[what].as_u64().unwrap()
}

/// A key pair with its published half.
pub struct Key {
    pub encoding: EncodingKey,
    pub jwk: Jwk,
}

impl Key {
    pub fn new(kid: &str) -> Self {
        let pair = Ed25519KeyPair::generate().unwrap();
        let pkcs8 = pair.to_pkcs8v1().unwrap();
        let encoding = EncodingKey::from_ed_der(pkcs8.as_ref());
        let mut jwk = Jwk::from_encoding_key(&encoding, Algorithm::EdDSA).unwrap();
        jwk.common.key_id = Some(kid.to_owned());
        Self { encoding, jwk }
    }

    pub fn sign_token(&self, claims: &Value) -> String {
        let header = Header {
            typ: Some("at+jwt".to_owned()),
            kid: self.jwk.common.key_id.clone(),
            ..Header::new(Algorithm::EdDSA)
        };
        jsonwebtoken::encode(&header, claims, &self.encoding).unwrap()
    }
}

pub fn valid_claims() -> Value {
    json!({"iss": "undulator", "aud": "undulator", "sub": "db/ada", "sid": "s", "iat": START_SECONDS, "nbf": START_SECONDS, "exp": START_SECONDS + 600})
}

pub async fn publish_keys(app: &TestApp, keys: &[&Key]) {
    let set = JwkSet { keys: keys.iter().map(|key| key.jwk.clone()).collect() };
    let url = format!("{}/steer/keys", app.internal);
    assert_eq!(app.http.put(url).json(&set).send().await.unwrap().status(), 204);
}
