//! The cookie with the session of whoever looks at a page.

use actix_web::HttpRequest;
use actix_web::cookie::{Cookie, SameSite};

const NAME: &str = "undulator-session";

/// The session id of the cookie.
pub fn find_page_session(request: &HttpRequest) -> Option<String> {
    request.cookie(NAME).map(|cookie| cookie.value().to_owned()).filter(|value| !value.is_empty())
}

/// A session cookie: for all pages of this host, and not for scripts; an empty one ends it. Other sites lead to pages with it, so
/// that links in mails and the way back from an identity provider work, but send no form with it. Only handlers of pages read
/// it: interfaces for programs never do, so that no other origin can use them in the name of a visitor.
pub fn create_page_cookie(request: &HttpRequest, session: &str) -> Cookie<'static> {
    let is_secure = request.connection_info().scheme() == "https";
    let cookie = Cookie::build(NAME, session.to_owned()).path("/").http_only(true).same_site(SameSite::Lax);
    let mut cookie = cookie.secure(is_secure).finish();
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
        let plain = TestRequest::default().to_http_request();
        let text = create_page_cookie(&plain, "s").to_string();
        assert_eq!(text, "undulator-session=s; HttpOnly; SameSite=Lax; Path=/");
        let https = TestRequest::default().insert_header(("x-forwarded-proto", "https")).to_http_request();
        let text = create_page_cookie(&https, "s").to_string();
        assert_eq!(text, "undulator-session=s; HttpOnly; SameSite=Lax; Secure; Path=/");
        assert!(create_page_cookie(&plain, "").to_string().contains("Max-Age=0"), "it is removed");
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
