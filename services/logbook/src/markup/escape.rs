//! Escaping of texts for HTML and for URLs.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use pulldown_cmark_escape::escape_html_body_text;

/// Everything but the unreserved characters (RFC 3986, 2.3).
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Text between the tags of an HTML document.
pub fn escape_html_text(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    // Writing to a String cannot fail.
    let _infallible = escape_html_body_text(&mut escaped, text);
    escaped
}

/// One segment of a path.
pub fn percent_encode_segment(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_special_is_escaped() {
        assert_eq!(escape_html_text("a < b & \"c\" > 'd'"), "a &lt; b &amp; \"c\" &gt; 'd'");
        assert_eq!(percent_encode_segment("a-b_c.d~e/é ä%"), "a-b_c.d~e%2F%C3%A9%20%C3%A4%25");
    }
}
