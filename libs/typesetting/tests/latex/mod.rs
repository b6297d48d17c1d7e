//! Formulas from LaTeX, as the pages of services make `MathML` from it.

use std::cell::RefCell;

use html5ever::tendril::StrTendril;
use html5ever::tokenizer::{BufferQueue, TagKind, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts};
use pulldown_latex::config::{DisplayMode, RenderConfig};
use pulldown_latex::{Event, Parser, Storage, push_mathml};

use super::{Formula, MathmlReader};

/// Longer formulas are refused. The parser calls itself for each of their parts.
pub const MAX_LENGTH: usize = 1500;

/// A formula from LaTeX without its dollars; `None` for what is not understood.
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
    from_html(&mathml, is_display)
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
