//! What the web pages of services have in common: headers, templates, the look, and pages for failures.

mod error_page;
mod templates;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

pub use self::error_page::render_error_page;
pub use self::templates::PageTemplates;
use crate::error_format::ErrorFormat;
use crate::http::{Listener, Mount};

/// Colours, letters, forms, buttons and the head of every page; a page's own style comes after it.
pub const BASE_STYLE: &str = include_str!("base.css");

/// Only scripts and styles of the page itself run; `data:` is for images that somebody has pasted and not yet sent.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
                                       connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

const FORM_TARGETS: &str = "form-action 'self'";

/// Everything but the unreserved characters (RFC 3986, 2.3).
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The mount of a page at this address, with the headers that protect it.
pub fn page_mount(address: &'static str, error_format: ErrorFormat) -> Mount {
    Mount::new(address, Listener::Public, error_format)
        .header("content-security-policy", CONTENT_SECURITY_POLICY)
        .header("x-content-type-options", "nosniff")
        .header("referrer-policy", "same-origin")
}

/// The policy of a page with a form that is sent to another site, whose answer leads back to this one; `origin` is that of the other
/// site, such as `https://login.example.org`.
pub fn render_policy_with_form_target(origin: &str) -> String {
    CONTENT_SECURITY_POLICY.replace(FORM_TARGETS, &format!("{FORM_TARGETS} {origin}"))
}

/// One segment of a path, or a value of a query.
pub fn percent_encode_segment(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_target_is_added_to_the_policy() {
        let policy = render_policy_with_form_target("https://login.example.org");
        assert!(policy.contains("; form-action 'self' https://login.example.org; base-uri"), "{policy}");
    }

    #[test]
    fn only_unreserved_characters_are_kept() {
        assert_eq!(percent_encode_segment("a-b_c.d~e/é ä%"), "a-b_c.d~e%2F%C3%A9%20%C3%A4%25");
    }
}
