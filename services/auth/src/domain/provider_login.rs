//! What a login with an identity provider is asked for, and what the provider answers.

use std::time::Duration;

use serde::Deserialize;

use super::return_address::ReturnAddress;

const MAX_ACR_VALUES: usize = 10;
const MAX_ACR_BYTES: usize = 256;

/// What the browser gets after a login.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionKind {
    /// A refresh token in the cookie `__Host-undulator-refresh`, for a portal that gets access tokens with it.
    Portal,
    /// The cookie of the web pages of this facility.
    Page,
    /// Nothing new: the account of its page is linked to the user of the provider.
    Link,
}

impl SessionKind {
    /// What an address may ask for.
    pub fn parse_requested(text: &str) -> Option<Self> {
        Self::parse(text).filter(|kind| *kind != Self::Link)
    }

    pub fn parse(text: &str) -> Option<Self> {
        [Self::Portal, Self::Page, Self::Link].into_iter().find(|kind| kind.as_str() == text)
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Portal => "portal",
            Self::Page => "page",
            Self::Link => "link",
        }
    }
}

/// A login that somebody asks for.
#[derive(Debug)]
pub struct LoginRequest {
    pub return_to: ReturnAddress,
    pub session_kind: SessionKind,
    /// Levels of which the provider must state one, besides what its settings demand.
    pub acr_values: Vec<String>,
    /// Methods of which one is enough in place of a level.
    pub amr_values: Vec<String>,
    pub max_age: Option<Duration>,
    /// The id of the login of the page that a link is begun on.
    pub page_login: Option<String>,
}

/// What the provider sent the browser back with (RFC 6749, 4.1.2; RFC 9207).
#[derive(Default, Deserialize)]
pub struct RedirectAnswer {
    pub code: Option<String>,
    pub state: Option<String>,
    pub iss: Option<String>,
    pub error: Option<String>,
}

/// Levels of a request, separated by blanks; `None` if there are too many, or they are too long.
pub fn parse_acr_values(text: &str) -> Option<Vec<String>> {
    let values: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
    (values.len() <= MAX_ACR_VALUES && text.len() <= MAX_ACR_BYTES).then_some(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_has_a_few_levels() {
        assert_eq!(parse_acr_values(" gold  silver ").unwrap(), ["gold", "silver"]);
        assert!(parse_acr_values("").unwrap().is_empty());
        assert!(parse_acr_values(&"a ".repeat(11)).is_none() && parse_acr_values(&"a".repeat(257)).is_none());
        assert_eq!(SessionKind::parse_requested("link"), None);
        assert_eq!(SessionKind::parse_requested("page"), Some(SessionKind::Page));
        for kind in [SessionKind::Portal, SessionKind::Page, SessionKind::Link] {
            assert_eq!(SessionKind::parse(kind.as_str()), Some(kind));
        }
        assert_eq!(SessionKind::parse("other"), None);
    }
}
