//! Reads whole rows as they arrive from the database, for answers that render them.

use icat_client::schema::Entity;
use service_kit::{DbError, Row, Tx, Val};

use super::entities::{IDS_PER_SELECT, value_columns};

/// The columns of a whole row: id, creation and modification, and then the values.
pub fn row_columns(entity: &'static Entity) -> impl Iterator<Item = &'static str> {
    ["id", "create_id", "create_time", "mod_id", "mod_time"].into_iter().chain(value_columns(entity))
}

/// Where the values begin in [`row_columns`].
pub const FIRST_VALUE_COLUMN: usize = 5;

pub(super) fn select_statement(entity: &'static Entity) -> String {
    format!("SELECT {} FROM {}", row_columns(entity).collect::<Vec<_>>().join(", "), entity.table)
}

/// Passes the rows with these ids to `visit` as they arrive, in any order, with [`row_columns`]; ids without a row are left
/// out.
pub async fn visit_by_ids(
    tx: &mut Tx,
    entity: &'static Entity,
    ids: &[i64],
    mut visit: impl FnMut(&Row) -> Result<(), DbError>,
) -> Result<(), DbError> {
    let sql = format!("{} WHERE id IN {}", select_statement(entity), tx.engine().id_list("$1"));
    for ids in ids.chunks(IDS_PER_SELECT) {
        tx.visit_rows(&sql, &[Val::from_ids(ids)], &mut visit).await?;
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
    mut visit: impl FnMut(&Row) -> Result<(), DbError>,
) -> Result<(), DbError> {
    let sql = format!("{} WHERE {column} IN {} LIMIT $2", select_statement(entity), tx.engine().id_list("$1"));
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    for parents in parents.chunks(IDS_PER_SELECT) {
        tx.visit_rows(&sql, &[Val::from_ids(parents), limit.into()], &mut visit).await?;
    }
    Ok(())
}

/// The row with this id, with [`row_columns`].
pub async fn find_row(tx: &mut Tx, entity: &'static Entity, id: i64) -> Result<Option<Row>, DbError> {
    tx.fetch_optional(&format!("{} WHERE id = $1", select_statement(entity)), &[id.into()]).await
}

/// The statement of a search that selects the ids of rows, with all columns of the rows instead. `None` if it sorts or
/// groups: then it would carry the columns of more rows than the answer has.
pub fn select_whole_rows(sql: &str, entity: &'static Entity) -> Option<String> {
    let (alias, rest) = sql.strip_prefix("SELECT ")?.split_once(".id FROM ")?;
    let is_alias = alias.strip_prefix('t').is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit()));
    if !is_alias || rest.contains(" ORDER BY ") || rest.contains(" GROUP BY ") {
        return None;
    }
    let columns: Vec<String> = row_columns(entity).map(|column| format!("{alias}.{column}")).collect();
    Some(format!("SELECT {} FROM {rest}", columns.join(", ")))
}

#[cfg(test)]
mod tests {
    use icat_client::schema::find_entity;

    use super::*;

    #[test]
    fn ids_become_whole_rows_only_where_nothing_is_sorted_or_grouped() {
        let entity = find_entity("Grouping").unwrap();
        let columns = "t1.id, t1.create_id, t1.create_time, t1.mod_id, t1.mod_time, t1.name";
        for (sql, expected) in [
            ("SELECT t1.id FROM grouping t1 LIMIT $1", Some(format!("SELECT {columns} FROM grouping t1 LIMIT $1"))),
            ("SELECT t12.id FROM x t12", Some(format!("SELECT {} FROM x t12", columns.replace("t1.", "t12.")))),
            ("SELECT DISTINCT t1.id FROM grouping t1", None),
            ("SELECT t1.grouping_id FROM usergroup t1", None),
            ("SELECT MIN(t1.id) FROM grouping t1", None),
            ("SELECT t1.name, t1.id FROM grouping t1", None),
            ("SELECT t1.id FROM grouping t1 ORDER BY t1.name", None),
            ("SELECT t1.id FROM grouping t1 GROUP BY t1.id", None),
        ] {
            assert_eq!(select_whole_rows(sql, entity), expected, "{sql}");
        }
    }
}
