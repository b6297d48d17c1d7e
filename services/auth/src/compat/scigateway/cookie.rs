//! The cookie with the refresh token, exactly as scigateway-auth 0.1.0 writes it. Its name has a colon, which RFC 6265 does not
//! allow in a name, but browsers accept.

use actix_web::HttpRequest;
use identity::page_sessions::refuse_foreign_site;
use service_kit::{Code, Problem};

use super::failures::refresh_refused;
use crate::logins::{RefreshToken, TokenPlace};

const NAME: &str = "scigateway:refresh_token";

/// The value of `Set-Cookie`; `prefix` is where the interface is.
pub fn render_cookie(token: &RefreshToken, prefix: &str, seconds: i64) -> String {
    format!("{NAME}={}; HttpOnly; Max-Age={seconds}; Path={prefix}/refresh; SameSite=lax; Secure", token.expose())
}

/// Removes the cookie.
pub fn render_removal(prefix: &str) -> String {
    format!("{NAME}=\"\"; HttpOnly; Max-Age=0; Path={prefix}/refresh; SameSite=lax; Secure")
}

/// The refresh token of a request, unless another site caused it.
pub fn require_refresh_token(request: &HttpRequest) -> Result<RefreshToken, Problem> {
    // Names are percent-decoded, so that other spellings of the colon are read too.
    let cookie = request.cookie(NAME);
    let no_cookie = || Problem::new(Code::BadRequest, "auth/no-refresh-token", "No JWT refresh token found");
    let cookie = cookie.ok_or_else(no_cookie)?;
    refuse_foreign_site(request).map_err(|problem| refresh_refused(problem.slug))?;
    let token = RefreshToken::parse(cookie.value(), TokenPlace::ScigatewayCookie);
    token.ok_or_else(|| refresh_refused("auth/bad-refresh-token"))
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;
    use service_kit::SystemIds;

    use super::*;

    #[test]
    fn the_cookie_is_written_as_it_was_and_read_in_both_spellings() {
        let token = RefreshToken::generate(TokenPlace::ScigatewayCookie, &SystemIds);
        let text = render_cookie(&token, "/auth", 604_800);
        let expected = format!(
            "scigateway:refresh_token={}; HttpOnly; Max-Age=604800; Path=/auth/refresh; SameSite=lax; Secure",
            token.expose()
        );
        assert_eq!(text, expected);
        let find = |cookie: String, site: &'static str| {
            let request = TestRequest::default().insert_header(("cookie", cookie));
            let found = require_refresh_token(&request.insert_header(("sec-fetch-site", site)).to_http_request());
            found.map(|found| found.expose().to_owned()).map_err(|problem| problem.code)
        };
        for name in ["scigateway:refresh_token", "scigateway%3Arefresh_token"] {
            let cookie = format!("other=1; {name}={}", token.expose());
            assert_eq!(find(cookie.clone(), "same-origin"), Ok(token.expose().to_owned()));
            assert_eq!(find(cookie, "cross-site"), Err(Code::Forbidden));
        }
        assert_eq!(find("scigateway:refresh_token=x".to_owned(), "same-origin"), Err(Code::Forbidden));
        assert_eq!(find("other=1".to_owned(), "same-origin"), Err(Code::BadRequest));
    }
}
