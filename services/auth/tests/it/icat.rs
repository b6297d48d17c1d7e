//! A catalogue that answers what icat.server 6.2 answers, word for word, and knows one session.

use actix_web::{HttpResponse, web};
use service_kit::{Dialect, Listener, Mount, Running, ServiceDef};

pub const SESSION: &str = "5b0c1c8e-6f57-4c7e-9d55-0f2d4a7b9c10";

pub const ICAT: ServiceDef = ServiceDef {
    name: "fake-icat",
    build: |_| Box::pin(std::future::ready(Ok(Running { mounts: vec![mount()], workers: Vec::new() }))),
    ..ServiceDef::EMPTY
};

fn mount() -> Mount {
    Mount::new("/icat", Listener::Public, Dialect::Icat)
        .post("/session", login)
        .get("/session/{id}", async |id: web::Path<String>| {
            known(&id, || HttpResponse::Ok().body(r#"{"userName":"db/ada","remainingMinutes":119.9876}"#))
        })
        .put("/session/{id}", async |id: web::Path<String>| known(&id, || HttpResponse::NoContent().finish()))
        .delete("/session/{id}", async |id: web::Path<String>| known(&id, || HttpResponse::NoContent().finish()))
        .get("/entityManager", search)
}

async fn login(form: web::Form<Vec<(String, String)>>) -> HttpResponse {
    let right = r#"{"plugin":"db","credentials":[{"username":"ada"},{"password":"x1"}]}"#;
    if form.iter().any(|(key, value)| key == "json" && value == right) {
        return HttpResponse::Ok().body(format!(r#"{{"sessionId":"{SESSION}"}}"#));
    }
    HttpResponse::Forbidden().body(r#"{"code":"SESSION","message":"The username and password do not match"}"#)
}

fn known(id: &str, answer: impl FnOnce() -> HttpResponse) -> HttpResponse {
    if id == SESSION {
        return answer();
    }
    HttpResponse::Forbidden()
        .body(format!(r#"{{"code":"SESSION","message":"Unable to find user by sessionid: {id}"}}"#))
}

async fn search(query: web::Query<Vec<(String, String)>>) -> &'static str {
    if query.iter().any(|(_, value)| value.contains("InstrumentScientist")) {
        return "[1]";
    }
    r#"[{"User":{"id":8,"email":"ada@example.org","fullName":"Ada L.","name":"db/ada"}}]"#
}
