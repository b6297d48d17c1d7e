//! A new version of an entry.

use identity::Caller;
use service_kit::Problem;

use crate::attachments::inline_images;
use crate::catalogue::permissions;
use crate::domain::chain::RecordKind;
use crate::domain::entry_content::Event;
use crate::entries::{NewFile, add_files, define_tags, record_version};
use crate::error::Error;
use crate::state::State;
use crate::store::entries::Entry;
use crate::store::logbooks::Act;
use crate::store::{entries, logbooks};

/// Which version a change must meet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Match {
    /// Whatever there is: the last writer wins, as in ICAT+.
    Any,
    /// One of these entity tags.
    OneOf(Vec<String>),
}

/// Replaces what people write: contents, title, tags, category. Who wrote it, when and where stays. The same values again make
/// no version, because clients repeat a PUT whose answer was late. `seen` is the entry as the caller, who may write where it
/// was then, has found it; whoever finds it moved must be allowed to write where it is now.
pub async fn change(
    state: &State,
    caller: &Caller,
    seen: &Entry,
    new: &Event,
    expected: Match,
) -> Result<Entry, Problem> {
    let mut new = new.clone();
    let files = inline_images::take(state, &seen.id, &mut new.content).await?;
    let actor = &caller.subject().icat_user_name;
    let mut book_id = seen.book_id;
    loop {
        let changed = Change { state, book_id, id: &seen.id, new: &new, files: &files, expected: &expected, actor };
        if let Some(entry) = changed.made().await? {
            return Ok(entry);
        }
        // Moved; each round is another move.
        let now = present(entries::get(&mut state.db.read().await?, &seen.id).await?, &seen.id)?;
        permissions::write(state, caller, &now.book).await?;
        book_id = now.book_id;
    }
}

struct Change<'a> {
    state: &'a State,
    /// Where the entry is expected.
    book_id: i64,
    id: &'a str,
    new: &'a Event,
    files: &'a [NewFile],
    expected: &'a Match,
    actor: &'a str,
}

impl Change<'_> {
    /// The entry as it is now; `None` if it is in another logbook.
    async fn made(&self) -> Result<Option<Entry>, Problem> {
        let Self { state, book_id, id, new, .. } = *self;
        let now = state.clock.now_micros();
        state
            .db
            .write_read_committed(async |tx| -> Result<Option<Entry>, Problem> {
                logbooks::take(tx, &[book_id]).await?;
                let mut entry = present(entries::get(tx, id).await?, id)?;
                if entry.book_id != book_id {
                    return Ok(None);
                }
                if let Match::OneOf(tags) = self.expected
                    && !tags.contains(&entry.entity_tag()?)
                {
                    return Err(Error::Changed.into());
                }
                let mut event = Event {
                    kind: new.kind.clone(),
                    category: new.category.clone(),
                    content: new.content.clone(),
                    tags: new.tags.clone(),
                    title: new.title.clone(),
                    ..entry.event.clone()
                };
                if event == entry.event {
                    return Ok(Some(entry));
                }
                if entry.event.kind == "notification" && new.kind == "notification" {
                    return Err(Error::NotEditable.into());
                }
                let is_fresh = |file: &&NewFile| !entry.event.files.contains(&file.id);
                let fresh: Vec<NewFile> = self.files.iter().filter(is_fresh).cloned().collect();
                event.files.extend(fresh.iter().map(|file| file.id.clone()));
                entry.event = event;
                entry.version += 1;
                entry.updated_at = now;
                entries::change(tx, &entry).await?;
                add_files(tx, id, &fresh, now).await?;
                define_tags(state, tx, &entry.book, &entry.event).await?;
                record_version(state, tx, RecordKind::Changed, Act { actor: self.actor, at: now }, &entry).await?;
                Ok(Some(entry))
            })
            .await
    }
}

fn present(found: Option<Entry>, id: &str) -> Result<Entry, Error> {
    found.filter(|entry| !entry.removed).ok_or_else(|| Error::NoSuchEntry(id.to_owned()))
}
