//! A document as the template reads it: JSON, in which every text is a string, and the bytes of the images.

mod table;
mod text;

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::{Value, json};

use crate::document::{Block, Document, Figure, Inline, List, RecordHeader};
use crate::fonts;
use crate::image::{Format, Image};

/// Of the column, in points.
pub const COLUMN: f32 = 495.0;

/// An image is never higher than half a page.
const HALF_PAGE: f32 = 340.0;

/// Blocks within more lists and quotes than this stand beside each other: Typst gives up where calls are too deep.
const MAX_DEPTH: usize = 6;

pub use text::strip_control_characters;

pub struct Encoded {
    pub document: Value,
    pub images: Vec<Arc<[u8]>>,
}

pub fn encode_document(document: &Document) -> Encoded {
    let mut encoder = Encoder::default();
    let blocks = encoder.encode_blocks(&document.blocks, 0);
    let subtitle: Vec<Value> = document.subtitle.iter().map(|line| text::encode_plain_text(line)).collect();
    let document = json!({
        "title": text::strip_control_characters(&document.title).replace('\n', " "),
        "heading": text::encode_plain_text(&document.title),
        "subtitle": subtitle,
        "language": document.language.as_deref().filter(|code| is_language(code)).unwrap_or("en"),
        "fonts": {"text": [fonts::TEXT], "code": [fonts::CODE, fonts::TEXT], "math": [fonts::FORMULA, fonts::SIGNS, fonts::TEXT]},
        "blocks": blocks,
    });
    Encoded { document, images: encoder.images }
}

fn is_language(code: &str) -> bool {
    matches!(code.len(), 2 | 3) && code.bytes().all(|c| c.is_ascii_lowercase())
}

#[derive(Default)]
struct Encoder {
    images: Vec<Arc<[u8]>>,
    /// So that each is in the file once.
    numbers: HashMap<Arc<[u8]>, usize>,
}

impl Encoder {
    fn encode_blocks(&mut self, blocks: &[Block], depth: usize) -> Value {
        Value::Array(blocks.iter().flat_map(|block| self.encode_block(block, depth)).collect())
    }

    fn encode_block(&mut self, block: &Block, depth: usize) -> Vec<Value> {
        let encoded = match block {
            Block::Section(title) => json!({"kind": "section", "title": text::encode_plain_text(title)}),
            Block::RecordHeader(header) => record_header(header),
            Block::Heading(level, content) => {
                with_content(json!({"kind": "heading", "level": level.clamp(&1, &6)}), content)
            }
            Block::Paragraph(content) => with_content(json!({"kind": "paragraph"}), content),
            Block::List(list) if depth < MAX_DEPTH => self.encode_list(list, depth),
            Block::List(list) => {
                return list
                    .items
                    .iter()
                    .flat_map(|item| &item.blocks)
                    .flat_map(|block| self.encode_block(block, depth))
                    .collect();
            }
            Block::Quote(blocks) if depth < MAX_DEPTH => {
                json!({"kind": "quote", "blocks": self.encode_blocks(blocks, depth + 1)})
            }
            Block::Quote(blocks) => return blocks.iter().flat_map(|block| self.encode_block(block, depth)).collect(),
            Block::Code(code) => json!({"kind": "code", "text": text::strip_control_characters(code)}),
            Block::Table(table) => return table::encode_table(table),
            Block::Figure(figure) => self.encode_figure(figure),
            Block::Rule => json!({"kind": "rule"}),
            // Pages cannot end within a list.
            Block::PageBreak if depth > 0 => return Vec::new(),
            Block::PageBreak => json!({"kind": "break"}),
        };
        vec![encoded]
    }

    fn encode_list(&mut self, list: &List, depth: usize) -> Value {
        /// Larger numbers would be wider than the column.
        const MAX_NUMBER: u64 = 1_000_000_000;
        let items: Vec<Value> = list
            .items
            .iter()
            .map(|item| {
                let number = item.number.map(|number| number.min(MAX_NUMBER));
                json!({"number": number, "blocks": self.encode_blocks(&item.blocks, depth + 1)})
            })
            .collect();
        json!({"kind": "list", "start": list.start.map(|start| start.min(MAX_NUMBER)), "items": items})
    }

    /// Never larger than the column and half a page.
    fn encode_figure(&mut self, figure: &Figure) -> Value {
        let Image { format, bytes, pixels, size } = &figure.image;
        let number = *self.numbers.entry(Arc::clone(bytes)).or_insert_with(|| {
            self.images.push(Arc::clone(bytes));
            self.images.len() - 1
        });
        let format = match format {
            Format::Jpeg => "jpg",
            Format::Gray => "luma8",
            Format::Rgb => "rgb8",
        };
        let scale = (COLUMN / size.0).min(HALF_PAGE / size.1).min(1.0);
        let size = [(size.0 * scale).max(1.0), (size.1 * scale).max(1.0)];
        json!({"kind": "figure", "path": format!("/image/{number}"), "format": format, "pixels": [pixels.0, pixels.1],
            "size": size, "description": text::strip_control_characters(&figure.description)})
    }
}

fn record_header(header: &RecordHeader) -> Value {
    let notes: Vec<Value> = header.notes.iter().map(|note| text::encode_plain_text(note)).collect();
    let title = header.title.as_deref().filter(|title| !title.trim().is_empty()).map(text::encode_plain_text);
    json!({"kind": "record", "heading": text::encode_plain_text(&header.heading), "notes": notes, "title": title})
}

/// With what stands in its lines, and the direction in which they run.
fn with_content(mut block: Value, content: &[Inline]) -> Value {
    block["content"] = text::encode_inlines(content, text::LONG_WORD);
    if text::is_right_to_left(content) {
        block["rtl"] = true.into();
    }
    block
}
