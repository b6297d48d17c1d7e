//! The cookie with the session of whoever looks at a page.

use actix_web::HttpRequest;
use actix_web::cookie::{Cookie, SameSite};
use service_kit::find_server_root;

/// Where pages are reached over TLS: browsers accept it from this host alone (RFC 6265bis, 4.1.3.2).
const SECURE_NAME: &str = "__Host-undulator-session";
const PLAIN_NAME: &str = "undulator-session";

/// The session id of the cookie.
pub fn find_page_session(request: &HttpRequest) -> Option<String> {
    let cookie = request.cookie(choose_name(is_secure(request)));
    cookie.map(|cookie| cookie.value().to_owned()).filter(|value| !value.is_empty())
}

/// Whether browsers reach the pages over TLS.
fn is_secure(request: &HttpRequest) -> bool {
    find_server_root(request).starts_with("https://")
}

fn choose_name(is_secure: bool) -> &'static str {
    if is_secure { SECURE_NAME } else { PLAIN_NAME }
}

/// A session cookie: for all pages of this host, and not for scripts; an empty one ends it. Other sites lead to pages with it, so
/// that links in mails and the way back from an identity provider work, but send no form with it. Only handlers of pages read
/// it: interfaces for programs never do, so that no other origin can use them in the name of a visitor.
pub fn create_page_cookie(request: &HttpRequest, session: &str) -> Cookie<'static> {
    build_cookie(is_secure(request), session)
}

fn build_cookie(is_secure: bool, session: &str) -> Cookie<'static> {
    let cookie = Cookie::build(choose_name(is_secure), session.to_owned()).path("/");
    let mut cookie = cookie.http_only(true).same_site(SameSite::Lax).secure(is_secure).finish();
    if session.is_empty() {
        cookie.make_removal();
    }
    cookie
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn a_cookie_is_for_pages_of_this_host_and_not_for_scripts() {
        let text = build_cookie(false, "s").to_string();
        assert_eq!(text, "undulator-session=s; HttpOnly; SameSite=Lax; Path=/");
        let text = build_cookie(true, "s").to_string();
        assert_eq!(text, "__Host-undulator-session=s; HttpOnly; SameSite=Lax; Secure; Path=/");
        assert!(build_cookie(false, "").to_string().contains("Max-Age=0"), "it is removed");
    }

    #[test]
    fn an_empty_cookie_is_no_session() {
        let session = |cookie: &'static str| {
            find_page_session(&TestRequest::default().insert_header(("cookie", cookie)).to_http_request())
        };
        assert_eq!(session("other=1; undulator-session=abc").as_deref(), Some("abc"));
        assert_eq!((session("undulator-session="), session("other=1")), (None, None));
    }
}
