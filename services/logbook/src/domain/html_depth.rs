//! How deeply elements of HTML are nested. Parsing takes time by the square of the depth, so HTML that is nested too deeply is
//! refused before it is parsed.

use std::cell::RefCell;

use html5ever::LocalName;
use html5ever::tokenizer::{Tag, TagKind, Token, TokenSink, TokenSinkResult};

use crate::domain::html_tokens::tokenize_html;

/// Elements that end by themselves where another of their kind begins, and those that have no content.
const SELF_ENDING: [&str; 22] = [
    "area", "base", "br", "col", "dd", "dt", "embed", "hr", "img", "input", "li", "link", "meta", "option", "p",
    "param", "source", "tbody", "td", "th", "tr", "wbr",
];
/// Within these nothing ends by itself.
const FOREIGN: [&str; 2] = ["svg", "math"];

/// Whether there may be more than that many elements within one another. Ends that do not fit the innermost element count for
/// nothing, so that it is never less than what a reader of HTML builds.
pub fn is_nested_deeper(html: &str, most: usize) -> bool {
    tokenize_html(html, Depth { most, state: RefCell::default() }).state.into_inner().is_exceeded
}

struct Depth {
    most: usize,
    state: RefCell<State>,
}

#[derive(Default)]
struct State {
    open: Vec<LocalName>,
    /// How many of them are [`FOREIGN`].
    foreign: usize,
    is_exceeded: bool,
}

impl TokenSink for Depth {
    type Handle = ();

    fn process_token(&self, token: Token, _line: u64) -> TokenSinkResult<()> {
        let Token::TagToken(Tag { kind, name, self_closing, .. }) = token else { return TokenSinkResult::Continue };
        let mut state = self.state.borrow_mut();
        let is_foreign = usize::from(FOREIGN.contains(&&*name));
        if kind == TagKind::EndTag {
            if state.open.last() == Some(&name) {
                state.open.pop();
                state.foreign -= is_foreign;
            }
            return TokenSinkResult::Continue;
        }
        let ends_itself = if state.foreign > 0 { self_closing } else { SELF_ENDING.contains(&&*name) };
        if !ends_itself && state.open.len() < self.most {
            state.open.push(name);
            state.foreign += is_foreign;
        } else if !ends_itself {
            state.is_exceeded = true;
        }
        TokenSinkResult::Continue
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn depth_is_seen_whatever_hides_it() {
        for deep in [
            "<div>",
            "<a href=x><p>",
            "<b></p>",
            "<table><td>",
            "<math><mrow>",
            "<div><!--</div>-->",
            "<div title='</div>'>",
            "<div><table></div></table>",
            "<div><p title=\"</div>\"></p>",
            "<a><div></a>",
        ] {
            assert!(is_nested_deeper(&deep.repeat(201), 200), "{deep}");
            assert!(!is_nested_deeper(&deep.repeat(20), 200), "{deep}");
        }
        assert!(is_nested_deeper(&format!("<svg>{}", "<td>".repeat(300)), 200));
        for long in ["<p>a<br><li><div>b</div>", "1 < 2 <- 3", "<ul><li>a<li>b</ul>", "<math><mspace/></math>"] {
            assert!(!is_nested_deeper(&long.repeat(10_000), 200), "{long}");
        }
    }
}
