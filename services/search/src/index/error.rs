//! Why the index cannot answer.

use tantivy::TantivyError;
use thiserror::Error;

use crate::domain::deadline::TimedOut;

#[derive(Debug, Error)]
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
