//! Moving all rows of one database into another, for sites that outgrow `SQLite`.
//!
//! Both sides have been migrated by the same program, so that tables and columns are the same; one transaction fills
//! the target, and the counts of both sides are compared before it commits.

use crate::tx::Inner;
use crate::{Column, Db, DbError, Engine, FromColumn, Row, Tx, Val};

/// Rows per INSERT; more is slower on `PostgreSQL`.
const ROWS_PER_INSERT: usize = 50;
/// Rows read at once.
const PAGE: i64 = 1_000;
/// The migrations write these two themselves.
const BOOKKEEPING: [&str; 2] = ["migration", "id_sequence"];

/// What was copied: table and rows.
pub type Copied = Vec<(String, u64)>;

/// In the order of creation, so that a table comes after those it refers to.
/// Without the tables in which an index of words keeps its own.
const TABLES_SQLITE: &str = "SELECT m.name FROM sqlite_master m JOIN pragma_table_list l ON l.name = m.name \
                             WHERE l.schema = 'main' AND l.type IN ('table', 'virtual') \
                             AND m.name NOT LIKE 'sqlite!_%' ESCAPE '!' ORDER BY m.rowid";
const TABLES_POSTGRES: &str = "SELECT relname::text AS name FROM pg_class WHERE relkind = 'r' \
                               AND relnamespace = current_schema()::regnamespace ORDER BY oid";
/// An index of words has columns without a type, and its row id is none of them.
const COLUMNS_SQLITE: &str = "SELECT name, kind FROM (\
                              SELECT cid, name, CASE WHEN type = '' THEN 'text' ELSE type END AS kind FROM pragma_table_info($1) \
                              UNION ALL SELECT -1, 'rowid', 'bigint' FROM pragma_table_list WHERE name = $1 AND type = 'virtual') \
                              ORDER BY cid";
const COLUMNS_POSTGRES: &str = "SELECT column_name::text AS name, data_type::text AS kind FROM information_schema.columns \
                                WHERE table_schema = current_schema() AND table_name = $1 AND is_generated = 'NEVER' \
                                ORDER BY ordinal_position";

/// A column and the kind of its values.
#[derive(Debug, Clone, PartialEq, Eq)]
struct ColumnKind {
    name: String,
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Integer,
    Float,
    Text,
    Blob,
}

impl Db {
    /// Copies every row of this database into `target`, whose tables must be there and empty.
    pub async fn copy_to(&self, target: &Self) -> Result<Copied, DbError> {
        let mut source = self.read().await?;
        let tables = tables(&mut source).await?;
        let highest = highest_id(&mut source).await?;
        let mut plan = Vec::new();
        for table in tables {
            plan.push((columns(&mut source, &table).await?, table));
        }
        let mut to = target.begin().await?;
        let mut copied = Vec::new();
        for (columns, table) in plan {
            let rows = copy_table(&mut source, &mut to, &table, &columns).await?;
            copied.push((table, rows));
        }
        start_ids_after(&mut to, highest).await?;
        to.commit().await?;
        Ok(copied)
    }
}

async fn tables(tx: &mut Tx) -> Result<Vec<String>, DbError> {
    let sql = match tx.engine() {
        Engine::Sqlite => TABLES_SQLITE,
        Engine::Postgres => TABLES_POSTGRES,
    };
    let names: Vec<String> = tx.all(sql, &[]).await?.iter().map(|row| row.get("name")).collect::<Result<_, _>>()?;
    Ok(names.into_iter().filter(|name| !BOOKKEEPING.contains(&name.as_str())).collect())
}

async fn columns(tx: &mut Tx, table: &str) -> Result<Vec<ColumnKind>, DbError> {
    let sql = match tx.engine() {
        Engine::Sqlite => COLUMNS_SQLITE,
        Engine::Postgres => COLUMNS_POSTGRES,
    };
    let mut columns = Vec::new();
    for row in tx.all(sql, &[table.into()]).await? {
        let (name, kind): (String, String) = (row.get("name")?, row.get("kind")?);
        let kind = match kind.to_ascii_lowercase().as_str() {
            "bigint" => Kind::Integer,
            "double precision" => Kind::Float,
            "text" => Kind::Text,
            "blob" | "bytea" => Kind::Blob,
            other => return Err(DbError::Setup(format!("{table}.{name} has the unknown type {other}"))),
        };
        columns.push(ColumnKind { name, kind });
    }
    Ok(columns)
}

async fn copy_table(from: &mut Tx, to: &mut Tx, table: &str, columns: &[ColumnKind]) -> Result<u64, DbError> {
    let count = format!("SELECT COUNT(*) AS n FROM {table}");
    let there: i64 = to.one(&count, &[]).await?.get("n")?;
    if there > 0 {
        return Err(DbError::Setup(format!("the target is not empty: {table} has {there} rows")));
    }
    let names = columns.iter().map(|c| c.name.as_str()).collect::<Vec<_>>().join(", ");
    let mut done = 0;
    loop {
        // A snapshot sees one state, so that pages by place neither skip nor repeat.
        let page = format!("SELECT {names} FROM {table} ORDER BY {names} LIMIT {PAGE} OFFSET {done}");
        let rows = from.all(&page, &[]).await?;
        for chunk in rows.chunks(ROWS_PER_INSERT) {
            let mut vals = Vec::with_capacity(chunk.len() * columns.len());
            for row in chunk {
                for (place, column) in columns.iter().enumerate() {
                    vals.push(value(row, place, column.kind)?);
                }
            }
            to.exec(&insert(table, &names, columns.len(), chunk.len()), &vals).await?;
        }
        done += i64::try_from(rows.len()).unwrap_or(i64::MAX);
        if rows.len() < usize::try_from(PAGE).unwrap_or(usize::MAX) {
            break;
        }
    }
    let (source, target): (i64, i64) = (from.one(&count, &[]).await?.get("n")?, to.one(&count, &[]).await?.get("n")?);
    if source != target {
        return Err(DbError::Setup(format!("{table}: {source} rows read, {target} written")));
    }
    Ok(u64::try_from(done).unwrap_or_default())
}

fn insert(table: &str, names: &str, width: usize, rows: usize) -> String {
    let tuple = |row: usize| {
        let places: Vec<String> = (1..=width).map(|place| format!("${}", row * width + place)).collect();
        format!("({})", places.join(", "))
    };
    let tuples: Vec<String> = (0..rows).map(tuple).collect();
    format!("INSERT INTO {table} ({names}) VALUES {}", tuples.join(", "))
}

fn value(row: &Row, place: usize, kind: Kind) -> Result<Val, DbError> {
    let at = Column::Place(place);
    Ok(match kind {
        Kind::Integer => Val::I64(FromColumn::from_column(row, &at)?),
        Kind::Float => Val::F64(FromColumn::from_column(row, &at)?),
        Kind::Text => Val::Text(FromColumn::from_column(row, &at)?),
        Kind::Blob => Val::Blob(FromColumn::from_column(row, &at)?),
    })
}

/// The number that the next id would have at least.
async fn highest_id(tx: &mut Tx) -> Result<i64, DbError> {
    let sql = match tx.engine() {
        Engine::Sqlite => "SELECT next FROM id_sequence",
        Engine::Postgres => "SELECT last_value + 1 AS next FROM id_sequence",
    };
    tx.one(sql, &[]).await?.get("next")
}

async fn start_ids_after(tx: &mut Tx, next: i64) -> Result<(), DbError> {
    match &tx.inner {
        Inner::Sqlite(_) => tx.exec("UPDATE id_sequence SET next = $1", &[next.into()]).await.map(drop),
        Inner::Postgres(_) => tx.one("SELECT setval('id_sequence', $1, false)", &[next.into()]).await.map(drop),
    }
}
