//! The plain text of an entry's HTML: for searches, and for formats without markup.

use std::cell::RefCell;

use html5ever::tokenizer::{Tag, TagKind, Token, TokenSink, TokenSinkResult};

use crate::domain::html_tokens::tokenize_html;

/// Elements after which a line ends.
const BLOCKS: [&str; 15] = ["p", "div", "li", "tr", "td", "th", "h1", "h2", "h3", "h4", "h5", "h6", "pre", "dt", "dd"];
/// Elements whose text is not for people.
const HIDDEN: [&str; 2] = ["script", "style"];

/// Renders sanitized HTML as plain text. Each block is a line; a formula is its source between `$`, as in Markdown.
pub fn render_plain_text(html: &str) -> String {
    let mut reader = tokenize_html(html, Sink::default()).0.into_inner();
    reader.end_formula();
    reader.text.truncate(reader.text.trim_end().len());
    reader.text
}

#[derive(Default)]
struct Sink(RefCell<Reader>);

impl TokenSink for Sink {
    type Handle = ();

    fn process_token(&self, token: Token, _line: u64) -> TokenSinkResult<()> {
        let mut reader = self.0.borrow_mut();
        match token {
            Token::TagToken(tag) if tag.kind == TagKind::StartTag => reader.start_element(&tag),
            Token::TagToken(tag) => reader.end_element(&tag.name),
            Token::CharacterTokens(text) => reader.push(&text),
            _ => {}
        }
        TokenSinkResult::Continue
    }
}

#[derive(Default)]
struct Reader {
    text: String,
    formula: Option<Formula>,
    /// Elements of [`HIDDEN`] that are open.
    hidden: usize,
}

/// An element `math` whose end has not come.
#[derive(Default)]
struct Formula {
    is_block: bool,
    is_in_source: bool,
    /// LaTeX, which the formula says once more.
    source: String,
    shown: String,
}

impl Reader {
    fn start_element(&mut self, tag: &Tag) {
        match (&*tag.name, &mut self.formula) {
            ("annotation", Some(formula)) => formula.is_in_source = true,
            ("math", None) => {
                let is_block = tag.attrs.iter().any(|a| &*a.name.local == "display" && &*a.value == "block");
                self.formula = Some(Formula { is_block, ..Formula::default() });
            }
            ("br", _) => self.text.push('\n'),
            (name, _) if HIDDEN.contains(&name) && !tag.self_closing => self.hidden += 1,
            _ => {}
        }
    }

    fn end_element(&mut self, name: &str) {
        match name {
            "annotation" => self.formula.iter_mut().for_each(|formula| formula.is_in_source = false),
            "math" => self.end_formula(),
            name if HIDDEN.contains(&name) => self.hidden = self.hidden.saturating_sub(1),
            name if BLOCKS.contains(&name) => self.text.push('\n'),
            _ => {}
        }
    }

    fn push(&mut self, text: &str) {
        if self.hidden > 0 {
            return;
        }
        let out = match &mut self.formula {
            Some(formula) if formula.is_in_source => &mut formula.source,
            Some(formula) => &mut formula.shown,
            None => &mut self.text,
        };
        // A space that does not break is one that does where there are no marks.
        out.extend(text.chars().map(|c| if c == '\u{a0}' { ' ' } else { c }));
    }

    fn end_formula(&mut self) {
        let Some(formula) = self.formula.take() else { return };
        let source = formula.source.trim();
        if source.is_empty() {
            self.text.push_str(formula.shown.trim());
            return;
        }
        let mark = if formula.is_block { "$$" } else { "$" };
        for part in [mark, source, mark] {
            self.text.push_str(part);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::markup::markdown::render_markdown;

    #[test]
    fn blocks_are_lines_and_characters_are_themselves() {
        assert_eq!(render_plain_text("<p>a &amp; <b>b</b></p><p>c<br>d</p>"), "a & b\nc\nd");
        assert_eq!(render_plain_text("<p>1&nbsp;mm &lt; 2&#8239;mm</p>"), "1 mm < 2\u{202f}mm");
        assert_eq!(render_plain_text("a<script>b</script><style>c</style>d"), "ad");
    }

    #[test]
    fn formulas_are_their_source() {
        for text in ["**Strahl** zurück, $E = mc^2$ und mehr", "dose $$\\frac{a}{b} < 3$$ Gy"] {
            let plain = render_plain_text(&render_markdown(text));
            assert_eq!(plain, text.replace("**", ""));
        }
        assert_eq!(render_plain_text("<math><mi>E</mi><mo>=</mo><mn>2</mn></math> eV"), "E=2 eV");
    }
}
