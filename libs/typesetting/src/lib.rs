//! Documents of structured blocks as PDF files: a [`Document`] goes in, tagged PDF with bookmarks comes out.
//!
//! Typst does the typesetting, in a closed world: its only source is the template of this crate, and all that users
//! wrote reaches it as data, thus never as markup. Documents reach no file, no network and no package. Rendering takes
//! a processor for a while; run it where blocking is allowed, and split what is long into several documents.

mod data;
mod document;
mod fonts;
mod formula;
mod image;
mod typesetter;

pub use document::{Block, Cell, Document, Figure, Inline, Item, List, RecordHeader, Script, Style, Table};
pub use formula::{Formula, MathmlReader};
pub use image::Image;
pub use typesetter::{Error, Typesetter};
