//! The cookie that binds a login with an identity provider to the browser that began it. It must come back with a redirect from
//! the provider's site, which `SameSite=Strict` would prevent.

use actix_web::HttpRequest;
use actix_web::cookie::time::Duration;
use actix_web::cookie::{Cookie, SameSite};
use service_kit::Secret;

use crate::provider_logins::MAX_DURATION;

const NAME: &str = "__Host-undulator-login";

/// The secret that the browser brings back.
pub fn find_browser_secret(request: &HttpRequest) -> Option<String> {
    request.cookie(NAME).map(|cookie| cookie.value().to_owned())
}

pub fn create_browser_cookie(secret: &Secret) -> Cookie<'static> {
    let seconds = i64::try_from(MAX_DURATION.as_secs()).unwrap_or(i64::MAX);
    Cookie::build(NAME, secret.expose().to_owned())
        .path("/")
        .secure(true)
        .http_only(true)
        .same_site(SameSite::Lax)
        .max_age(Duration::seconds(seconds))
        .finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cookie_comes_back_from_another_site_and_no_script_reads_it() {
        let text = create_browser_cookie(&Secret::new("s")).to_string();
        assert_eq!(text, "__Host-undulator-login=s; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=600");
    }
}
