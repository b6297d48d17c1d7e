//! Failures of the logbook, and how they are mapped to HTTP.

use service_kit::{Code, DbError, Problem};
use thiserror::Error;

use crate::domain::invalid::Invalid;

#[derive(Debug, Error)]
pub enum Error {
    /// The request cannot be understood; the text says what is wrong.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    #[error("the body must be a JSON object")]
    NoBody,
    #[error("investigation {0} is closed: it is released, and its logbook can be read only")]
    Closed(i64),
    #[error("{0}")]
    ClosedAmong(&'static str),
    #[error("there is no entry {0} in this logbook")]
    NoSuchEntry(String),
    #[error("there is no tag {0}")]
    NoSuchTag(String),
    #[error("there is no attachment {0}")]
    NoSuchAttachment(String),
    #[error("there is a tag with this name already")]
    TagTaken,
    #[error("the entry has been changed meanwhile; read it again")]
    VersionConflict,
    #[error("there is nothing in the entry: write something, or paste an image")]
    EmptyEntry,
    #[error("notifications are written by programs and cannot be edited")]
    NotEditable,
    #[error("{0}")]
    Forbidden(String),
    #[error("the link is invalid or has expired")]
    InvalidLink,
    #[error("{0}")]
    InvalidArchive(String),
    #[error("the upload stalled")]
    Stalled,
    #[error("body over {0} bytes")]
    TooLarge(u64),
    #[error(transparent)]
    Database(#[from] DbError),
    #[error("attachments cannot be stored")]
    Storage(#[source] std::io::Error),
}

impl Error {
    pub fn invalid(text: impl Into<String>) -> Self {
        Self::Invalid(Invalid::new(text))
    }
}

impl From<Error> for Problem {
    fn from(e: Error) -> Self {
        let text = e.to_string();
        match e {
            Error::Invalid(_) => Self::new(Code::BadRequest, "logbook/bad-request", text),
            Error::NoBody => Self::new(Code::BadRequest, "logbook/no-body", text),
            Error::Closed(_) | Error::ClosedAmong(_) => Self::new(Code::Validation, "logbook/closed", text),
            Error::NoSuchEntry(_) => Self::new(Code::NotFound, "logbook/no-such-entry", text),
            Error::NoSuchTag(_) => Self::new(Code::NotFound, "logbook/no-such-tag", text),
            Error::NoSuchAttachment(_) => Self::new(Code::NotFound, "logbook/no-such-attachment", text),
            Error::TagTaken => Self::new(Code::Conflict, "logbook/tag-taken", text),
            Error::VersionConflict => Self::new(Code::PreconditionFailed, "logbook/changed", text),
            Error::EmptyEntry => Self::new(Code::Validation, "logbook/empty", text),
            Error::NotEditable => Self::new(Code::Validation, "logbook/not-editable", text),
            Error::Forbidden(_) => Self::new(Code::Forbidden, "logbook/forbidden", text),
            Error::InvalidLink => Self::new(Code::Forbidden, "logbook/bad-ticket", text),
            Error::InvalidArchive(_) => Self::new(Code::Validation, "logbook/bad-archive", text),
            Error::Stalled => Self::new(Code::Timeout, "logbook/silent", text),
            Error::TooLarge(_) => Self::new(Code::TooLarge, "logbook/too-large", text),
            Error::Database(e) => e.into(),
            Error::Storage(e) => Self::from_write_error(e),
        }
    }
}

impl From<Invalid> for Problem {
    fn from(e: Invalid) -> Self {
        Error::Invalid(e).into()
    }
}
