//! The errors of the catalogue, and their only mapping to answers.

use service_kit::{Code, DbError, HttpError, Problem};
use thiserror::Error;

/// The text for results that do not exist, such as overflows.
pub const OUT_OF_RANGE: &str = "the query computes a value that is out of range, or is too complex";

/// A refused or failed request to the catalogue. The texts are those of icat.server 6.2, which clients match.
#[derive(Debug, Error)]
pub enum Error {
    /// `BAD_PARAMETER`: the request cannot be understood.
    #[error("{0}")]
    BadParameter(String),
    /// `SESSION`: no usable session, or the authenticator refused.
    #[error("{0}")]
    Session(String),
    /// `INSUFFICIENT_PRIVILEGES`.
    #[error("{0}")]
    Forbidden(String),
    /// `NO_SUCH_OBJECT_FOUND`.
    #[error("{0}")]
    NotFound(String),
    /// `OBJECT_ALREADY_EXISTS`.
    #[error("{0}")]
    AlreadyExists(String),
    /// `VALIDATION`: understood, but against a rule of the schema or a limit.
    #[error("{0}")]
    Validation(String),
    /// The authenticator does not answer, or not in its protocol.
    #[error("{message}")]
    Authenticator { message: String, source: Option<HttpError> },
    /// The authenticator cannot check credentials now.
    #[error("{message}")]
    AuthenticatorBusy { message: String, retry_after: u32 },
    /// The authenticator cannot store that somebody logs in.
    #[error("{message}")]
    AuthenticatorDiskFull { message: String, retry_after: u32 },
    /// A session cannot be stored, because another writer holds the database.
    #[error(
        "The session cannot be stored now, because another change of the catalogue, such as an import, takes long; log in again \
         in a few seconds"
    )]
    SessionStoreBusy { retry_after: u32 },
    /// The session of a valid token cannot be looked up.
    #[error("Auth does not answer, so that the session of this token is not known; try again later")]
    SessionNotKnown,
    /// An error with the offset of the faulty item in the request.
    #[error("{source}")]
    AtOffset { offset: usize, source: Box<Error> },
    #[error(transparent)]
    Database(#[from] DbError),
    /// An upload cannot be stored in a temporary file.
    #[error("the upload cannot be stored in the data directory")]
    Upload(#[source] std::io::Error),
}

impl Error {
    /// A missing row, with icat.server's text.
    pub fn entity_not_found(entity: &str, id: i64) -> Self {
        Self::NotFound(format!("{entity}[id:{id}] not found."))
    }

    /// A missing right, with icat.server's text.
    pub fn access_denied(access: &str, entity: &str) -> Self {
        Self::Forbidden(format!("{access} access to this {entity} is not allowed."))
    }

    pub fn with_offset(self, offset: usize) -> Self {
        match self {
            Self::AtOffset { .. } | Self::Database(_) | Self::Upload(_) => self,
            other => Self::AtOffset { offset, source: Box::new(other) },
        }
    }
}

impl From<Error> for Problem {
    fn from(e: Error) -> Self {
        let text = e.to_string();
        match e {
            Error::BadParameter(_) => Self::new(Code::BadRequest, "icat/bad-parameter", text),
            Error::Session(_) => Self::new(Code::Unauthenticated, "icat/session", text),
            Error::Forbidden(_) => Self::new(Code::Forbidden, "icat/insufficient-privileges", text),
            Error::NotFound(_) => Self::new(Code::NotFound, "icat/no-such-object", text),
            Error::AlreadyExists(_) => Self::new(Code::Conflict, "icat/object-already-exists", text),
            Error::Validation(_) => Self::new(Code::Validation, "icat/validation", text),
            Error::Authenticator { source, .. } => {
                let problem = Self::new(Code::Internal, "icat/authenticator", text);
                match source {
                    Some(source) => problem.with_source(source.without_url()),
                    None => problem,
                }
            }
            Error::AuthenticatorBusy { retry_after, .. } => {
                Self::new(Code::Unavailable, "icat/authenticator-busy", text).with_retry_after(retry_after)
            }
            Error::AuthenticatorDiskFull { retry_after, .. } => {
                Self::new(Code::InsufficientStorage, "icat/authenticator-disk-full", text).with_retry_after(retry_after)
            }
            Error::SessionStoreBusy { retry_after } => {
                Self::new(Code::Unavailable, "icat/logins-wait", text).with_retry_after(retry_after)
            }
            Error::SessionNotKnown => Self::new(Code::Unavailable, "icat/session-not-known", text).with_retry_after(10),
            Error::AtOffset { offset, source } => Self::from(*source).with_offset(i64::try_from(offset).ok()),
            Error::Database(e @ DbError::Data(_)) => {
                Self::new(Code::BadRequest, "icat/bad-parameter", OUT_OF_RANGE).with_source(e)
            }
            Error::Database(e @ DbError::TooSlow(_)) => {
                let text = "the query takes too long to answer; narrow it down";
                Self::new(Code::BadRequest, "icat/too-slow", text).with_source(e)
            }
            Error::Database(e) => e.into(),
            Error::Upload(e) => Self::from_write_error(e),
        }
    }
}
