//! Typst's view of a document: one template, one file of data and the document's images.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::LazyLock;

use typst::diag::{FileError, FileResult, SourceDiagnostic};
use typst::foundations::{Bytes, Datetime, Duration, Smart};
use typst::syntax::{FileId, RootedPath, Source, VirtualPath, VirtualRoot};
use typst::text::{Font, FontBook};
use typst::utils::LazyHash;
use typst::{Library, LibraryExt, World};
use typst_layout::PagedDocument;
use typst_pdf::PdfOptions;

use crate::data;
use crate::document::Document;
use crate::fonts::Fonts;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the document cannot be typeset: {0}")]
    Layout(String),
    #[error("the PDF file cannot be written: {0}")]
    Export(String),
    #[error("the document cannot be given to the template: {0}")]
    Data(#[from] serde_json::Error),
}

/// Renders documents with fonts that are loaded once.
pub struct Typesetter {
    library: LazyHash<Library>,
    fonts: Fonts,
}

impl Typesetter {
    /// With the fonts of this crate: Latin, Greek, Cyrillic, formulas and signs.
    pub fn with_embedded_fonts() -> Self {
        Self::new(Fonts::load_embedded())
    }

    /// With the fonts that are installed too. Searching them takes some tenths of a second.
    pub fn with_system_fonts() -> Self {
        Self::new(Fonts::load_with_system())
    }

    fn new(fonts: Fonts) -> Self {
        Self { library: LazyHash::new(Library::default()), fonts }
    }

    /// Whether a font has the character; others are boxes.
    pub fn can_show(&self, c: char) -> bool {
        self.fonts.has_character(c)
    }

    /// A document as tagged PDF with bookmarks for its sections. The same document always gives the same bytes.
    pub fn render_pdf(&self, document: &Document) -> Result<Vec<u8>, Error> {
        let world = ClosedWorld::new(self, document)?;
        // Typst 0.15 panics at some characters that no font has, next to text of the other direction. As boxes in the text
        // they look the same and are typeset.
        let rendered = world
            .render_unless_it_panics(&document.creator)
            .or_else(|| world.with_boxes().render_unless_it_panics(&document.creator))
            .unwrap_or_else(|| Err(Error::Layout("the typesetter stopped".to_owned())));
        // What was computed for this document is of no use for the next one.
        typst::comemo::evict(0);
        rendered
    }

    /// A character that is shown where no font has the one that is written.
    fn missing_character(&self) -> char {
        ['\u{fffd}', '\u{25a1}'].into_iter().find(|c| self.can_show(*c)).unwrap_or('?')
    }
}

static TEMPLATE: LazyLock<Source> =
    LazyLock::new(|| Source::new(file_id("/document.typ"), include_str!("template/document.typ").to_owned()));
static DATA: LazyLock<FileId> = LazyLock::new(|| file_id("/document.json"));

/// Of a path of ours; they are few, for Typst never forgets one.
fn file_id(path: &str) -> FileId {
    let path = VirtualPath::new(path).unwrap_or_else(|e| unreachable!("{path} is a path: {e:?}"));
    RootedPath::new(VirtualRoot::Project, path).intern()
}

struct ClosedWorld<'a> {
    typesetter: &'a Typesetter,
    data: Bytes,
    images: Vec<Bytes>,
}

impl<'a> ClosedWorld<'a> {
    fn new(typesetter: &'a Typesetter, document: &Document) -> Result<Self, Error> {
        let encoded = data::encode_document(document);
        let images = encoded.images.into_iter().map(Bytes::new).collect();
        Ok(Self { typesetter, data: Bytes::from_string(serde_json::to_string(&encoded.document)?), images })
    }

    /// The same document in which each character that no font has is a box. JSON's own characters are ASCII.
    fn with_boxes(&self) -> Self {
        let placeholder = self.typesetter.missing_character();
        let shown = |c: char| if c.is_ascii() || self.typesetter.can_show(c) { c } else { placeholder };
        let data: String = String::from_utf8_lossy(&self.data).chars().map(shown).collect();
        Self { typesetter: self.typesetter, data: Bytes::from_string(data), images: self.images.clone() }
    }

    fn render_unless_it_panics(&self, creator: &str) -> Option<Result<Vec<u8>, Error>> {
        catch_unwind(AssertUnwindSafe(|| self.render_pdf(creator))).ok()
    }

    fn render_pdf(&self, creator: &str) -> Result<Vec<u8>, Error> {
        let pages: PagedDocument =
            typst::compile(self).output.map_err(|errors| Error::Layout(join_messages(&errors)))?;
        let options = PdfOptions { creator: Smart::Custom(Some(creator.into())), ..PdfOptions::default() };
        typst_pdf::pdf(&pages, &options).map_err(|errors| Error::Export(join_messages(&errors)))
    }
}

fn join_messages(errors: &[SourceDiagnostic]) -> String {
    let messages: Vec<&str> = errors.iter().map(|error| error.message.as_str()).collect();
    messages.join("; ")
}

impl World for ClosedWorld<'_> {
    fn library(&self) -> &LazyHash<Library> {
        &self.typesetter.library
    }

    fn book(&self) -> &LazyHash<FontBook> {
        &self.typesetter.fonts.book
    }

    fn main(&self) -> FileId {
        TEMPLATE.id()
    }

    fn source(&self, id: FileId) -> FileResult<Source> {
        if id == TEMPLATE.id() { Ok(TEMPLATE.clone()) } else { Err(FileError::AccessDenied) }
    }

    fn file(&self, id: FileId) -> FileResult<Bytes> {
        if id == *DATA {
            return Ok(self.data.clone());
        }
        let number = id.vpath().get_without_slash().strip_prefix("image/").and_then(|number| number.parse().ok());
        number.and_then(|number: usize| self.images.get(number)).cloned().ok_or(FileError::AccessDenied)
    }

    fn font(&self, index: usize) -> Option<Font> {
        self.typesetter.fonts.load_font(index)
    }

    fn today(&self, _offset: Option<Duration>) -> Option<Datetime> {
        None
    }
}
