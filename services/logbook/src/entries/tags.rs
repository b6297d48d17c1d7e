//! Other tags for several entries at once; no version, but a record.

use serde_json::json;
use service_kit::Problem;

use crate::domain::chain::RecordKind;
use crate::domain::filter::Filter;
use crate::domain::logbook::Book;
use crate::entries::lock::in_turn;
use crate::entries::{Happened, define_tags, record};
use crate::error::Error;
use crate::state::State;
use crate::store::entries;
use crate::store::entries::{Entry, Scope};
use crate::store::logbooks::Act;

/// All or none; an entry of another logbook is refused.
pub async fn retag(
    state: &State,
    book: &Book,
    scope: &Scope,
    ids: &[String],
    tags: &[String],
    actor: &str,
) -> Result<Vec<Entry>, Problem> {
    let now = state.clock.now_micros();
    let filter = Filter { ids: Some(ids.to_vec()), ..Filter::default() };
    in_turn(state, scope, &filter, None, async |tx| {
        let mut changed = entries::by_ids(tx, ids).await?;
        let belongs = |entry: &Entry| match scope {
            Scope::Book(id) => entry.book_id == *id,
            Scope::Instrument(name) => {
                entry.event.instrument_name.as_deref().map(service_kit::fulltext::fold_text).as_ref() == Some(name)
            }
            Scope::Everything => true,
        };
        let missing = ids.iter().find(|id| !changed.iter().any(|entry| entry.id == **id && belongs(entry)));
        if let Some(id) = missing {
            return Err(Error::NoSuchEntry(id.clone()).into());
        }
        for entry in &mut changed {
            entry.event.tags = tags.to_vec();
            entry.updated_at = now;
            entries::change(tx, entry).await?;
            define_tags(state, tx, book, &entry.event).await?;
            let body = json!({"entries": [entry.id], "tags": tags}).to_string();
            let (act, own) = (Act { actor, at: now }, std::slice::from_ref(&*entry));
            let happened = Happened { book_id: entry.book_id, kind: RecordKind::Tagged, entries: own, act };
            record(state, tx, happened, &body).await?;
        }
        Ok(changed)
    })
    .await
}
