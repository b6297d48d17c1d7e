//! Where a request came from, as far as it is recorded.

use std::net::IpAddr;

/// Longer texts of clients are cut.
const MAX_USER_AGENT_CHARS: usize = 200;

/// Where a request came from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origin {
    pub address: Option<IpAddr>,
    pub user_agent: Option<String>,
    pub request_id: Option<String>,
}

impl Origin {
    /// The address as it is stored.
    pub fn address_text(&self) -> Option<String> {
        self.address.map(|address| address.to_string())
    }
}

/// What of a `User-Agent` is stored: no control characters, and not more than is needed to recognise it.
pub fn clean_user_agent(given: &str) -> Option<String> {
    let kept: String = given.chars().filter(|c| !c.is_control()).take(MAX_USER_AGENT_CHARS).collect();
    let kept = kept.trim();
    (!kept.is_empty()).then(|| kept.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_agent_is_cut_and_has_no_control_characters() {
        assert_eq!(clean_user_agent(" curl/8\u{0}\u{1b}[31m ").as_deref(), Some("curl/8[31m"));
        assert_eq!(clean_user_agent(&"ä".repeat(300)).unwrap().chars().count(), 200);
        assert_eq!(clean_user_agent(" \t"), None);
    }
}
