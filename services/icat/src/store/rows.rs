//! Reads whole rows for answers that render them.

use icat_client::schema::{Entity, FieldKind};
use service_kit::{BulkColumn, BulkRow, DbError, Row, Tx, Val};

use super::entities::{IDS_PER_SELECT, value_columns};

/// The columns of a whole row: id, creation and modification, and then the values.
pub fn row_columns(entity: &'static Entity) -> impl Iterator<Item = &'static str> {
    ["id", "create_id", "create_time", "mod_id", "mod_time"].into_iter().chain(value_columns(entity))
}

/// Where the values begin in [`row_columns`].
pub const FIRST_VALUE_COLUMN: usize = 5;

/// What [`row_columns`] contain.
pub fn row_column_kinds(entity: &'static Entity) -> Vec<BulkColumn> {
    const BASE: [BulkColumn; FIRST_VALUE_COLUMN] =
        [BulkColumn::Integer, BulkColumn::Text, BulkColumn::Integer, BulkColumn::Text, BulkColumn::Integer];
    let fields = entity.fields.iter().map(|field| match field.kind {
        FieldKind::String => BulkColumn::Text,
        FieldKind::Double => BulkColumn::Real,
        FieldKind::Long | FieldKind::Integer | FieldKind::Boolean | FieldKind::Date | FieldKind::Enum(_) => {
            BulkColumn::Integer
        }
    });
    BASE.into_iter().chain(fields).chain(entity.one.iter().map(|_| BulkColumn::Integer)).collect()
}

pub(super) fn select_statement(entity: &'static Entity) -> String {
    format!("SELECT {} FROM {}", row_columns(entity).collect::<Vec<_>>().join(", "), entity.table)
}

/// Passes the rows with these ids to `visit`, in any order, with [`row_columns`]; ids without a row are left out.
pub async fn visit_by_ids(
    tx: &mut Tx,
    entity: &'static Entity,
    ids: &[i64],
    mut visit: impl FnMut(&BulkRow<'_>) -> Result<(), DbError>,
) -> Result<(), DbError> {
    let sql = format!("{} WHERE id IN {}", select_statement(entity), tx.engine().id_list("$1"));
    let kinds = row_column_kinds(entity);
    for ids in ids.chunks(IDS_PER_SELECT) {
        tx.visit_bulk(&sql, &kinds, &[Val::from_ids(ids)], &mut visit).await?;
    }
    Ok(())
}

/// Passes the children of a to-many relation to `visit`, in any order: whole rows of `entity` whose `column` is one of
/// `parents`. At most `limit` rows.
pub async fn visit_children(
    tx: &mut Tx,
    entity: &'static Entity,
    column: &str,
    parents: &[i64],
    limit: usize,
    mut visit: impl FnMut(&BulkRow<'_>) -> Result<(), DbError>,
) -> Result<(), DbError> {
    let sql = format!("{} WHERE {column} IN {} LIMIT $2", select_statement(entity), tx.engine().id_list("$1"));
    let (kinds, limit) = (row_column_kinds(entity), i64::try_from(limit).unwrap_or(i64::MAX));
    for parents in parents.chunks(IDS_PER_SELECT) {
        tx.visit_bulk(&sql, &kinds, &[Val::from_ids(parents), limit.into()], &mut visit).await?;
    }
    Ok(())
}

/// The row with this id, with [`row_columns`].
pub async fn find_row(tx: &mut Tx, entity: &'static Entity, id: i64) -> Result<Option<Row>, DbError> {
    tx.fetch_optional(&format!("{} WHERE id = $1", select_statement(entity)), &[id.into()]).await
}
