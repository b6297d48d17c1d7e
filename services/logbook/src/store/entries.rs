//! Entries: their present state.

use service_kit::fulltext::{self, fold_text};
use service_kit::{DbError, Micros, Row, Tx, Val};

use crate::domain::entry::Entry;
use crate::domain::entry_content::EntryContent;
use crate::domain::logbook::Logbook;

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
const ADD_WORDS: &str = "INSERT INTO entry_words (rowid, tokens) VALUES ($1, $2)";
const CHANGE_WORDS: &str = "UPDATE entry_words SET tokens = $1 WHERE rowid = $2";
/// Every constant statement, for the test that prepares them on each engine.
pub const ALL: [&str; 7] = [CREATE, GET, CHANGE, ADD_TAG, CLEAR_TAGS, ADD_WORDS, CHANGE_WORDS];

fn to_lookup_keys(content: &EntryContent) -> [Val; 3] {
    let proposal = content.investigation_name.as_deref().map(fold_text);
    let instrument = content.instrument_name.as_deref().map(fold_text);
    [Val::I64(content.investigation_id), Val::Text(proposal), Val::Text(instrument)]
}

fn render_content(content: &EntryContent) -> Result<String, DbError> {
    serde_json::to_string(content).map_err(|e| DbError::Setup(format!("an entry that is no JSON: {e}")))
}

pub async fn insert_entry(tx: &mut Tx, entry: &Entry) -> Result<(), DbError> {
    let Entry { id, content, .. } = entry;
    let [investigation, proposal, instrument] = to_lookup_keys(content);
    let texts = content.searchable_texts();
    let vals = [
        id.into(),
        entry.seq.into(),
        entry.logbook_id.into(),
        content.kind.name().into(),
        content.category.name().into(),
        content.at.into(),
        entry.created_at.into(),
        entry.updated_at.into(),
        entry.late.into(),
        investigation,
        proposal,
        instrument,
        render_content(content)?.into(),
        fold_texts(&texts).into(),
    ];
    tx.execute(CREATE, &vals).await?;
    tx.execute(ADD_WORDS, &[entry.seq.into(), index_tokens(&texts, entry.logbook_id).into()]).await?;
    insert_tags(tx, id, &content.tags).await
}

/// For searches for a part of a text.
fn fold_texts(texts: &[String]) -> String {
    let mut texts: Vec<String> = texts.iter().map(|text| fold_text(text)).collect();
    texts.dedup();
    texts.join("\n")
}

/// For searches for words.
fn index_tokens(texts: &[String], logbook_id: i64) -> String {
    fulltext::build_index_tokens(texts.iter().map(String::as_str), &[fulltext::label_token(logbook_id)])
}

/// Stores the present values of an entry; removal is not one of them.
pub async fn update_entry(tx: &mut Tx, entry: &Entry) -> Result<(), DbError> {
    let Entry { id, content, .. } = entry;
    let [investigation, proposal, instrument] = to_lookup_keys(content);
    let texts = content.searchable_texts();
    let vals = [
        content.kind.name().into(),
        content.category.name().into(),
        content.at.into(),
        entry.updated_at.into(),
        entry.version.into(),
        investigation,
        proposal,
        instrument,
        render_content(content)?.into(),
        fold_texts(&texts).into(),
        entry.logbook_id.into(),
        id.into(),
    ];
    tx.execute(CHANGE, &vals).await?;
    tx.execute(CHANGE_WORDS, &[index_tokens(&texts, entry.logbook_id).into(), entry.seq.into()]).await?;
    tx.execute(CLEAR_TAGS, &[id.into()]).await?;
    insert_tags(tx, id, &content.tags).await
}

async fn insert_tags(tx: &mut Tx, id: &str, tags: &[String]) -> Result<(), DbError> {
    for tag in tags {
        tx.execute(ADD_TAG, &[id.into(), fold_text(tag).into()]).await?;
    }
    Ok(())
}

pub async fn get_entry(tx: &mut Tx, id: &str) -> Result<Option<Entry>, DbError> {
    tx.fetch_optional(GET, &[id.into()]).await?.as_ref().map(parse_entry).transpose()
}

pub async fn list_entries_by_ids(tx: &mut Tx, ids: &[String]) -> Result<Vec<Entry>, DbError> {
    let sql = format!("SELECT {COLUMNS} FROM entry WHERE id IN {} ORDER BY id", tx.engine().text_list("$1"));
    tx.fetch_all(&sql, &[Val::from_texts(ids.iter().map(String::as_str))]).await?.iter().map(parse_entry).collect()
}

pub async fn set_removed(tx: &mut Tx, ids: &[String], removed: bool, at: Micros) -> Result<(), DbError> {
    let sql = format!("UPDATE entry SET removed = $1, updated_at = $2 WHERE id IN {}", tx.engine().text_list("$3"));
    tx.execute(&sql, &[removed.into(), at.into(), Val::from_texts(ids.iter().map(String::as_str))]).await.map(drop)
}

pub(super) fn parse_entry(row: &Row) -> Result<Entry, DbError> {
    let name: String = row.get("book_name")?;
    let logbook = Logbook::from_name(&name)
        .ok_or_else(|| DbError::Column { column: "book.name".to_owned(), reason: format!("{name} is no logbook") })?;
    Ok(Entry {
        logbook,
        id: row.get("id")?,
        seq: row.get("seq")?,
        logbook_id: row.get("book_id")?,
        created_at: row.get("created_at")?,
        updated_at: row.get("updated_at")?,
        version: row.get("version")?,
        removed: row.get::<i64>("removed")? != 0,
        late: row.get::<i64>("late")? != 0,
        content: parse_column("entry.body", &row.get::<String>("body")?)?,
    })
}

pub(super) fn parse_column<T: serde::de::DeserializeOwned>(column: &str, text: &str) -> Result<T, DbError> {
    serde_json::from_str(text).map_err(|e| DbError::Column { column: column.to_owned(), reason: e.to_string() })
}
