//! Reads whole rows for answers that render them.

use icat_client::schema::{Entity, FieldKind};
use service_kit::{BulkColumn, BulkRow, DbError, Row, Tx, Val};

use super::entities::{IDS_PER_SELECT, value_columns};
use crate::domain::granted::Param;

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

/// The statement of a search that selects the ids of rows, with all [`row_columns`] instead, for at most `limit` rows. `None`
/// if it sorts or groups: then it would carry the columns of more rows than the answer has.
pub fn select_whole_rows(sql: &str, entity: &'static Entity, limit: usize) -> Option<String> {
    let (alias, rest) = sql.strip_prefix("SELECT ")?.split_once(".id FROM ")?;
    let is_alias = alias.strip_prefix('t').is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit()));
    if !is_alias || has_order(rest) || rest.contains(" GROUP BY ") {
        return None;
    }
    let columns: Vec<&str> = row_columns(entity).collect();
    let inner: Vec<String> = columns.iter().map(|column| format!("{alias}.{column}")).collect();
    Some(format!("SELECT {} FROM (SELECT {} FROM {rest}) AS found LIMIT {limit}", columns.join(", "), inner.join(", ")))
}

/// The number of rows that a statement returns at most, from its LIMIT.
pub fn find_row_limit(sql: &str, params: &[Param]) -> Option<usize> {
    let (_, tail) = sql.rsplit_once(" LIMIT $")?;
    let number: usize = tail.split(' ').next()?.parse().ok()?;
    match params.get(number.checked_sub(1)?)? {
        Param::I64(limit) => usize::try_from(*limit).ok(),
        _ => None,
    }
}

/// Whether the order of a statement's rows matters.
pub fn has_order(sql: &str) -> bool {
    sql.contains(" ORDER BY ")
}

#[cfg(test)]
mod tests {
    use icat_client::schema::find_entity;

    use super::*;

    #[test]
    fn ids_become_whole_rows_only_where_nothing_is_sorted_or_grouped() {
        let entity = find_entity("Grouping").unwrap();
        let of_alias = |alias: &str, rest: &str| {
            let columns = ["id", "create_id", "create_time", "mod_id", "mod_time", "name"];
            let inner = columns.map(|column| format!("{alias}.{column}")).join(", ");
            Some(format!("SELECT {} FROM (SELECT {inner} FROM {rest}) AS found LIMIT 7", columns.join(", ")))
        };
        for (sql, expected) in [
            ("SELECT t1.id FROM grouping t1 LIMIT $1", of_alias("t1", "grouping t1 LIMIT $1")),
            ("SELECT t12.id FROM x t12", of_alias("t12", "x t12")),
            ("SELECT DISTINCT t1.id FROM grouping t1", None),
            ("SELECT t1.grouping_id FROM usergroup t1", None),
            ("SELECT MIN(t1.id) FROM grouping t1", None),
            ("SELECT t1.name, t1.id FROM grouping t1", None),
            ("SELECT t1.id FROM grouping t1 ORDER BY t1.name", None),
            ("SELECT t1.id FROM grouping t1 GROUP BY t1.id", None),
        ] {
            assert_eq!(select_whole_rows(sql, entity, 7), expected, "{sql}");
        }
    }

    #[test]
    fn the_limit_is_the_one_of_the_whole_statement() {
        let params = vec![Param::I64(5), Param::Text("x".to_owned()), Param::I64(1000), Param::I64(20)];
        for (sql, expected) in [
            ("SELECT 1 FROM t LIMIT $3 OFFSET $4", Some(1000)),
            ("SELECT 1 FROM t WHERE EXISTS (SELECT 1 FROM u LIMIT 1) LIMIT $1", Some(5)),
            ("SELECT 1 FROM t LIMIT $2", None),
            ("SELECT 1 FROM t LIMIT $9", None),
            ("SELECT 1 FROM t", None),
        ] {
            assert_eq!(find_row_limit(sql, &params), expected, "{sql}");
        }
    }
}
