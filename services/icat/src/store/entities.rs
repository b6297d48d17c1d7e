//! Rows of all entity types; the statements are generated from the schema.
//!
//! The values of a row always have the same order: the attributes, then the foreign keys of the to-one relations, both in
//! the order of the schema.

use std::collections::{HashMap, HashSet};
use std::sync::OnceLock;

use events::messages::icat::Verb;
use icat_client::schema::{self, Entity, FieldKind, Member};
use service_kit::{DbError, Micros, Row, Tx, Val};

pub use super::new_rows::{NewRow, insert_rows, load_new_rows};
pub use super::row_updates::{RowChanges, update_row, update_rows};
use super::rows::{FIRST_VALUE_COLUMN, find_row, select_statement};
use super::{Author, rules};

/// Ids per statement; they are bound as one parameter.
pub(super) const IDS_PER_SELECT: usize = 10_000;

/// Who changed a row, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stamp {
    pub user_name: String,
    pub at: Micros,
}

/// A stored row.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredRow {
    pub id: i64,
    pub created: Stamp,
    pub modified: Stamp,
    pub values: Vec<Val>,
}

/// The columns of an entity in the order of a row's values.
pub fn value_columns(entity: &'static Entity) -> impl Iterator<Item = &'static str> {
    entity.fields.iter().map(|f| f.column).chain(entity.one.iter().map(|r| r.column))
}

/// The index of an attribute or to-one relation in a row's values.
pub fn value_index(entity: &Entity, name: &str) -> Option<usize> {
    let fields = entity.fields.iter().map(|f| f.name);
    fields.chain(entity.one.iter().map(|r| r.name)).position(|n| n == name)
}

/// The members of an entity in the order of its JSON, with their indexes in a row's values; to-many relations have none.
pub fn member_layout(entity: &'static Entity) -> &'static [(Member, Option<usize>)] {
    type Layout = Vec<(Member, Option<usize>)>;
    static BY_NAME: OnceLock<HashMap<&str, Layout>> = OnceLock::new();
    let of = |entity: &'static Entity| entity.members().iter().map(|m| (*m, value_index(entity, m.name()))).collect();
    let all = BY_NAME.get_or_init(|| schema::all_entities().iter().map(|entity| (entity.name, of(entity))).collect());
    all.get(entity.name).map_or(&[], Vec::as_slice)
}

/// NULL of the right kind for each value of a row.
pub fn empty_values(entity: &Entity) -> Vec<Val> {
    let fields = entity.fields.iter().map(|f| match f.kind {
        FieldKind::String => Val::Text(None),
        FieldKind::Double => Val::F64(None),
        FieldKind::Long | FieldKind::Integer | FieldKind::Boolean | FieldKind::Date | FieldKind::Enum(_) => {
            Val::I64(None)
        }
    });
    fields.chain(entity.one.iter().map(|_| Val::I64(None))).collect()
}

/// Default values of a row: NULL, false for booleans, which are never NULL, and 0 for file counts and sizes, as in
/// icat.server.
pub fn new_values(entity: &Entity) -> Vec<Val> {
    let mut values = empty_values(entity);
    for (field, value) in entity.fields.iter().zip(&mut values) {
        if field.kind == FieldKind::Boolean {
            *value = false.into();
        } else if is_count(entity, field.name) {
            *value = 0.into();
        }
    }
    values
}

/// Whether an attribute is the `fileSize` or `fileCount` of a dataset or investigation. Rows of older versions have NULL
/// there, which means 0.
pub fn is_count(entity: &Entity, name: &str) -> bool {
    matches!(entity.name, "Dataset" | "Investigation") && matches!(name, "fileSize" | "fileCount")
}

/// The rows with these ids, in any order; ids without a row are left out.
pub async fn find_by_ids(tx: &mut Tx, entity: &'static Entity, ids: &[i64]) -> Result<Vec<StoredRow>, DbError> {
    let mut found = Vec::with_capacity(ids.len());
    let sql = format!("{} WHERE id IN {}", select_statement(entity), tx.engine().id_list("$1"));
    for ids in ids.chunks(IDS_PER_SELECT) {
        let rows = tx.fetch_all(&sql, &[Val::from_ids(ids)]).await?;
        for row in &rows {
            found.push(parse_row(entity, row)?);
        }
    }
    Ok(found)
}

/// Those of these ids that have a row.
pub async fn find_existing_ids(
    tx: &mut Tx,
    entity: &'static Entity,
    ids: impl IntoIterator<Item = i64>,
) -> Result<HashSet<i64>, DbError> {
    let ids: Vec<i64> = ids.into_iter().collect();
    let sql = format!("SELECT id FROM {} WHERE id IN {}", entity.table, tx.engine().id_list("$1"));
    let mut existing = HashSet::with_capacity(ids.len());
    for ids in ids.chunks(IDS_PER_SELECT) {
        for row in &tx.fetch_all(&sql, &[Val::from_ids(ids)]).await? {
            existing.insert(row.get("id")?);
        }
    }
    Ok(existing)
}

pub async fn get_by_id(tx: &mut Tx, entity: &'static Entity, id: i64) -> Result<Option<StoredRow>, DbError> {
    find_row(tx, entity, id).await?.map(|row| parse_row(entity, &row)).transpose()
}

/// All rows of a table in the order of ids.
pub async fn list_all(tx: &mut Tx, entity: &'static Entity) -> Result<Vec<StoredRow>, DbError> {
    let rows = tx.fetch_all(&format!("{} ORDER BY id", select_statement(entity)), &[]).await?;
    rows.iter().map(|row| parse_row(entity, row)).collect()
}

/// The number of rows of an entity type.
pub async fn count_rows(tx: &mut Tx, entity: &'static Entity) -> Result<usize, DbError> {
    let rows: i64 = tx.fetch_one(&format!("SELECT COUNT(*) AS rows FROM {}", entity.table), &[]).await?.get("rows")?;
    Ok(usize::try_from(rows).unwrap_or_default())
}

/// The next ids of an entity type after `after`, sorted.
pub async fn list_ids_after(
    tx: &mut Tx,
    entity: &'static Entity,
    after: i64,
    limit: usize,
) -> Result<Vec<i64>, DbError> {
    let sql = format!("SELECT id FROM {} WHERE id > $1 ORDER BY id LIMIT $2", entity.table);
    let rows = tx.fetch_all(&sql, &[after.into(), i64::try_from(limit).unwrap_or(i64::MAX).into()]).await?;
    rows.iter().map(|row| row.get("id")).collect()
}

/// Pairs of (row, target) for rows whose foreign key in `column` is not NULL.
pub async fn list_relation_keys(
    tx: &mut Tx,
    entity: &'static Entity,
    column: &str,
    ids: &[i64],
) -> Result<Vec<(i64, i64)>, DbError> {
    let sql = format!(
        "SELECT id, {column} AS target FROM {} WHERE id IN {} AND {column} IS NOT NULL",
        entity.table,
        tx.engine().id_list("$1")
    );
    let mut pairs = Vec::new();
    for ids in ids.chunks(IDS_PER_SELECT) {
        for row in &tx.fetch_all(&sql, &[Val::from_ids(ids)]).await? {
            pairs.push((row.get("id")?, row.get("target")?));
        }
    }
    Ok(pairs)
}

/// Pairs of (parent, child) for the children of a to-many relation: rows of `entity` whose `column` is one of `parents`.
/// At most `limit` pairs.
pub async fn list_child_ids(
    tx: &mut Tx,
    entity: &'static Entity,
    column: &str,
    parents: &[i64],
    limit: usize,
) -> Result<Vec<(i64, i64)>, DbError> {
    let sql = format!(
        "SELECT {column} AS parent, id FROM {} WHERE {column} IN {} ORDER BY id LIMIT $2",
        entity.table,
        tx.engine().id_list("$1")
    );
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut pairs = Vec::new();
    for parents in parents.chunks(IDS_PER_SELECT) {
        let rows = tx.fetch_all(&sql, &[Val::from_ids(parents), limit.into()]).await?;
        for row in &rows {
            pairs.push((row.get("parent")?, row.get("id")?));
        }
    }
    Ok(pairs)
}

/// Finds a dataset that belongs to a sample of another investigation.
pub const FOREIGN_SAMPLES: &str = "SELECT d.id FROM dataset d JOIN sample s ON s.id = d.sample_id WHERE \
                                   s.investigation_id <> d.investigation_id LIMIT 1";

pub async fn has_foreign_samples(tx: &mut Tx) -> Result<bool, DbError> {
    Ok(tx.fetch_optional(FOREIGN_SAMPLES, &[]).await?.is_some())
}

/// The value of an attribute or to-one relation, if it is not NULL.
pub fn find_value<'v>(entity: &Entity, values: &'v [Val], name: &str) -> Option<&'v Val> {
    value_index(entity, name).and_then(|at| values.get(at)).filter(|val| !is_null(val))
}

/// The same as a text.
pub fn find_text<'v>(entity: &Entity, values: &'v [Val], name: &str) -> Option<&'v str> {
    match find_value(entity, values, name) {
        Some(Val::Text(text)) => text.as_deref(),
        _ => None,
    }
}

pub fn is_null(val: &Val) -> bool {
    matches!(val, Val::I64(None) | Val::F64(None) | Val::Text(None) | Val::Blob(None))
}

/// The id of the row with this unique key; a key with a NULL matches nothing, as in a constraint.
pub async fn find_by_key(tx: &mut Tx, entity: &'static Entity, values: &[Val]) -> Result<Option<i64>, DbError> {
    if entity.unique.is_empty() {
        return Ok(None);
    }
    let mut conditions = Vec::new();
    let mut vals = Vec::new();
    for (number, name) in (1..).zip(entity.unique) {
        let Some(place) = value_index(entity, name) else { continue };
        let column = value_columns(entity).nth(place).unwrap_or_default();
        conditions.push(format!("{column} = ${number}"));
        vals.push(values[place].clone());
    }
    let sql = format!("SELECT id FROM {} WHERE {}", entity.table, conditions.join(" AND "));
    tx.fetch_optional(&sql, &vals).await?.map(|row| row.get("id")).transpose()
}

/// The ids of the rows with exactly these values, including NULLs, sorted.
pub async fn find_equal(tx: &mut Tx, entity: &'static Entity, values: &[Val]) -> Result<Vec<i64>, DbError> {
    let mut conditions = vec!["id > 0".to_owned()];
    let mut vals = Vec::new();
    for (column, val) in value_columns(entity).zip(values) {
        if is_null(val) {
            conditions.push(format!("{column} IS NULL"));
        } else {
            vals.push(val.clone());
            conditions.push(format!("{column} = ${}", vals.len()));
        }
    }
    let sql = format!("SELECT id FROM {} WHERE {} ORDER BY id", entity.table, conditions.join(" AND "));
    tx.fetch_all(&sql, &vals).await?.iter().map(|row| row.get("id")).collect()
}

/// Sets who created and modified a row and when, for imports that preserve it.
pub async fn update_stamps(
    tx: &mut Tx,
    entity: &'static Entity,
    id: i64,
    created: &Stamp,
    modified: &Stamp,
) -> Result<(), DbError> {
    let sql = format!(
        "UPDATE {} SET create_id = $1, create_time = $2, mod_id = $3, mod_time = $4 WHERE id = $5",
        entity.table
    );
    let vals = [
        created.user_name.as_str().into(),
        created.at.into(),
        modified.user_name.as_str().into(),
        modified.at.into(),
        id.into(),
    ];
    tx.execute(&sql, &vals).await.map(drop)
}

/// Deletes rows; their dependents must have been deleted before.
pub async fn delete_rows(tx: &mut Tx, entity: &'static Entity, ids: &[i64], author: &Author) -> Result<(), DbError> {
    author.lock_derived().await.note_deletion(tx, entity, ids).await?;
    delete_unrecorded(tx, entity, ids).await?;
    author.record_changes(entity, Verb::Deleted, ids.iter().map(|id| (*id, 0)));
    bump_version_if_rule(tx, entity).await
}

/// Deletes rows of whose creation nothing was recorded either.
pub(super) async fn delete_unrecorded(tx: &mut Tx, entity: &'static Entity, ids: &[i64]) -> Result<(), DbError> {
    let sql = format!("DELETE FROM {} WHERE id IN {}", entity.table, tx.engine().id_list("$1"));
    for ids in ids.chunks(IDS_PER_SELECT) {
        tx.execute(&sql, &[Val::from_ids(ids)]).await?;
    }
    Ok(())
}

/// Increments the rule version if rules were changed, because parsed rules are cached.
pub(super) async fn bump_version_if_rule(tx: &mut Tx, entity: &Entity) -> Result<(), DbError> {
    if matches!(entity.name, "Rule" | "PublicStep") { rules::bump_rule_version(tx).await } else { Ok(()) }
}

fn parse_row(entity: &'static Entity, row: &Row) -> Result<StoredRow, DbError> {
    let stamp = |user: usize, at: usize| Ok::<_, DbError>(Stamp { user_name: row.get_at(user)?, at: row.get_at(at)? });
    let mut values = empty_values(entity);
    for (n, value) in values.iter_mut().enumerate() {
        *value = match value {
            Val::Text(_) => Val::Text(row.get_at(FIRST_VALUE_COLUMN + n)?),
            Val::F64(_) => Val::F64(row.get_at(FIRST_VALUE_COLUMN + n)?),
            Val::I64(_) => Val::I64(row.get_at(FIRST_VALUE_COLUMN + n)?),
            Val::Blob(_) => Val::Blob(row.get_at(FIRST_VALUE_COLUMN + n)?),
        };
    }
    Ok(StoredRow { id: row.get_at(0)?, created: stamp(1, 2)?, modified: stamp(3, 4)?, values })
}
