//! Sessions of people who look at web pages: in one cookie for the pages of all services of a facility, so that one login
//! serves them all. No script reads the cookie, and other sites can lead to pages with it, but send no form.

mod cookie;
mod login;
mod same_site;

use actix_web::http::header::LOCATION;
use actix_web::{HttpRequest, HttpResponse};
use service_kit::{ClientAddress, Code, Problem, is_session_handle, sha256_hex};

pub use self::cookie::{create_page_cookie, find_page_session};
pub use self::login::{LoginForm, LoginFormView, LoginOutcome};
pub use self::same_site::refuse_foreign_site;
use crate::{Caller, Identity};

/// The template of the login form: it extends `layout.html`, with the block `main`, and shows a [`LoginFormView`].
pub const LOGIN_TEMPLATE: &str = include_str!("login.html");

/// Knows who looks at the page of a service, and logs them in and out.
#[derive(Clone)]
pub struct PageSessions {
    identity: Identity,
    /// Where the page is, such as `/logbook/app`.
    address: &'static str,
}

impl PageSessions {
    pub fn new(identity: Identity, address: &'static str) -> Self {
        Self { identity, address }
    }

    /// Who looks at the page; `None` if nobody is logged in, or the session has ended.
    pub async fn find_visitor(&self, request: &HttpRequest) -> Result<Option<Caller>, Problem> {
        let Some(session) = find_page_session(request) else { return Ok(None) };
        match self.identity.verify_credential(&session, ClientAddress::find_in_request(request)).await {
            Ok(caller) => Ok(Some(caller)),
            Err(e) if e.code == Code::Unauthenticated => Ok(None),
            Err(e) => Err(e),
        }
    }

    /// Who looks at the page, where nobody is sent to log in: what the page's script asks for.
    pub async fn require_visitor(&self, request: &HttpRequest) -> Result<Caller, Problem> {
        let text = "you are not logged in";
        let nobody = || Problem::new(Code::Unauthenticated, "identity/not-logged-in", text);
        self.find_visitor(request).await?.ok_or_else(nobody)
    }

    /// Ends the session of whoever looks at the page, and leads to the start of the page.
    pub async fn log_out(&self, request: &HttpRequest) -> Result<HttpResponse, Problem> {
        refuse_foreign_site(request)?;
        if let Some(session) = find_page_session(request) {
            // A handle is auth's, and may stand for a session of an ICAT that does not know it.
            let ended = if is_session_handle(&session) {
                self.identity.0.issued.auth().end_login(&session).await.map_err(|e| e.to_string())
            } else {
                self.identity.icat().end_session(&session).await.map_err(|e| e.to_string())
            };
            // The page of this service knows it at once, those of others when they hear of it.
            self.identity.forget_session(&sha256_hex(&session));
            if let Err(e) = ended {
                tracing::warn!(error = e, "the session of a page could not be ended; it stays open until it expires");
            }
        }
        let mut response = redirect_to(self.address);
        response.add_cookie(&create_page_cookie(request, "")).map_err(Problem::internal)?;
        Ok(response)
    }
}

/// Leads a browser to another address with GET.
pub fn redirect_to(address: &str) -> HttpResponse {
    HttpResponse::SeeOther().insert_header((LOCATION, address)).finish()
}

/// The given address if it is one of the page itself, else the start of the page.
fn to_own_address<'a>(page: &'a str, next: &'a str) -> &'a str {
    let rest = next.strip_prefix(page);
    let is_own = rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?']));
    let is_plain = next.bytes().all(|b| b.is_ascii_graphic() && b != b'\\');
    if is_own && is_plain { next } else { page }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_led_away_after_logging_in() {
        let page = "/logbook/app";
        for own in ["/logbook/app", "/logbook/app/investigation/1?date=2026-01-12"] {
            assert_eq!(to_own_address(page, own), own);
        }
        for other in ["https://elsewhere.example", "//elsewhere", "/logbook/apple", "/logbook/app/\nx", "/ids", ""] {
            assert_eq!(to_own_address(page, other), page);
        }
    }
}
