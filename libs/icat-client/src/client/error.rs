//! What can come back from ICAT instead of an answer. No variant holds an address, because session ids stand in them,
//! and no text holds what an upstream body could repeat of them.

use serde::Deserialize;
use service_kit::{HttpError, redaction};
use thiserror::Error;

/// Why a call to ICAT gave no result.
#[derive(Debug, Error)]
pub enum IcatError {
    /// ICAT understood and refused; the message is ICAT's own, with `***` for the secrets of the request.
    #[error("{message}")]
    Refused { code: IcatCode, message: String },
    /// ICAT does not answer: down, unreachable, too slow, or a proxy answers 429, 502, 503 or 504 for it.
    #[error("ICAT does not answer")]
    Unavailable(#[source] reqwest::Error),
    /// ICAT answered something that is not its protocol; the text is this crate's.
    #[error("ICAT answered {0}")]
    Nonsense(String),
}

/// What our authenticator says when it cannot check a password now. It is known by its text too, because an icat.server
/// passes on the texts of its authenticators and turns whatever status they have into a refusal.
pub const LOGINS_UNAVAILABLE: &str = "Passwords cannot be checked now; try again in a few seconds";

impl IcatError {
    /// Whether a login says nothing about the password: it could not be checked.
    pub fn is_login_unavailable(&self) -> bool {
        match self {
            Self::Unavailable(_) => true,
            Self::Refused { code, message } => *code == IcatCode::Session && message == LOGINS_UNAVAILABLE,
            Self::Nonsense(_) => false,
        }
    }

    /// Whether ICAT refused a login or a session, as opposed to everything that it could not do.
    pub fn is_refused_login(&self) -> bool {
        matches!(self, Self::Refused { code: IcatCode::Session, .. }) && !self.is_login_unavailable()
    }
}

/// Why a write was not done. Nothing of it is stored, unless ICAT did not answer.
#[derive(Debug, Error)]
#[error("the write was not done")]
pub struct WriteError {
    /// What ICAT said.
    #[source]
    pub error: IcatError,
    /// Which of the entities it is about, counted from 0; ICAT does not always tell.
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

/// ICAT's messages repeat session ids: `Unable to find user by sessionid: …`. Only whole words are blotted out: a short
/// password may be part of an ordinary one.
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

    /// Whether the same request may well succeed a moment later: it did not reach ICAT.
    pub(super) fn is_retryable(&self) -> bool {
        match self {
            Self::Unavailable(e) => e.is_connect() || e.status().is_some_and(is_gateway_status),
            Self::Refused { .. } | Self::Nonsense(_) => false,
        }
    }

    /// Whether an answer would have had more than `maxEntities` entities. ICAT words it the same where it changes the
    /// code to INTERNAL (one included relation that is too large alone).
    pub(super) fn is_too_many_entities(&self) -> bool {
        match self {
            Self::Refused { code: IcatCode::Validation | IcatCode::Internal, message } => {
                message.contains("attempt to return more than") || message.contains("attempt to process more than")
            }
            _ => false,
        }
    }
}

/// 429, 502, 503 and 504 come from what stands before ICAT; ICAT's own codes have other statuses.
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
