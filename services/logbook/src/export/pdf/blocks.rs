//! Converts texts of entries to blocks of a document.

use typesetting::{Block, Inline};

/// The blocks of a plain text. Line breaks and spaces are kept, and `$…$` is text, as on the page: formulas come only from
/// Markdown, whose HTML contains them as `MathML`.
pub fn blocks_of_text(text: &str) -> Vec<Block> {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let text = text.trim_end().trim_matches('\n');
    if text.is_empty() { Vec::new() } else { vec![Block::Paragraph(vec![Inline::plain(text)])] }
}
