//! Entries as PDF files of some hundred entries each.

use std::collections::HashMap;
use std::fmt::Write as _;

use jiff::Timestamp;
use service_kit::Problem;

use super::archive::Archive;
use super::{Cursor, Sink, Stopped};
use crate::attachments::is_shown_inline;
use crate::pdf::{Block, Cover, Document, Printed, Span, blocks_of_html, blocks_of_text};
use crate::state::State;
use crate::store::attachments::{self, Attachment};
use crate::store::entries::Entry;

/// Entries of a part.
const ENTRIES: usize = 500;
/// Bytes of images after which a part ends.
const IMAGES: i64 = 3 << 20;
/// A larger image is named instead of shown.
const LARGEST: i64 = 6 << 20;

pub struct Part {
    bytes: Vec<u8>,
    pub has_more: bool,
}

/// The next entries as a file of their own.
pub async fn part(state: &State, cursor: &mut Cursor, name: &str, number: usize) -> Result<Part, Problem> {
    let _place = state.printing.acquire().await.map_err(Problem::internal)?;
    let (mut printed, mut images, mut has_more) = (Vec::new(), 0, true);
    let (mut first, mut last) = (None, None);
    while printed.len() < ENTRIES && images < IMAGES {
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
            first.get_or_insert(entry.event.at);
            last = Some(entry.event.at);
            let pictures = pictures(state, &entry, &files, &mut images).await?;
            printed.push(printed_of(state, &entry, &files, pictures));
            // The others come in the next part.
            if images >= IMAGES && left > 0 {
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
    let day = |at: Option<i64>| at.map(|at| crate::domain::dates::day_of(at, &state.zone)).unwrap_or_default();
    let span = format!("{} to {} ({})", day(first), day(last), state.config.time_zone);
    let subtitle = if number > 1 || has_more { format!("Part {number}, {span}") } else { span };
    let title = format!("{} · {name}", state.site);
    let bytes = state.documents.run_in_turn(move || {
        let mut document = Document::new(&Cover { title: &title, subtitle: &subtitle });
        // Each goes as soon as it is drawn.
        for entry in printed {
            document.add(&entry);
        }
        document.finish()
    });
    Ok(Part { bytes: bytes.await?.map_err(Problem::internal)?, has_more })
}

/// The first part alone, or a ZIP of all of them.
pub async fn write(state: &State, name: &str, mut cursor: Cursor, first: Part, sink: &Sink) -> Result<(), Stopped> {
    if !first.has_more {
        return sink.send(first.bytes).await;
    }
    let mut archive = Archive::new(&state.documents, sink);
    let (mut next, mut number) = (first, 1);
    loop {
        archive.begin(format!("{}-{number:04}.pdf", super::safe_name(name)), state.clock.now()).await?;
        let has_more = next.has_more;
        archive.write(next.bytes).await?;
        if !has_more {
            return archive.finish().await;
        }
        number += 1;
        next = part(state, &mut cursor, name, number).await?;
    }
}

/// The bytes of an entry's images by the ids of their attachments.
async fn pictures(
    state: &State,
    entry: &Entry,
    files: &HashMap<String, Attachment>,
    read: &mut i64,
) -> Result<HashMap<String, Vec<u8>>, Problem> {
    let (mut pictures, before) = (HashMap::new(), *read);
    for attachment in entry.event.files.iter().filter_map(|id| files.get(id)) {
        // So it is with those of an entry that has many.
        let has_room = attachment.bytes <= LARGEST && *read - before + attachment.bytes <= LARGEST;
        if is_shown_inline(&attachment.media_type) && has_room {
            *read += attachment.bytes;
            pictures.insert(attachment.id.clone(), state.attachments.get(attachment).await?);
        }
    }
    Ok(pictures)
}

fn printed_of(
    state: &State,
    entry: &Entry,
    files: &HashMap<String, Attachment>,
    mut pictures: HashMap<String, Vec<u8>>,
) -> Printed {
    let event = &entry.event;
    let at = state.zone.to_datetime(Timestamp::from_microsecond(event.at).unwrap_or_default());
    let mut heading = at.strftime("%Y-%m-%d %H:%M:%S").to_string();
    for more in [&event.full_name, &event.username, &event.instrument_name].into_iter().flatten().take(2) {
        heading.push_str("  ");
        heading.push_str(more);
    }
    let _ = write!(heading, "  {} {}", event.kind, event.category);
    let mut shown = Vec::new();
    let mut blocks = match event.html() {
        Some(html) => blocks_of_html(html, &mut |address: &str| {
            let id = address.rsplit('/').next()?;
            shown.push(id.to_owned());
            pictures.get(id).cloned()
        }),
        None => blocks_of_text(&event.plain().unwrap_or_default()),
    };
    for attachment in event.files.iter().filter(|id| !shown.contains(id)).filter_map(|id| files.get(id)) {
        match pictures.remove(&attachment.id) {
            Some(bytes) => blocks.push(Block::Image(bytes)),
            None => blocks.push(Block::Text(vec![Span::plain(&format!("[{}]", attachment.filename))])),
        }
    }
    let note = (entry.version > 1).then(|| format!("version {}", entry.version));
    Printed { heading, title: event.title.clone(), tags: event.tags.clone(), blocks, note }
}
