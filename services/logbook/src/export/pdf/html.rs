//! Converts the HTML of entries to blocks of a document. The HTML is sanitized and thus well-formed, so the tags are
//! processed in order, without a tree. Other HTML gives some blocks too.

use std::cell::RefCell;

use html5ever::tokenizer::{Tag, TagKind, Token, TokenSink, TokenSinkResult};
use typesetting::{Block, Figure, Image, Inline, MathmlReader, Script, Style};

use crate::domain::html_tokens::tokenize_html;
use crate::export::pdf::elements::{find_attribute, heading_level, is_block, parse_span};
use crate::export::pdf::open_blocks::OpenBlocks;

/// The prefix of the addresses of attachments in texts.
const OWN: &str = "/resource/file/";

/// Deeper elements are ignored, because each text looks through all open elements.
const MAX_DEPTH: usize = 100;

/// Returns the image at an address.
pub type ImageOf<'a> = dyn FnMut(&str) -> Option<Image> + 'a;

/// The blocks of an HTML text; `image_of` returns images by address. If there is none, the name is printed.
pub fn blocks_of_html(html: &str, image_of: &mut ImageOf) -> Vec<Block> {
    let sink = Sink { reader: RefCell::default(), image_of: RefCell::new(image_of) };
    tokenize_html(html, sink).reader.into_inner().finish()
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
            Token::TagToken(tag) if reader.formula.is_some() => reader.formula_tag(&tag),
            Token::TagToken(tag) if tag.kind == TagKind::EndTag => reader.end_element(&tag.name),
            Token::TagToken(tag) if &*tag.name == "img" => reader.add_image(&tag, *self.image_of.borrow_mut()),
            Token::TagToken(tag) => reader.start_element(&tag),
            Token::CharacterTokens(text) => reader.add_text(&text),
            _ => {}
        }
        TokenSinkResult::Continue
    }
}

/// An element that is not closed yet.
struct Open {
    name: String,
    link: Option<String>,
    /// Whether closing the element closes a block.
    has_frame: bool,
}

#[derive(Default)]
struct Reader {
    frames: OpenBlocks,
    open: Vec<Open>,
    too_deep: usize,
    /// The current block or cell.
    line: Vec<Inline>,
    formula: Option<MathmlReader>,
}

impl Reader {
    fn is_in(&self, names: &[&str]) -> bool {
        self.open.iter().rev().any(|open| names.contains(&open.name.as_str()))
    }

    fn is_in_cell(&self) -> bool {
        self.is_in(&["td", "th"])
    }

    fn start_element(&mut self, tag: &Tag) {
        let name = &*tag.name;
        match name {
            "br" => return self.push_text("\n"),
            "hr" => {
                self.end_block();
                return self.frames.push(Block::Rule);
            }
            "wbr" | "col" | "input" => return,
            "math" => {
                let is_display =
                    find_attribute(tag, "display").is_some_and(|display| display.eq_ignore_ascii_case("block"));
                self.formula = Some(MathmlReader::new(is_display));
                return;
            }
            _ if is_block(name) => self.end_block(),
            _ => {}
        }
        if self.open.len() >= MAX_DEPTH {
            self.too_deep += 1;
            return;
        }
        let has_frame = self.open_frame(tag);
        let link = find_attribute(tag, "href").filter(|_| name == "a");
        self.open.push(Open { name: name.to_owned(), link, has_frame });
    }

    /// Starts a new block; within a cell, blocks become lines.
    fn open_frame(&mut self, tag: &Tag) -> bool {
        let number = |name: &str| find_attribute(tag, name).and_then(|number| number.trim().parse().ok());
        let is_in_table = self.is_in(&["table"]);
        match &*tag.name {
            "td" | "th" if self.frames.is_table() && !self.is_in_cell() => {
                self.line.clear();
                self.frames.open_cell(parse_span(tag, "colspan"), parse_span(tag, "rowspan"));
            }
            "td" | "th" => self.push_text(" "),
            "tr" if self.frames.is_table() && !self.is_in_cell() => self.frames.open_row(self.is_in(&["thead"])),
            _ if is_in_table => {}
            "table" => {
                self.frames.open_table();
                return true;
            }
            "ol" => {
                self.frames.open_list(Some(number("start").unwrap_or(1)));
                return true;
            }
            "ul" => {
                self.frames.open_list(None);
                return true;
            }
            "li" => {
                self.frames.open_item(number("value"));
                return true;
            }
            "blockquote" | "dd" => {
                self.frames.open_quote();
                return true;
            }
            _ => {}
        }
        false
    }

    fn end_element(&mut self, name: &str) {
        if self.too_deep > 0 {
            self.too_deep -= 1;
            return;
        }
        if self.open.iter().any(|open| open.name == name) {
            while let Some(open) = self.open.last() {
                let is_it = open.name == name;
                self.close_element();
                if is_it {
                    break;
                }
            }
        }
    }

    /// Closes the innermost element.
    fn close_element(&mut self) {
        let Some((name, has_frame)) = self.open.last().map(|open| (open.name.clone(), open.has_frame)) else { return };
        let outer = &self.open[..self.open.len() - 1];
        let is_within_cell = outer.iter().any(|open| matches!(open.name.as_str(), "td" | "th"));
        match name.as_str() {
            "td" | "th" if !is_within_cell && self.frames.is_table() => {
                let line = trim_line(std::mem::take(&mut self.line));
                self.frames.end_cell(line, name == "th");
            }
            _ if is_block(&name) => self.end_block(),
            _ => {}
        }
        self.open.pop();
        if has_frame {
            self.frames.close();
        }
    }

    /// Ends the current block; within a cell, only a line.
    fn end_block(&mut self) {
        if self.is_in_cell() {
            let is_begun =
                self.line.last().is_some_and(|inline| !matches!(inline, Inline::Text(text, _) if text.ends_with('\n')));
            return self.push_text(if is_begun { "\n" } else { "" });
        }
        let line = std::mem::take(&mut self.line);
        if self.is_in(&["pre"]) {
            let code: String = line
                .iter()
                .filter_map(|inline| if let Inline::Text(text, _) = inline { Some(text.as_str()) } else { None })
                .collect();
            let code = code.trim_matches('\n').trim_end();
            if !code.is_empty() {
                self.frames.push(Block::Code(code.to_owned()));
            }
            return;
        }
        let line = trim_line(line);
        if line.is_empty() {
            return;
        }
        let heading = self.open.iter().rev().find_map(|open| heading_level(&open.name));
        self.frames
            .push(heading.map_or_else(|| Block::Paragraph(line.clone()), |level| Block::Heading(level, line.clone())));
    }

    fn add_image(&mut self, tag: &Tag, image_of: &mut ImageOf) {
        let address = find_attribute(tag, "src").unwrap_or_default();
        let id = address.strip_prefix(OWN).unwrap_or_default();
        let is_own = id.len() == 24 && id.bytes().all(|c| c.is_ascii_hexdigit());
        let name = find_attribute(tag, "alt").filter(|alt| !alt.trim().is_empty());
        match is_own.then(|| image_of(&address)).flatten() {
            Some(image) => {
                if !self.is_in(&["table"]) {
                    self.end_block();
                }
                let description = name.unwrap_or_else(|| "image".to_owned());
                self.frames.push(Block::Figure(Figure { image, description }));
            }
            None => self.push_text(&format!("[{}]", name.as_deref().unwrap_or(if is_own { id } else { "image" }))),
        }
    }

    fn formula_tag(&mut self, tag: &Tag) {
        let Some(formula) = &mut self.formula else { return };
        if tag.kind == TagKind::StartTag {
            formula.start_element(&tag.name, |name| find_attribute(tag, name));
            if tag.self_closing {
                formula.end_element();
            }
        } else if &*tag.name != "math" {
            formula.end_element();
        } else if let Some(formula) = self.formula.take() {
            match formula.finish() {
                Ok(formula) => self.line.push(Inline::Formula(formula)),
                Err(text) => self.push_text(&text),
            }
        }
    }

    fn add_text(&mut self, text: &str) {
        if let Some(formula) = &mut self.formula {
            return formula.push_text(text);
        }
        if self.is_in(&["script", "style"]) {
            return;
        }
        if self.is_in(&["pre"]) {
            return self.push_text(text);
        }
        let is_gap = |c: char| matches!(c, ' ' | '\t' | '\n' | '\r' | '\u{c}');
        let mut was_gap = match self.line.last() {
            None => true,
            Some(Inline::Text(text, _)) => text.ends_with([' ', '\n']),
            Some(Inline::Formula(_)) => false,
        };
        let mut out = String::with_capacity(text.len());
        for c in text.chars() {
            if !is_gap(c) {
                out.push(c);
            } else if !was_gap {
                out.push(' ');
            }
            was_gap = is_gap(c);
        }
        self.push_text(&out);
    }

    /// Adds text in the style of the open elements.
    fn push_text(&mut self, text: &str) {
        if text.is_empty() || text == "\n" && self.line.is_empty() {
            return;
        }
        let script = self.open.iter().rev().find_map(|open| match open.name.as_str() {
            "sup" => Some(Script::Superscript),
            "sub" => Some(Script::Subscript),
            _ => None,
        });
        let style = Style {
            strong: self.is_in(&["b", "strong", "th", "dt"]),
            emphasis: self.is_in(&["i", "em", "cite", "var", "dfn", "figcaption"]),
            strike: self.is_in(&["s", "strike", "del"]),
            underline: self.is_in(&["u", "ins"]),
            code: self.is_in(&["code", "kbd", "samp", "tt", "pre"]),
            mark: self.is_in(&["mark"]),
            script: script.unwrap_or_default(),
            link: self.open.iter().rev().find_map(|open| open.link.clone()),
        };
        match self.line.last_mut() {
            Some(Inline::Text(last, known)) if *known == style => last.push_str(text),
            _ => self.line.push(Inline::Text(text.to_owned(), style)),
        }
    }

    fn finish(mut self) -> Vec<Block> {
        if let Some(Err(text) | Ok(text)) = self.formula.take().map(|formula| formula.finish().map(|_| String::new())) {
            self.push_text(&text);
        }
        while !self.open.is_empty() {
            self.close_element();
        }
        self.end_block();
        self.frames.finish()
    }
}

/// Removes white space at both ends.
fn trim_line(mut line: Vec<Inline>) -> Vec<Inline> {
    while let Some(Inline::Text(last, _)) = line.last_mut() {
        last.truncate(last.trim_end_matches([' ', '\n']).len());
        if !last.is_empty() {
            break;
        }
        line.pop();
    }
    let is_seen = |inline: &Inline| !matches!(inline, Inline::Text(text, _) if text.trim().is_empty());
    if !line.iter().any(is_seen) {
        return Vec::new();
    }
    line
}
