//! Entries go to another logbook: by a program's order, or because the investigation that they were written for has
//! appeared. They keep their ids; both logbooks have a record of it.

use serde_json::json;
use service_kit::{DbError, Problem, Tx};

use crate::domain::chain::RecordKind;
use crate::domain::filter::Filter;
use crate::domain::logbook::Book;
use crate::entries::lock::in_turn;
use crate::entries::{Happened, define_tags, record};
use crate::state::State;
use crate::store::entries::{Entry, Scope};
use crate::store::logbooks::Act;
use crate::store::{entries, logbooks};

/// All entries of one investigation become another's; how many.
pub async fn relocate(state: &State, from: i64, to: i64, actor: &str) -> Result<usize, Problem> {
    let (source, target) = (Book::Investigation(from), Book::Investigation(to));
    let Some(book_id) = logbooks::find(&mut state.db.read().await?, &source).await? else { return Ok(0) };
    let (scope, all) = (Scope::Book(book_id), Filter::default());
    in_turn(state, &scope, &all, Some(&target), async |tx| {
        let ids = entries::ids(tx, &scope, &all).await?;
        let found = entries::by_ids(tx, &ids).await?;
        move_all(state, tx, &source, &target, found, actor).await?;
        Ok(ids.len())
    })
    .await
}

/// Entries of an instrument's logbook that belong to an investigation.
pub async fn attach(
    state: &State,
    source: &Book,
    investigation: i64,
    ids: &[String],
    actor: &str,
) -> Result<(), Problem> {
    let target = Book::Investigation(investigation);
    let filter = Filter { ids: Some(ids.to_vec()), ..Filter::default() };
    in_turn(state, &Scope::Everything, &filter, Some(&target), async |tx| {
        // Somebody else may have bound them meanwhile.
        let mut found = entries::by_ids(tx, ids).await?;
        found.retain(|entry| entry.event.investigation_id.is_none());
        move_all(state, tx, source, &target, found, actor).await?;
        Ok(())
    })
    .await
}

async fn move_all(
    state: &State,
    tx: &mut Tx,
    source: &Book,
    target: &Book,
    found: Vec<Entry>,
    actor: &str,
) -> Result<(), DbError> {
    let Some(source_id) = found.first().map(|entry| entry.book_id) else { return Ok(()) };
    let target_id = logbooks::find_or_open(tx, target).await?;
    let now = state.clock.now_micros();
    let ids: Vec<String> = found.iter().map(|entry| entry.id.clone()).collect();
    let mut found = found;
    for entry in &mut found {
        entry.book_id = target_id;
        entry.book = target.clone();
        entry.updated_at = now;
        if let Book::Investigation(id) = target {
            entry.event.investigation_id = Some(*id);
        }
        entries::change(tx, entry).await?;
        define_tags(state, tx, target, &entry.event).await?;
    }
    let act = Act { actor, at: now };
    let sides = [(source_id, RecordKind::MovedOut, "to", target), (target_id, RecordKind::MovedIn, "from", source)];
    for (book_id, kind, word, other) in sides {
        let body = json!({"entries": ids, word: other.name()}).to_string();
        record(state, tx, Happened { book_id, kind, entries: &found, act }, &body).await?;
    }
    Ok(())
}
