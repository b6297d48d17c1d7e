//! What people wrote as blocks of a document that is typeset.

use typesetting::{Block, Inline};

/// Blocks of a text without marks. Its lines and its spaces stay, and `$…$` is text, as on the page: formulas come from Markdown,
/// whose HTML has them as `MathML`.
pub fn blocks_of_text(text: &str) -> Vec<Block> {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let text = text.trim_end().trim_matches('\n');
    if text.is_empty() { Vec::new() } else { vec![Block::Paragraph(vec![Inline::plain(text)])] }
}
