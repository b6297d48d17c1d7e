//! Logbooks and their chains of records.

use std::collections::HashMap;

use service_kit::{DbError, Micros, Row, Tx, Val};

use crate::domain::logbook::Logbook;
use crate::domain::logbook_set::LogbookSet;

const OPEN: &str = "INSERT INTO book (id, name) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING";
const FIND: &str = "SELECT id FROM book WHERE name = $1";
/// Also locks the row, so that nobody else appends to this logbook until the transaction ends.
const NEXT: &str = "UPDATE book SET records = records + 1 WHERE id = $1 RETURNING records, head, name";
const RECORD: &str = "INSERT INTO record (book_id, n, kind, at, actor, body, previous, hash) \
                      VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
const HEAD: &str = "UPDATE book SET head = $1 WHERE id = $2";
const RECORDS: &str = "SELECT n, kind, at, actor, body, previous, hash FROM record WHERE book_id = $1 AND n > $2 \
                       ORDER BY n LIMIT $3";
const VERSION: &str = "INSERT INTO version (entry_id, version, book_id, n) VALUES ($1, $2, $3, $4)";
const OF_FEED: &str = "SELECT f.n AS place, b.name, r.n, r.kind, r.at, r.actor, r.body, r.previous, r.hash FROM feed f \
                       JOIN record r ON r.book_id = f.record_book_id AND r.n = f.record_n \
                       JOIN book b ON b.id = f.record_book_id WHERE f.book_id = $1 AND f.n > $2 ORDER BY f.n LIMIT $3";
const LIST: &str = "SELECT id, name FROM book ORDER BY id";
const STATE: &str = "SELECT records, head FROM book WHERE id = $1";
const NEXT_OF_FEED: &str = "UPDATE book SET fed = fed + 1 WHERE id = $1 RETURNING fed";
const FEED: &str = "INSERT INTO feed (book_id, n, record_book_id, record_n) VALUES ($1, $2, $3, $4)";
const NOT_CLOSED: &str = "SELECT id, name FROM book WHERE name LIKE 'investigation/%' ESCAPE '!' AND records > closed \
                          AND id > $1 ORDER BY id LIMIT $2";
const CLOSED: &str = "UPDATE book SET closed = $1 WHERE id = $2";
/// Every statement, for the test that prepares them on each engine.
pub const ALL: [&str; 14] =
    [OPEN, FIND, LIST, NEXT, RECORD, HEAD, STATE, RECORDS, VERSION, NEXT_OF_FEED, FEED, OF_FEED, NOT_CLOSED, CLOSED];

/// A record as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    pub n: i64,
    pub kind: String,
    pub at: Micros,
    pub actor: String,
    pub body: String,
    pub previous: String,
    pub hash: String,
}

/// The id of a logbook, whose row is created with its first record.
pub async fn find_or_create_logbook(tx: &mut Tx, logbook: &Logbook) -> Result<i64, DbError> {
    let name = logbook.name();
    if let Some(row) = tx.fetch_optional(FIND, &[(&name).into()]).await? {
        return row.get("id");
    }
    let id = tx.allocate_ids(1).await?.first().copied().ok_or(DbError::NoRow)?;
    tx.execute(OPEN, &[id.into(), (&name).into()]).await?;
    tx.fetch_one(FIND, &[(&name).into()]).await?.get("id")
}

/// Locks the rows of logbooks before anything else is done with them: whoever changes something in a logbook comes after
/// whoever did so before. Instruments come last and by name, as records are appended to their feeds, to avoid deadlocks.
pub async fn lock_logbooks(tx: &mut Tx, ids: &[i64]) -> Result<(), DbError> {
    let engine = tx.engine();
    let sql = format!(
        "SELECT id FROM book WHERE id IN {} \
         ORDER BY CASE WHEN name LIKE 'instrument/%' ESCAPE '!' THEN 1 ELSE 0 END, name{}",
        engine.id_list("$1"),
        engine.for_update_clause()
    );
    tx.fetch_all(&sql, &[Val::from_ids(ids)]).await.map(drop)
}

/// How many records a logbook has, and the hash of the last.
pub async fn get_head(tx: &mut Tx, logbook: i64) -> Result<(i64, String), DbError> {
    let Some(row) = tx.fetch_optional(STATE, &[logbook.into()]).await? else { return Ok((0, String::new())) };
    Ok((row.get("records")?, row.get("head")?))
}

pub async fn find_logbook(tx: &mut Tx, logbook: &Logbook) -> Result<Option<i64>, DbError> {
    tx.fetch_optional(FIND, &[logbook.name().into()]).await?.map(|row| row.get("id")).transpose()
}

/// The ids of those logbooks that have any record.
pub async fn list_logbook_ids(tx: &mut Tx, logbooks: impl IntoIterator<Item = Logbook>) -> Result<Vec<i64>, DbError> {
    let names: Vec<String> = logbooks.into_iter().map(|logbook| logbook.name()).collect();
    let sql = format!("SELECT id FROM book WHERE name IN {} ORDER BY id", tx.engine().text_list("$1"));
    let rows = tx.fetch_all(&sql, &[Val::from_texts(names.iter().map(String::as_str))]).await?;
    rows.iter().map(|row| row.get("id")).collect()
}

/// The ids of those logbooks that are in a set, for sets that are too large for [`list_logbook_ids`].
pub async fn list_logbooks_of_set(tx: &mut Tx, set: &LogbookSet) -> Result<Vec<i64>, DbError> {
    let rows = tx.fetch_all(LIST, &[]).await?;
    let mut ids = Vec::new();
    for row in &rows {
        if Logbook::from_name(&row.get::<String>("name")?).is_some_and(|logbook| set.contains(&logbook)) {
            ids.push(row.get("id")?);
        }
    }
    Ok(ids)
}

/// The names of logbooks by their ids.
pub async fn list_logbook_names(tx: &mut Tx, ids: &[i64]) -> Result<HashMap<i64, String>, DbError> {
    let sql = format!("SELECT id, name FROM book WHERE id IN {}", tx.engine().id_list("$1"));
    let rows = tx.fetch_all(&sql, &[Val::from_ids(ids)]).await?;
    rows.iter().map(|row| Ok((row.get("id")?, row.get("name")?))).collect()
}

/// The end of a logbook's chain, which nobody else appends to until the transaction ends.
pub struct ChainEnd {
    /// The logbook's name.
    pub name: String,
    /// The number of the next record.
    pub n: i64,
    /// The hash of the record before.
    pub previous: String,
}

/// Reserves the number of the next record.
pub async fn extend_chain(tx: &mut Tx, logbook: i64) -> Result<ChainEnd, DbError> {
    let row = tx.fetch_one(NEXT, &[logbook.into()]).await?;
    Ok(ChainEnd { name: row.get("name")?, n: row.get("records")?, previous: row.get("head")? })
}

/// Inserts the record at the end of the chain.
pub async fn insert_record(tx: &mut Tx, logbook: i64, record: &Record) -> Result<(), DbError> {
    let Record { n, kind, at, actor, body, previous, hash } = record;
    let vals = [
        logbook.into(),
        (*n).into(),
        kind.into(),
        (*at).into(),
        actor.into(),
        body.into(),
        previous.into(),
        hash.into(),
    ];
    tx.execute(RECORD, &vals).await?;
    tx.execute(HEAD, &[hash.into(), logbook.into()]).await.map(drop)
}

/// Appends a record of a logbook to the feed of an instrument.
pub async fn append_to_feed(tx: &mut Tx, instrument: i64, logbook: i64, n: i64) -> Result<(), DbError> {
    let position: i64 = tx.fetch_one(NEXT_OF_FEED, &[instrument.into()]).await?.get("fed")?;
    tx.execute(FEED, &[instrument.into(), position.into(), logbook.into(), n.into()]).await.map(drop)
}

/// Logbooks of investigations that have records since they were last closed, after an id: id and name.
pub async fn list_unclosed_logbooks(tx: &mut Tx, after: i64, limit: i64) -> Result<Vec<(i64, String)>, DbError> {
    let rows = tx.fetch_all(NOT_CLOSED, &[after.into(), limit.into()]).await?;
    rows.iter().map(|row| Ok((row.get("id")?, row.get("name")?))).collect()
}

/// Notes that a logbook was closed by its record `n`.
pub async fn set_closed(tx: &mut Tx, logbook: i64, n: i64) -> Result<(), DbError> {
    tx.execute(CLOSED, &[n.into(), logbook.into()]).await.map(drop)
}

/// Notes that a record holds a version of an entry.
pub async fn insert_version(tx: &mut Tx, entry: &str, version: i64, logbook: i64, n: i64) -> Result<(), DbError> {
    tx.execute(VERSION, &[entry.into(), version.into(), logbook.into(), n.into()]).await.map(drop)
}

/// Records after the given one, in their order.
pub async fn list_records(tx: &mut Tx, logbook: i64, after: i64, limit: i64) -> Result<Vec<Record>, DbError> {
    let rows = tx.fetch_all(RECORDS, &[logbook.into(), after.into(), limit.into()]).await?;
    rows.iter().map(parse_record).collect()
}

/// Records of an instrument's feed after a position: position, name of the logbook, record.
pub async fn list_feed(
    tx: &mut Tx,
    logbook: i64,
    after: i64,
    limit: i64,
) -> Result<Vec<(i64, String, Record)>, DbError> {
    let rows = tx.fetch_all(OF_FEED, &[logbook.into(), after.into(), limit.into()]).await?;
    rows.iter().map(|row| Ok((row.get("place")?, row.get("name")?, parse_record(row)?))).collect()
}

/// How far logbooks are: records and rows of the feed, by name.
pub async fn list_heads(tx: &mut Tx, names: &[String]) -> Result<HashMap<String, (i64, i64)>, DbError> {
    let sql = format!("SELECT name, records, fed FROM book WHERE name IN {}", tx.engine().text_list("$1"));
    let rows = tx.fetch_all(&sql, &[Val::from_texts(names.iter().map(String::as_str))]).await?;
    rows.iter().map(|row| Ok((row.get("name")?, (row.get("records")?, row.get("fed")?)))).collect()
}

fn parse_record(row: &Row) -> Result<Record, DbError> {
    Ok(Record {
        n: row.get("n")?,
        kind: row.get("kind")?,
        at: row.get("at")?,
        actor: row.get("actor")?,
        body: row.get("body")?,
        previous: row.get("previous")?,
        hash: row.get("hash")?,
    })
}
