//! Searching for words, in one logbook or in many.

use service_kit::fulltext::{FulltextQuery, label_token};
use service_kit::{DbError, Tx, Val};

use crate::domain::entry::Entry;
use crate::domain::filter::Filter;
use crate::store::entries::{COLUMNS, parse_entry};
use crate::store::filter_conditions::{FilterConditions, Scope};

/// More logbooks than this are a condition beside the index of words, and not part of its conditions.
const MAX_LABELS: usize = 16;

/// Which logbooks are searched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reach {
    Everything,
    /// Ids of logbooks.
    Logbooks(Vec<i64>),
    /// All of an instrument; folded.
    Instrument(String),
}

/// A phrase is looked for among so many of the newest entries first: the words of a frequent one stand in so many entries that
/// an index of words does not help, and in most cases it ends here.
const NEWEST: i64 = 50_000;
const LAST: &str = "SELECT MAX(seq) AS seq FROM entry";
pub const ALL: [&str; 1] = [LAST];

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
    let mut conditions = FilterConditions::new(tx, &scope, filter).await?;
    let mut labels = Vec::new();
    match reach {
        Reach::Logbooks(ids) if ids.is_empty() => return Ok(Vec::new()),
        Reach::Logbooks(ids) if ids.len() <= MAX_LABELS => labels.extend(ids.iter().map(|id| label_token(*id))),
        Reach::Logbooks(ids) => {
            let list = conditions.bind_value(Val::from_ids(ids));
            conditions.sql.push(format!("e.book_id IN {}", tx.engine().id_list(&list)));
        }
        Reach::Everything | Reach::Instrument(_) => {}
    }
    let question = conditions.bind_value(asked.to_match_expression(tx.engine(), &labels));
    conditions.sql.push(tx.engine().fulltext_condition("entry_words", &question));
    let patterns = asked.phrase_patterns();
    for pattern in &patterns {
        conditions.add_condition("entry_words.tokens LIKE {} ESCAPE '\\'", pattern.as_str());
    }
    // A frequent word is found by scanning from the newest entry, a rare one in the index of words.
    tx.plan_by_values().await?;
    if !patterns.is_empty() {
        let end = match before {
            Some(before) => before,
            None => tx.fetch_one(LAST, &[]).await?.get::<Option<i64>>("seq")?.unwrap_or_default() + 1,
        };
        let mut newest = conditions.clone();
        newest.add_condition("entry_words.rowid < {}", end);
        newest.add_condition("entry_words.rowid >= {}", end - NEWEST);
        let found = list_last_written(tx, newest, limit).await?;
        if i64::try_from(found.len()).is_ok_and(|found| found == limit) {
            return Ok(found);
        }
    }
    if let Some(before) = before {
        conditions.add_condition("entry_words.rowid < {}", before);
    }
    list_last_written(tx, conditions, limit).await
}

async fn list_last_written(tx: &mut Tx, mut conditions: FilterConditions, limit: i64) -> Result<Vec<Entry>, DbError> {
    let limit = conditions.bind_value(limit);
    // CROSS, so that SQLite starts with the index of words.
    let sql = format!(
        "SELECT {COLUMNS} FROM entry_words CROSS JOIN entry e WHERE e.seq = entry_words.rowid AND {} \
         ORDER BY entry_words.rowid DESC LIMIT {limit}",
        conditions.where_clause()
    );
    tx.fetch_all(&sql, &conditions.values).await?.iter().map(parse_entry).collect()
}
