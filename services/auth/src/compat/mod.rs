//! ICAT authenticator plugins (authn.db, authn.simple, authn.anon): what an icat.server asks when somebody logs in.

mod anonymous;
mod local;

use std::sync::Arc;

use actix_web::HttpResponse;
use actix_web::web::Bytes;
use percent_encoding::percent_decode;
use serde_json::Value;
use service_kit::{Code, Listener, Mount, Problem};

use crate::error_format::AUTHN_ERRORS;
use crate::state::State;

/// The plugin of a mechanism with local accounts.
pub fn local(state: &Arc<State>, mechanism: &str) -> Mount {
    let plugin = local::Plugin { state: Arc::clone(state), mechanism: mechanism.to_owned() };
    mount(mechanism)
        .state(Arc::new(plugin))
        .get("/description", local::description)
        .post("/authenticate", local::authenticate)
}

/// The plugin that lets everybody in as `anon/anon`.
pub fn anonymous() -> Mount {
    mount("anon").get("/description", anonymous::description).post("/authenticate", anonymous::authenticate)
}

fn mount(mnemonic: &str) -> Mount {
    Mount::new(format!("/authn.{mnemonic}"), Listener::Internal, AUTHN_ERRORS).get("/version", version)
}

async fn version() -> HttpResponse {
    json(concat!("{\"version\":\"", env!("CARGO_PKG_VERSION"), "\"}"))
}

fn json(body: impl Into<String>) -> HttpResponse {
    HttpResponse::Ok().insert_header(("content-type", "application/json")).body(body.into())
}

/// The form field `json` of a login. icat.server sends Latin-1, everybody else UTF-8.
fn json_field(body: &Bytes) -> Result<Value, Problem> {
    let bad = |text: &str| Problem::new(Code::BadRequest, "auth/bad-request", text);
    let raw = body.split(|b| *b == b'&').find_map(|pair| pair.strip_prefix(b"json="));
    let raw = raw.ok_or_else(|| bad("the form field json is missing"))?;
    let spaced: Vec<u8> = raw.iter().map(|b| if *b == b'+' { b' ' } else { *b }).collect();
    let bytes: Vec<u8> = percent_decode(&spaced).collect();
    let text = String::from_utf8(bytes).unwrap_or_else(|e| e.as_bytes().iter().map(|b| char::from(*b)).collect());
    serde_json::from_str(&text).map_err(|_| bad("the form field json is not JSON"))
}

/// The value of a credential: one key per object or several, strings only, the last one wins.
fn credential<'j>(json: &'j Value, key: &str) -> Option<&'j str> {
    let objects = json.get("credentials").and_then(Value::as_array).into_iter().flatten();
    objects.filter_map(|object| object.get(key)).filter_map(Value::as_str).next_back()
}
