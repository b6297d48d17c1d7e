//! A failed request, before an [`ErrorFormat`](crate::ErrorFormat) renders it.

use std::error::Error;
use std::{fmt, io};

pub use database::format_error_chain;

/// The innermost cause of an error, such as `Connection refused`; for readers who do not know the libraries in between.
pub fn root_cause(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

use crate::db::DbError;

/// The kinds of failure, each with one meaning in every error format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    /// The request cannot be understood: syntax, type, unknown name.
    BadRequest,
    /// No valid credentials.
    Unauthenticated,
    /// Valid credentials without the right.
    Forbidden,
    /// The requested thing does not exist.
    NotFound,
    /// No route has this path.
    NoRoute,
    /// The route exists, the method does not.
    MethodNotAllowed,
    /// The state forbids it, for example a name that is taken.
    Conflict,
    /// A precondition header does not hold.
    PreconditionFailed,
    /// The body or a header is too large.
    TooLarge,
    /// The media type of the body is not supported.
    UnsupportedMediaType,
    /// No part of the range lies in the representation.
    RangeNotSatisfiable,
    /// Understood, but the values break a rule.
    Validation,
    /// The caller did not finish in time.
    Timeout,
    /// The caller asks too often.
    TooManyRequests,
    /// A fault of this program.
    Internal,
    /// Part of the protocol, but not implemented.
    NotImplemented,
    /// A system behind this program sent an invalid response.
    BadGateway,
    /// A system behind this program is down or busy; trying later helps.
    Unavailable,
    /// Whether the change is stored is unknown, because the database failed during the commit: it must not be repeated blindly.
    OutcomeUnknown,
    /// There is no space to store what was sent (RFC 4918, 11.5).
    InsufficientStorage,
}

/// A failed request: what the caller is told, and the cause for the log.
#[derive(Debug)]
pub struct Problem {
    pub code: Code,
    /// Stable and machine-readable, `<service>/<what>`.
    pub slug: &'static str,
    /// What is wrong and what to do, safe to show.
    pub detail: String,
    /// The place of the fault in a list the caller sent, where the error format has one (ICAT's `offset`).
    pub offset: Option<i64>,
    /// Seconds after which trying again makes sense.
    pub retry_after: Option<u32>,
    /// Headers that the answer needs whatever its shape: `Allow`, `Content-Range`.
    pub headers: Vec<(&'static str, String)>,
    /// Where somebody who looks at a page can remove the cause.
    pub remedy: Option<Box<Remedy>>,
    /// The cause; for the log only.
    pub source: Option<Box<dyn Error + Send + Sync>>,
}

/// A page where the cause of a problem can be removed, such as that of a login.
#[derive(Debug)]
pub struct Remedy {
    /// A path with a query, to which the address to return to is added as `next`.
    pub address: String,
}

impl Problem {
    pub fn new(code: Code, slug: &'static str, detail: impl Into<String>) -> Self {
        let detail = detail.into();
        Self { code, slug, detail, offset: None, retry_after: None, headers: Vec::new(), remedy: None, source: None }
    }

    pub fn with_source(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    pub fn with_offset(mut self, offset: Option<i64>) -> Self {
        self.offset = offset;
        self
    }

    /// A header of the answer; the name is a literal in lower case.
    pub fn with_header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// A path with a query, such as `/auth/app?acr_values=mfa`.
    pub fn with_remedy(mut self, address: impl Into<String>) -> Self {
        self.remedy = Some(Box::new(Remedy { address: address.into() }));
        self
    }

    pub fn with_retry_after(mut self, seconds: u32) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// A file that could not be written: a full disk or quota is named as such, everything else is an internal error.
    pub fn from_write_error(e: io::Error) -> Self {
        match e.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                let text = "the disk for files is full, so nothing was stored; free space on it and try again";
                Self::new(Code::InsufficientStorage, "storage-full", text).with_retry_after(30).with_source(e)
            }
            _ => Self::internal(e),
        }
    }

    /// An internal error: the caller is told nothing else, the log has the cause.
    pub fn internal(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::new(Code::Internal, "internal", "internal error; the log has it under this request id")
            .with_source(source)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.slug, self.detail)
    }
}

impl Error for Problem {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|e| e as &(dyn Error + 'static))
    }
}

impl From<DbError> for Problem {
    fn from(e: DbError) -> Self {
        match e {
            DbError::Nul => Self::new(Code::BadRequest, "nul", "text must not contain NUL characters"),
            DbError::TooSlow(_) => {
                let text = "the question takes too long to answer; ask for less";
                Self::new(Code::Unavailable, "too-slow", text).with_retry_after(60).with_source(e)
            }
            DbError::Conflict(_) => Self::new(Code::Unavailable, "busy", "too many writers at once; try again")
                .with_retry_after(1)
                .with_source(e),
            DbError::Busy(_) => {
                let text = "the database is busy, so nothing was stored; try again";
                Self::new(Code::Unavailable, "database-busy", text).with_retry_after(5).with_source(e)
            }
            DbError::DiskFull(_) => {
                let text = "the disk of the database is full, so nothing was stored; free space on it and try again";
                Self::new(Code::InsufficientStorage, "database-disk-full", text).with_retry_after(30).with_source(e)
            }
            DbError::Unavailable(_) => {
                let text = "the database cannot be reached or its files cannot be read or written, so nothing was stored; \
                            try again";
                Self::new(Code::Unavailable, "database-unavailable", text).with_retry_after(5).with_source(e)
            }
            DbError::CommitUnknown(_) => {
                // Without Retry-After: clients would send it again by themselves, and it may be stored.
                let text = "the database failed while it stored the change, which may be stored or not; look before you \
                            send it again";
                Self::new(Code::OutcomeUnknown, "database-outcome-unknown", text).with_source(e)
            }
            DbError::Data(_) => {
                let text = "a value is too large or too long for the database, or cannot be computed";
                Self::new(Code::Validation, "database-value", text).with_source(e)
            }
            _ => Self::internal(e),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_no_fault_of_ours() {
        for kind in [io::ErrorKind::StorageFull, io::ErrorKind::QuotaExceeded] {
            assert_eq!(Problem::from_write_error(kind.into()).code, Code::InsufficientStorage);
        }
        assert_eq!(Problem::from_write_error(io::ErrorKind::PermissionDenied.into()).code, Code::Internal);
    }

    /// What a database fails with, and what whoever asked can do about it.
    #[test]
    fn failures_of_the_database_keep_their_meaning() {
        let failed = || sqlx::Error::PoolTimedOut;
        for (error, code, retry_after, text) in [
            (DbError::from(failed()), Code::Unavailable, Some(5), "try again"),
            (DbError::Conflict(failed()), Code::Unavailable, Some(1), "try again"),
            (DbError::TooSlow(failed()), Code::Unavailable, Some(60), "ask for less"),
            (DbError::DiskFull(failed()), Code::InsufficientStorage, Some(30), "free space"),
            (DbError::Unavailable(failed()), Code::Unavailable, Some(5), "try again"),
            (DbError::CommitUnknown(failed()), Code::OutcomeUnknown, None, "look before you send it again"),
            (DbError::Data(failed()), Code::Validation, None, "too large"),
            (DbError::Nul, Code::BadRequest, None, "NUL"),
            (DbError::Poisoned, Code::Internal, None, "internal"),
        ] {
            let problem = Problem::from(error);
            assert_eq!((problem.code, problem.retry_after), (code, retry_after), "{problem}");
            assert!(problem.detail.contains(text), "{problem}");
        }
    }
}
