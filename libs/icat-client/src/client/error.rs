//! What can come back from ICAT instead of an answer. No variant holds an address, because session ids stand in them.

use thiserror::Error;

/// Why a call to ICAT gave no result.
#[derive(Debug, Error)]
pub enum IcatError {
    /// ICAT understood and refused; the message is ICAT's own.
    #[error("{message}")]
    Refused { code: IcatCode, message: String },
    /// ICAT does not answer: down, unreachable, too slow.
    #[error("ICAT does not answer")]
    Unavailable(#[source] reqwest::Error),
    /// ICAT answered something that is not its protocol.
    #[error("ICAT answered {0}")]
    Nonsense(String),
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

impl IcatCode {
    pub(super) fn of(text: &str) -> Option<Self> {
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
        let decoding = e.is_decode();
        let e = e.without_url();
        if decoding { Self::Nonsense(e.to_string()) } else { Self::Unavailable(e) }
    }
}
