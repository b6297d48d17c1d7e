//! The name of a program or page that logs users in: its refresh tokens are bound to it.

const MAX_BYTES: usize = 64;

/// The name of a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientId(String);

impl ClientId {
    /// Of clients that give no name.
    pub fn unnamed() -> Self {
        Self("undulator".to_owned())
    }

    /// Of an interface that has one client.
    pub fn of_interface(name: &'static str) -> Self {
        Self(name.to_owned())
    }

    /// Of the web pages of this facility.
    pub fn of_pages() -> Self {
        Self::of_interface("pages")
    }

    /// Letters, digits, `.`, `_` and `-`; `None` for another text.
    pub fn parse(text: &str) -> Option<Self> {
        let is_valid = (1..=MAX_BYTES).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'));
        is_valid.then(|| Self(text.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_clients_are_plain() {
        for valid in ["undulator-cli", "portal.example.org", "a_1"] {
            assert_eq!(ClientId::parse(valid).unwrap().as_str(), valid);
        }
        for invalid in ["", "a b", "a\n", "ä", "a/b", &"x".repeat(65)] {
            assert_eq!(ClientId::parse(invalid), None, "{invalid}");
        }
    }
}
