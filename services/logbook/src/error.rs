//! What the logbook refuses, and the only mapping to the wire.

use service_kit::{Code, DbError, Problem};
use thiserror::Error;

#[derive(Debug, Error)]
pub enum Error {
    /// The request cannot be understood; the text says what is wrong.
    #[error("{0}")]
    Bad(String),
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
    Changed,
    #[error("there is nothing in the entry: write something, or paste an image")]
    Empty,
    #[error("notifications are written by programs and cannot be edited")]
    NotEditable,
    #[error("{0}")]
    Forbidden(String),
    #[error("the address is not valid, or not any more")]
    BadTicket,
    #[error("{0}")]
    BadArchive(String),
    #[error("the body did not go on")]
    Silent,
    #[error("body over {0} bytes")]
    TooLarge(u64),
    #[error(transparent)]
    Database(#[from] DbError),
    #[error("attachments cannot be stored")]
    Storage(#[source] std::io::Error),
}

impl Error {
    pub fn bad(text: impl Into<String>) -> Self {
        Self::Bad(text.into())
    }
}

impl From<Error> for Problem {
    fn from(e: Error) -> Self {
        let text = e.to_string();
        match e {
            Error::Bad(_) => Self::new(Code::BadRequest, "logbook/bad-request", text),
            Error::NoBody => Self::new(Code::BadRequest, "logbook/no-body", text),
            Error::Closed(_) | Error::ClosedAmong(_) => Self::new(Code::Validation, "logbook/closed", text),
            Error::NoSuchEntry(_) => Self::new(Code::NotFound, "logbook/no-such-entry", text),
            Error::NoSuchTag(_) => Self::new(Code::NotFound, "logbook/no-such-tag", text),
            Error::NoSuchAttachment(_) => Self::new(Code::NotFound, "logbook/no-such-attachment", text),
            Error::TagTaken => Self::new(Code::Conflict, "logbook/tag-taken", text),
            Error::Changed => Self::new(Code::PreconditionFailed, "logbook/changed", text),
            Error::Empty => Self::new(Code::Validation, "logbook/empty", text),
            Error::NotEditable => Self::new(Code::Validation, "logbook/not-editable", text),
            Error::Forbidden(_) => Self::new(Code::Forbidden, "logbook/forbidden", text),
            Error::BadTicket => Self::new(Code::Forbidden, "logbook/bad-ticket", text),
            Error::BadArchive(_) => Self::new(Code::Validation, "logbook/bad-archive", text),
            Error::Silent => Self::new(Code::Timeout, "logbook/silent", text),
            Error::TooLarge(_) => Self::new(Code::TooLarge, "logbook/too-large", text),
            Error::Database(e) => e.into(),
            Error::Storage(e) => Self::from_write_error(e),
        }
    }
}
