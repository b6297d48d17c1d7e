//! The credential of `Authorization`, read in the same way on every mount.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::http::header::AUTHORIZATION;
use actix_web::web::Path;
use actix_web::{FromRequest, HttpRequest};
use utoipa::IntoParams;

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

/// Whether a credential is meant as an access token of auth: a JWT has three parts with dots between them.
pub fn is_access_token(credential: &str) -> bool {
    credential.bytes().filter(|b| *b == b'.').count() == 2
}

/// The session that a path selects with `{id}`; it need not be the session of the caller. `-` means the session in
/// `Authorization: Bearer`.
#[derive(Debug, Clone, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct PathCredential {
    /// The session id, or `-` for the session in `Authorization: Bearer`.
    #[param(example = "-")]
    pub id: String,
}

impl FromRequest for PathCredential {
    type Error = actix_web::Error;
    type Future = Ready<Result<Self, Self::Error>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let named = Path::<String>::from_request(request, payload).into_inner();
        ready(named.map(|id| match bearer_credential(request) {
            Some(credential) if *id == "-" => Self { id: credential.to_owned() },
            _ => Self { id: id.into_inner() },
        }))
    }
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
