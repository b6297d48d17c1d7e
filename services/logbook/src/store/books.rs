//! Logbooks and their chains of records.

use service_kit::{DbError, Tx};

use crate::domain::book::Book;
use crate::domain::chain::{self, Link, RecordKind};

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
const STATE: &str = "SELECT records, head FROM book WHERE id = $1";
/// Every statement, for the test that prepares them on each engine.
pub const ALL: [&str; 8] = [OPEN, FIND, NEXT, RECORD, HEAD, STATE, RECORDS, VERSION];

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
    if let Some(row) = tx.opt(FIND, &[(&name).into()]).await? {
        return row.get("id");
    }
    let id = tx.allocate_ids(1).await?.first().copied().ok_or(DbError::NoRow)?;
    tx.exec(OPEN, &[id.into(), (&name).into()]).await?;
    tx.one(FIND, &[(&name).into()]).await?.get("id")
}

/// How many records a logbook has, and the hash of the last.
pub async fn head(tx: &mut Tx, book: i64) -> Result<(i64, String), DbError> {
    let Some(row) = tx.opt(STATE, &[book.into()]).await? else { return Ok((0, String::new())) };
    Ok((row.get("records")?, row.get("head")?))
}

pub async fn find(tx: &mut Tx, book: &Book) -> Result<Option<i64>, DbError> {
    tx.opt(FIND, &[book.name().into()]).await?.map(|row| row.get("id")).transpose()
}

/// Appends a record; its number.
pub async fn append(tx: &mut Tx, book: i64, kind: RecordKind, act: Act<'_>, body: &str) -> Result<i64, DbError> {
    let row = tx.one(NEXT, &[book.into()]).await?;
    let (n, previous, name): (i64, String, String) = (row.get("records")?, row.get("head")?, row.get("name")?);
    let Act { actor, at } = act;
    let hash = chain::hash(&Link { book: &name, n, kind: kind.name(), at, actor, body, previous: &previous });
    let vals = [
        book.into(),
        n.into(),
        kind.name().into(),
        at.into(),
        actor.into(),
        body.into(),
        previous.into(),
        (&hash).into(),
    ];
    tx.exec(RECORD, &vals).await?;
    tx.exec(HEAD, &[hash.into(), book.into()]).await?;
    Ok(n)
}

/// Notes that a record holds a version of an entry.
pub async fn note_version(tx: &mut Tx, entry: &str, version: i64, book: i64, n: i64) -> Result<(), DbError> {
    tx.exec(VERSION, &[entry.into(), version.into(), book.into(), n.into()]).await.map(drop)
}

/// Records after the given one, in their order.
pub async fn records(tx: &mut Tx, book: i64, after: i64, limit: i64) -> Result<Vec<Record>, DbError> {
    let rows = tx.all(RECORDS, &[book.into(), after.into(), limit.into()]).await?;
    rows.iter()
        .map(|row| {
            Ok(Record {
                n: row.get("n")?,
                kind: row.get("kind")?,
                at: row.get("at")?,
                actor: row.get("actor")?,
                body: row.get("body")?,
                previous: row.get("previous")?,
                hash: row.get("hash")?,
            })
        })
        .collect()
}
