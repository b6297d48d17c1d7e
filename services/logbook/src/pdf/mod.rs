//! What people wrote as blocks of a document that is typeset.

mod elements;
mod frames;
mod html;
#[cfg(test)]
mod tests;

use typesetting::{Block, Inline, inlines_with_formulas};

pub use html::blocks_of_html;

/// Blocks of a text without marks. Its lines and its spaces stay; `$…$` and `$$…$$` are formulas.
pub fn blocks_of_text(text: &str) -> Vec<Block> {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let text = text.trim_end().trim_matches('\n');
    if text.is_empty() { Vec::new() } else { vec![Block::Paragraph(with_formulas(vec![Inline::plain(text)]))] }
}

/// With the formulas that are written as LaTeX, except in code.
fn with_formulas(line: Vec<Inline>) -> Vec<Inline> {
    let split = |inline| match inline {
        Inline::Text(text, style) if !style.code && text.contains('$') => inlines_with_formulas(&text, &style),
        other => vec![other],
    };
    line.into_iter().flat_map(split).collect()
}
