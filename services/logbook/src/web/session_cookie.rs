//! The cookie with the session of who looks at the page.

use actix_web::cookie::{Cookie, SameSite};
use actix_web::http::header::{HOST, LOCATION, ORIGIN};
use actix_web::{HttpRequest, HttpResponse};
use identity::{Caller, Identity};
use service_kit::{Code, Problem};

use crate::error::Error;
use crate::http::PAGE_ADDRESS;

const COOKIE: &str = "undulator-logbook";

/// The session id of the cookie.
pub fn find_session(request: &HttpRequest) -> Option<String> {
    request.cookie(COOKIE).map(|cookie| cookie.value().to_owned()).filter(|value| !value.is_empty())
}

/// Who looks at the page; `None` if nobody is logged in, or the session has ended.
pub async fn find_visitor(request: &HttpRequest, identity: &Identity) -> Result<Option<Caller>, Problem> {
    let Some(session) = find_session(request) else { return Ok(None) };
    match identity.verify_credential(&session).await {
        Ok(caller) => Ok(Some(caller)),
        Err(e) if e.code == Code::Unauthenticated => Ok(None),
        Err(e) => Err(e),
    }
}

/// The same where nobody is sent to log in: what the page's script asks for.
pub async fn require_visitor(request: &HttpRequest, identity: &Identity) -> Result<Caller, Problem> {
    let text = "you are not logged in";
    let nobody = || Problem::new(Code::Unauthenticated, "logbook/not-logged-in", text);
    find_visitor(request, identity).await?.ok_or_else(nobody)
}

/// A session cookie: for this page alone, not for scripts, not from other sites; an empty one ends it.
pub fn create_cookie(request: &HttpRequest, session: &str) -> Cookie<'static> {
    let is_secure = request.connection_info().scheme() == "https";
    let cookie =
        Cookie::build(COOKIE, session.to_owned()).path(PAGE_ADDRESS).http_only(true).same_site(SameSite::Strict);
    let mut cookie = cookie.secure(is_secure).finish();
    if session.is_empty() {
        cookie.make_removal();
    }
    cookie
}

/// Refuses forms of other sites: besides the cookie's own rule, by what browsers say of where a request comes from.
pub fn refuse_foreign_site(request: &HttpRequest) -> Result<(), Problem> {
    let text = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
    let is_foreign = match (text("sec-fetch-site"), text(ORIGIN.as_str())) {
        (Some(site), _) => site != "same-origin" && site != "none",
        (None, Some(origin)) => origin.split_once("://").map(|(_, host)| host) != text(HOST.as_str()),
        (None, None) => false,
    };
    if is_foreign { Err(Error::Forbidden("this form is of another site".to_owned()).into()) } else { Ok(()) }
}

pub fn redirect_to(to: &str) -> HttpResponse {
    HttpResponse::SeeOther().insert_header((LOCATION, to)).finish()
}

/// Only addresses of the page itself.
pub fn to_page_address(next: &str) -> &str {
    let is_own =
        next == PAGE_ADDRESS || next.strip_prefix(PAGE_ADDRESS).is_some_and(|rest| rest.starts_with(['/', '?']));
    let is_plain = next.bytes().all(|b| b.is_ascii_graphic() && b != b'\\');
    if is_own && is_plain { next } else { PAGE_ADDRESS }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_led_away_after_logging_in() {
        for own in ["/logbook/app", "/logbook/app/investigation/1?date=2026-01-12"] {
            assert_eq!(to_page_address(own), own);
        }
        for other in ["https://elsewhere.example", "//elsewhere", "/logbook/apple", "/logbook/app/\nx", "/ids", ""] {
            assert_eq!(to_page_address(other), PAGE_ADDRESS);
        }
    }
}
