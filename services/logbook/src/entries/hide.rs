//! Hiding entries and showing them again: one record for all that a filter finds.

use serde_json::json;
use service_kit::Problem;

use crate::domain::chain::RecordKind;
use crate::domain::filter::Filter;
use crate::domain::logbook::Book;
use crate::entries::lock::in_turn;
use crate::entries::{Happened, record, scope};
use crate::state::State;
use crate::store::entries;
use crate::store::entries::Entry;
use crate::store::logbooks::Act;

/// The entries that were changed. `asked` is the request's query, which stands in the record.
pub async fn set_removed(
    state: &State,
    book: &Book,
    filter: &Filter,
    removed: bool,
    asked: &str,
    actor: &str,
) -> Result<Vec<Entry>, Problem> {
    let filter = Filter { removed: Some(!removed), ..filter.clone() };
    let now = state.clock.now_micros();
    let kind = if removed { RecordKind::Removed } else { RecordKind::Restored };
    let scope = scope(&mut state.db.read().await?, book).await?;
    in_turn(state, &scope, &filter, None, async |tx| {
        let ids = entries::ids(tx, &scope, &filter).await?;
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        entries::set_removed(tx, &ids, removed, now).await?;
        let changed = entries::by_ids(tx, &ids).await?;
        // Entries of an instrument's list may lie in logbooks of investigations; each has its own record.
        let mut book_ids: Vec<i64> = changed.iter().map(|entry| entry.book_id).collect();
        book_ids.sort_unstable();
        book_ids.dedup();
        for book_id in book_ids {
            let of_book: Vec<Entry> = changed.iter().filter(|entry| entry.book_id == book_id).cloned().collect();
            let ids: Vec<String> = of_book.iter().map(|entry| entry.id.clone()).collect();
            let body = json!({"filter": asked, "entries": ids}).to_string();
            let happened = Happened { book_id, kind, entries: &of_book, act: Act { actor, at: now } };
            record(state, tx, happened, &body).await?;
        }
        Ok(changed)
    })
    .await
}
