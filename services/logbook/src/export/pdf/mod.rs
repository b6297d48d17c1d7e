//! Entries as PDF files of some hundred entries each.

pub mod blocks;
pub mod elements;
pub mod html;
pub mod open_blocks;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::LazyLock;

use identity::Caller;
use jiff::Timestamp;
use service_kit::Problem;
use typesetting::{Block, Document, Figure, Image, Inline, RecordHeader, Typesetter};

use crate::attachments::is_shown_inline;
use crate::catalogue::users;
use crate::domain::filter::{Order, Page, Parameters};
use crate::domain::logbook::Book;
use crate::export::pdf::blocks::blocks_of_text;
use crate::export::pdf::html::blocks_of_html;
use crate::export::zip_stream::Archive;
use crate::export::{Cursor, Sink, Stopped};
use crate::state::State;
use crate::store::attachments;
use crate::store::attachments::Attachment;
use crate::store::entries::Entry;

/// Entries of a part.
const ENTRIES: usize = 500;
/// Bytes of text after which a part ends.
const TEXT: usize = 512 << 10;
/// Bytes of HTML in an entry that are laid out as they are; more of them become plain text, for each paragraph takes memory.
const LONGEST_HTML: usize = 128 << 10;
/// Bytes of text in an entry that are shown.
const LONGEST_TEXT: usize = 512 << 10;
/// Bytes of images in memory after which a part ends.
const IMAGES: usize = 24 << 20;
/// A larger image is named instead of shown.
const LARGEST: i64 = 6 << 20;

/// Made when it is first needed: it searches the fonts of the system.
static TYPESETTER: LazyLock<Typesetter> = LazyLock::new(Typesetter::with_system_fonts);

/// What all parts of a report are named by.
#[derive(Debug, Clone)]
pub struct Heading {
    /// Of the files.
    file_name: String,
    /// As in "MA-1234".
    name: String,
    /// What the investigation is about.
    title: Option<String>,
}

/// The name and the title that the catalogue has for a logbook, as far as the caller may read them.
pub async fn read_heading(state: &State, caller: &Caller, book: &Book, instrument: Option<&str>) -> Heading {
    let (name, title) = match book {
        Book::Investigation(id) => {
            let known = users::investigations(state, caller, &[*id]).await.remove(id).unwrap_or_default();
            let text = |key: &str| known[key].as_str().map(str::to_owned);
            (text("name").unwrap_or_else(|| format!("investigation {id}")), text("title"))
        }
        Book::Instrument(name) => (instrument.unwrap_or(name).to_owned(), None),
        Book::Facility | Book::Unplaced => (book.name(), None),
    };
    Heading { file_name: book.name().replace('/', "-"), name, title }
}

/// A report is read from its beginning: the oldest entry comes first unless another order is asked for.
pub fn report_order(page: Page, query: &Parameters) -> Page {
    let is_given = |value: &Option<String>| value.as_deref().is_some_and(|text| !text.trim().is_empty());
    let by = if is_given(&query.sort_by) { page.by } else { Order::CreationDate };
    Page { by, descending: page.descending && is_given(&query.sort_order), ..page }
}

pub struct Part {
    bytes: Vec<u8>,
    pub has_more: bool,
}

/// The next entries as a file of their own.
pub async fn part(state: &State, cursor: &mut Cursor, heading: &Heading, number: usize) -> Result<Part, Problem> {
    let _place = state.printing.acquire().await.map_err(Problem::internal)?;
    let (mut blocks, mut entries, mut text, mut images, mut has_more) = (Vec::new(), 0, 0, 0, true);
    let mut days = Days::default();
    while entries < ENTRIES && images < IMAGES && text < TEXT {
        let found = cursor.next(state).await?;
        if found.is_empty() {
            has_more = false;
            break;
        }
        let ids: Vec<String> = found.iter().flat_map(|entry| entry.event.files.clone()).collect();
        let files = match ids.as_slice() {
            [] => HashMap::new(),
            ids => attachments::by_ids(&mut state.db.read().await?, ids).await?,
        };
        let mut left = found.len();
        for entry in found {
            left -= 1;
            entries += 1;
            text += entry.event.content.iter().filter_map(|part| part.text.as_ref()).map(String::len).sum::<usize>();
            let pictures = pictures(state, &entry, &files, &mut images).await?;
            let day = crate::domain::dates::day_of(entry.event.at, &state.zone);
            blocks.extend(days.begin(day).map(Block::Section));
            blocks.extend(blocks_of(state, &entry, &files, pictures));
            // The others come in the next part.
            if (images >= IMAGES || text >= TEXT) && left > 0 {
                cursor.back_to(entry, left);
                break;
            }
        }
    }
    // A full last part is not followed by an empty one.
    if has_more {
        let mut next = cursor.clone();
        has_more = !next.next(state).await?.is_empty();
    }
    let span = format!("{} ({})", days.span(), state.config.time_zone);
    let span = if number > 1 || has_more { format!("Part {number}, {span}") } else { span };
    let document = Document {
        title: format!("Logbook of {}", heading.name),
        subtitle: heading.title.iter().cloned().chain([state.site.clone(), span]).collect(),
        creator: "Undulator logbook".to_owned(),
        language: None,
        blocks,
    };
    let bytes = state.documents.run_queued(move || TYPESETTER.render_pdf(&document)).await?;
    Ok(Part { bytes: bytes.map_err(Problem::internal)?, has_more })
}

/// The days of a part in the order of its entries.
#[derive(Default)]
struct Days {
    first: Option<String>,
    last: Option<String>,
}

impl Days {
    /// The day, if it is another one than that of the entry before.
    fn begin(&mut self, day: String) -> Option<String> {
        self.first.get_or_insert_with(|| day.clone());
        (self.last.as_ref() != Some(&day)).then(|| {
            self.last = Some(day.clone());
            day
        })
    }

    fn span(&self) -> String {
        match (&self.first, &self.last) {
            (Some(first), Some(last)) if first == last => first.clone(),
            (Some(first), Some(last)) => format!("{first} to {last}"),
            _ => "no entries".to_owned(),
        }
    }
}

/// The first part alone, or a ZIP of all of them.
pub async fn write(
    state: &State,
    heading: &Heading,
    mut cursor: Cursor,
    first: Part,
    sink: &Sink,
) -> Result<(), Stopped> {
    if !first.has_more {
        return sink.send(first.bytes).await;
    }
    let mut archive = Archive::new(&state.documents, sink);
    let (mut next, mut number) = (first, 1);
    loop {
        archive.begin(format!("{}-{number:04}.pdf", super::safe_name(&heading.file_name)), state.clock.now()).await?;
        let has_more = next.has_more;
        archive.write(next.bytes).await?;
        if !has_more {
            return archive.finish().await;
        }
        number += 1;
        next = part(state, &mut cursor, heading, number).await?;
    }
}

/// An entry's images by the ids of their attachments; `memory` counts what all of the part take.
async fn pictures(
    state: &State,
    entry: &Entry,
    files: &HashMap<String, Attachment>,
    memory: &mut usize,
) -> Result<HashMap<String, Image>, Problem> {
    let (mut pictures, mut read) = (HashMap::new(), 0);
    let limit = *memory + IMAGES;
    for attachment in entry.event.files.iter().filter_map(|id| files.get(id)) {
        // So it is with those of an entry that has many.
        let has_room = read + attachment.bytes <= LARGEST && *memory < limit;
        if is_shown_inline(&attachment.media_type) && has_room {
            read += attachment.bytes;
            let bytes = state.attachments.get(attachment).await?;
            if let Some(image) = state.documents.run_queued(move || Image::decode(&bytes)).await? {
                *memory += image.memory_bytes();
                pictures.insert(attachment.id.clone(), image);
            }
        }
    }
    Ok(pictures)
}

/// An entry with its header.
fn blocks_of(
    state: &State,
    entry: &Entry,
    files: &HashMap<String, Attachment>,
    mut pictures: HashMap<String, Image>,
) -> Vec<Block> {
    let event = &entry.event;
    let mut shown = Vec::new();
    let content = match event.html().filter(|html| html.len() <= LONGEST_HTML) {
        Some(html) => blocks_of_html(html, &mut |address: &str| {
            let id = address.rsplit('/').next()?;
            shown.push(id.to_owned());
            pictures.get(id).cloned()
        }),
        None => blocks_of_long_text(&event.plain().unwrap_or_default()),
    };
    let mut blocks = vec![Block::RecordHeader(header_of(state, entry))];
    blocks.extend(content);
    for attachment in event.files.iter().filter(|id| !shown.contains(id)).filter_map(|id| files.get(id)) {
        blocks.push(match pictures.remove(&attachment.id) {
            Some(image) => Block::Figure(Figure { image, description: attachment.filename.clone() }),
            None => Block::Paragraph(vec![Inline::plain(format!("[{}]", attachment.filename))]),
        });
    }
    blocks
}

/// The beginning of a text, with a note if that is not all.
fn blocks_of_long_text(text: &str) -> Vec<Block> {
    let shown = &text[..text.floor_char_boundary(LONGEST_TEXT)];
    // A paragraph takes time by more than its length, so that long ones end at the end of some line, or word.
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

fn header_of(state: &State, entry: &Entry) -> RecordHeader {
    let event = &entry.event;
    let at = state.zone.to_datetime(Timestamp::from_microsecond(event.at).unwrap_or_default());
    let mut heading = vec![at.strftime("%Y-%m-%d %H:%M:%S").to_string()];
    heading.extend([&event.full_name, &event.username, &event.instrument_name].into_iter().flatten().take(2).cloned());
    heading.push(format!("{} {}", event.kind, event.category));
    let version = (entry.version > 1).then(|| format!("version {}", entry.version));
    let tags = (!event.tags.is_empty()).then(|| format!("Tags: {}", event.tags.join(", ")));
    RecordHeader {
        heading: heading.join("  "),
        notes: version.into_iter().chain(tags).collect(),
        title: event.title.clone(),
    }
}
