//! A catalogue that answers what icat.server 6.2 answers, word for word, and knows a few sessions.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use actix_web::{HttpResponse, web};
use service_kit::{Dialect, Listener, Mount, Running, ServiceDef};

/// Of `db/ada`, for two hours.
pub const SESSION: &str = "5b0c1c8e-6f57-4c7e-9d55-0f2d4a7b9c10";
/// Of a login with `{"pin":"1"}` at `brief`, for 90 seconds.
pub const BRIEF: &str = "0d5bd5c1-52a1-4d0c-8f0d-0a6a3f5b7d11";
/// Of a login at `endless`, which tells no usable end.
const ENDLESS: &str = "9f8e7d6c-0000-4000-8000-000000000001";

pub const ICAT: ServiceDef = ServiceDef {
    name: "fake-icat",
    build: |_| Box::pin(std::future::ready(Ok(Running { mounts: vec![mount()], workers: Vec::new() }))),
    ..ServiceDef::EMPTY
};

/// The sessions that are open.
#[derive(Default)]
struct Open(Mutex<HashSet<String>>);

impl Open {
    fn knows(&self, id: &str) -> bool {
        self.0.lock().unwrap().contains(id)
    }
}

fn mount() -> Mount {
    let open = Open::default();
    open.0.lock().unwrap().insert(SESSION.to_owned());
    Mount::new("/icat", Listener::Public, Dialect::Icat)
        .state(Arc::new(open))
        .post("/session", login)
        .get("/session/{id}", async |open: web::Data<Open>, id: web::Path<String>| {
            let minutes = match id.as_str() {
                SESSION => r#"{"userName":"db/ada","remainingMinutes":119.9876}"#,
                BRIEF => r#"{"userName":"brief/bea","remainingMinutes":1.5}"#,
                _ => r#"{"userName":"endless/eve","remainingMinutes":1e300}"#,
            };
            if open.knows(&id) { HttpResponse::Ok().body(minutes) } else { unknown(&id) }
        })
        .put(
            "/session/{id}",
            async |open: web::Data<Open>, id: web::Path<String>| {
                if open.knows(&id) { HttpResponse::NoContent().finish() } else { unknown(&id) }
            },
        )
        .delete("/session/{id}", async |open: web::Data<Open>, id: web::Path<String>| {
            let ended = open.0.lock().unwrap().remove(id.as_str());
            if ended { HttpResponse::NoContent().finish() } else { unknown(&id) }
        })
        .get("/entityManager", search)
}

async fn login(open: web::Data<Open>, form: web::Form<Vec<(String, String)>>) -> HttpResponse {
    let given = form.iter().find(|(key, _)| key == "json").map_or("", |(_, value)| value);
    let id = match given {
        r#"{"plugin":"db","credentials":[{"username":"ada"},{"password":"x1"}]}"# => SESSION,
        r#"{"plugin":"brief","credentials":[{"pin":"1"}]}"# => BRIEF,
        r#"{"plugin":"endless","credentials":[]}"# => ENDLESS,
        r#"{"plugin":"nonsense","credentials":[]}"# => return HttpResponse::Ok().body("<html>Welcome</html>"),
        r#"{"plugin":"down","credentials":[]}"# => return HttpResponse::ServiceUnavailable().finish(),
        r#"{"plugin":"broken","credentials":[]}"# => {
            let body = r#"{"code":"INTERNAL","message":"No authenticator of type broken is working"}"#;
            return HttpResponse::InternalServerError().body(body);
        }
        _ => {
            let body = r#"{"code":"SESSION","message":"The username and password do not match"}"#;
            return HttpResponse::Forbidden().body(body);
        }
    };
    open.0.lock().unwrap().insert(id.to_owned());
    HttpResponse::Ok().body(format!(r#"{{"sessionId":"{id}"}}"#))
}

fn unknown(id: &str) -> HttpResponse {
    HttpResponse::Forbidden()
        .body(format!(r#"{{"code":"SESSION","message":"Unable to find user by sessionid: {id}"}}"#))
}

async fn search(query: web::Query<Vec<(String, String)>>) -> &'static str {
    if query.iter().any(|(_, value)| value.contains("InstrumentScientist")) {
        return "[1]";
    }
    r#"[{"User":{"id":8,"email":"ada@example.org","fullName":"Ada L.","name":"db/ada"}}]"#
}
