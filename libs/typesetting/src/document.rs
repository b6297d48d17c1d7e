//! What a document consists of. Nothing in it is markup: texts are shown as they are.

use crate::formula::Formula;
use crate::image::Image;

/// A document, or a part of a long one.
#[derive(Debug, Clone, Default)]
pub struct Document {
    /// On the first page, at the head of the others, and in the file's metadata.
    pub title: String,
    /// Lines below the title.
    pub subtitle: Vec<String>,
    /// The program that made the document, for the file's metadata.
    pub creator: String,
    /// ISO 639 code of the language that most of the text is in, such as `en`.
    pub language: Option<String>,
    pub blocks: Vec<Block>,
}

/// What stands below each other in the column.
#[derive(Debug, Clone, PartialEq)]
pub enum Block {
    /// Begins a section, which has a bookmark of this name.
    Section(String),
    /// Begins a record, such as an entry of a logbook. It stays with what follows it.
    RecordHeader(RecordHeader),
    /// A heading within a record; the level is 1, the largest, to 6.
    Heading(u8, Vec<Inline>),
    Paragraph(Vec<Inline>),
    List(List),
    Quote(Vec<Block>),
    /// Lines of code, which keep their spaces.
    Code(String),
    Table(Table),
    Figure(Figure),
    /// A line across the column.
    Rule,
    PageBreak,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RecordHeader {
    /// Who wrote when, in a band.
    pub heading: String,
    /// Small lines below it.
    pub notes: Vec<String>,
    pub title: Option<String>,
}

#[derive(Debug, Clone, Default, PartialEq)]
pub struct List {
    /// The number of the first item; `None` for bullets.
    pub start: Option<u64>,
    pub items: Vec<Item>,
}

#[derive(Debug, Clone, Default, PartialEq)]
pub struct Item {
    /// Instead of the number that would come next.
    pub number: Option<u64>,
    pub blocks: Vec<Block>,
}

#[derive(Debug, Clone, Default, PartialEq)]
pub struct Table {
    /// The first so many rows are repeated on each page.
    pub header_rows: usize,
    pub rows: Vec<Vec<Cell>>,
}

/// A cell as in HTML: it takes the next free place of its row, and columns and rows beside it if it spans them.
#[derive(Debug, Clone, PartialEq)]
pub struct Cell {
    pub columns: usize,
    pub rows: usize,
    pub content: Vec<Inline>,
}

impl From<Vec<Inline>> for Cell {
    fn from(content: Vec<Inline>) -> Self {
        Self { columns: 1, rows: 1, content }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct Figure {
    pub image: Image,
    /// What is in the image, for whoever does not see it.
    pub description: String,
}

/// What stands in a line.
#[derive(Debug, Clone, PartialEq)]
pub enum Inline {
    /// Line feeds break the line, and spaces stay.
    Text(String, Style),
    Formula(Formula),
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each goes with each")]
pub struct Style {
    pub strong: bool,
    pub emphasis: bool,
    pub strike: bool,
    pub underline: bool,
    pub code: bool,
    pub mark: bool,
    pub script: Script,
    /// An address of the web or of mail; others are not followed.
    pub link: Option<String>,
}

/// Raised or lowered text.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Script {
    #[default]
    Normal,
    Superscript,
    Subscript,
}

impl Inline {
    pub fn plain(text: impl Into<String>) -> Self {
        Self::Text(text.into(), Style::default())
    }
}
