//! Session ids in memory: never shown, never logged.

use std::fmt;

use service_kit::redaction;

/// An ICAT session id.
#[derive(Clone, PartialEq, Eq)]
pub struct Session(String);

impl Session {
    /// A session id that a client gave; whether it is one, ICAT knows.
    pub fn new(id: impl Into<String>) -> Self {
        Self(id.into())
    }

    /// For a call to ICAT, and for nothing else.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Session({})", redaction::redact_secret(&self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_not_shown() {
        assert_eq!(format!("{:?}", Session::new("5b0c1c8e")), "Session(***)");
    }
}
