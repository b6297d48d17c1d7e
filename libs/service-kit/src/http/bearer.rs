//! The credential of `Authorization`, read in the same way on every mount.

use actix_web::HttpRequest;
use actix_web::http::header::AUTHORIZATION;

/// The credential of `Authorization: Bearer …`, the scheme in any case (RFC 9110, 11.1). `None` without the header, for
/// another scheme (a proxy's `Basic` is not meant for us) and for an empty credential.
///
/// It comes before a session id in any other place: who sends both is who the header says, and the other is not looked at.
pub fn bearer_credential(request: &HttpRequest) -> Option<&str> {
    let value = request.headers().get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, credential) = value.split_once(' ')?;
    let credential = credential.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !credential.is_empty()).then_some(credential)
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn the_scheme_is_read_in_any_case_and_other_schemes_are_not_ours() {
        let read = |value: &str| {
            let request = TestRequest::default().insert_header((AUTHORIZATION, value)).to_http_request();
            bearer_credential(&request).map(str::to_owned)
        };
        for value in ["Bearer abc", "bearer abc", "BEARER   abc ", "bEaReR abc"] {
            assert_eq!(read(value).as_deref(), Some("abc"), "{value}");
        }
        for value in ["Bearer", "Bearer ", "Basic eDp5", "Bearerabc", "abc", ""] {
            assert_eq!(read(value), None, "{value}");
        }
        assert_eq!(bearer_credential(&TestRequest::default().to_http_request()), None);
    }
}
