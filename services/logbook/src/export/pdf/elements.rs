//! HTML elements: which of them are blocks, and the attributes that are used.

use html5ever::tokenizer::Tag;

pub fn find_attribute(tag: &Tag, name: &str) -> Option<String> {
    tag.attrs.iter().find(|attribute| &*attribute.name.local == name).map(|attribute| attribute.value.to_string())
}

/// The number of columns or rows that a cell spans.
pub fn parse_span(tag: &Tag, name: &str) -> usize {
    /// The maximum of HTML for columns.
    const MAX_SPAN: usize = 1000;
    find_attribute(tag, name).and_then(|span| span.trim().parse().ok()).unwrap_or(1).clamp(1, MAX_SPAN)
}

pub fn heading_level(name: &str) -> Option<u8> {
    let level = name.strip_prefix('h')?.parse().ok()?;
    (1..=6).contains(&level).then_some(level)
}

pub fn is_block(name: &str) -> bool {
    const NAMES: [&str; 30] = [
        "address",
        "article",
        "aside",
        "blockquote",
        "caption",
        "center",
        "dd",
        "details",
        "div",
        "dl",
        "dt",
        "figcaption",
        "figure",
        "footer",
        "header",
        "hgroup",
        "li",
        "main",
        "nav",
        "ol",
        "p",
        "pre",
        "section",
        "summary",
        "table",
        "tbody",
        "thead",
        "tfoot",
        "tr",
        "ul",
    ];
    NAMES.contains(&name) || heading_level(name).is_some()
}
