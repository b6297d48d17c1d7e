//! HTML of entries as blocks. The HTML is sanitised, thus well-formed, so that its tags in their order say enough and
//! no tree is built; whatever else comes gives some blocks too.

use std::cell::RefCell;
use std::mem;

use html5ever::tendril::StrTendril;
use html5ever::tokenizer::{BufferQueue, Tag, TagKind, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts};

use super::elements::{attribute, heading, is_block, trimmed};
use super::{Block, Span, formula, links};

/// What a content names an attachment by.
const OWN: &str = "/resource/file/";

/// Elements within more than this say nothing; otherwise each text would look through all that are open.
const MAX_DEPTH: usize = 100;

/// Gives the bytes of an image by its address.
pub type ImageOf<'a> = dyn FnMut(&str) -> Option<Vec<u8>> + 'a;

/// Blocks of an HTML; `image_of` gives the bytes of an address of ours, and where it does not, the name is printed.
pub fn blocks_of_html(html: &str, image_of: &mut ImageOf) -> Vec<Block> {
    let sink = Sink { reader: RefCell::default(), image_of: RefCell::new(image_of) };
    let tokenizer = Tokenizer::new(sink, TokenizerOpts::default());
    let input = BufferQueue::default();
    input.push_back(StrTendril::from(html));
    let _ = tokenizer.feed(&input);
    tokenizer.end();
    tokenizer.sink.reader.into_inner().finish()
}

struct Sink<'a> {
    reader: RefCell<Reader>,
    image_of: RefCell<&'a mut ImageOf<'a>>,
}

impl TokenSink for Sink<'_> {
    type Handle = ();

    fn process_token(&self, token: Token, _line: u64) -> TokenSinkResult<()> {
        let mut reader = self.reader.borrow_mut();
        match token {
            Token::TagToken(tag) if tag.kind == TagKind::EndTag => reader.end(&tag.name),
            Token::TagToken(tag) if &*tag.name == "img" => reader.image(&tag, *self.image_of.borrow_mut()),
            Token::TagToken(tag) => reader.start(&tag),
            Token::CharacterTokens(text) => reader.text(&text),
            _ => {}
        }
        TokenSinkResult::Continue
    }
}

/// An element whose end has not come.
struct Open {
    name: String,
    children: usize,
    link: Option<String>,
    /// Of `ol`: the number that comes next.
    number: Option<i64>,
    /// What is printed at its end.
    after: &'static str,
}

#[derive(Default)]
struct Reader {
    blocks: Vec<Block>,
    open: Vec<Open>,
    too_deep: usize,
    /// The block or cell that is being read.
    spans: Vec<Span>,
    /// Of the list item that has just begun.
    marker: String,
    rows: Vec<Vec<Vec<Span>>>,
    /// Images within a table follow it.
    later: Vec<Block>,
}

impl Reader {
    fn depth(&self, names: &[&str]) -> usize {
        self.open.iter().filter(|open| names.contains(&open.name.as_str())).count()
    }

    fn is_in(&self, names: &[&str]) -> bool {
        self.open.iter().rev().any(|open| names.contains(&open.name.as_str()))
    }

    fn start(&mut self, tag: &Tag) {
        let name = &*tag.name;
        let before =
            formula::before(name, self.open.last_mut().map(|parent| (parent.name.as_str(), &mut parent.children)));
        self.say(&before.0);
        match name {
            "br" => return self.say("\n"),
            "hr" => {
                self.end_block();
                return self.blocks.push(Block::Rule);
            }
            "wbr" | "col" | "input" => return,
            _ if is_block(name) => self.end_block(),
            _ => {}
        }
        if self.open.len() >= MAX_DEPTH {
            self.too_deep += 1;
            return;
        }
        let mut number = None;
        match name {
            "ol" => number = Some(attribute(tag, "start").and_then(|start| start.parse().ok()).unwrap_or(1)),
            "li" => self.marker = self.next_marker(tag),
            "tr" if self.depth(&["table"]) == 1 => self.rows.push(Vec::new()),
            "td" | "th" if self.depth(&["table"]) > 1 => self.say(" "),
            _ => {}
        }
        let link = attribute(tag, "href").filter(|_| name == "a").and_then(|address| links::safe(&address));
        self.open.push(Open { name: name.to_owned(), children: 0, link, number, after: before.1 });
    }

    fn next_marker(&mut self, tag: &Tag) -> String {
        let list = self.open.iter_mut().rev().find(|open| matches!(open.name.as_str(), "ol" | "ul"));
        let Some(number) = list.and_then(|list| list.number.as_mut()) else { return "•".to_owned() };
        let this = attribute(tag, "value").and_then(|value| value.parse().ok()).unwrap_or(*number);
        *number = this.saturating_add(1);
        format!("{this}.")
    }

    fn end(&mut self, name: &str) {
        if self.too_deep > 0 {
            self.too_deep -= 1;
            return;
        }
        if self.open.iter().any(|open| open.name == name) {
            while let Some(open) = self.open.last() {
                let is_it = open.name == name;
                self.close();
                if is_it {
                    break;
                }
            }
        }
    }

    /// Ends the innermost element.
    fn close(&mut self) {
        let Some((name, after)) = self.open.last().map(|open| (open.name.clone(), open.after)) else { return };
        self.say(after);
        let tables = self.depth(&["table"]);
        match name.as_str() {
            "td" | "th" if tables == 1 => self.end_cell(),
            "table" if tables == 1 => {
                self.end_block();
                let rows: Vec<_> = mem::take(&mut self.rows).into_iter().filter(|row| !row.is_empty()).collect();
                if !rows.is_empty() {
                    self.blocks.push(Block::Table(rows));
                }
                self.blocks.append(&mut self.later);
            }
            _ if is_block(&name) => self.end_block(),
            _ => {}
        }
        self.open.pop();
        if name == "li" {
            self.marker.clear();
        }
    }

    fn end_cell(&mut self) {
        let cell = trimmed(mem::take(&mut self.spans));
        match self.rows.last_mut() {
            Some(row) => row.push(cell),
            None => self.rows.push(vec![cell]),
        }
    }

    /// What was read so far becomes a block, in a cell only a line.
    fn end_block(&mut self) {
        if self.is_in(&["td", "th"]) {
            let is_begun = self.spans.last().is_some_and(|span| !span.text.ends_with('\n'));
            return self.say(if is_begun { "\n" } else { "" });
        }
        let is_code = self.is_in(&["pre"]);
        let spans = mem::take(&mut self.spans);
        if is_code {
            let code: String = spans.into_iter().map(|span| span.text).collect();
            let code = code.trim_matches('\n').trim_end();
            if !code.is_empty() {
                self.blocks.push(Block::Code(code.to_owned()));
            }
            return;
        }
        let spans = trimmed(spans);
        if spans.iter().all(|span| span.text.trim().is_empty()) {
            return;
        }
        let heading = self.open.iter().rev().find_map(|open| heading(&open.name));
        let depth = self.depth(&["ul", "ol", "dd", "blockquote"]);
        self.blocks.push(match heading {
            Some(level) => Block::Heading(level, spans),
            None if depth > 0 => {
                Block::ListItem(u8::try_from(depth).unwrap_or(u8::MAX), mem::take(&mut self.marker), spans)
            }
            None => Block::Text(spans),
        });
    }

    fn image(&mut self, tag: &Tag, image_of: &mut ImageOf) {
        let address = attribute(tag, "src").unwrap_or_default();
        let id = address.strip_prefix(OWN).unwrap_or_default();
        let is_own = id.len() == 24 && id.bytes().all(|c| c.is_ascii_hexdigit());
        match is_own.then(|| image_of(&address)).flatten() {
            Some(bytes) if self.is_in(&["table"]) => self.later.push(Block::Image(bytes)),
            Some(bytes) => {
                self.end_block();
                self.blocks.push(Block::Image(bytes));
            }
            None => {
                let name = attribute(tag, "alt").filter(|alt| !alt.trim().is_empty());
                self.say(&format!("[{}]", name.as_deref().unwrap_or(if is_own { id } else { "image" })));
            }
        }
    }

    fn text(&mut self, text: &str) {
        if self.is_in(&["script", "style"]) {
            return;
        }
        if self.is_in(&["pre"]) {
            return self.say(text);
        }
        let is_gap = |c: char| matches!(c, ' ' | '\t' | '\n' | '\r' | '\u{c}');
        let mut was_gap = self.spans.last().is_none_or(|span| span.text.ends_with([' ', '\n']));
        let mut out = String::with_capacity(text.len());
        for c in text.chars() {
            if !is_gap(c) {
                out.push(c);
            } else if !was_gap {
                out.push(' ');
            }
            was_gap = is_gap(c);
        }
        let inner = self.open.iter().rev().find_map(|open| formula::shift(&open.name));
        self.say(&inner.map(|shift| shift.of(&out)).unwrap_or(out));
    }

    /// Adds text as the open elements show it.
    fn say(&mut self, text: &str) {
        if text.is_empty() || text == "\n" && self.spans.is_empty() {
            return;
        }
        let span = Span {
            text: text.to_owned(),
            bold: self.is_in(&["b", "strong", "th", "dt"]),
            italic: self.is_in(&["i", "em", "cite", "var", "dfn", "figcaption"]),
            mono: self.is_in(&["code", "kbd", "samp", "tt", "pre"]),
            link: self.open.iter().rev().find_map(|open| open.link.clone()),
        };
        match self.spans.last_mut() {
            Some(last) if last.is_like(&span) => last.text.push_str(text),
            _ => self.spans.push(span),
        }
    }

    fn finish(mut self) -> Vec<Block> {
        while !self.open.is_empty() {
            self.close();
        }
        self.end_block();
        self.blocks
    }
}
