//! Entries: their present state, and what lists, counts and searches find.

use service_kit::fulltext::{self, fold_text};
use service_kit::{DbError, Row, Tx, Val};

use crate::domain::entry_content::Event;
use crate::domain::filter::{Filter, Order, Page};
use crate::domain::logbook::Book;
use crate::store::query::{Query, column, order};

pub(super) const COLUMNS: &str = "id, seq, book_id, (SELECT b.name FROM book b WHERE b.id = book_id) AS book_name, \
                                  created_at, updated_at, version, removed, late, body";
const CREATE: &str = "INSERT INTO entry (id, seq, book_id, type, category, at, created_at, updated_at, version, late, \
                      investigation_id, proposal, instrument, body, words) \
                      VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 1, $9, $10, $11, $12, $13, $14)";
const GET: &str = "SELECT id, seq, book_id, (SELECT b.name FROM book b WHERE b.id = book_id) AS book_name, \
                   created_at, updated_at, version, removed, late, body FROM entry WHERE id = $1";
const CHANGE: &str = "UPDATE entry SET type = $1, category = $2, at = $3, updated_at = $4, version = $5, \
                      investigation_id = $6, proposal = $7, instrument = $8, body = $9, words = $10, book_id = $11 \
                      WHERE id = $12";
const ADD_TAG: &str = "INSERT INTO entry_tag (entry_id, name) VALUES ($1, $2) ON CONFLICT DO NOTHING";
const CLEAR_TAGS: &str = "DELETE FROM entry_tag WHERE entry_id = $1";
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
const ADD_WORDS: &str = "INSERT INTO entry_words (rowid, tokens) VALUES ($1, $2)";
const CHANGE_WORDS: &str = "UPDATE entry_words SET tokens = $1 WHERE rowid = $2";
/// Every constant statement, for the test that prepares them on each engine.
pub const ALL: [&str; 11] = [
    CREATE,
    GET,
    CHANGE,
    ADD_TAG,
    CLEAR_TAGS,
    UNBOUND,
    WITHOUT_INSTRUMENT,
    LIST_WITHOUT_INSTRUMENT,
    COUNT_ALL,
    ADD_WORDS,
    CHANGE_WORDS,
];

/// Quarters of an hour: every zone's days begin with one.
const QUARTER: i64 = 15 * 60 * 1_000_000;

/// A stored entry.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    pub id: String,
    /// Rises with creation.
    pub seq: i64,
    pub book_id: i64,
    /// The logbook of this number, by whose rights it is read and written, whatever the event says.
    pub book: Book,
    pub created_at: i64,
    pub updated_at: i64,
    /// From 1.
    pub version: i64,
    pub removed: bool,
    pub late: bool,
    pub event: Event,
}

/// Whose entries are looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    Book(i64),
    /// All of an instrument, those of its investigations too; folded.
    Instrument(String),
    Everything,
}

fn keys(event: &Event) -> [Val; 3] {
    let proposal = event.investigation_name.as_deref().map(fold_text);
    let instrument = event.instrument_name.as_deref().map(fold_text);
    [Val::I64(event.investigation_id), Val::Text(proposal), Val::Text(instrument)]
}

pub(super) fn body(event: &Event) -> Result<String, DbError> {
    serde_json::to_string(event).map_err(|e| DbError::Setup(format!("an event that is no JSON: {e}")))
}

pub async fn create(tx: &mut Tx, entry: &Entry) -> Result<(), DbError> {
    let Entry { id, event, .. } = entry;
    let [investigation, proposal, instrument] = keys(event);
    let texts = event.texts();
    let vals = [
        id.into(),
        entry.seq.into(),
        entry.book_id.into(),
        (&event.kind).into(),
        (&event.category).into(),
        event.at.into(),
        entry.created_at.into(),
        entry.updated_at.into(),
        entry.late.into(),
        investigation,
        proposal,
        instrument,
        body(event)?.into(),
        folded(&texts).into(),
    ];
    tx.execute(CREATE, &vals).await?;
    tx.execute(ADD_WORDS, &[entry.seq.into(), tokens(&texts, entry.book_id).into()]).await?;
    set_tags(tx, id, &event.tags).await
}

/// For searches for a part of a text.
fn folded(texts: &[String]) -> String {
    let mut texts: Vec<String> = texts.iter().map(|text| fold_text(text)).collect();
    texts.dedup();
    texts.join("\n")
}

/// For searches for words.
fn tokens(texts: &[String], book_id: i64) -> String {
    fulltext::build_index_tokens(texts.iter().map(String::as_str), &[fulltext::label_token(book_id)])
}

/// Stores the present values of an entry; removal is not one of them.
pub async fn change(tx: &mut Tx, entry: &Entry) -> Result<(), DbError> {
    let Entry { id, event, .. } = entry;
    let [investigation, proposal, instrument] = keys(event);
    let texts = event.texts();
    let vals = [
        (&event.kind).into(),
        (&event.category).into(),
        event.at.into(),
        entry.updated_at.into(),
        entry.version.into(),
        investigation,
        proposal,
        instrument,
        body(event)?.into(),
        folded(&texts).into(),
        entry.book_id.into(),
        id.into(),
    ];
    tx.execute(CHANGE, &vals).await?;
    tx.execute(CHANGE_WORDS, &[tokens(&texts, entry.book_id).into(), entry.seq.into()]).await?;
    tx.execute(CLEAR_TAGS, &[id.into()]).await?;
    set_tags(tx, id, &event.tags).await
}

async fn set_tags(tx: &mut Tx, id: &str, tags: &[String]) -> Result<(), DbError> {
    for tag in tags {
        tx.execute(ADD_TAG, &[id.into(), fold_text(tag).into()]).await?;
    }
    Ok(())
}

pub async fn get(tx: &mut Tx, id: &str) -> Result<Option<Entry>, DbError> {
    tx.fetch_optional(GET, &[id.into()]).await?.as_ref().map(entry).transpose()
}

pub async fn by_ids(tx: &mut Tx, ids: &[String]) -> Result<Vec<Entry>, DbError> {
    let sql = format!("SELECT {COLUMNS} FROM entry WHERE id IN {} ORDER BY id", tx.engine().text_list("$1"));
    tx.fetch_all(&sql, &[Val::from_texts(ids.iter().map(String::as_str))]).await?.iter().map(entry).collect()
}

/// Those of the entries that match, with everything that lists ask for.
pub async fn matching(tx: &mut Tx, ids: &[String], scope: &Scope, filter: &Filter) -> Result<Vec<Entry>, DbError> {
    let filter = Filter { ids: Some(ids.to_vec()), ..filter.clone() };
    let query = Query::new(tx, scope, &filter).await?;
    let sql = format!("SELECT {COLUMNS} FROM entry e WHERE {} ORDER BY e.id", query.text());
    tx.fetch_all(&sql, &query.vals).await?.iter().map(entry).collect()
}

pub async fn set_removed(tx: &mut Tx, ids: &[String], removed: bool, at: i64) -> Result<(), DbError> {
    let sql = format!("UPDATE entry SET removed = $1, updated_at = $2 WHERE id IN {}", tx.engine().text_list("$3"));
    tx.execute(&sql, &[removed.into(), at.into(), Val::from_texts(ids.iter().map(String::as_str))]).await.map(drop)
}

/// Entries for a proposal whose investigation is not known yet, after an id.
pub async fn unbound(tx: &mut Tx, after: &str, limit: i64) -> Result<Vec<Entry>, DbError> {
    tx.fetch_all(UNBOUND, &[after.into(), limit.into()]).await?.iter().map(entry).collect()
}

/// How many entries there are, and how many belong to an investigation and name no instrument.
pub async fn without_instrument(tx: &mut Tx) -> Result<(i64, i64), DbError> {
    Ok((tx.fetch_one(COUNT_ALL, &[]).await?.get("n")?, tx.fetch_one(WITHOUT_INSTRUMENT, &[]).await?.get("n")?))
}

/// Entries of investigations that name no instrument, after an id: their ids and the investigations.
pub async fn list_without_instrument(tx: &mut Tx, after: &str, limit: i64) -> Result<Vec<(String, i64)>, DbError> {
    let rows = tx.fetch_all(LIST_WITHOUT_INSTRUMENT, &[after.into(), limit.into()]).await?;
    rows.iter().map(|row| Ok((row.get("id")?, row.get("investigation_id")?))).collect()
}

pub async fn list(tx: &mut Tx, scope: &Scope, filter: &Filter, page: Page) -> Result<Vec<Entry>, DbError> {
    list_after(tx, scope, filter, page, None).await
}

/// The part of a list that follows an entry, as the entry was when it was read.
pub async fn list_after(
    tx: &mut Tx,
    scope: &Scope,
    filter: &Filter,
    page: Page,
    last: Option<&Entry>,
) -> Result<Vec<Entry>, DbError> {
    let mut query = Query::new(tx, scope, filter).await?;
    if let Some(last) = last {
        let place = match page.by {
            Order::Id => 0,
            Order::CreationDate => last.event.at,
            Order::CreatedAt => last.created_at,
            Order::UpdatedAt => last.updated_at,
        };
        query.beyond(page.by, if page.descending { "<" } else { ">" }, place, &last.id);
    }
    let order = order(page);
    let limit = query.bind(page.limit.unwrap_or(i64::MAX));
    let skip = query.bind(page.skip);
    let part = |what: &str| {
        format!("SELECT {what} FROM entry e WHERE {} ORDER BY {order} LIMIT {limit} OFFSET {skip}", query.text())
    };
    // What is skipped is not worth reading whole.
    let sql = match page.skip {
        0 => part(COLUMNS),
        _ => format!("SELECT {COLUMNS} FROM entry e WHERE e.id IN ({}) ORDER BY {order}", part("e.id")),
    };
    tx.fetch_all(&sql, &query.vals).await?.iter().map(entry).collect()
}

pub async fn ids(tx: &mut Tx, scope: &Scope, filter: &Filter) -> Result<Vec<String>, DbError> {
    let query = Query::new(tx, scope, filter).await?;
    let sql = format!("SELECT id FROM entry e WHERE {} ORDER BY id", query.text());
    tx.fetch_all(&sql, &query.vals).await?.iter().map(|row| row.get("id")).collect()
}

/// The numbers of all logbooks that a change of these entries appends to, those of their instruments included.
pub async fn involved(tx: &mut Tx, scope: &Scope, filter: &Filter) -> Result<Vec<i64>, DbError> {
    let query = Query::new(tx, scope, filter).await?;
    let sql =
        format!("SELECT DISTINCT e.book_id AS book_id, e.instrument AS instrument FROM entry e WHERE {}", query.text());
    let rows = tx.fetch_all(&sql, &query.vals).await?;
    let mut ids: Vec<i64> = rows.iter().map(|row| row.get("book_id")).collect::<Result<_, _>>()?;
    let instruments: Vec<Option<String>> = rows.iter().map(|row| row.get("instrument")).collect::<Result<_, _>>()?;
    ids.extend(super::logbooks::ids(tx, instruments.into_iter().flatten().map(Book::Instrument)).await?);
    ids.sort_unstable();
    ids.dedup();
    Ok(ids)
}

/// The logbooks in which they lie: number and name.
pub async fn books(tx: &mut Tx, scope: &Scope, filter: &Filter) -> Result<Vec<(i64, String)>, DbError> {
    let query = Query::new(tx, scope, filter).await?;
    let sql = format!(
        "SELECT b.id, b.name FROM book b WHERE b.id IN (SELECT e.book_id FROM entry e WHERE {}) ORDER BY b.id",
        query.text()
    );
    let rows = tx.fetch_all(&sql, &query.vals).await?;
    rows.iter().map(|row| Ok((row.get("id")?, row.get("name")?))).collect()
}

pub async fn count(tx: &mut Tx, scope: &Scope, filter: &Filter) -> Result<i64, DbError> {
    let query = Query::new(tx, scope, filter).await?;
    let sql = format!("SELECT COUNT(*) AS n FROM entry e WHERE {}", query.text());
    tx.fetch_one(&sql, &query.vals).await?.get("n")
}

/// How many entries come before one in a list; `None` if it is not in it.
pub async fn position(
    tx: &mut Tx,
    scope: &Scope,
    filter: &Filter,
    page: Page,
    id: &str,
) -> Result<Option<i64>, DbError> {
    let mut query = Query::new(tx, scope, filter).await?;
    let mut one = query.clone();
    one.add("e.id = {}", id);
    let sql = format!("SELECT {} AS place FROM entry e WHERE {}", column(page.by), one.text());
    let Some(row) = tx.fetch_optional(&sql, &one.vals).await? else { return Ok(None) };
    let place = if page.by == Order::Id { 0 } else { row.get("place")? };
    query.beyond(page.by, if page.descending { ">" } else { "<" }, place, id);
    let sql = format!("SELECT COUNT(*) AS n FROM entry e WHERE {}", query.text());
    tx.fetch_one(&sql, &query.vals).await?.get("n").map(Some)
}

/// The first and the last moment that entries have.
pub async fn span(tx: &mut Tx, scope: &Scope, filter: &Filter) -> Result<Option<(i64, i64)>, DbError> {
    let end = |descending| Page { by: Order::CreationDate, descending, skip: 0, limit: Some(1) };
    let first = list(tx, scope, filter, end(false)).await?;
    let last = list(tx, scope, filter, end(true)).await?;
    Ok(first.first().zip(last.first()).map(|(first, last)| (first.event.at, last.event.at)))
}

/// Of spans that follow one another, by their starts and the last one's end, the starts of those in which there are entries.
/// Each is looked up by itself, so that it does not matter how many entries there are.
pub async fn spans(tx: &mut Tx, scope: &Scope, filter: &Filter, starts: &[i64]) -> Result<Vec<i64>, DbError> {
    let mut query = Query::new(tx, scope, filter).await?;
    let list = query.bind(Val::from_ids(starts));
    let sql = format!(
        "SELECT d.day FROM (SELECT s.value AS day, LEAD(s.value) OVER (ORDER BY s.value) AS next FROM {} s) d \
         WHERE d.next IS NOT NULL AND EXISTS (SELECT 1 FROM entry e WHERE {} AND e.at >= d.day AND e.at < d.next LIMIT 1) ORDER BY d.day",
        tx.engine().id_list(&list),
        query.text()
    );
    tx.fetch_all(&sql, &query.vals).await?.iter().map(|row| row.get("day")).collect()
}

/// Starts of the quarters of an hour in which there are entries, with how many; microseconds UTC.
pub async fn quarters(tx: &mut Tx, scope: &Scope, filter: &Filter) -> Result<Vec<(i64, i64)>, DbError> {
    let query = Query::new(tx, scope, filter).await?;
    let sql = format!(
        "SELECT e.at / {QUARTER} AS quarter, COUNT(*) AS n FROM entry e WHERE {} GROUP BY e.at / {QUARTER} ORDER BY e.at / {QUARTER}",
        query.text()
    );
    let rows = tx.fetch_all(&sql, &query.vals).await?;
    rows.iter().map(|row| Ok((row.get::<i64>("quarter")? * QUARTER, row.get("n")?))).collect()
}

/// Investigations with entries in a span: id, how many, annotations, notifications.
pub async fn by_investigation(tx: &mut Tx, filter: &Filter) -> Result<Vec<(i64, i64, i64, i64)>, DbError> {
    let query = Query::new(tx, &Scope::Everything, filter).await?;
    let counted = |kind: &str| format!("CAST(SUM(CASE WHEN e.type = '{kind}' THEN 1 ELSE 0 END) AS BIGINT)");
    let sql = format!(
        "SELECT e.investigation_id AS investigation, COUNT(*) AS n, {} AS annotations, {} AS notifications FROM entry e \
         WHERE {} AND e.investigation_id IS NOT NULL GROUP BY e.investigation_id ORDER BY e.investigation_id",
        counted("annotation"),
        counted("notification"),
        query.text()
    );
    let rows = tx.fetch_all(&sql, &query.vals).await?;
    rows.iter()
        .map(|row| Ok((row.get("investigation")?, row.get("n")?, row.get("annotations")?, row.get("notifications")?)))
        .collect()
}

/// The present version of entries and up to so many before it: id, version, when it was stored, and the event; oldest first.
pub async fn versions(
    tx: &mut Tx,
    ids: &[String],
    most_earlier: i64,
) -> Result<Vec<(String, i64, i64, Event)>, DbError> {
    let sql = format!(
        "SELECT v.entry_id, v.version, r.at, r.body FROM version v JOIN record r ON r.book_id = v.book_id AND r.n = v.n \
         JOIN entry e ON e.id = v.entry_id AND v.version >= e.version - $2 \
         WHERE v.entry_id IN {} ORDER BY v.entry_id, v.version",
        tx.engine().text_list("$1")
    );
    let rows = tx.fetch_all(&sql, &[Val::from_texts(ids.iter().map(String::as_str)), most_earlier.into()]).await?;
    rows.iter()
        .map(|row| {
            let record: crate::entries::VersionBody = parsed("record.body", &row.get::<String>("body")?)?;
            Ok((row.get("entry_id")?, row.get("version")?, row.get("at")?, record.event))
        })
        .collect()
}

pub(super) fn entry(row: &Row) -> Result<Entry, DbError> {
    let name: String = row.get("book_name")?;
    let book = Book::from_name(&name)
        .ok_or_else(|| DbError::Column { column: "book.name".to_owned(), reason: format!("{name} is no logbook") })?;
    Ok(Entry {
        book,
        id: row.get("id")?,
        seq: row.get("seq")?,
        book_id: row.get("book_id")?,
        created_at: row.get("created_at")?,
        updated_at: row.get("updated_at")?,
        version: row.get("version")?,
        removed: row.get::<i64>("removed")? != 0,
        late: row.get::<i64>("late")? != 0,
        event: parsed("entry.body", &row.get::<String>("body")?)?,
    })
}

fn parsed<T: serde::de::DeserializeOwned>(column: &str, text: &str) -> Result<T, DbError> {
    serde_json::from_str(text).map_err(|e| DbError::Column { column: column.to_owned(), reason: e.to_string() })
}
