//! New rows of all entity types.

use std::collections::HashSet;

use events::messages::icat::Verb;
use icat_client::schema::Entity;
use service_kit::{DbError, RowInsert, Tx, Val};

use super::Author;
use super::datafile_counters::NewFiles;
use super::entities::{bump_version_if_rule, delete_unrecorded, value_columns};

/// `rev` of a new row, the default of the column.
const FIRST_REVISION: i64 = 1;

/// A row to be stored.
#[derive(Debug, Clone, PartialEq)]
pub struct NewRow {
    pub id: i64,
    pub values: Vec<Val>,
}

/// Inserts rows, created and modified by the author. The caller has validated NULLs, lengths and keys.
pub async fn insert_rows(
    tx: &mut Tx,
    entity: &'static Entity,
    rows: Vec<NewRow>,
    author: &Author,
) -> Result<(), DbError> {
    if rows.is_empty() {
        return Ok(());
    }
    let (ids, files) = (list_ids(&rows), NewFiles::from_rows(entity, &rows));
    let insert = build_insert(entity, author, false);
    tx.insert_rows(&insert, list_values(rows)).await?;
    author.lock_derived().await.count_new_files(&files);
    record_creations(tx, entity, ids, author).await
}

/// Inserts many rows, without those whose key is already stored; returns the ids of the inserted rows.
pub async fn load_new_rows(
    tx: &mut Tx,
    entity: &'static Entity,
    rows: Vec<NewRow>,
    author: &Author,
) -> Result<HashSet<i64>, DbError> {
    let (ids, files) = (list_ids(&rows), NewFiles::from_rows(entity, &rows));
    let places = tx.load_rows(&build_insert(entity, author, true), list_values(rows)).await?;
    let loaded: Vec<i64> = places.iter().map(|place| ids[*place]).collect();
    if loaded.len() == ids.len() {
        author.lock_derived().await.count_new_files(&files);
    } else if !loaded.is_empty() {
        author.lock_derived().await.count_stored_files(tx, entity, &loaded).await?;
    }
    let stored = loaded.iter().copied().collect();
    if !loaded.is_empty() {
        record_creations(tx, entity, loaded, author).await?;
    }
    Ok(stored)
}

/// Inserts rows of several entity types, parents before children, or none of them if the key of one is already stored;
/// returns whether they were inserted. Changes are not recorded yet, see [`record_creations`].
pub async fn try_insert_all(
    tx: &mut Tx,
    rows: Vec<(&'static Entity, Vec<NewRow>)>,
    author: &Author,
) -> Result<bool, DbError> {
    let mut inserted: Vec<(&'static Entity, Vec<i64>)> = Vec::with_capacity(rows.len());
    let mut new_files = Vec::with_capacity(rows.len());
    for (entity, rows) in rows {
        let ids = list_ids(&rows);
        new_files.push(NewFiles::from_rows(entity, &rows));
        let done = tx.insert_rows(&build_insert(entity, author, true), list_values(rows)).await?;
        let is_whole = done == ids.len() as u64;
        inserted.push((entity, ids));
        if !is_whole {
            for (entity, ids) in inserted.iter().rev() {
                delete_unrecorded(tx, entity, ids).await?;
            }
            return Ok(false);
        }
    }
    let mut derived = author.lock_derived().await;
    for files in &new_files {
        derived.count_new_files(files);
    }
    Ok(true)
}

/// Records that rows were created, for the change events and the granted rows.
pub async fn record_creations(
    tx: &mut Tx,
    entity: &'static Entity,
    ids: Vec<i64>,
    author: &Author,
) -> Result<(), DbError> {
    author.record_changes(entity, Verb::Created, ids.iter().map(|id| (*id, FIRST_REVISION)));
    author.lock_derived().await.note_inserted(tx, entity, ids).await?;
    bump_version_if_rule(tx, entity).await
}

fn build_insert<'a>(entity: &'static Entity, author: &'a Author, skip_existing: bool) -> RowInsert<'a> {
    let (name, at) = (Val::from(author.user_name.as_str()), Val::from(author.changed_at));
    RowInsert {
        table: entity.table,
        shared: vec![("create_id", name.clone()), ("create_time", at.clone()), ("mod_id", name), ("mod_time", at)],
        columns: ["id"].into_iter().chain(value_columns(entity)).collect(),
        skip_existing,
    }
}

fn list_ids(rows: &[NewRow]) -> Vec<i64> {
    rows.iter().map(|row| row.id).collect()
}

fn list_values(rows: Vec<NewRow>) -> Vec<Vec<Val>> {
    let values = |row: NewRow| {
        let mut values = Vec::with_capacity(row.values.len() + 1);
        values.push(row.id.into());
        values.extend(row.values);
        values
    };
    rows.into_iter().map(values).collect()
}
