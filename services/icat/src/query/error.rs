//! Why a query is refused.

use thiserror::Error;

use crate::error;

/// Why a query cannot be answered; the text is what the client reads.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum QueryError {
    #[error("{0}")]
    BadParameter(String),
}

impl QueryError {
    pub(super) fn bad_parameter(text: impl Into<String>) -> Self {
        Self::BadParameter(text.into())
    }
}

impl From<QueryError> for error::Error {
    fn from(e: QueryError) -> Self {
        Self::BadParameter(e.to_string())
    }
}
