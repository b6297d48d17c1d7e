//! Entries as a PDF file: A4 pages with a title at the head and a number at the foot. Pages are drawn as entries come,
//! so that of the entries only the current page is held. The same entries always give the same bytes.

mod elements;
mod exif;
mod flow;
mod fonts;
mod formula;
mod html;
mod image;
mod lines;
mod links;
mod page;
mod shrink;
mod table;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::Arc;

use krilla::metadata::Metadata;

pub use html::blocks_of_html;
use image::Picture;
use page::Pages;

/// What a part begins with.
pub struct Cover<'a> {
    pub title: &'a str,
    /// As in "Part 2 of 7, 2026-01-12 to 2026-01-14 (Europe/Paris)".
    pub subtitle: &'a str,
}

/// An entry as it is printed.
pub struct Printed {
    /// As in "2026-01-12 09:14:05  alice  annotation comment".
    pub heading: String,
    pub title: Option<String>,
    pub tags: Vec<String>,
    pub blocks: Vec<Block>,
    /// As in "edited 3 times" or "removed".
    pub note: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Block {
    Text(Vec<Span>),
    /// From 1, the largest, to 6.
    Heading(u8, Vec<Span>),
    /// The depth from 1, the marker, and the text; an item that goes on has no marker.
    ListItem(u8, String, Vec<Span>),
    Code(String),
    /// Rows of cells.
    Table(Vec<Vec<Vec<Span>>>),
    /// The bytes of a PNG, JPEG, GIF or WebP file.
    Image(Vec<u8>),
    Rule,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Span {
    pub text: String,
    pub bold: bool,
    pub italic: bool,
    pub mono: bool,
    pub link: Option<String>,
}

impl Span {
    pub fn plain(text: &str) -> Self {
        Self { text: text.to_owned(), ..Self::default() }
    }

    pub fn bold(text: &str) -> Self {
        Self { bold: true, ..Self::plain(text) }
    }

    /// Whether both look the same.
    fn is_like(&self, other: &Self) -> bool {
        (self.bold, self.italic, self.mono, &self.link) == (other.bold, other.italic, other.mono, &other.link)
    }
}

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("a font of the program cannot be read")]
    Font,
    #[error("the PDF file cannot be written: {0}")]
    File(String),
}

/// Blocks of a text without marks. Its lines and its spaces stay.
pub fn blocks_of_text(text: &str) -> Vec<Block> {
    let text = text.replace("\r\n", "\n").replace('\r', "\n").replace('\t', "    ");
    let text = text.trim_end().trim_matches('\n');
    if text.is_empty() { Vec::new() } else { vec![Block::Text(vec![Span::plain(text)])] }
}

/// Collects entries and draws pages as they come.
pub struct Document {
    /// What went wrong is told at the end.
    pages: Result<Pages, Error>,
    /// By their bytes, so that each is in the file once; `None` cannot be shown.
    pictures: HashMap<Arc<Vec<u8>>, Option<Picture>>,
}

impl Document {
    pub fn new(cover: &Cover) -> Self {
        let mut file = krilla::Document::new();
        let title = cover.title.chars().filter(|c| !fonts::is_invisible(*c)).collect();
        file.set_metadata(Metadata::new().title(title).creator("Undulator logbook".to_owned()));
        let mut pages = Pages::new(cover.title, file);
        if let Ok(pages) = &mut pages {
            flow::cover(pages, cover);
        }
        Self { pages, pictures: HashMap::new() }
    }

    pub fn add(&mut self, entry: &Printed) {
        let Ok(pages) = &mut self.pages else { return };
        flow::heading_of(pages, entry);
        for block in &entry.blocks {
            match block {
                Block::Text(spans) => flow::text(pages, spans),
                Block::Heading(level, spans) => flow::heading(pages, *level, spans),
                Block::ListItem(depth, marker, spans) => flow::item(pages, *depth, marker, spans),
                Block::Code(code) => flow::code(pages, code),
                Block::Table(rows) => table::table(pages, rows),
                Block::Image(bytes) => flow::image(pages, picture(&mut self.pictures, bytes)),
                Block::Rule => flow::rule(pages),
            }
        }
    }

    pub fn finish(self) -> Result<Vec<u8>, Error> {
        self.pages?.finish()
    }
}

fn picture<'a>(known: &'a mut HashMap<Arc<Vec<u8>>, Option<Picture>>, bytes: &Vec<u8>) -> Option<&'a Picture> {
    if !known.contains_key(bytes) {
        let bytes = Arc::new(bytes.clone());
        let picture = Picture::read(&bytes);
        known.insert(bytes, picture);
    }
    known.get(bytes)?.as_ref()
}
