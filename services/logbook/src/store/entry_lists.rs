//! What lists, counts and statistics of entries find.

use serde::Deserialize;
use service_kit::{DbError, Micros, Tx, Val};

use crate::domain::entry::Entry;
use crate::domain::entry_content::EntryContent;
use crate::domain::entry_kind::EntryType;
use crate::domain::filter::{Filter, Order, Page};
use crate::domain::logbook::Logbook;
use crate::store::entries::{COLUMNS, parse_column, parse_entry};
use crate::store::filter_conditions::{FilterConditions, Scope, order_by, order_column};
use crate::store::logbooks::list_logbook_ids;

const UNBOUND: &str = "SELECT id, seq, book_id, (SELECT b.name FROM book b WHERE b.id = book_id) AS book_name, \
                       created_at, updated_at, version, removed, late, body FROM entry \
                       WHERE proposal IS NOT NULL AND investigation_id IS NULL AND late = 0 AND id > $1 \
                       ORDER BY id LIMIT $2";
const WITHOUT_INSTRUMENT: &str =
    "SELECT COUNT(*) AS n FROM entry WHERE instrument IS NULL AND investigation_id IS NOT NULL";
const LIST_WITHOUT_INSTRUMENT: &str = "SELECT id, investigation_id FROM entry \
                                       WHERE instrument IS NULL AND investigation_id IS NOT NULL AND id > $1 \
                                       ORDER BY id LIMIT $2";
const COUNT_ALL: &str = "SELECT COUNT(*) AS n FROM entry";
/// Every constant statement, for the test that prepares them on each engine.
pub const ALL: [&str; 4] = [UNBOUND, WITHOUT_INSTRUMENT, LIST_WITHOUT_INSTRUMENT, COUNT_ALL];

/// Quarters of an hour: every zone's days begin with one.
const QUARTER: i64 = 15 * 60 * 1_000_000;

/// Those of some entries that match.
pub async fn list_matching_entries(
    tx: &mut Tx,
    ids: &[String],
    scope: &Scope,
    filter: &Filter,
) -> Result<Vec<Entry>, DbError> {
    let filter = Filter { ids: Some(ids.to_vec()), ..filter.clone() };
    let conditions = FilterConditions::new(tx, scope, &filter).await?;
    let sql = format!("SELECT {COLUMNS} FROM entry e WHERE {} ORDER BY e.id", conditions.where_clause());
    tx.fetch_all(&sql, &conditions.values).await?.iter().map(parse_entry).collect()
}

/// Entries for a proposal whose investigation is not known yet, after an id.
pub async fn list_unassigned_entries(tx: &mut Tx, after: &str, limit: i64) -> Result<Vec<Entry>, DbError> {
    tx.fetch_all(UNBOUND, &[after.into(), limit.into()]).await?.iter().map(parse_entry).collect()
}

/// How many entries there are, and how many belong to an investigation and name no instrument.
pub async fn count_without_instrument(tx: &mut Tx) -> Result<(i64, i64), DbError> {
    Ok((tx.fetch_one(COUNT_ALL, &[]).await?.get("n")?, tx.fetch_one(WITHOUT_INSTRUMENT, &[]).await?.get("n")?))
}

/// Entries of investigations that name no instrument, after an id: their ids and the investigations.
pub async fn list_without_instrument(tx: &mut Tx, after: &str, limit: i64) -> Result<Vec<(String, i64)>, DbError> {
    let rows = tx.fetch_all(LIST_WITHOUT_INSTRUMENT, &[after.into(), limit.into()]).await?;
    rows.iter().map(|row| Ok((row.get("id")?, row.get("investigation_id")?))).collect()
}

pub async fn list_entries(tx: &mut Tx, scope: &Scope, filter: &Filter, page: Page) -> Result<Vec<Entry>, DbError> {
    list_entries_after(tx, scope, filter, page, None).await
}

/// The part of a list that follows an entry, as the entry was when it was read.
pub async fn list_entries_after(
    tx: &mut Tx,
    scope: &Scope,
    filter: &Filter,
    page: Page,
    last: Option<&Entry>,
) -> Result<Vec<Entry>, DbError> {
    let mut conditions = FilterConditions::new(tx, scope, filter).await?;
    if let Some(last) = last {
        let position = match page.by {
            Order::Id => Micros::default(),
            Order::CreationDate => last.content.at,
            Order::CreatedAt => last.created_at,
            Order::UpdatedAt => last.updated_at,
        };
        conditions.add_position(page.by, if page.descending { "<" } else { ">" }, position, &last.id);
    }
    let order = order_by(page);
    let limit = conditions.bind_value(page.limit.unwrap_or(i64::MAX));
    let skip = conditions.bind_value(page.skip);
    let part = |what: &str| {
        format!(
            "SELECT {what} FROM entry e WHERE {} ORDER BY {order} LIMIT {limit} OFFSET {skip}",
            conditions.where_clause()
        )
    };
    // Skipped rows are not read completely.
    let sql = match page.skip {
        0 => part(COLUMNS),
        _ => format!("SELECT {COLUMNS} FROM entry e WHERE e.id IN ({}) ORDER BY {order}", part("e.id")),
    };
    tx.fetch_all(&sql, &conditions.values).await?.iter().map(parse_entry).collect()
}

pub async fn list_entry_ids(tx: &mut Tx, scope: &Scope, filter: &Filter) -> Result<Vec<String>, DbError> {
    let conditions = FilterConditions::new(tx, scope, filter).await?;
    let sql = format!("SELECT id FROM entry e WHERE {} ORDER BY id", conditions.where_clause());
    tx.fetch_all(&sql, &conditions.values).await?.iter().map(|row| row.get("id")).collect()
}

/// The ids of all logbooks that a change of these entries appends to, those of their instruments included.
pub async fn list_involved_logbooks(tx: &mut Tx, scope: &Scope, filter: &Filter) -> Result<Vec<i64>, DbError> {
    let conditions = FilterConditions::new(tx, scope, filter).await?;
    let sql = format!(
        "SELECT DISTINCT e.book_id AS book_id, e.instrument AS instrument FROM entry e WHERE {}",
        conditions.where_clause()
    );
    let rows = tx.fetch_all(&sql, &conditions.values).await?;
    let mut ids: Vec<i64> = rows.iter().map(|row| row.get("book_id")).collect::<Result<_, _>>()?;
    let instruments: Vec<Option<String>> = rows.iter().map(|row| row.get("instrument")).collect::<Result<_, _>>()?;
    ids.extend(list_logbook_ids(tx, instruments.into_iter().flatten().map(Logbook::Instrument)).await?);
    ids.sort_unstable();
    ids.dedup();
    Ok(ids)
}

/// The logbooks that contain the entries: id and name.
pub async fn list_logbooks_of_entries(
    tx: &mut Tx,
    scope: &Scope,
    filter: &Filter,
) -> Result<Vec<(i64, String)>, DbError> {
    let conditions = FilterConditions::new(tx, scope, filter).await?;
    let sql = format!(
        "SELECT b.id, b.name FROM book b WHERE b.id IN (SELECT e.book_id FROM entry e WHERE {}) ORDER BY b.id",
        conditions.where_clause()
    );
    let rows = tx.fetch_all(&sql, &conditions.values).await?;
    rows.iter().map(|row| Ok((row.get("id")?, row.get("name")?))).collect()
}

pub async fn count_entries(tx: &mut Tx, scope: &Scope, filter: &Filter) -> Result<i64, DbError> {
    let conditions = FilterConditions::new(tx, scope, filter).await?;
    let sql = format!("SELECT COUNT(*) AS n FROM entry e WHERE {}", conditions.where_clause());
    tx.fetch_one(&sql, &conditions.values).await?.get("n")
}

/// How many entries come before one in a list; `None` if it is not in it.
pub async fn find_position(
    tx: &mut Tx,
    scope: &Scope,
    filter: &Filter,
    page: Page,
    id: &str,
) -> Result<Option<i64>, DbError> {
    let mut conditions = FilterConditions::new(tx, scope, filter).await?;
    let mut one = conditions.clone();
    one.add_condition("e.id = {}", id);
    let sql = format!("SELECT {} AS place FROM entry e WHERE {}", order_column(page.by), one.where_clause());
    let Some(row) = tx.fetch_optional(&sql, &one.values).await? else { return Ok(None) };
    let position = if page.by == Order::Id { Micros::default() } else { row.get("place")? };
    conditions.add_position(page.by, if page.descending { ">" } else { "<" }, position, id);
    let sql = format!("SELECT COUNT(*) AS n FROM entry e WHERE {}", conditions.where_clause());
    tx.fetch_one(&sql, &conditions.values).await?.get("n").map(Some)
}

/// The first and the last moment that entries have.
pub async fn find_time_span(tx: &mut Tx, scope: &Scope, filter: &Filter) -> Result<Option<(Micros, Micros)>, DbError> {
    let end = |descending| Page { by: Order::CreationDate, descending, skip: 0, limit: Some(1) };
    let first = list_entries(tx, scope, filter, end(false)).await?;
    let last = list_entries(tx, scope, filter, end(true)).await?;
    Ok(first.first().zip(last.first()).map(|(first, last)| (first.content.at, last.content.at)))
}

/// Of spans that follow one another, by their starts and the last one's end, the starts of those in which there are entries.
/// Each is looked up by itself, so that it does not matter how many entries there are.
pub async fn list_spans_with_entries(
    tx: &mut Tx,
    scope: &Scope,
    filter: &Filter,
    starts: &[Micros],
) -> Result<Vec<Micros>, DbError> {
    let starts: Vec<i64> = starts.iter().map(|start| start.as_i64()).collect();
    let mut conditions = FilterConditions::new(tx, scope, filter).await?;
    let list = conditions.bind_value(Val::from_ids(&starts));
    let sql = format!(
        "SELECT d.day FROM (SELECT s.value AS day, LEAD(s.value) OVER (ORDER BY s.value) AS next FROM {} s) d \
         WHERE d.next IS NOT NULL AND EXISTS (SELECT 1 FROM entry e WHERE {} AND e.at >= d.day AND e.at < d.next LIMIT 1) ORDER BY d.day",
        tx.engine().id_list(&list),
        conditions.where_clause()
    );
    tx.fetch_all(&sql, &conditions.values).await?.iter().map(|row| row.get("day")).collect()
}

/// Starts of the quarters of an hour in which there are entries, with how many.
pub async fn count_per_quarter_hour(
    tx: &mut Tx,
    scope: &Scope,
    filter: &Filter,
) -> Result<Vec<(Micros, i64)>, DbError> {
    let conditions = FilterConditions::new(tx, scope, filter).await?;
    let sql = format!(
        "SELECT e.at / {QUARTER} AS quarter, COUNT(*) AS n FROM entry e WHERE {} GROUP BY e.at / {QUARTER} ORDER BY e.at / {QUARTER}",
        conditions.where_clause()
    );
    let rows = tx.fetch_all(&sql, &conditions.values).await?;
    rows.iter().map(|row| Ok((Micros::from_i64(row.get::<i64>("quarter")? * QUARTER), row.get("n")?))).collect()
}

/// How many entries an investigation has.
#[derive(Debug, Clone, Copy)]
pub struct InvestigationEntries {
    pub investigation: i64,
    pub count: i64,
    pub annotations: i64,
    pub notifications: i64,
}

/// Investigations that have entries.
pub async fn count_by_investigation(tx: &mut Tx, filter: &Filter) -> Result<Vec<InvestigationEntries>, DbError> {
    let conditions = FilterConditions::new(tx, &Scope::Everything, filter).await?;
    let counted = |kind: &str| format!("CAST(SUM(CASE WHEN e.type = '{kind}' THEN 1 ELSE 0 END) AS BIGINT)");
    let sql = format!(
        "SELECT e.investigation_id AS investigation, COUNT(*) AS n, {} AS annotations, {} AS notifications FROM entry e \
         WHERE {} AND e.investigation_id IS NOT NULL GROUP BY e.investigation_id ORDER BY e.investigation_id",
        counted(EntryType::Annotation.name()),
        counted(EntryType::Notification.name()),
        conditions.where_clause()
    );
    let rows = tx.fetch_all(&sql, &conditions.values).await?;
    rows.iter()
        .map(|row| {
            Ok(InvestigationEntries {
                investigation: row.get("investigation")?,
                count: row.get("n")?,
                annotations: row.get("annotations")?,
                notifications: row.get("notifications")?,
            })
        })
        .collect()
}

/// A version of an entry.
#[derive(Debug, Clone)]
pub struct Version {
    /// The entry's id.
    pub entry: String,
    pub version: i64,
    /// When it was stored.
    pub at: Micros,
    pub content: EntryContent,
}

/// The body of records that hold a version.
#[derive(Deserialize)]
struct VersionBody {
    event: EntryContent,
}

/// The present version of entries and up to so many before it, oldest first.
pub async fn list_versions(tx: &mut Tx, ids: &[String], max_earlier: i64) -> Result<Vec<Version>, DbError> {
    let sql = format!(
        "SELECT v.entry_id, v.version, r.at, r.body FROM version v JOIN record r ON r.book_id = v.book_id AND r.n = v.n \
         JOIN entry e ON e.id = v.entry_id AND v.version >= e.version - $2 \
         WHERE v.entry_id IN {} ORDER BY v.entry_id, v.version",
        tx.engine().text_list("$1")
    );
    let rows = tx.fetch_all(&sql, &[Val::from_texts(ids.iter().map(String::as_str)), max_earlier.into()]).await?;
    rows.iter()
        .map(|row| {
            let VersionBody { event: content } = parse_column("record.body", &row.get::<String>("body")?)?;
            Ok(Version { entry: row.get("entry_id")?, version: row.get("version")?, at: row.get("at")?, content })
        })
        .collect()
}
