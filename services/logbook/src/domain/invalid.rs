//! What is wrong with a value that somebody sent.

use thiserror::Error;

/// A value that breaks a rule; the text says which.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct Invalid(String);

impl Invalid {
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}
