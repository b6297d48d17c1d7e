//! A catalogue that answers what icat.server 6.2 answers, word for word, and knows a few sessions.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use actix_web::{HttpResponse, web};
use serde_json::{Value, json};
use service_kit::{Ctx, HttpClient, Listener, Mount, Running, ServiceDef};
use testkit::TestApp;
use tokio::sync::Semaphore;

/// Of `db/ada`, for two hours.
pub const SESSION: &str = "5b0c1c8e-6f57-4c7e-9d55-0f2d4a7b9c10";
/// Of a login with `{"pin":"1"}` at `brief`, for 90 seconds.
pub const BRIEF: &str = "0d5bd5c1-52a1-4d0c-8f0d-0a6a3f5b7d11";
/// Of a login at `endless`, which tells no usable end, or at `over`, for less than a second.
const ENDLESS: &str = "9f8e7d6c-0000-4000-8000-000000000001";
/// Of an account that auth itself keeps, for eleven minutes.
pub const LOCAL: &str = "c3a1f0de-7b1e-4b63-9a44-2f60d1a7e212";

/// After the plugin has answered about this user name, the catalogue says so and waits for the test's word.
pub const GATED: &str = "gated";
pub static ACCEPTED: Semaphore = Semaphore::const_new(0);
pub static GO_ON: Semaphore = Semaphore::const_new(0);

pub const ICAT: ServiceDef = ServiceDef {
    name: "fake-icat",
    build: |ctx| Box::pin(std::future::ready(Ok(Running { mounts: vec![build_mount(&ctx)], workers: Vec::new() }))),
    ..ServiceDef::EMPTY
};

struct Catalogue {
    /// The answers about the sessions that are open.
    open: Mutex<HashMap<String, String>>,
    /// Expired ones that were not swept yet.
    expired: Mutex<HashSet<String>>,
    is_down: AtomicBool,
    hides_authenticators: AtomicBool,
    logins: AtomicU64,
    http: HttpClient,
    /// Where the authenticators are.
    plugins: String,
}

impl Catalogue {
    fn find_status(&self, id: &str) -> Option<String> {
        let is_expired = self.expired.lock().unwrap().contains(id);
        self.open.lock().unwrap().get(id).filter(|_| !is_expired).cloned()
    }

    /// Revives a session that has expired, as icat.server does.
    fn refresh_session(&self, id: &str) -> bool {
        self.expired.lock().unwrap().remove(id);
        self.open.lock().unwrap().contains_key(id)
    }

    /// A new session for each login, of `fresh/<name>` for two hours.
    fn open_fresh_session(&self, name: &str) -> HttpResponse {
        let n = self.logins.fetch_add(1, Ordering::SeqCst);
        self.open_session(&format!("00000000-0000-4000-9000-{n:012}"), &format!("fresh/{name}"), "120.0")
    }

    fn open_session(&self, id: &str, user: &str, minutes: &str) -> HttpResponse {
        let status = format!(r#"{{"userName":"{user}","remainingMinutes":{minutes}}}"#);
        self.open.lock().unwrap().insert(id.to_owned(), status);
        HttpResponse::Ok().body(format!(r#"{{"sessionId":"{id}"}}"#))
    }

    /// As icat.server asks the authenticators of its `run.properties`.
    async fn call_authenticator(&self, login: &str) -> HttpResponse {
        let login: Value = serde_json::from_str(login).unwrap();
        let url = format!("{}/authn.{}/authenticate", self.plugins, login["plugin"].as_str().unwrap());
        let body = json!({"credentials": login["credentials"], "ip": "127.0.0.1"}).to_string();
        let answer = self.http.post(url).form(&[("json", body)]).send().await.unwrap();
        if login["credentials"][0]["username"] == GATED {
            ACCEPTED.add_permits(1);
            GO_ON.acquire().await.unwrap().forget();
        }
        if !answer.status().is_success() {
            // Whatever the status is, and with the text of the plugin.
            let refusal: Value = answer.json().await.unwrap_or_default();
            let message = refusal["message"].as_str().unwrap_or("Authenticator mnemonic not recognised");
            let body = json!({"code": "SESSION", "message": message}).to_string();
            return HttpResponse::Forbidden().body(body);
        }
        let user: Value = answer.json().await.unwrap();
        let name = format!("{}/{}", user["mechanism"].as_str().unwrap(), user["username"].as_str().unwrap());
        self.open_session(LOCAL, &name, "11")
    }
}

fn build_mount(ctx: &Ctx) -> Mount {
    let catalogue = Catalogue {
        open: Mutex::default(),
        expired: Mutex::default(),
        is_down: AtomicBool::new(false),
        hides_authenticators: AtomicBool::new(false),
        logins: AtomicU64::new(0),
        http: ctx.http.clone(),
        plugins: ctx.endpoints.resolve_url("self", Listener::Internal),
    };
    catalogue.open_session(SESSION, "db/ada", "119.9876");
    Mount::new("/icat", Listener::Public, testkit::FAKE_ICAT_ERRORS)
        .state(Arc::new(catalogue))
        .post("/session", create_session)
        .put("/steer/down/{is_down}", async |catalogue: web::Data<Catalogue>, is_down: web::Path<bool>| {
            catalogue.is_down.store(*is_down, Ordering::SeqCst);
            HttpResponse::NoContent().finish()
        })
        .put("/steer/hide-authenticators", async |catalogue: web::Data<Catalogue>| {
            catalogue.hides_authenticators.store(true, Ordering::SeqCst);
            HttpResponse::NoContent().finish()
        })
        .put("/steer/expire/{id}", async |catalogue: web::Data<Catalogue>, id: web::Path<String>| {
            catalogue.expired.lock().unwrap().insert(id.into_inner());
            HttpResponse::NoContent().finish()
        })
        .get("/session/{id}", async |catalogue: web::Data<Catalogue>, id: web::Path<String>| {
            if catalogue.is_down.load(Ordering::SeqCst) {
                return HttpResponse::ServiceUnavailable().finish();
            }
            catalogue.find_status(&id).map_or_else(|| unknown_session(&id), |status| HttpResponse::Ok().body(status))
        })
        .put("/session/{id}", async |catalogue: web::Data<Catalogue>, id: web::Path<String>| {
            if catalogue.is_down.load(Ordering::SeqCst) {
                return HttpResponse::ServiceUnavailable().finish();
            }
            if catalogue.refresh_session(&id) { HttpResponse::NoContent().finish() } else { unknown_session(&id) }
        })
        .delete("/session/{id}", async |catalogue: web::Data<Catalogue>, id: web::Path<String>| {
            if catalogue.is_down.load(Ordering::SeqCst) {
                return HttpResponse::ServiceUnavailable().finish();
            }
            let ended = catalogue.open.lock().unwrap().remove(id.as_str());
            ended.map_or_else(|| unknown_session(&id), |_| HttpResponse::NoContent().finish())
        })
        .get("/properties", get_properties)
        .get("/entityManager", search_entities)
}

async fn create_session(catalogue: web::Data<Catalogue>, form: web::Form<Vec<(String, String)>>) -> HttpResponse {
    let given = form.iter().find(|(key, _)| key == "json").map_or("", |(_, value)| value);
    match cut_origin(given).as_str() {
        r#"{"plugin":"db","credentials":[{"username":"ada"},{"password":"x1"}]}"# => {
            catalogue.open_session(SESSION, "db/ada", "119.9876")
        }
        r#"{"plugin":"brief","credentials":[{"pin":"1"}]}"# => catalogue.open_session(BRIEF, "brief/bea", "1.5"),
        r#"{"plugin":"endless","credentials":[]}"# => catalogue.open_session(ENDLESS, "endless/eve", "1e300"),
        r#"{"plugin":"over","credentials":[]}"# => catalogue.open_session(ENDLESS, "over/olaf", "0.01"),
        r#"{"plugin":"nonsense","credentials":[]}"# => HttpResponse::Ok().body("<html>Welcome</html>"),
        r#"{"plugin":"down","credentials":[]}"# => HttpResponse::ServiceUnavailable().finish(),
        r#"{"plugin":"broken","credentials":[]}"# => {
            let body = r#"{"code":"INTERNAL","message":"No authenticator of type broken is working"}"#;
            HttpResponse::InternalServerError().body(body)
        }
        given if given.starts_with(r#"{"plugin":"fresh""#) => {
            let login: Value = serde_json::from_str(given).unwrap();
            match (login["credentials"][0]["username"].as_str(), login["credentials"][1]["password"].as_str()) {
                (Some(name), Some("x1")) => catalogue.open_fresh_session(name),
                _ => {
                    let body = r#"{"code":"SESSION","message":"The username and password do not match"}"#;
                    HttpResponse::Forbidden().body(body)
                }
            }
        }
        _ => catalogue.call_authenticator(given).await,
    }
}

/// The login without the credential that only auth's own plugins read.
fn cut_origin(login: &str) -> String {
    const ORIGIN: &str = r#",{"undulator.origin":""#;
    match login.split_once(ORIGIN) {
        Some((before, rest)) => format!("{before}{}", rest.split_once("\"}").unwrap().1),
        None => login.to_owned(),
    }
}

fn unknown_session(id: &str) -> HttpResponse {
    HttpResponse::Forbidden()
        .body(format!(r#"{{"code":"SESSION","message":"Unable to find user by sessionid: {id}"}}"#))
}

async fn get_properties(catalogue: web::Data<Catalogue>) -> HttpResponse {
    if catalogue.hides_authenticators.load(Ordering::SeqCst) {
        return HttpResponse::Ok().json(json!({"maxEntities": 10_000}));
    }
    let names = ["db", "simple", "fresh", "brief", "endless", "over", "nonsense", "down", "broken"];
    let authenticators: Vec<Value> = names.iter().map(|name| json!({"mnemonic": name, "keys": []})).collect();
    HttpResponse::Ok().json(json!({"maxEntities": 10_000, "lifetimeMinutes": 120, "authenticators": authenticators}))
}

async fn search_entities(query: web::Query<Vec<(String, String)>>) -> &'static str {
    if query.iter().any(|(_, value)| value.contains("InstrumentScientist")) {
        return "[1]";
    }
    r#"[{"User":{"id":8,"email":"ada@example.org","fullName":"Ada L.","name":"db/ada"}}]"#
}

pub async fn steer_icat(app: &TestApp, path: &str) {
    let answer = app.http.put(format!("{}/icat/steer/{path}", app.public)).send().await.unwrap();
    assert_eq!(answer.status(), 204);
}

pub async fn is_alive_at_icat(app: &TestApp, session: &str) -> bool {
    app.http.get(format!("{}/icat/session/{session}", app.public)).send().await.unwrap().status() == 200
}
