//! The cookie in which a browser keeps a refresh token of a page. Its name makes browsers refuse it from other hosts and
//! without TLS (RFC 6265bis, 4.1.3.2); no script reads it, and no other site causes it to be sent.

use actix_web::cookie::time::Duration;
use actix_web::cookie::{Cookie, SameSite};
use actix_web::{HttpMessage as _, HttpRequest};
use identity::page_sessions::refuse_foreign_site;
use service_kit::{Code, Problem};

use crate::logins::{RefreshToken, TokenPlace};

pub const REFRESH_COOKIE: &str = "__Host-undulator-refresh";

/// The cookie with a token, for as long as its login may last.
pub fn create_refresh_cookie(token: &RefreshToken, seconds: i64) -> Cookie<'static> {
    build_cookie(token.expose().to_owned()).max_age(Duration::seconds(seconds)).finish()
}

/// Removes the cookie.
pub fn create_removal_cookie() -> Cookie<'static> {
    let mut cookie = build_cookie(String::new()).finish();
    cookie.make_removal();
    cookie
}

fn build_cookie(value: String) -> actix_web::cookie::CookieBuilder<'static> {
    Cookie::build(REFRESH_COOKIE, value).path("/").secure(true).http_only(true).same_site(SameSite::Strict)
}

/// What a browser sent as a refresh token; `None` without the cookie. Requests that another site caused are refused.
pub fn find_refresh_cookie(request: &HttpRequest) -> Result<Option<String>, Problem> {
    let Some(cookie) = request.cookie(REFRESH_COOKIE).filter(|cookie| !cookie.value().is_empty()) else {
        return Ok(None);
    };
    refuse_foreign_site(request)?;
    Ok(Some(cookie.value().to_owned()))
}

/// The refresh token of a request and where it was: in the body, or else in the cookie.
pub fn find_refresh_token(
    request: &HttpRequest,
    in_body: Option<&str>,
) -> Result<Option<(String, TokenPlace)>, Problem> {
    // A program that has a token of its own may run in a page that has the cookie.
    if let Some(token) = in_body {
        return Ok(Some((token.to_owned(), TokenPlace::Body)));
    }
    Ok(find_refresh_cookie(request)?.map(|token| (token, TokenPlace::Cookie)))
}

/// Bodies must be JSON, which no form of another site can send.
pub fn require_json(request: &HttpRequest) -> Result<(), Problem> {
    if request.content_type() == "application/json" {
        return Ok(());
    }
    let text = "the body must be application/json";
    Err(Problem::new(Code::UnsupportedMediaType, "unsupported-media-type", text))
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;
    use service_kit::SystemIds;

    use super::*;

    #[test]
    fn the_cookie_is_for_this_host_alone() {
        let token = RefreshToken::generate(TokenPlace::Cookie, &SystemIds);
        let text = create_refresh_cookie(&token, 604_800).to_string();
        let value = token.expose();
        let expected =
            format!("__Host-undulator-refresh={value}; HttpOnly; SameSite=Strict; Secure; Path=/; Max-Age=604800");
        assert_eq!(text, expected);
        assert!(create_removal_cookie().to_string().contains("Max-Age=0"));
    }

    #[test]
    fn another_site_cannot_use_the_cookie() {
        let send = |site: &'static str| {
            let request = TestRequest::default().insert_header(("cookie", format!("{REFRESH_COOKIE}=abc")));
            find_refresh_cookie(&request.insert_header(("sec-fetch-site", site)).to_http_request())
        };
        assert_eq!(send("same-origin").unwrap().as_deref(), Some("abc"));
        for foreign in ["same-site", "cross-site"] {
            assert_eq!(send(foreign).unwrap_err().code, Code::Forbidden);
        }
        let without = TestRequest::default().insert_header(("sec-fetch-site", "cross-site")).to_http_request();
        assert_eq!(find_refresh_cookie(&without).unwrap(), None);
    }
}
