//! Errors of calls to ICAT. They contain no URLs, because these have session ids, and no text of an answer that could
//! repeat a session id.

use serde::Deserialize;
use service_kit::{HttpError, redaction};
use thiserror::Error;

use super::query::QueryError;

/// Why a call to ICAT failed.
#[derive(Debug, Error)]
pub enum IcatError {
    /// ICAT refused the call. The message is that of ICAT, with `***` instead of the secrets of the request.
    #[error("{message}")]
    Refused { code: IcatCode, message: String },
    /// ICAT does not answer: it is down, unreachable or too slow, or a proxy answered 429, 502, 503 or 504.
    #[error("ICAT does not answer")]
    Unavailable(#[source] reqwest::Error),
    /// The answer does not follow ICAT's protocol. The text is written by this crate.
    #[error("ICAT answered {0}")]
    Nonsense(String),
}

/// A mistake of the program that builds the query, so that ICAT is not asked.
impl From<QueryError> for IcatError {
    fn from(e: QueryError) -> Self {
        Self::Nonsense(format!("nothing, because it was not asked: {e}"))
    }
}

/// The error of our authenticator when it cannot check a password now. It is recognised by its text, because an
/// icat.server forwards the texts of its authenticators, but turns every status into a refusal.
pub const LOGINS_UNAVAILABLE: &str = "Passwords cannot be checked now; try again in a few seconds";

/// The same if too many logins from one address have failed before.
pub const TOO_MANY_FAILED_LOGINS: &str = "Too many logins have failed; wait a minute, and try again";

impl IcatError {
    /// Whether a login failed without a check of the password.
    pub fn is_login_unavailable(&self) -> bool {
        match self {
            Self::Unavailable(_) => true,
            Self::Refused { code, message } => {
                *code == IcatCode::Session && [LOGINS_UNAVAILABLE, TOO_MANY_FAILED_LOGINS].contains(&message.as_str())
            }
            Self::Nonsense(_) => false,
        }
    }

    /// Whether ICAT, or a proxy before it, answered that it cannot answer now.
    pub fn is_busy(&self) -> bool {
        matches!(self, Self::Unavailable(e) if e.status().is_some())
    }

    /// Whether ICAT refused a login or a session, rather than failed.
    pub fn is_refused_login(&self) -> bool {
        matches!(self, Self::Refused { code: IcatCode::Session, .. }) && !self.is_login_unavailable()
    }
}

/// Why a write failed. Nothing of it is stored, unless ICAT did not answer.
#[derive(Debug, Error)]
#[error("the write was not done")]
pub struct WriteError {
    /// The error of ICAT.
    #[source]
    pub error: IcatError,
    /// The index of the entity that caused it, if ICAT sent one.
    pub offset: Option<usize>,
}

/// ICAT's error codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IcatCode {
    BadParameter,
    InsufficientPrivileges,
    Session,
    NoSuchObjectFound,
    ObjectAlreadyExists,
    Validation,
    Internal,
    NotImplemented,
}

/// The body of a refusal: `{"code":…,"message":…[,"offset":…]}`.
#[derive(Deserialize)]
pub(super) struct Failure {
    code: String,
    message: String,
    offset: Option<i64>,
}

impl Failure {
    /// `None` if the code is not one of ICAT's.
    pub(super) fn into_error(self, secrets: &[&str]) -> Option<WriteError> {
        let code = IcatCode::from_wire(&self.code)?;
        let offset = self.offset.and_then(|offset| usize::try_from(offset).ok());
        Some(WriteError { error: IcatError::Refused { code, message: redact_secrets(self.message, secrets) }, offset })
    }
}

/// Replaces secrets in a message of ICAT, which repeats session ids: `Unable to find user by sessionid: …`. Only whole
/// words are replaced, because a short password may be part of an ordinary word.
fn redact_secrets(message: String, secrets: &[&str]) -> String {
    let secrets = secrets.iter().filter(|secret| !secret.is_empty());
    secrets.fold(message, |message, secret| {
        let mut text = String::with_capacity(message.len());
        let mut rest = message.as_str();
        while let Some(at) = rest.find(secret) {
            let (before, after) = (&rest[..at], &rest[at + secret.len()..]);
            let within_word = before.ends_with(char::is_alphanumeric)
                || before.is_empty() && text.ends_with(char::is_alphanumeric)
                || after.starts_with(char::is_alphanumeric);
            text.push_str(before);
            text.push_str(if within_word { secret } else { redaction::redact_secret(secret) });
            rest = after;
        }
        text.push_str(rest);
        text
    })
}

impl IcatError {
    pub(super) fn unexpected_answer(what: &str) -> Self {
        Self::Nonsense(what.to_owned())
    }

    /// Whether a retry may succeed, because the request did not reach ICAT.
    pub(super) fn is_retryable(&self) -> bool {
        match self {
            Self::Unavailable(e) => e.is_connect() || e.status().is_some_and(is_gateway_status),
            Self::Refused { .. } | Self::Nonsense(_) => false,
        }
    }

    /// Whether the answer would have more than `maxEntities` entities. If a single included relation is too large, ICAT
    /// sends the same text with the code INTERNAL.
    pub(super) fn is_too_many_entities(&self) -> bool {
        match self {
            Self::Refused { code: IcatCode::Validation | IcatCode::Internal, message } => {
                message.contains("attempt to return more than") || message.contains("attempt to process more than")
            }
            _ => false,
        }
    }
}

/// Whether a proxy sent this status: 429, 502, 503 and 504 are none of ICAT's.
pub(super) fn is_gateway_status(status: reqwest::StatusCode) -> bool {
    matches!(status.as_u16(), 429 | 502..=504)
}

impl IcatCode {
    fn from_wire(text: &str) -> Option<Self> {
        Some(match text {
            "BAD_PARAMETER" => Self::BadParameter,
            "INSUFFICIENT_PRIVILEGES" => Self::InsufficientPrivileges,
            "SESSION" => Self::Session,
            "NO_SUCH_OBJECT_FOUND" => Self::NoSuchObjectFound,
            "OBJECT_ALREADY_EXISTS" => Self::ObjectAlreadyExists,
            "VALIDATION" => Self::Validation,
            "INTERNAL" => Self::Internal,
            "NOT_IMPLEMENTED" => Self::NotImplemented,
            _ => return None,
        })
    }
}

impl From<reqwest::Error> for IcatError {
    fn from(e: reqwest::Error) -> Self {
        if e.is_builder() {
            return Self::unexpected_answer("at an address that cannot be used");
        }
        if e.is_decode() && !e.is_timeout() {
            return Self::unexpected_answer("a body that cannot be read");
        }
        Self::Unavailable(if redaction::is_on() { e.without_url() } else { e })
    }
}

impl From<HttpError> for IcatError {
    fn from(e: HttpError) -> Self {
        match e {
            HttpError::Reqwest(e) => e.into(),
            HttpError::Middleware(_) => Self::unexpected_answer("nothing: the request could not be made"),
        }
    }
}

impl From<HttpError> for WriteError {
    fn from(e: HttpError) -> Self {
        IcatError::from(e).into()
    }
}

impl From<reqwest::Error> for WriteError {
    fn from(e: reqwest::Error) -> Self {
        IcatError::from(e).into()
    }
}

impl From<IcatError> for WriteError {
    fn from(error: IcatError) -> Self {
        Self { error, offset: None }
    }
}

impl From<WriteError> for IcatError {
    fn from(e: WriteError) -> Self {
        e.error
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse_refusal(body: &str, secrets: &[&str]) -> Option<(String, Option<usize>)> {
        let failure: Failure = serde_json::from_str(body).unwrap();
        failure.into_error(secrets).map(|e| (e.error.to_string(), e.offset))
    }

    #[test]
    fn a_session_id_in_a_message_is_blotted_out() {
        let body = r#"{"code":"SESSION","message":"Session id:5b0c-1c8e has expired, 5b0c-1c8e"}"#;
        assert_eq!(parse_refusal(body, &["5b0c-1c8e"]), Some(("Session id:*** has expired, ***".to_owned(), None)));
        let text = "Session id:5b0c-1c8e has expired, 5b0c-1c8e";
        assert_eq!(parse_refusal(body, &["", "ha", "c"]).unwrap().0, text, "parts of words are no secrets");
    }

    #[test]
    fn an_offset_names_the_entity_and_an_unknown_code_is_no_refusal() {
        let body = r#"{"code":"VALIDATION","message":"m","offset":1}"#;
        assert_eq!(parse_refusal(body, &[]), Some(("m".to_owned(), Some(1))));
        assert_eq!(
            parse_refusal(r#"{"code":"VALIDATION","message":"m","offset":-1}"#, &[]),
            Some(("m".to_owned(), None))
        );
        assert_eq!(parse_refusal(r#"{"code":"TEAPOT","message":"m"}"#, &[]), None);
    }
}
