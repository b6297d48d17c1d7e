//! Session ids in memory: never shown, never logged.

use std::fmt;

use sha2::{Digest as _, Sha256};

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
        f.write_str("Session(***)")
    }
}

/// SHA-256 in lower-case hexadecimal: what of a credential may be stored and told.
pub fn digest(secret: &str) -> String {
    use fmt::Write as _;
    Sha256::digest(secret.as_bytes()).iter().fold(String::with_capacity(64), |mut text, byte| {
        // Writing to a String cannot fail.
        let _written = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_not_shown_and_a_digest_is_that_of_sha256sum() {
        assert_eq!(format!("{:?}", Session::new("5b0c1c8e")), "Session(***)");
        assert_eq!(digest("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }
}
