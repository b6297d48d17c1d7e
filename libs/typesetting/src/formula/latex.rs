//! LaTeX as a formula, and formulas within a text.

use std::cell::RefCell;

use html5ever::tendril::StrTendril;
use html5ever::tokenizer::{BufferQueue, TagKind, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts};
use pulldown_latex::config::{DisplayMode, RenderConfig};
use pulldown_latex::{Event, Parser, Storage, push_mathml};

use super::{Formula, MathmlReader};
use crate::document::{Inline, Style};

/// Longer formulas stay text. The parser calls itself for each of their parts.
const MAX_LENGTH: usize = 1500;

pub fn parse_latex(latex: &str, is_display: bool) -> Option<Formula> {
    if latex.len() > MAX_LENGTH {
        return None;
    }
    let storage = Storage::new();
    let events: Vec<Event> = Parser::new(latex, &storage).collect::<Result<_, _>>().ok()?;
    let display_mode = if is_display { DisplayMode::Block } else { DisplayMode::Inline };
    let mut mathml = String::new();
    let events = events.into_iter().map(Ok::<_, std::fmt::Error>);
    push_mathml(&mut mathml, events, RenderConfig { display_mode, ..RenderConfig::default() }).ok()?;
    let formula = from_html(&mathml, is_display)?;
    Some(Formula { description: latex.trim().to_owned(), ..formula })
}

/// The renderer leaves `<` as it is where it is an operator, which readers of HTML understand and those of XML do not.
fn from_html(mathml: &str, is_display: bool) -> Option<Formula> {
    let tokenizer = Tokenizer::new(Sink(RefCell::new(MathmlReader::new(is_display))), TokenizerOpts::default());
    let input = BufferQueue::default();
    input.push_back(StrTendril::from(mathml));
    let _ = tokenizer.feed(&input);
    tokenizer.end();
    tokenizer.sink.0.into_inner().finish().ok()
}

struct Sink(RefCell<MathmlReader>);

impl TokenSink for Sink {
    type Handle = ();

    fn process_token(&self, token: Token, _line: u64) -> TokenSinkResult<()> {
        let mut reader = self.0.borrow_mut();
        match token {
            Token::TagToken(tag) if &*tag.name == "math" => {}
            Token::TagToken(tag) if tag.kind == TagKind::EndTag => reader.end_element(),
            Token::TagToken(tag) => {
                let attribute = |name: &str| tag.attrs.iter().find(|attribute| &*attribute.name.local == name);
                reader.start_element(&tag.name, |name| attribute(name).map(|attribute| attribute.value.to_string()));
                if tag.self_closing {
                    reader.end_element();
                }
            }
            Token::CharacterTokens(text) => reader.push_text(&text),
            _ => {}
        }
        TokenSinkResult::Continue
    }
}

/// A text in which `$…$` and `$$…$$` are formulas, by the rules that are usual for Markdown: within the dollars stands no
/// space at the ends, no letter or digit stands before or behind them, and `\$` is a dollar. What is not understood stays as it was written.
pub fn inlines_with_formulas(text: &str, style: &Style) -> Vec<Inline> {
    let (mut out, mut plain, mut rest) = (Vec::new(), String::new(), text);
    while let Some(at) = rest.find(['$', '\\']) {
        let (before, found) = rest.split_at(at);
        plain.push_str(before);
        if let Some(after) = found.strip_prefix("\\$") {
            plain.push('$');
            rest = after;
        } else if !plain.ends_with(char::is_alphanumeric)
            && let Some((formula, after)) = formula_at(found)
        {
            if !plain.is_empty() {
                out.push(Inline::Text(std::mem::take(&mut plain), style.clone()));
            }
            out.push(Inline::Formula(formula));
            rest = after;
        } else {
            let length = found.chars().next().map_or(1, char::len_utf8);
            // Of `$$` both.
            let length = if found.starts_with("$$") { 2 } else { length };
            plain.push_str(&found[..length]);
            rest = &found[length..];
        }
    }
    plain.push_str(rest);
    if !plain.is_empty() {
        out.push(Inline::Text(plain, style.clone()));
    }
    out
}

fn formula_at(text: &str) -> Option<(Formula, &str)> {
    if let Some(inner) = text.strip_prefix("$$") {
        let (latex, after) = inner.split_once("$$")?;
        return Some((Formula::from_latex(latex.trim(), true)?, after));
    }
    let inner = text.strip_prefix('$')?;
    let end = inner.match_indices('$').map(|(at, _)| at).find(|at| !inner[..*at].ends_with('\\'))?;
    let (latex, after) = (&inner[..end], &inner[end + 1..]);
    let has_space = latex.starts_with(char::is_whitespace) || latex.ends_with(char::is_whitespace);
    if latex.is_empty() || has_space || latex.contains("\n\n") || after.starts_with(char::is_alphanumeric) {
        return None;
    }
    Some((Formula::from_latex(latex, false)?, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse_to_debug_text(latex: &str) -> String {
        Formula::from_latex(latex, false).unwrap().to_value()["tree"].to_string()
    }

    #[test]
    fn latex_becomes_a_tree() {
        assert_eq!(parse_to_debug_text("x"), r#"["symbol","x"]"#);
        assert_eq!(parse_to_debug_text(r"\frac{a}{2}"), r#"["fraction",["symbol","a"],["text","2"]]"#);
        assert_eq!(
            parse_to_debug_text(r"\sqrt[3]{x_1^2}"),
            r#"["root",["scripts",["symbol","x"],["text","1"],["text","2"]],["text","3"]]"#
        );
        assert!(parse_to_debug_text(r"\int_0^\infty e^{-x}\,dx").contains('∞'));
        assert!(parse_to_debug_text(r"\begin{pmatrix} a & b \\ c & d \end{pmatrix}").contains("matrix"));
        assert!(parse_to_debug_text(r"\hat{x} \vec{v} \overline{ab}").matches("accent").count() == 3);
        assert!(parse_to_debug_text(r"\sin x + \alpha").contains("operator"));
        assert_eq!(parse_to_debug_text("a<b"), r#"["group",[["symbol","a"],["symbol","<"],["symbol","b"]]]"#);
    }

    #[test]
    fn what_is_no_formula_stays_text() {
        for wrong in [r"\frac{", r"\nosuchcommand", "}", "", "^", &"{".repeat(40), &"x".repeat(3000)] {
            assert_eq!(Formula::from_latex(wrong, false), None, "{wrong}");
        }
        for text in ["costs $5 and $6", "$", "a $ b $ c", r"\$x\$", "$x$5", "100 $", "$HOME/$USER", "US$5,$"] {
            let inlines = inlines_with_formulas(text, &Style::default());
            assert_eq!(inlines, [Inline::plain(text.replace("\\$", "$"))]);
        }
    }

    #[test]
    fn formulas_within_a_text_are_found() {
        let kinds = |text: &str| {
            let inlines = inlines_with_formulas(text, &Style::default());
            inlines
                .iter()
                .map(|inline| match inline {
                    Inline::Text(text, _) => text.clone(),
                    Inline::Formula(formula) => format!("<{} {}>", formula.description, formula.is_display),
                })
                .collect::<String>()
        };
        assert_eq!(
            kinds("mean $I_0 = 3$, then $$\\sigma = 2$$ and $5"),
            "mean <I_0 = 3 false>, then <\\sigma = 2 true> and $5"
        );
        assert_eq!(kinds("$a$$b$"), "<a false><b false>");
    }

    #[test]
    fn long_and_deep_latex_is_read_on_a_small_stack() {
        let sources = ["{}", "\\relax", "\\,", "x^", "{", "\\sqrt{", "%\n", "\\def\\a{b}\\a "];
        let read = move || {
            for part in sources {
                drop(Formula::from_latex(&part.repeat(MAX_LENGTH / part.len()), false));
            }
        };
        std::thread::Builder::new().stack_size(1 << 20).spawn(read).unwrap().join().unwrap();
    }
}
