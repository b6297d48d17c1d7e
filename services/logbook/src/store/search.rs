//! Searching for words, in one logbook or in many.

use service_kit::fulltext::{FulltextQuery, label_token};
use service_kit::{DbError, Tx};

use crate::domain::entry::Entry;
use crate::domain::filter::Filter;
use crate::domain::logbook_set::LogbookSet;
use crate::store::entries::{COLUMNS, parse_entry};
use crate::store::filter_conditions::{FilterConditions, Scope};
use crate::store::logbooks::list_logbook_ids;
use crate::store::search_readable::search_readable_logbooks;

/// More logbooks than this are a condition beside the index of words, and not part of its conditions.
const MAX_LABELS: usize = 16;
/// More logbooks than this are not listed before the search begins.
const MAX_LISTED: u64 = 2000;

/// Which logbooks are searched.
#[derive(Debug, Clone, PartialEq)]
pub enum Reach {
    Everything,
    /// The id of a logbook.
    Logbook(i64),
    /// Any number of logbooks.
    Set(LogbookSet),
    /// All of an instrument; folded.
    Instrument(String),
}

/// A phrase is looked for among so many of the newest entries first: the words of a frequent one stand in so many entries that
/// an index of words does not help, and in most cases it ends here.
const NEWEST: i64 = 50_000;
const LAST: &str = "SELECT MAX(seq) AS seq FROM entry";
pub const ALL: [&str; 1] = [LAST];

/// The entries with numbers from `from` on and before `before`.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Window {
    pub from: Option<i64>,
    pub before: Option<i64>,
}

impl Window {
    pub fn add_to(self, conditions: &mut FilterConditions) {
        if let Some(before) = self.before {
            conditions.add_condition("entry_words.rowid < {}", before);
        }
        if let Some(from) = self.from {
            conditions.add_condition("entry_words.rowid >= {}", from);
        }
    }
}

/// Entries that have the words, from the last written on; `before` is the `seq` of the last one that is known already.
pub async fn search_entries(
    tx: &mut Tx,
    reach: &Reach,
    asked: &FulltextQuery,
    filter: &Filter,
    before: Option<i64>,
    limit: i64,
) -> Result<Vec<Entry>, DbError> {
    let scope = if let Reach::Instrument(name) = reach { Scope::Instrument(name.clone()) } else { Scope::Everything };
    let listed = match reach {
        Reach::Logbook(id) => Some(vec![*id]),
        Reach::Set(set) if set.len() <= MAX_LISTED => Some(list_logbook_ids(tx, set.iter()).await?),
        Reach::Set(_) | Reach::Everything | Reach::Instrument(_) => None,
    };
    if listed.as_ref().is_some_and(Vec::is_empty) {
        return Ok(Vec::new());
    }
    let mut conditions = FilterConditions::new(tx, &scope, filter).await?;
    let mut labels = Vec::new();
    match &listed {
        Some(ids) if ids.len() <= MAX_LABELS => labels.extend(ids.iter().map(|id| label_token(*id))),
        Some(ids) => conditions.add_logbooks(tx.engine(), ids),
        None => {}
    }
    let question = conditions.bind_value(asked.to_match_expression(tx.engine(), &labels));
    conditions.sql.push(tx.engine().fulltext_condition("entry_words", &question));
    let patterns = asked.phrase_patterns();
    for pattern in &patterns {
        conditions.add_condition("entry_words.tokens LIKE {} ESCAPE '\\'", pattern.as_str());
    }
    // A frequent word is found by scanning from the newest entry, a rare one in the index of words.
    tx.plan_by_values().await?;
    let windows = if patterns.is_empty() {
        vec![Window { from: None, before }]
    } else {
        let end = match before {
            Some(before) => before,
            None => tx.fetch_one(LAST, &[]).await?.get::<Option<i64>>("seq")?.unwrap_or_default() + 1,
        };
        vec![Window { from: Some(end - NEWEST), before: Some(end) }, Window { from: None, before: Some(end - NEWEST) }]
    };
    if let (Reach::Set(set), None) = (reach, listed) {
        let limit = usize::try_from(limit).unwrap_or_default();
        let found = search_readable_logbooks(tx, set, &conditions, &windows, limit).await?;
        tracing::debug!(search.statements = found.statements, "searched very many logbooks");
        return Ok(found.entries);
    }
    let mut found = Vec::new();
    for window in windows {
        let missing = limit - i64::try_from(found.len()).unwrap_or(i64::MAX);
        if missing > 0 {
            found.extend(list_last_written(tx, &conditions, window, missing).await?);
        }
    }
    Ok(found)
}

/// The last written entries of a window that meet the conditions.
pub(super) async fn list_last_written(
    tx: &mut Tx,
    conditions: &FilterConditions,
    window: Window,
    limit: i64,
) -> Result<Vec<Entry>, DbError> {
    let mut conditions = conditions.clone();
    window.add_to(&mut conditions);
    let limit = conditions.bind_value(limit);
    // CROSS, so that SQLite starts with the index of words.
    let sql = format!(
        "SELECT {COLUMNS} FROM entry_words CROSS JOIN entry e WHERE e.seq = entry_words.rowid AND {} \
         ORDER BY entry_words.rowid DESC LIMIT {limit}",
        conditions.where_clause()
    );
    tx.fetch_all(&sql, &conditions.values).await?.iter().map(parse_entry).collect()
}
