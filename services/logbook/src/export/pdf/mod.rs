//! Exports entries as PDF files of a few hundred entries each.

pub mod blocks;
pub mod elements;
pub mod html;
pub mod open_blocks;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use identity::Caller;
use jiff::tz::TimeZone;
use service_kit::Problem;
use tokio::sync::Semaphore;
use typesetting::{Block, Document, Figure, Image, Inline, RecordHeader, Typesetter};

use crate::attachments::is_shown_inline;
use crate::domain::dates::render_day;
use crate::domain::entry::Entry;
use crate::domain::filter::{Order, Page};
use crate::domain::list_parameters::ListParameters;
use crate::domain::logbook::Logbook;
use crate::entries::lists::Cursor;
use crate::export::Exporter;
use crate::export::pdf::blocks::blocks_of_text;
use crate::export::pdf::html::blocks_of_html;
use crate::export::sink::{ExportError, Sink};
use crate::export::zip_stream::{ZipStream, safe_filename};
use crate::store::attachments::{self, Attachment};

/// Maximum number of parts that are rendered at the same time.
const MAX_PARTS: usize = 2;
/// Maximum entries of a part.
const MAX_ENTRIES: usize = 500;
/// A part ends after this many bytes of text.
const MAX_TEXT: usize = 512 << 10;
/// Maximum bytes of HTML in an entry; longer HTML becomes plain text, because each paragraph takes memory.
const MAX_HTML: usize = 128 << 10;
/// Maximum bytes of text of an entry; the rest is omitted.
const MAX_ENTRY_TEXT: usize = 512 << 10;
/// A part ends after images with this many bytes in memory.
const MAX_IMAGES: usize = 24 << 20;
/// Maximum bytes of an image; for larger ones, the name is printed.
const MAX_IMAGE: i64 = 6 << 20;

/// The names of a report, which all parts share.
#[derive(Debug, Clone)]
pub struct Heading {
    /// Of the files.
    file_name: String,
    /// Such as "MA-1234".
    name: String,
    /// The title of the investigation.
    title: Option<String>,
}

/// The default order of a report: the oldest entry comes first.
pub fn order_report(page: Page, query: &ListParameters) -> Page {
    let is_given = |value: &Option<String>| value.as_deref().is_some_and(|text| !text.trim().is_empty());
    let by = if is_given(&query.list.sort_by) { page.by } else { Order::CreationDate };
    Page { by, descending: page.descending && is_given(&query.list.sort_order), ..page }
}

/// A file of a report.
pub struct Part {
    bytes: Vec<u8>,
    pub has_more: bool,
}

/// Renders PDF files.
pub struct Printer {
    /// Created when it is first needed, because it searches for the fonts of the system.
    typesetter: Arc<OnceLock<Typesetter>>,
    /// A permit for each part that is being rendered, because its images are in memory.
    permits: Semaphore,
}

impl Default for Printer {
    fn default() -> Self {
        Self { typesetter: Arc::default(), permits: Semaphore::new(MAX_PARTS) }
    }
}

/// The blocks of a part, and its size so far.
#[derive(Default)]
struct PartContent {
    blocks: Vec<Block>,
    days: Days,
    entries: usize,
    text_bytes: usize,
    image_bytes: usize,
}

impl PartContent {
    fn is_full(&self) -> bool {
        self.image_bytes >= MAX_IMAGES || self.text_bytes >= MAX_TEXT
    }
}

impl Exporter {
    /// Name and title of a logbook from the catalogue, if the caller may read them.
    pub(super) async fn read_heading(&self, caller: &Caller, logbook: &Logbook, instrument: Option<&str>) -> Heading {
        let (name, title) = match logbook {
            Logbook::Investigation(id) => {
                let known = self.users.describe_investigations(caller, &[*id]).await.remove(id).unwrap_or_default();
                (known.name.unwrap_or_else(|| format!("investigation {id}")), known.title)
            }
            Logbook::Instrument(name) => (instrument.unwrap_or(name).to_owned(), None),
            Logbook::Facility | Logbook::Unassigned => (logbook.name(), None),
        };
        Heading { file_name: logbook.name().replace('/', "-"), name, title }
    }

    /// Renders the next entries as a file.
    pub(super) async fn print_part(
        &self,
        cursor: &mut Cursor,
        heading: &Heading,
        number: usize,
    ) -> Result<Part, Problem> {
        let _permit = self.printer.permits.acquire().await.map_err(Problem::internal)?;
        let mut part = PartContent::default();
        let mut has_more = true;
        while part.entries < MAX_ENTRIES && !part.is_full() {
            let found = cursor.next_entries(&mut self.db.read().await?).await?;
            if found.is_empty() {
                has_more = false;
                break;
            }
            self.add_entries(&mut part, cursor, found).await?;
        }
        // If the last part is full, no empty part follows.
        if has_more {
            let mut next = cursor.clone();
            has_more = !next.next_entries(&mut self.db.read().await?).await?.is_empty();
        }
        let span = format!("{} ({})", part.days.describe_span(), self.zone_name);
        let span = if number > 1 || has_more { format!("Part {number}, {span}") } else { span };
        let document = Document {
            title: format!("Logbook of {}", heading.name),
            subtitle: heading.title.iter().cloned().chain([self.site.clone(), span]).collect(),
            creator: "Undulator logbook".to_owned(),
            language: None,
            blocks: part.blocks,
        };
        let typesetter = Arc::clone(&self.printer.typesetter);
        let rendered = self
            .documents
            .run_queued(move || typesetter.get_or_init(Typesetter::with_system_fonts).render_pdf(&document));
        Ok(Part { bytes: rendered.await?.map_err(Problem::internal)?, has_more })
    }

    /// Adds entries until the part is full; the cursor continues after the last added entry.
    async fn add_entries(&self, part: &mut PartContent, cursor: &mut Cursor, found: Vec<Entry>) -> Result<(), Problem> {
        let ids: Vec<String> = found.iter().flat_map(|entry| entry.content.files.clone()).collect();
        let files = match ids.as_slice() {
            [] => HashMap::new(),
            ids => attachments::list_attachments_by_ids(&mut self.db.read().await?, ids).await?,
        };
        let mut left = found.len();
        for entry in found {
            left -= 1;
            part.entries += 1;
            part.text_bytes += entry.content.text_bytes();
            let images = self.read_images(&entry, &files, &mut part.image_bytes).await?;
            let day = render_day(entry.content.at, &self.zone);
            part.blocks.extend(part.days.start_day(day).map(Block::Section));
            part.blocks.extend(blocks_of_entry(&entry, &files, images, &self.zone));
            // The other entries are in the next part.
            if part.is_full() && left > 0 {
                cursor.rewind_to(entry, left);
                break;
            }
        }
        Ok(())
    }

    /// Sends the first part if it is the only one, otherwise a ZIP of all parts.
    pub(super) async fn write_pdf(
        &self,
        heading: &Heading,
        mut cursor: Cursor,
        first: Part,
        sink: &Sink,
    ) -> Result<(), ExportError> {
        if !first.has_more {
            return sink.send(first.bytes).await;
        }
        let mut archive = ZipStream::new(&self.documents, sink);
        let (mut next, mut number) = (first, 1);
        loop {
            let name = format!("{}-{number:04}.pdf", safe_filename(&heading.file_name));
            archive.start_file(name, self.clock.now()).await?;
            let has_more = next.has_more;
            archive.write(next.bytes).await?;
            if !has_more {
                return archive.finish().await;
            }
            number += 1;
            next = self.print_part(&mut cursor, heading, number).await?;
        }
    }

    /// The images of an entry by attachment id; `memory` counts the bytes of all images of the part.
    async fn read_images(
        &self,
        entry: &Entry,
        files: &HashMap<String, Attachment>,
        memory: &mut usize,
    ) -> Result<HashMap<String, Image>, Problem> {
        let (mut images, mut read) = (HashMap::new(), 0);
        let limit = *memory + MAX_IMAGES;
        for attachment in entry.content.files.iter().filter_map(|id| files.get(id)) {
            // The limit also applies to all images of one entry.
            let has_room = read + attachment.bytes <= MAX_IMAGE && *memory < limit;
            if is_shown_inline(&attachment.media_type) && has_room {
                read += attachment.bytes;
                let bytes = self.attachments.read_all(attachment).await?;
                if let Some(image) = self.documents.run_queued(move || Image::decode(&bytes)).await? {
                    *memory += image.memory_bytes();
                    images.insert(attachment.id.clone(), image);
                }
            }
        }
        Ok(images)
    }
}

/// The days of a part, in the order of its entries.
#[derive(Default)]
struct Days {
    first: Option<String>,
    last: Option<String>,
}

impl Days {
    /// The day, if it differs from the day of the previous entry.
    fn start_day(&mut self, day: String) -> Option<String> {
        self.first.get_or_insert_with(|| day.clone());
        (self.last.as_ref() != Some(&day)).then(|| {
            self.last = Some(day.clone());
            day
        })
    }

    fn describe_span(&self) -> String {
        match (&self.first, &self.last) {
            (Some(first), Some(last)) if first == last => first.clone(),
            (Some(first), Some(last)) => format!("{first} to {last}"),
            _ => "no entries".to_owned(),
        }
    }
}

/// An entry with its header.
fn blocks_of_entry(
    entry: &Entry,
    files: &HashMap<String, Attachment>,
    mut images: HashMap<String, Image>,
    zone: &TimeZone,
) -> Vec<Block> {
    let content = &entry.content;
    let mut shown = Vec::new();
    let texts = match content.html().filter(|html| html.len() <= MAX_HTML) {
        Some(html) => blocks_of_html(html, &mut |address: &str| {
            let id = address.rsplit('/').next()?;
            shown.push(id.to_owned());
            images.get(id).cloned()
        }),
        None => blocks_of_long_text(&content.plain_text().unwrap_or_default()),
    };
    let mut blocks = vec![Block::RecordHeader(header_of_entry(entry, zone))];
    blocks.extend(texts);
    for attachment in content.files.iter().filter(|id| !shown.contains(id)).filter_map(|id| files.get(id)) {
        blocks.push(match images.remove(&attachment.id) {
            Some(image) => Block::Figure(Figure { image, description: attachment.filename.clone() }),
            None => Block::Paragraph(vec![Inline::plain(format!("[{}]", attachment.filename))]),
        });
    }
    blocks
}

/// The beginning of a text, with a note if the rest is omitted.
fn blocks_of_long_text(text: &str) -> Vec<Block> {
    let shown = &text[..text.floor_char_boundary(MAX_ENTRY_TEXT)];
    // The layout of a paragraph takes more than linear time, so long ones are split at the end of a line or word.
    let (mut blocks, mut paragraph) = (Vec::new(), String::new());
    for piece in shown.split_inclusive([' ', '\n']) {
        paragraph.push_str(piece);
        if paragraph.len() > 4096 && piece.ends_with('\n') || paragraph.len() > 16_384 {
            blocks.extend(blocks_of_text(&paragraph));
            paragraph.clear();
        }
    }
    blocks.extend(blocks_of_text(&paragraph));
    if shown.len() < text.len() {
        let note = format!("[{} more bytes are in the logbook]", text.len() - shown.len());
        blocks.push(Block::Paragraph(vec![Inline::plain(note)]));
    }
    blocks
}

fn header_of_entry(entry: &Entry, zone: &TimeZone) -> RecordHeader {
    let content = &entry.content;
    let at = zone.to_datetime(content.at.to_timestamp());
    let mut heading = vec![at.strftime("%Y-%m-%d %H:%M:%S").to_string()];
    heading.extend(
        [&content.full_name, &content.username, &content.instrument_name].into_iter().flatten().take(2).cloned(),
    );
    heading.push(format!("{} {}", content.kind.name(), content.category.name()));
    let version = (entry.version > 1).then(|| format!("version {}", entry.version));
    let tags = (!content.tags.is_empty()).then(|| format!("Tags: {}", content.tags.join(", ")));
    RecordHeader {
        heading: heading.join("  "),
        notes: version.into_iter().chain(tags).collect(),
        title: content.title.clone(),
    }
}
