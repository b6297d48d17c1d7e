//! Tables of `SQLite` whose id is the row id.
//!
//! With `id INTEGER PRIMARY KEY` a table is one tree, sorted by id. With any other type there is a second tree, from the
//! id to a hidden row id: each row costs another insert, and each look-up by id another search.

use crate::copy::schema;
use crate::{DbError, Engine, Tx};

/// In a migration: rebuilds all tables that have an id that is not the row id.
pub(crate) const PLACEHOLDER: &str = "{rowid_tables};";

const SEPARATE_ID: &str = "id BIGINT PRIMARY KEY";
const ROW_ID: &str = "id INTEGER PRIMARY KEY";

const TABLES: &str = "SELECT name, sql FROM sqlite_master WHERE type = 'table' AND sql IS NOT NULL ORDER BY rowid";
/// Indexes that a constraint makes have no text.
const INDEXES: &str =
    "SELECT sql FROM sqlite_master WHERE type <> 'table' AND tbl_name = $1 AND sql IS NOT NULL ORDER BY rowid";
const VIOLATIONS: &str = "SELECT \"table\" AS child, parent, COUNT(*) AS n FROM pragma_foreign_key_check GROUP BY 1, 2";

/// The statements that rebuild the tables as they are now, with their rows and indexes; nothing on `PostgreSQL`. Foreign keys
/// must not be enforced where there are rows.
pub(crate) async fn render_rebuild(tx: &mut Tx) -> Result<String, DbError> {
    if tx.engine() == Engine::Postgres {
        return Ok(String::new());
    }
    let mut script = Vec::new();
    for row in tx.fetch_all(TABLES, &[]).await? {
        let (table, sql): (String, String) = (row.get("name")?, row.get("sql")?);
        let Some(columns) = render_columns(&sql) else { continue };
        let has_rows = tx.fetch_optional(&format!("SELECT 1 FROM {table} LIMIT 1"), &[]).await?.is_some();
        if has_rows {
            script.push(format!("CREATE TABLE {table}_rebuilt {columns}"));
            let names: Vec<String> =
                schema::list_columns(tx, &table).await?.into_iter().map(|column| column.name).collect();
            let names = names.join(", ");
            script.push(format!("INSERT INTO {table}_rebuilt ({names}) SELECT {names} FROM {table} ORDER BY id"));
            script.push(format!("DROP TABLE {table}"));
            script.push(format!("ALTER TABLE {table}_rebuilt RENAME TO {table}"));
        } else {
            script.push(format!("DROP TABLE {table}"));
            script.push(format!("CREATE TABLE {table} {columns}"));
        }
        for index in tx.fetch_all(INDEXES, &[table.as_str().into()]).await? {
            script.push(index.get("sql")?);
        }
    }
    script.push(String::new());
    Ok(script.join(";\n"))
}

/// The columns of a table with the row id as id; `None` if it has no separate id.
fn render_columns(sql: &str) -> Option<String> {
    let columns = &sql[sql.find('(')?..];
    let place = columns.find(SEPARATE_ID)?;
    let is_whole_name = columns[..place].ends_with(|c: char| c.is_whitespace() || c == '(');
    is_whole_name.then(|| columns.replacen(SEPARATE_ID, ROW_ID, 1))
}

/// Fails if a row refers to a row that is missing.
pub(crate) async fn require_foreign_keys(tx: &mut Tx) -> Result<(), DbError> {
    if tx.engine() == Engine::Postgres {
        return Ok(());
    }
    let Some(row) = tx.fetch_optional(VIOLATIONS, &[]).await? else { return Ok(()) };
    let (child, parent, rows): (String, String, i64) = (row.get("child")?, row.get("parent")?, row.get("n")?);
    Err(DbError::Setup(format!(
        "{rows} rows of {child} refer to rows of {parent} that do not exist; nothing was migrated. Remove or mend them, and \
         start again"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_separate_id_is_replaced() {
        let columns = |sql: &str| render_columns(sql);
        let expected = Some("(\n    id INTEGER PRIMARY KEY,\n    size BIGINT)".to_owned());
        assert_eq!(columns("CREATE TABLE \"thing\" (\n    id BIGINT PRIMARY KEY,\n    size BIGINT)"), expected);
        assert_eq!(columns("CREATE TABLE thing (id BIGINT PRIMARY KEY)"), Some("(id INTEGER PRIMARY KEY)".to_owned()));
        for other in ["(id INTEGER PRIMARY KEY)", "(manifest_id BIGINT PRIMARY KEY)", "(id TEXT PRIMARY KEY)"] {
            assert_eq!(columns(&format!("CREATE TABLE thing {other}")), None, "{other}");
        }
    }
}
