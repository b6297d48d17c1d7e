//! Why something could not be downloaded, sorted by what helps. No text has an address or a session id in it.

use std::time::Duration;

use thiserror::Error;

#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum GetError {
    /// The same request may well succeed later, after this time if the server named one.
    #[error("{text}")]
    Temporary { text: String, retry_after: Option<Duration> },
    /// What was asked for is not there any more as it was.
    #[error("{0}")]
    Changed(String),
    /// 403: the address or the session is not valid, or not any more.
    #[error("{0}")]
    Refused(String),
    /// Nothing will help but doing something else.
    #[error("{0}")]
    Failed(String),
}

impl GetError {
    pub fn temporary(text: impl Into<String>) -> Self {
        Self::Temporary { text: text.into(), retry_after: None }
    }

    /// Its version can be told in a moment.
    pub fn just_written() -> Self {
        let text = "the file was written this very moment".to_owned();
        Self::Temporary { text, retry_after: Some(Duration::from_secs(2)) }
    }

    pub fn from_error(what: &str, e: &dyn std::error::Error) -> Self {
        Self::Failed(format!("{what}: {}", service_kit::problem::format_error_chain(e)))
    }
}

/// Text of a server, fit for a terminal: no control characters, of bounded length.
pub fn sanitize_text(text: &str) -> String {
    const LONGEST: usize = 500;
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(LONGEST).collect()
}
