//! Escaping of texts for HTML and for URLs.

use pulldown_cmark_escape::escape_html_body_text;
pub use service_kit::pages::percent_encode_segment;

/// Text between the tags of an HTML document.
pub fn escape_html_text(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    // Writing to a String cannot fail.
    let _infallible = escape_html_body_text(&mut escaped, text);
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_special_is_escaped() {
        assert_eq!(escape_html_text("a < b & \"c\" > 'd'"), "a &lt; b &amp; \"c\" &gt; 'd'");
    }
}
