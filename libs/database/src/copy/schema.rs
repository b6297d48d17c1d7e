//! Which tables and columns a database has.

use std::collections::BTreeSet;

use crate::{DbError, Engine, Tx};

/// The migrations write these two themselves.
const BOOKKEEPING: [&str; 2] = ["migration", "id_sequence"];

/// Without the tables in which an index of words keeps its own.
const TABLES_SQLITE: &str = "SELECT m.name FROM sqlite_master m JOIN pragma_table_list l ON l.name = m.name \
                             WHERE l.schema = 'main' AND l.type IN ('table', 'virtual') \
                             AND m.name NOT LIKE 'sqlite!_%' ESCAPE '!' ORDER BY m.rowid";
const TABLES_POSTGRES: &str = "SELECT relname::text AS name FROM pg_class WHERE relkind = 'r' \
                               AND relnamespace = current_schema()::regnamespace ORDER BY oid";
/// An index of words has columns without a type, and its row id is none of them.
const COLUMNS_SQLITE: &str = "SELECT name, CASE WHEN type = '' THEN 'text' ELSE type END AS kind FROM pragma_table_info($1) \
                              UNION ALL SELECT 'rowid', 'bigint' FROM pragma_table_list WHERE name = $1 AND type = 'virtual'";
const COLUMNS_POSTGRES: &str = "SELECT column_name::text AS name, data_type::text AS kind FROM information_schema.columns \
                                WHERE table_schema = current_schema() AND table_name = $1 AND is_generated = 'NEVER'";
/// The tables that foreign keys of a table refer to.
const REFERENCES_SQLITE: &str = "SELECT DISTINCT f.\"table\" AS name FROM pragma_foreign_key_list($1) f";
const REFERENCES_POSTGRES: &str = "SELECT DISTINCT r.relname::text AS name FROM pg_constraint c \
                                   JOIN pg_class t ON t.oid = c.conrelid JOIN pg_class r ON r.oid = c.confrelid \
                                   WHERE c.contype = 'f' AND t.relname = $1 \
                                   AND t.relnamespace = current_schema()::regnamespace";

/// A column and the kind of its values.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ColumnKind {
    pub name: String,
    pub kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Integer,
    Float,
    Text,
    Blob,
}

/// All tables but those that only migrations write.
pub(crate) async fn list_tables(tx: &mut Tx) -> Result<Vec<String>, DbError> {
    let sql = match tx.engine() {
        Engine::Sqlite => TABLES_SQLITE,
        Engine::Postgres => TABLES_POSTGRES,
    };
    let names: Vec<String> =
        tx.fetch_all(sql, &[]).await?.iter().map(|row| row.get("name")).collect::<Result<_, _>>()?;
    Ok(names.into_iter().filter(|name| !BOOKKEEPING.contains(&name.as_str())).collect())
}

/// The same, each after those it refers to.
pub(crate) async fn list_tables_in_order(tx: &mut Tx) -> Result<Vec<String>, DbError> {
    let sql = match tx.engine() {
        Engine::Sqlite => REFERENCES_SQLITE,
        Engine::Postgres => REFERENCES_POSTGRES,
    };
    let mut waiting = Vec::new();
    for table in list_tables(tx).await? {
        let rows = tx.fetch_all(sql, &[table.as_str().into()]).await?;
        let names: Vec<String> = rows.iter().map(|row| row.get("name")).collect::<Result<_, _>>()?;
        let others: BTreeSet<String> = names.into_iter().filter(|name| *name != table).collect();
        waiting.push((table, others));
    }
    let mut ordered: Vec<String> = Vec::new();
    while !waiting.is_empty() {
        let is_free = |others: &BTreeSet<String>| others.iter().all(|other| ordered.contains(other));
        let Some(place) = waiting.iter().position(|(_, others)| is_free(others)) else {
            return Err(DbError::Setup(format!("table {} refers to itself through others", waiting[0].0)));
        };
        ordered.push(waiting.remove(place).0);
    }
    Ok(ordered)
}

/// In the order of their names, which both engines agree on.
pub(crate) async fn list_columns(tx: &mut Tx, table: &str) -> Result<Vec<ColumnKind>, DbError> {
    let sql = match tx.engine() {
        Engine::Sqlite => COLUMNS_SQLITE,
        Engine::Postgres => COLUMNS_POSTGRES,
    };
    let mut columns = Vec::new();
    for row in tx.fetch_all(sql, &[table.into()]).await? {
        let (name, kind): (String, String) = (row.get("name")?, row.get("kind")?);
        let kind = match kind.to_ascii_lowercase().as_str() {
            "bigint" | "integer" => Kind::Integer,
            "double precision" => Kind::Float,
            "text" => Kind::Text,
            "blob" | "bytea" => Kind::Blob,
            other => return Err(DbError::Setup(format!("{table}.{name} has the unknown type {other}"))),
        };
        columns.push(ColumnKind { name, kind });
    }
    columns.sort_unstable();
    Ok(columns)
}
