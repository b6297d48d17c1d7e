//! A search of rows of one entity, written to select whole rows instead of ids.

use icat_client::schema::Entity;
use service_kit::{BulkRow, BulkText, DbError, Engine};

use crate::store::rows::row_columns;

/// The column with the ids of the remaining rows, in a row without an id.
const REMAINING_IDS: usize = 1;

/// What a search without ORDER BY and GROUP BY consists of.
#[derive(Debug, Clone, PartialEq)]
pub struct WholeRows {
    pub entity: &'static Entity,
    /// The alias of the table whose rows are selected.
    pub alias: String,
    /// The SQL after the SELECT list.
    pub rest: String,
}

impl WholeRows {
    /// The statement that selects all [`row_columns`]. `PostgreSQL` sends row by row, so all of them are whole. `SQLite` collects
    /// rows in memory, so that only the first `max_whole` rows are whole, and one row more contains the ids of all others. They
    /// are found once and then looked up, which takes as long as reading them at first. No index contains the author: otherwise
    /// `SQLite` reads the ids from the smallest index, in its order, and not in the order in which the rows were created.
    pub fn to_sql(&self, engine: Engine, max_whole: usize) -> String {
        let Self { entity, alias, rest } = self;
        let select =
            |of: &str| row_columns(entity).map(|column| format!("{of}.{column}")).collect::<Vec<_>>().join(", ");
        if !engine.collects_bulk_rows() {
            return format!("SELECT {}{rest}", select(alias));
        }
        let nulls = ", NULL".repeat(row_columns(entity).count() - REMAINING_IDS - 1);
        let whole = select("whole").replacen("whole.id", "found_first.id", 1);
        format!(
            "WITH found (id, author) AS MATERIALIZED (SELECT {alias}.id, {alias}.create_id{rest}) \
             SELECT {whole} FROM (SELECT id FROM found WHERE author IS NOT NULL OR id IS NULL LIMIT {max_whole}) found_first \
             LEFT JOIN {} whole ON whole.id = found_first.id \
             UNION ALL SELECT NULL, GROUP_CONCAT(COALESCE(id, '')){nulls} \
             FROM (SELECT id FROM found LIMIT -1 OFFSET {max_whole}) HAVING COUNT(*) > 0",
            entity.table
        )
    }

    /// The ids of the rows that are not whole, if this row contains them.
    pub(super) fn find_remaining_ids(row: &BulkRow<'_>) -> Result<Option<Vec<Option<i64>>>, DbError> {
        if row.get_integer(0)?.is_some() {
            return Ok(None);
        }
        let Some(BulkText::Plain(text) | BulkText::Json(text)) = row.get_text(REMAINING_IDS)? else { return Ok(None) };
        let parse = |id: &str| match id {
            "" => Ok(None),
            id => id.parse().map(Some).map_err(|e: std::num::ParseIntError| DbError::Column {
                column: "remaining ids".to_owned(),
                reason: e.to_string(),
            }),
        };
        text.trim_matches('"').split(',').map(parse).collect::<Result<_, _>>().map(Some)
    }
}
