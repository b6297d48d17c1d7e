//! Where a request carries its credential: one rule for every mount of every service.
//!
//! - `Authorization: Bearer …` wins over every other location. The scheme may be written in any case (RFC 9110, 11.1).
//! - Without it, the locations of the mount count in their order; the first one that has a credential wins.
//! - A header that is meant for us and cannot be read is an error. It is never replaced by another credential.
//! - `Authorization` with another scheme belongs to a proxy, and an empty header says nothing: both count as none.

use std::fmt;
use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::http::header::{AUTHORIZATION, HeaderValue};
use actix_web::web::{Data, Path};
use actix_web::{FromRequest, HttpRequest};
use utoipa::IntoParams;

use super::parameters::parse_query_pairs;
use crate::problem::{Code, Problem};
use crate::redaction;

/// How session handles of auth begin. ICAT's session ids are UUIDs.
pub const SESSION_HANDLE_PREFIX: &str = "ush_";
/// How API keys begin that auth stores. Those of the settings may be any text.
pub const API_KEY_PREFIX: &str = "uak_";

/// A place in a request where a credential may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CredentialLocation {
    /// `Authorization: Bearer`, on every mount.
    Authorization,
    /// A header of its own, in lower case.
    Header(&'static str),
    /// A variable of the path, such as `/session/{id}`.
    Path(&'static str),
    /// A query parameter; the first one of that name counts.
    Query(&'static str),
    /// A parameter that the handler parses, because its interface says whether it is in the query, a form or a JSON text.
    Parameter(&'static str),
}

/// The locations of a mount besides `Authorization`, in the order in which they count; a state of the mount.
#[derive(Debug, Clone, Copy, Default)]
pub struct CredentialLocations(pub &'static [CredentialLocation]);

/// The credential of a request, not verified.
#[derive(Clone, PartialEq, Eq)]
pub struct RequestCredential {
    pub text: String,
    pub location: CredentialLocation,
}

impl fmt::Debug for RequestCredential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RequestCredential({} in {:?})", redaction::redact_secret(&self.text), self.location)
    }
}

impl RequestCredential {
    /// The credential of a request, from the locations of its mount.
    pub fn find_in_request(request: &HttpRequest) -> Result<Option<Self>, Problem> {
        Self::find_with_parameter(request, None)
    }

    /// The credential of a request to an interface with a [`CredentialLocation::Parameter`], whose value is `parameter`.
    pub fn find_with_parameter(request: &HttpRequest, parameter: Option<&str>) -> Result<Option<Self>, Problem> {
        if let Some(found) = Self::find_bearer(request)? {
            return Ok(Some(found));
        }
        let locations =
            request.app_data::<Data<CredentialLocations>>().map_or(&[][..], |locations| locations.get_ref().0);
        for &location in locations {
            let text = match location {
                CredentialLocation::Authorization => None,
                CredentialLocation::Header(name) => only_header(request, name)?.map(str::to_owned),
                CredentialLocation::Path(name) => find_in_path(request, name),
                CredentialLocation::Query(name) => find_in_query(request, name),
                CredentialLocation::Parameter(_) => parameter.map(str::to_owned),
            };
            if let Some(text) = text {
                return Ok(Some(Self { text, location }));
            }
        }
        Ok(None)
    }

    /// The credential of `Authorization` or of another header of the mount, for routes whose path may hold something else.
    pub fn find_in_headers(request: &HttpRequest) -> Result<Option<Self>, Problem> {
        let is_header =
            |found: &Self| matches!(found.location, CredentialLocation::Authorization | CredentialLocation::Header(_));
        Ok(Self::find_in_request(request)?.filter(is_header))
    }

    /// The credential of `Authorization: Bearer`.
    pub fn find_bearer(request: &HttpRequest) -> Result<Option<Self>, Problem> {
        let Some(value) = only_header(request, AUTHORIZATION.as_str())? else { return Ok(None) };
        let (scheme, credential) = value.split_once(' ').unwrap_or((value, ""));
        let (is_bearer, credential) = (scheme.eq_ignore_ascii_case("bearer"), credential.trim());
        if credential.is_empty() || is_bearer && credential.contains(char::is_whitespace) {
            return Err(unreadable_header(AUTHORIZATION.as_str()));
        }
        Ok(is_bearer.then(|| Self { text: credential.to_owned(), location: CredentialLocation::Authorization }))
    }
}

/// The value of a header that may be sent once. An empty one counts as none.
fn only_header<'r>(request: &'r HttpRequest, name: &str) -> Result<Option<&'r str>, Problem> {
    let mut values = request.headers().get_all(name).filter(|value| !value.is_empty());
    match (values.next().map(HeaderValue::to_str), values.next()) {
        (None, _) => Ok(None),
        (Some(Ok(text)), None) => Ok(Some(text.trim()).filter(|text| !text.is_empty())),
        (Some(_), _) => Err(unreadable_header(name)),
    }
}

fn unreadable_header(name: &str) -> Problem {
    let text = if name == AUTHORIZATION.as_str() {
        "the Authorization header cannot be read; send it once, as Bearer, a space, and a token, a session id or an API key"
            .to_owned()
    } else {
        format!("the header {name} cannot be read; send it once, in ASCII")
    };
    Problem::new(Code::Unauthenticated, "identity/bad-credentials", text)
}

/// The decoded variable, as handlers get it from [`Path`]: `match_info` leaves some characters percent-encoded. Bytes that are
/// not UTF-8 are replaced, so that they make an unknown credential.
fn find_in_path(request: &HttpRequest, name: &str) -> Option<String> {
    let position = request.match_info().iter().position(|(variable, _)| variable == name)?;
    let variables = Path::<Vec<String>>::from_request(request, &mut Payload::None).into_inner();
    variables.ok()?.into_inner().into_iter().nth(position)
}

fn find_in_query(request: &HttpRequest, name: &str) -> Option<String> {
    let pairs = parse_query_pairs(request).ok()?;
    pairs.into_iter().find(|(key, _)| key == name).map(|(_, value)| value)
}

/// Whether a credential is meant as an access token of auth: a JWT has three parts with dots between them.
pub fn is_access_token(credential: &str) -> bool {
    credential.bytes().filter(|b| *b == b'.').count() == 2
}

/// Whether a credential is meant as a session handle of auth, which stands for an ICAT session.
pub fn is_session_handle(credential: &str) -> bool {
    credential.starts_with(SESSION_HANDLE_PREFIX)
}

/// Whether a credential is meant as an API key that auth stores.
pub fn is_stored_api_key(credential: &str) -> bool {
    credential.starts_with(API_KEY_PREFIX)
}

/// The session that a path selects with `{id}`; it need not be the session of the caller. `-` means the session in
/// `Authorization: Bearer`, without which it is refused.
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
        let named = Path::<String>::from_request(request, payload).into_inner().map(Path::into_inner);
        ready(named.and_then(|id| match RequestCredential::find_bearer(request)? {
            _ if id != "-" => Ok(Self { id }),
            Some(bearer) => Ok(Self { id: bearer.text }),
            None => {
                let text = "the session id is missing: send it as Authorization: Bearer, or in place of -";
                Err(Problem::new(Code::Unauthenticated, "identity/no-credentials", text).into())
            }
        }))
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    const MOUNT: CredentialLocations = CredentialLocations(&[
        CredentialLocation::Header("x-api-key"),
        CredentialLocation::Query("sessionId"),
        CredentialLocation::Parameter("form"),
    ]);

    /// The text of the credential and its location, or the slug of the failure.
    fn find_credential(
        headers: &[(&'static str, &'static str)],
        query: &str,
    ) -> Result<Option<(String, CredentialLocation)>, &'static str> {
        let request = TestRequest::with_uri(&format!("/{query}")).app_data(Data::new(MOUNT));
        let request = headers.iter().fold(request, |request, header| request.append_header(*header)).to_http_request();
        let found = RequestCredential::find_with_parameter(&request, Some("form"));
        found.map(|found| found.map(|found| (found.text, found.location))).map_err(|problem| problem.slug)
    }

    #[test]
    fn the_header_wins_and_its_scheme_is_read_in_any_case() {
        for value in ["Bearer abc", "bearer abc", "BEARER   abc ", "bEaReR abc"] {
            for others in [&[][..], &[("x-api-key", "key")]] {
                let headers = [&[("authorization", value)], others].concat();
                let expected = Some(("abc".to_owned(), CredentialLocation::Authorization));
                assert_eq!(find_credential(&headers, "?sessionId=other"), Ok(expected), "{value}");
            }
        }
    }

    #[test]
    fn a_header_that_cannot_be_read_is_never_replaced_by_another_credential() {
        let refused = Err("identity/bad-credentials");
        for value in ["Bearer", "bearer ", "Bearer a b", "abc"] {
            assert_eq!(
                find_credential(&[("authorization", value), ("x-api-key", "key")], "?sessionId=other"),
                refused,
                "{value}"
            );
        }
        for name in ["authorization", "x-api-key"] {
            assert_eq!(
                find_credential(&[(name, "Bearer a"), (name, "Bearer a")], "?sessionId=other"),
                refused,
                "{name} twice"
            );
        }
    }

    #[test]
    fn without_a_bearer_the_locations_of_the_mount_count_in_their_order() {
        let found = |text: &str, location| Ok(Some((text.to_owned(), location)));
        for proxy in ["Basic eDp5", "Negotiate abc", ""] {
            let headers = [("authorization", proxy), ("x-api-key", "key")];
            assert_eq!(
                find_credential(&headers, "?sessionId=a"),
                found("key", CredentialLocation::Header("x-api-key")),
                "{proxy}"
            );
            assert_eq!(
                find_credential(&headers[..1], "?sessionId=a&sessionId=b"),
                found("a", CredentialLocation::Query("sessionId"))
            );
            assert_eq!(find_credential(&headers[..1], ""), found("form", CredentialLocation::Parameter("form")));
        }
        let request = TestRequest::default().insert_header(("x-api-key", "key")).to_http_request();
        assert_eq!(RequestCredential::find_in_request(&request).unwrap(), None, "not a location of this mount");
    }
}
