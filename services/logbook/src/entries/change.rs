//! A new version of an entry.

use service_kit::Problem;

use super::{NewFile, add_files, define_tags, record_version};
use crate::domain::book::Book;
use crate::domain::chain::RecordKind;
use crate::domain::event::Event;
use crate::embedded;
use crate::error::Error;
use crate::state::State;
use crate::store::books::{self, Act};
use crate::store::entries::{self, Entry};

/// Which version a change must meet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Match {
    /// Whatever there is: the last writer wins, as in ICAT+.
    Any,
    Version(i64),
}

/// Replaces what people write: contents, title, tags, category. Who wrote it, when and where stays. The same values again make
/// no version, because clients repeat a PUT whose answer was late.
pub async fn change(
    state: &State,
    book: &Book,
    id: &str,
    new: &Event,
    expected: Match,
    actor: &str,
) -> Result<Entry, Problem> {
    let mut content = new.content.clone();
    let files = embedded::take(state, id, &mut content).await?;
    let now = state.clock.now_micros();
    let changed = state
        .db
        .write_in_turn(async |tx| -> Result<Entry, Problem> {
            let missing = || Error::NoSuchEntry(id.to_owned());
            let book_id = books::find(tx, book).await?.ok_or_else(missing)?;
            books::take(tx, &[book_id]).await?;
            let found = entries::get(tx, id).await?.filter(|entry| !entry.removed);
            let mut entry = found.ok_or_else(missing)?;
            // Nobody has asked for the right to write where it is now.
            if entry.book_id != book_id {
                return Err(Error::Moved.into());
            }
            if expected != Match::Any && expected != Match::Version(entry.version) {
                return Err(Error::Changed.into());
            }
            let mut event = Event {
                kind: new.kind.clone(),
                category: new.category.clone(),
                content: content.clone(),
                tags: new.tags.clone(),
                title: new.title.clone(),
                ..entry.event.clone()
            };
            if event == entry.event {
                return Ok(entry);
            }
            if entry.event.kind == "notification" && new.kind == "notification" {
                return Err(Error::NotEditable.into());
            }
            let fresh: Vec<NewFile> =
                files.iter().filter(|file| !entry.event.files.contains(&file.id)).cloned().collect();
            event.files.extend(fresh.iter().map(|file| file.id.clone()));
            entry.event = event;
            entry.version += 1;
            entry.updated_at = now;
            entries::change(tx, &entry).await?;
            add_files(tx, id, &fresh, now).await?;
            define_tags(state, tx, book, &entry.event).await?;
            record_version(state, tx, RecordKind::Changed, Act { actor, at: now }, &entry).await?;
            Ok(entry)
        })
        .await?;
    Ok(changed)
}
