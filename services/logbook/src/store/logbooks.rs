//! Logbooks and their chains of records.

use std::collections::{BTreeSet, HashMap};

use service_kit::{DbError, Row, Tx, Val};

use crate::domain::chain;
use crate::domain::chain::{Link, RecordKind};
use crate::domain::logbook::Book;

const OPEN: &str = "INSERT INTO book (id, name) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING";
const FIND: &str = "SELECT id FROM book WHERE name = $1";
/// Also takes the row, so that nobody else appends to this logbook until the transaction ends.
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
const STATE: &str = "SELECT records, head FROM book WHERE id = $1";
const NEXT_OF_FEED: &str = "UPDATE book SET fed = fed + 1 WHERE id = $1 RETURNING fed";
const FEED: &str = "INSERT INTO feed (book_id, n, record_book_id, record_n) VALUES ($1, $2, $3, $4)";
const NOT_CLOSED: &str = "SELECT id, name FROM book WHERE name LIKE 'investigation/%' ESCAPE '!' AND records > closed \
                          AND id > $1 ORDER BY id LIMIT $2";
const CLOSED: &str = "UPDATE book SET closed = $1 WHERE id = $2";
/// Every statement, for the test that prepares them on each engine.
pub const ALL: [&str; 13] =
    [OPEN, FIND, NEXT, RECORD, HEAD, STATE, RECORDS, VERSION, NEXT_OF_FEED, FEED, OF_FEED, NOT_CLOSED, CLOSED];

/// A record as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    pub n: i64,
    pub kind: String,
    pub at: i64,
    pub actor: String,
    pub body: String,
    pub previous: String,
    pub hash: String,
}

/// Who does something, and when (microseconds UTC).
#[derive(Debug, Clone, Copy)]
pub struct Act<'a> {
    pub actor: &'a str,
    pub at: i64,
}

/// The row of a logbook, which is made with its first record.
pub async fn find_or_open(tx: &mut Tx, book: &Book) -> Result<i64, DbError> {
    let name = book.name();
    if let Some(row) = tx.fetch_optional(FIND, &[(&name).into()]).await? {
        return row.get("id");
    }
    let id = tx.allocate_ids(1).await?.first().copied().ok_or(DbError::NoRow)?;
    tx.execute(OPEN, &[id.into(), (&name).into()]).await?;
    tx.fetch_one(FIND, &[(&name).into()]).await?.get("id")
}

/// Takes the rows of logbooks before anything else is done with them: whoever changes something in a logbook comes after
/// whoever did so before. Instruments last and by name, as [`append`] comes to their feeds, so that no two wait for each other.
pub async fn take(tx: &mut Tx, ids: &[i64]) -> Result<(), DbError> {
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
pub async fn head(tx: &mut Tx, book: i64) -> Result<(i64, String), DbError> {
    let Some(row) = tx.fetch_optional(STATE, &[book.into()]).await? else { return Ok((0, String::new())) };
    Ok((row.get("records")?, row.get("head")?))
}

pub async fn find(tx: &mut Tx, book: &Book) -> Result<Option<i64>, DbError> {
    tx.fetch_optional(FIND, &[book.name().into()]).await?.map(|row| row.get("id")).transpose()
}

/// The numbers of those logbooks that have any record.
pub async fn ids(tx: &mut Tx, books: impl IntoIterator<Item = Book>) -> Result<Vec<i64>, DbError> {
    let names: Vec<String> = books.into_iter().map(|book| book.name()).collect();
    let sql = format!("SELECT id FROM book WHERE name IN {} ORDER BY id", tx.engine().text_list("$1"));
    let rows = tx.fetch_all(&sql, &[Val::from_texts(names.iter().map(String::as_str))]).await?;
    rows.iter().map(|row| row.get("id")).collect()
}

/// The names of logbooks by their numbers.
pub async fn names(tx: &mut Tx, ids: &[i64]) -> Result<HashMap<i64, String>, DbError> {
    let sql = format!("SELECT id, name FROM book WHERE id IN {}", tx.engine().id_list("$1"));
    let rows = tx.fetch_all(&sql, &[Val::from_ids(ids)]).await?;
    rows.iter().map(|row| Ok((row.get("id")?, row.get("name")?))).collect()
}

/// Appends a record; its number, and the logbook's name. It also goes into the feeds of the instruments whose entries it is
/// about.
pub async fn append(
    tx: &mut Tx,
    book: i64,
    kind: RecordKind,
    act: Act<'_>,
    body: &str,
    instruments: impl IntoIterator<Item = &str>,
) -> Result<(i64, String), DbError> {
    let end = next(tx, book).await?;
    let n = end.n;
    chained(tx, book, &end, kind, act, body).await?;
    // In one order, so that two writers do not wait for each other.
    let instruments: BTreeSet<Book> = instruments.into_iter().map(|name| Book::of(None, Some(name))).collect();
    for instrument in instruments {
        let id = find_or_open(tx, &instrument).await?;
        let place: i64 = tx.fetch_one(NEXT_OF_FEED, &[id.into()]).await?.get("fed")?;
        tx.execute(FEED, &[id.into(), place.into(), book.into(), n.into()]).await?;
    }
    Ok((n, end.name))
}

/// The end of a logbook's chain, which nobody else appends to until the transaction ends.
struct End {
    name: String,
    /// Of the next record.
    n: i64,
    /// The hash of the one before.
    previous: String,
}

async fn next(tx: &mut Tx, book: i64) -> Result<End, DbError> {
    let row = tx.fetch_one(NEXT, &[book.into()]).await?;
    Ok(End { name: row.get("name")?, n: row.get("records")?, previous: row.get("head")? })
}

async fn chained(tx: &mut Tx, book: i64, end: &End, kind: RecordKind, act: Act<'_>, body: &str) -> Result<(), DbError> {
    let (End { name, n, previous }, Act { actor, at }) = (end, act);
    let hash = chain::hash(&Link { book: name, n: *n, kind: kind.name(), at, actor, body, previous });
    let vals = [
        book.into(),
        (*n).into(),
        kind.name().into(),
        at.into(),
        actor.into(),
        body.into(),
        previous.into(),
        (&hash).into(),
    ];
    tx.execute(RECORD, &vals).await?;
    tx.execute(HEAD, &[hash.into(), book.into()]).await.map(drop)
}

/// Logbooks of investigations that have records since they were last closed, after a number: number and name.
pub async fn not_closed(tx: &mut Tx, after: i64, limit: i64) -> Result<Vec<(i64, String)>, DbError> {
    let rows = tx.fetch_all(NOT_CLOSED, &[after.into(), limit.into()]).await?;
    rows.iter().map(|row| Ok((row.get("id")?, row.get("name")?))).collect()
}

/// Appends the record that closes a logbook; `sealed` makes its body from the logbook's name, the
/// number of records and the hash of the last. Its number.
pub async fn close(
    tx: &mut Tx,
    book: i64,
    act: Act<'_>,
    sealed: impl Fn(&str, i64, &str) -> String,
) -> Result<i64, DbError> {
    let end = next(tx, book).await?;
    let body = sealed(&end.name, end.n - 1, &end.previous);
    chained(tx, book, &end, RecordKind::Closed, act, &body).await?;
    tx.execute(CLOSED, &[end.n.into(), book.into()]).await?;
    Ok(end.n)
}

/// Notes that a record holds a version of an entry.
pub async fn note_version(tx: &mut Tx, entry: &str, version: i64, book: i64, n: i64) -> Result<(), DbError> {
    tx.execute(VERSION, &[entry.into(), version.into(), book.into(), n.into()]).await.map(drop)
}

/// Records after the given one, in their order.
pub async fn records(tx: &mut Tx, book: i64, after: i64, limit: i64) -> Result<Vec<Record>, DbError> {
    let rows = tx.fetch_all(RECORDS, &[book.into(), after.into(), limit.into()]).await?;
    rows.iter().map(record).collect()
}

/// Records of an instrument's feed after a place of it: place, name of the logbook, record.
pub async fn feed(tx: &mut Tx, book: i64, after: i64, limit: i64) -> Result<Vec<(i64, String, Record)>, DbError> {
    let rows = tx.fetch_all(OF_FEED, &[book.into(), after.into(), limit.into()]).await?;
    rows.iter().map(|row| Ok((row.get("place")?, row.get("name")?, record(row)?))).collect()
}

/// How far logbooks are: records and rows of the feed, by name.
pub async fn heads(tx: &mut Tx, names: &[String]) -> Result<HashMap<String, (i64, i64)>, DbError> {
    let sql = format!("SELECT name, records, fed FROM book WHERE name IN {}", tx.engine().text_list("$1"));
    let rows = tx.fetch_all(&sql, &[Val::from_texts(names.iter().map(String::as_str))]).await?;
    rows.iter().map(|row| Ok((row.get("name")?, (row.get("records")?, row.get("fed")?)))).collect()
}

fn record(row: &Row) -> Result<Record, DbError> {
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
