//! Searching in so many logbooks that a list of them would take longer than the search.
//!
//! What was found last is looked at first, a few entries at a time, and those of other logbooks are left out: most who may
//! read very many logbooks may read what they find. If they may not, the logbooks are listed after all, so that the number
//! of statements does not depend on how many entries match.

use service_kit::{DbError, Tx, Val};

use crate::domain::entry::Entry;
use crate::domain::logbook::Logbook;
use crate::domain::logbook_set::LogbookSet;
use crate::store::entries::{COLUMNS, parse_entry};
use crate::store::filter_conditions::FilterConditions;
use crate::store::logbooks::list_logbooks_of_set;
use crate::store::search::{Window, list_last_written};

/// How many matching entries are looked at in one step.
const STEPS: [i64; 3] = [256, 1024, 4096];

/// What was found, and how many statements it took.
pub(super) struct Found {
    pub entries: Vec<Entry>,
    pub statements: usize,
}

/// The entries of readable logbooks that meet the conditions, from the last written on. Each window is searched before the
/// next one, which begins where it ends.
pub(super) async fn search_readable_logbooks(
    tx: &mut Tx,
    readable: &LogbookSet,
    conditions: &FilterConditions,
    windows: &[Window],
    limit: usize,
) -> Result<Found, DbError> {
    let mut hits: Vec<i64> = Vec::new();
    let mut statements = 0;
    let mut steps = STEPS.iter();
    let mut rest = None;
    'windows: for window in windows {
        let mut window = *window;
        loop {
            let Some(&step) = steps.next() else {
                rest = Some(window);
                break 'windows;
            };
            let candidates = list_candidates(tx, conditions, window, step).await?;
            statements += 1;
            hits.extend(candidates.iter().filter(|(_, logbook)| readable.contains(logbook)).map(|(seq, _)| *seq));
            if hits.len() >= limit {
                break 'windows;
            }
            match candidates.last() {
                Some((last, _)) if i64::try_from(candidates.len()).is_ok_and(|found| found == step) => {
                    window.before = Some(*last);
                }
                _ => break,
            }
        }
    }
    hits.truncate(limit);
    let mut entries = list_entries_by_seq(tx, &hits).await?;
    statements += usize::from(!hits.is_empty());
    if let Some(window) = rest {
        let after_all = Window { from: None, ..window };
        let logbooks = list_logbooks_of_set(tx, readable).await?;
        let mut conditions = conditions.clone();
        conditions.add_logbooks(tx.engine(), &logbooks);
        let missing = i64::try_from(limit - entries.len()).unwrap_or(i64::MAX);
        entries.extend(list_last_written(tx, &conditions, after_all, missing).await?);
        statements += 2;
    }
    Ok(Found { entries, statements })
}

/// Numbers and logbooks of the entries that were written last.
async fn list_candidates(
    tx: &mut Tx,
    conditions: &FilterConditions,
    window: Window,
    limit: i64,
) -> Result<Vec<(i64, Logbook)>, DbError> {
    let (sql, values) = candidates_statement(conditions, window, limit);
    let rows = tx.fetch_all(&sql, &values).await?;
    let parse = |name: String| {
        Logbook::from_name(&name)
            .ok_or_else(|| DbError::Column { column: "book.name".to_owned(), reason: format!("{name} is no logbook") })
    };
    rows.iter().map(|row| Ok((row.get("seq")?, parse(row.get("book_name")?)?))).collect()
}

fn candidates_statement(conditions: &FilterConditions, window: Window, limit: i64) -> (String, Vec<Val>) {
    let mut conditions = conditions.clone();
    window.add_to(&mut conditions);
    let limit = conditions.bind_value(limit);
    let sql = format!(
        "SELECT e.seq AS seq, (SELECT b.name FROM book b WHERE b.id = e.book_id) AS book_name \
         FROM entry_words CROSS JOIN entry e WHERE e.seq = entry_words.rowid AND {} \
         ORDER BY entry_words.rowid DESC LIMIT {limit}",
        conditions.where_clause()
    );
    (sql, conditions.values)
}

async fn list_entries_by_seq(tx: &mut Tx, numbers: &[i64]) -> Result<Vec<Entry>, DbError> {
    if numbers.is_empty() {
        return Ok(Vec::new());
    }
    let sql = format!("SELECT {COLUMNS} FROM entry WHERE seq IN {} ORDER BY seq DESC", tx.engine().id_list("$1"));
    tx.fetch_all(&sql, &[Val::from_ids(numbers)]).await?.iter().map(parse_entry).collect()
}

#[cfg(test)]
mod tests;
