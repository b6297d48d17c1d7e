//! An identity provider that says what a test wants, with the clock of the test.

use std::sync::{Arc, Mutex};

use actix_web::{HttpRequest, HttpResponse, web};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Map, Value, json};
use service_kit::{Ctx, ErrorFormat, Listener, Mount, Running, ServiceDef};
use testkit::TestApp;

use crate::client::{OPENSSL_KEY, OPENSSL_X, PASSWORD};

/// The client of auth.
pub const CLIENT_ID: &str = "undulator";
/// The one code that is accepted.
pub const CODE: &str = "code-1";

const FAKE_PROVIDER: ServiceDef = ServiceDef {
    name: "fake-provider",
    build: |ctx| Box::pin(std::future::ready(Ok(Running { mounts: vec![build_mount(&ctx)], workers: Vec::new() }))),
    ..ServiceDef::EMPTY
};

/// What the next token says besides the usual claims; a null takes a claim away.
static CHANGES: Mutex<Option<Map<String, Value>>> = Mutex::new(None);
/// What the token endpoint was asked.
static TOKEN_REQUESTS: Mutex<Vec<String>> = Mutex::new(Vec::new());

pub struct FakeProvider {
    app: TestApp,
}

impl FakeProvider {
    pub async fn start() -> Self {
        *CHANGES.lock().unwrap() = None;
        Self { app: TestApp::start(&[FAKE_PROVIDER], "").await }
    }

    pub fn issuer(&self) -> String {
        format!("{}/provider", self.app.public)
    }

    /// The settings of auth, with further lines for this provider.
    pub fn settings(&self, more: &str) -> String {
        format!(
            "public_url = \"https://data.example.org\"\n[auth]\nroot_user_names = [\"lab/root\"]\n\
             groups_account = \"simple:root:{PASSWORD}\"\n[[auth.providers]]\n\
             name = \"lab\"\nkind = \"oidc\"\ndisplay_name = \"The <Lab>\"\nclient_id = \"{CLIENT_ID}\"\nallow_http = true\n\
             configuration_url = \"{}/.well-known/openid-configuration\"\n{more}\n",
            self.issuer()
        )
    }

    /// A token with the claims of an ID token, changed.
    pub fn sign_token(&self, header: &Header, changes: &Value) -> String {
        let now = service_kit::Clock::now(&*self.app.clock).as_second();
        sign_claims(header, &self.issuer(), now, changes.as_object())
    }

    pub fn advance_seconds(&self, seconds: i64) {
        self.app.clock.advance_seconds(seconds);
    }

    pub async fn stop(self) {
        self.app.stop().await;
    }
}

pub fn header() -> Header {
    Header { kid: Some("k1".to_owned()), ..Header::new(Algorithm::EdDSA) }
}

fn sign_claims(header: &Header, issuer: &str, now: i64, changes: Option<&Map<String, Value>>) -> String {
    let mut claims = json!({"iss": issuer, "aud": CLIENT_ID, "sub": "ada", "iat": now, "exp": now + 300, "sid": "s1",
        "auth_time": now, "amr": ["pwd", "otp"]});
    let object = claims.as_object_mut().unwrap();
    for (name, value) in changes.into_iter().flatten() {
        match value {
            Value::Null => object.remove(name),
            value => object.insert(name.clone(), value.clone()),
        };
    }
    encode(header, &claims, &EncodingKey::from_ed_pem(OPENSSL_KEY.as_bytes()).unwrap()).unwrap()
}

struct Provider {
    clock: Arc<dyn service_kit::Clock>,
}

fn build_mount(ctx: &Ctx) -> Mount {
    Mount::new("/provider", Listener::Public, ErrorFormat::PROBLEM_DETAILS)
        .state(Arc::new(Provider { clock: Arc::clone(&ctx.clock) }))
        .get("/.well-known/openid-configuration", get_discovery)
        .get("/keys", get_keys)
        .post("/token", exchange_code)
}

fn issuer_of(request: &HttpRequest) -> String {
    format!("http://{}/provider", request.connection_info().host())
}

async fn get_discovery(request: HttpRequest) -> HttpResponse {
    let issuer = issuer_of(&request);
    HttpResponse::Ok().json(json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{issuer}/authorize"),
        "token_endpoint": format!("{issuer}/token"),
        "jwks_uri": format!("{issuer}/keys"),
        "end_session_endpoint": format!("{issuer}/logout"),
    }))
}

async fn get_keys() -> HttpResponse {
    HttpResponse::Ok()
        .json(json!({"keys": [{"kty": "OKP", "crv": "Ed25519", "x": OPENSSL_X, "kid": "k1", "use": "sig"}]}))
}

async fn exchange_code(provider: web::Data<Provider>, request: HttpRequest, body: String) -> HttpResponse {
    let is_right = body.contains(&format!("code={CODE}"));
    TOKEN_REQUESTS.lock().unwrap().push(body);
    if !is_right {
        return HttpResponse::BadRequest().json(json!({"error": "invalid_grant"}));
    }
    let changes = CHANGES.lock().unwrap().clone();
    let now = provider.clock.now().as_second();
    let id_token = sign_claims(&header(), &issuer_of(&request), now, changes.as_ref());
    HttpResponse::Ok().json(json!({"access_token": "opaque", "token_type": "Bearer", "id_token": id_token}))
}

/// What the next ID tokens say.
pub fn change_claims(changes: &Value) {
    *CHANGES.lock().unwrap() = changes.as_object().cloned();
}

/// How often a code was sent to the token endpoint.
pub fn count_token_requests() -> usize {
    TOKEN_REQUESTS.lock().unwrap().len()
}

/// The last request to the token endpoint.
pub fn last_token_request() -> String {
    TOKEN_REQUESTS.lock().unwrap().last().cloned().unwrap()
}
