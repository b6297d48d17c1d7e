//! A service auth that the tests steer: it publishes a key, knows the sessions behind tokens and handles, and ends logins.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use actix_web::{HttpRequest, HttpResponse, web};
use aws_lc_rs::signature::Ed25519KeyPair;
use events::messages::auth::SessionEnded;
use events::{Events, Outbox};
use jsonwebtoken::jwk::{Jwk, JwkSet};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};
use service_kit::{Clock as _, ErrorFormat, Listener, Mount, Running, ServiceDef, SystemIds};

use crate::TestApp;

/// The service.
pub const ISSUER: ServiceDef = ServiceDef {
    name: "issuer",
    build: |ctx| {
        Box::pin(async move {
            let _relay = Events::start(&ctx).await?;
            let known = Arc::new(Known::default());
            let mount =
                |prefix, listener| Mount::new(prefix, listener, ErrorFormat::PROBLEM_DETAILS).state(Arc::clone(&known));
            let mounts = vec![
                mount("/.well-known", Listener::Public).get("/jwks.json", async |known: web::Data<Known>| {
                    known.render_answer(|steered| steered.keys.clone())
                }),
                mount("/auth/v1/revoked", Listener::Public).get("", async |known: web::Data<Known>| {
                    known.render_answer(|_| json!({"revoked": [], "next": "1.", "more": false}))
                }),
                mount("/sessions/resolve", Listener::Internal).post("", resolve_credential),
                mount("/steer", Listener::Internal).put(
                    "",
                    async |known: web::Data<Known>, new: web::Json<Steered>| {
                        *known.0.lock().expect("no test panicked here") = new.into_inner();
                        HttpResponse::NoContent().finish()
                    },
                ),
            ];
            Ok(Running { mounts, workers: Vec::new() })
        })
    },
    ..ServiceDef::EMPTY
};

#[derive(Default)]
struct Known(Mutex<Steered>);

#[derive(Default, Clone, serde::Serialize, serde::Deserialize)]
struct Steered {
    is_down: bool,
    keys: Value,
    /// Session and user by credential.
    sessions: HashMap<String, (String, String)>,
}

impl Known {
    fn render_answer(&self, body: impl Fn(&Steered) -> Value) -> HttpResponse {
        let steered = self.0.lock().expect("no test panicked here");
        if steered.is_down {
            HttpResponse::ServiceUnavailable().finish()
        } else {
            HttpResponse::Ok().json(body(&steered))
        }
    }
}

async fn resolve_credential(known: web::Data<Known>, request: HttpRequest) -> HttpResponse {
    let bearer = request.headers().get("authorization").and_then(|value| value.to_str().ok()).expect("a credential");
    let bearer = bearer.strip_prefix("Bearer ").expect("a bearer credential").to_owned();
    if !known.0.lock().expect("no test panicked here").sessions.contains_key(&bearer) {
        return HttpResponse::Unauthorized().finish();
    }
    known.render_answer(|steered| {
        let (session, user) = &steered.sessions[&bearer];
        json!({"session_id": session, "user_name": user})
    })
}

/// The test's side of it.
pub struct Issuer<'a> {
    app: &'a TestApp,
    key: EncodingKey,
    steered: Steered,
}

impl<'a> Issuer<'a> {
    /// Publishes a new key at the service of a running app.
    pub async fn start(app: &'a TestApp) -> Self {
        let pkcs8 = Ed25519KeyPair::generate().and_then(|pair| pair.to_pkcs8v1()).expect("a key");
        let key = EncodingKey::from_ed_der(pkcs8.as_ref());
        let mut jwk = Jwk::from_encoding_key(&key, Algorithm::EdDSA).expect("a public key");
        jwk.common.key_id = Some("one".to_owned());
        let keys = serde_json::to_value(JwkSet { keys: vec![jwk] }).expect("keys are JSON");
        let issuer = Self { app, key, steered: Steered { keys, ..Steered::default() } };
        issuer.steer().await;
        issuer
    }

    async fn steer(&self) {
        let request = self.app.http.put(format!("{}/steer", self.app.internal)).json(&self.steered);
        assert_eq!(request.send().await.expect("an answer").status(), 204);
    }

    /// A token of ten minutes, with more claims.
    pub fn sign_token(&self, user: &str, more: &Value) -> String {
        let now = self.app.clock.now().as_second();
        let mut claims =
            json!({"iss": "undulator", "aud": "undulator", "sub": user, "sid": "s", "iat": now, "exp": now + 600});
        for (name, value) in more.as_object().expect("claims") {
            claims[name] = value.clone();
        }
        let header =
            Header { typ: Some("at+jwt".to_owned()), kid: Some("one".to_owned()), ..Header::new(Algorithm::EdDSA) };
        jsonwebtoken::encode(&header, &claims, &self.key).expect("a token")
    }

    /// Makes this the session behind a token or a handle.
    pub async fn add_session(&mut self, credential: &str, session: &str, user: &str) {
        self.steered.sessions.insert(credential.to_owned(), (session.to_owned(), user.to_owned()));
        self.steer().await;
    }

    /// Answers 503 to everything, or no longer.
    pub async fn set_down(&mut self, is_down: bool) {
        self.steered.is_down = is_down;
        self.steer().await;
    }
}

/// Publishes that auth ended a session, `times` times.
pub async fn emit_session_ended(app: &TestApp, session: &str, times: usize) {
    let outbox = Outbox::new(ISSUER.name, Arc::clone(&app.clock) as _, Arc::new(SystemIds));
    let event = SessionEnded { session_hash: service_kit::sha256_hex(session), subject: "db/ada".to_owned() };
    let emit = async |tx: &mut service_kit::Tx| {
        for _ in 0..times {
            outbox.emit(tx, &event).await?;
        }
        Ok::<_, service_kit::DbError>(())
    };
    app.db(ISSUER.name).write(emit).await.expect("the event is stored");
}
