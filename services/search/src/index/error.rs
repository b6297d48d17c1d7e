//! Why the index cannot answer.

use service_kit::Problem;
use tantivy::TantivyError;

use crate::domain::deadline::TimedOut;
use crate::error::Error;

#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    #[error(transparent)]
    TimedOut(#[from] TimedOut),
    #[error("the search index failed: {0}")]
    Engine(TantivyError),
    /// A mistake in a pattern, with a text for the user.
    #[error("{0}")]
    Pattern(String),
    #[error("a row in the search index cannot be read: {0}")]
    Row(String),
}

impl From<TantivyError> for IndexError {
    fn from(error: TantivyError) -> Self {
        match error {
            TantivyError::InvalidArgument(text) => Self::Pattern(text),
            error => Self::Engine(error),
        }
    }
}

impl From<std::io::Error> for IndexError {
    fn from(error: std::io::Error) -> Self {
        Self::Engine(error.into())
    }
}

impl From<IndexError> for Error {
    fn from(error: IndexError) -> Self {
        match error {
            IndexError::TimedOut(e) => Self::TimedOut(e.to_string()),
            IndexError::Pattern(text) => Self::Query(text),
            e => Self::Index(Box::new(e)),
        }
    }
}

impl From<IndexError> for Problem {
    fn from(e: IndexError) -> Self {
        Error::from(e).into()
    }
}
