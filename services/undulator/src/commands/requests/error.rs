//! Errors of requests, by their remedy.

use std::time::Duration;

use thiserror::Error;

#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RequestError {
    /// The same request may succeed later, after the time that the server sent.
    #[error("{text}")]
    Temporary { text: String, retry_after: Option<Duration> },
    /// The file has changed or disappeared.
    #[error("{0}")]
    Changed(String),
    /// 400: a mistake in the request.
    #[error("{0}")]
    Invalid(String),
    /// 403: the URL or the session is invalid or has expired.
    #[error("{0}")]
    Refused(String),
    /// 401 with a challenge: the login is not enough for this.
    #[error("{text}. Run `undulator login --url URL --provider NAME{options}` and try again")]
    LoginNotEnough {
        text: String,
        /// Of `undulator login`, with a blank before each.
        options: String,
    },
    /// A repetition does not help.
    #[error("{0}")]
    Failed(String),
}

impl RequestError {
    pub fn temporary(text: impl Into<String>) -> Self {
        Self::Temporary { text: text.into(), retry_after: None }
    }

    /// The version of the file will be known in a moment.
    pub fn just_written() -> Self {
        let text = "the file was modified just now".to_owned();
        Self::Temporary { text, retry_after: Some(Duration::from_secs(2)) }
    }

    pub fn from_error(what: &str, e: &dyn std::error::Error) -> Self {
        Self::Failed(format!("{what}: {}", service_kit::problem::format_error_chain(e)))
    }
}

/// Makes the text of a server safe for a terminal: without control characters, and of limited length.
pub fn sanitize_text(text: &str) -> String {
    const LONGEST: usize = 2_000;
    let safe: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(LONGEST + 1).collect();
    if safe.chars().nth(LONGEST).is_none() {
        return safe;
    }
    // Not in the middle of a word.
    let end = safe.rfind(' ').unwrap_or(safe.len());
    format!("{} …", &safe[..end])
}
