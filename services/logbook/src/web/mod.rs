//! `/logbook/app`: the logbook for people without a portal. Rendered here; its one script adds what HTML cannot do.
//!
//! The session is in a cookie that no script reads and no other site sends.

pub mod attachment;
pub mod entry;
pub mod entry_form;
pub mod entry_view;
mod error_page;
pub mod export;
pub mod fragment;
pub mod home;
pub mod investigation_list;
pub mod logbook;
pub mod logbook_path;
pub mod login;
pub mod search;
pub mod session_cookie;
pub mod stream;
pub mod templates;
pub mod upload;

use std::sync::Arc;

use crate::state::State;
pub use crate::web::home::lead_here;
use actix_web::{HttpResponse, web};
use identity::Identity;
use service_kit::{Code, Listener, Mount, Problem};

/// Only our own script and style run; images are ours, or those that somebody has pasted and not yet sent.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
                      form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

pub fn mount(state: &Arc<State>, identity: &Identity) -> Mount {
    let mount = Mount::new("/logbook/app", Listener::Public, error_page::PAGE_ERRORS)
        .header("content-security-policy", POLICY)
        .header("x-content-type-options", "nosniff")
        .header("referrer-policy", "same-origin")
        .state(Arc::clone(state));
    identity
        .accept_credentials(mount, &[])
        .get("", home::get)
        .post("/login", login::post)
        .post("/logout", login::leave)
        .get("/find", search::get)
        .get("/assets/{name}", asset)
        .get("/file/{id}", attachment::get)
        .get("/{level}/{id}", logbook::get)
        .post("/{level}/{id}", entry_form::post)
        .get("/{level}/{id}/entries", fragment::get)
        .get("/{level}/{id}/live", stream::get)
        .get("/{level}/{id}/export", export::get)
        .get("/{level}/{id}/entry/{entry}", entry::get)
        .post("/{level}/{id}/entry/{entry}", entry::post)
        .post("/{level}/{id}/entry/{entry}/remove", entry::remove)
        .post("/{level}/{id}/entry/{entry}/restore", entry::restore)
        .post("/{level}/{id}/file", upload::post)
        .without_timeout()
}

async fn asset(name: web::Path<String>) -> Result<HttpResponse, Problem> {
    let (media_type, text) = match name.as_str() {
        "app.css" => ("text/css; charset=utf-8", include_str!("../../page/app.css")),
        "app.js" => ("text/javascript; charset=utf-8", include_str!("../../page/app.js")),
        "list.js" => ("text/javascript; charset=utf-8", include_str!("../../page/list.js")),
        "favicon.svg" => ("image/svg+xml", include_str!("../../page/favicon.svg")),
        _ => return Err(Problem::new(Code::NotFound, "logbook/no-such-page", "there is no such page")),
    };
    Ok(HttpResponse::Ok()
        .insert_header(("content-type", media_type))
        .insert_header(("cache-control", "max-age=300"))
        .body(text))
}
