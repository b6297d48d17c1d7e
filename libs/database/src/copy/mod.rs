//! Copying all rows of one database into another, for sites that outgrow `SQLite` or go back to it.
//!
//! Both sides have been migrated by the same program, so that tables and columns are the same. One transaction removes
//! what the migrations themselves have put into the target and fills it; before it commits, what the target then holds
//! is read again and its digest compared with that of what was read from the source. So a copy happens as a whole or
//! not at all, and may be repeated.

mod digest;
pub(crate) mod schema;

use sqlx::sqlite::SqlitePoolOptions;

use self::digest::Digest;
use self::schema::{ColumnKind, Kind};
use crate::session::Session;
use crate::{Column, Db, DbError, Engine, FromColumn, Migration, Row, Tx, Val};

/// Rows per INSERT; more is slower on `PostgreSQL`.
const ROWS_PER_INSERT: usize = 50;
/// Bytes of texts and blobs per INSERT, about.
const BYTES_PER_INSERT: usize = 4 << 20;

/// What was copied: table and rows.
pub type Copied = Vec<(String, u64)>;

/// What a target holds, seen from a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CopyState {
    /// What migrations have put there, and nothing else.
    Empty,
    /// The rows of the source: an earlier copy.
    Same,
    /// Rows of its own; this table is the first that has some, with how many there are.
    Different { table: String, rows: u64 },
}

/// The rows of one table, whichever engine has them and in whatever order.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Content {
    table: String,
    rows: u64,
    digest: Digest,
}

impl Db {
    /// What a copy to `target` would find there. The tables of both must have been made by `migrations`.
    pub async fn compare_for_copy(&self, target: &Self, migrations: &[Migration]) -> Result<CopyState, DbError> {
        let held = read_all_contents(&mut target.read().await?).await?;
        if held == read_contents_after_migrations(migrations).await? {
            return Ok(CopyState::Empty);
        }
        let source = read_all_contents(&mut self.read().await?).await?;
        let different = held.iter().find(|content| !source.contains(content));
        Ok(match different {
            None if held.len() == source.len() => CopyState::Same,
            Some(content) => CopyState::Different { table: content.table.clone(), rows: content.rows },
            None => return Err(DbError::Setup("the databases have different tables".to_owned())),
        })
    }

    /// Copies every row of this database into `target`, and refuses one that is not [`Empty`](CopyState::Empty).
    pub async fn copy_to(&self, target: &Self, migrations: &[Migration]) -> Result<Copied, DbError> {
        let mut source = self.read().await?;
        let next_id = read_next_id(&mut source).await?;
        let mut to = target.begin().await?;
        if read_all_contents(&mut to).await? != read_contents_after_migrations(migrations).await? {
            return Err(DbError::Setup("the target is not empty".to_owned()));
        }
        let tables = schema::list_tables_in_order(&mut to).await?;
        let mut plan = Vec::new();
        for table in tables {
            let (from_columns, to_columns) =
                (schema::list_columns(&mut source, &table).await?, schema::list_columns(&mut to, &table).await?);
            if from_columns != to_columns {
                return Err(DbError::Setup(format!("table {table} has different columns in source and target")));
            }
            plan.push((table, to_columns));
        }
        for (table, _) in plan.iter().rev() {
            to.execute(&format!("DELETE FROM {table}"), &[]).await?;
        }
        let mut copied = Vec::new();
        for (table, columns) in plan {
            let read = copy_table(&mut source, &mut to, &table, &columns).await?;
            let written = read_content(&mut to, &table, &columns).await?;
            if read != written {
                return Err(DbError::Setup(format!(
                    "table {table} differs after the copy (rows read: {}, written: {}); nothing was stored",
                    read.rows, written.rows
                )));
            }
            copied.push((table, read.rows));
        }
        set_next_id(&mut to, next_id).await?;
        to.commit().await?;
        Ok(copied)
    }
}

/// What a database holds of which nothing but the migrations is known, on an engine in memory.
async fn read_contents_after_migrations(migrations: &[Migration]) -> Result<Vec<Content>, DbError> {
    let pool = SqlitePoolOptions::new().max_connections(1).connect("sqlite::memory:").await?;
    let mut tx = Tx::new(Session::begin_sqlite(&pool, "BEGIN").await?, None);
    tx.run_all_migrations(migrations).await?;
    read_all_contents(&mut tx).await
}

async fn read_all_contents(tx: &mut Tx) -> Result<Vec<Content>, DbError> {
    let mut contents = Vec::new();
    let mut tables = schema::list_tables(tx).await?;
    tables.sort_unstable();
    for table in tables {
        let columns = schema::list_columns(tx, &table).await?;
        contents.push(read_content(tx, &table, &columns).await?);
    }
    Ok(contents)
}

async fn read_content(tx: &mut Tx, table: &str, columns: &[ColumnKind]) -> Result<Content, DbError> {
    let mut content = Content { table: table.to_owned(), rows: 0, digest: Digest::default() };
    tx.for_each_row(&render_select(table, columns), &[], async |row| {
        content.add_row(&read_values(&row, table, columns)?);
        Ok::<_, DbError>(())
    })
    .await?;
    Ok(content)
}

impl Content {
    fn add_row(&mut self, row: &[Val]) {
        self.rows += 1;
        self.digest.add_row(row);
    }
}

async fn copy_table(from: &mut Tx, to: &mut Tx, table: &str, columns: &[ColumnKind]) -> Result<Content, DbError> {
    let mut read = Content { table: table.to_owned(), rows: 0, digest: Digest::default() };
    let (mut waiting, mut bytes) = (Vec::new(), 0);
    let take = async |row: Row| {
        let row = read_values(&row, table, columns)?;
        read.add_row(&row);
        bytes += row.iter().map(value_size).sum::<usize>();
        waiting.extend(row);
        if waiting.len() >= ROWS_PER_INSERT * columns.len() || bytes >= BYTES_PER_INSERT {
            bytes = 0;
            insert_rows(to, table, columns, &std::mem::take(&mut waiting)).await?;
        }
        Ok::<_, DbError>(())
    };
    from.for_each_row(&render_select(table, columns), &[], take).await?;
    if !waiting.is_empty() {
        insert_rows(to, table, columns, &waiting).await?;
    }
    Ok(read)
}

fn column_names(columns: &[ColumnKind]) -> String {
    columns.iter().map(|c| c.name.as_str()).collect::<Vec<_>>().join(", ")
}

fn render_select(table: &str, columns: &[ColumnKind]) -> String {
    format!("SELECT {} FROM {table}", column_names(columns))
}

async fn insert_rows(to: &mut Tx, table: &str, columns: &[ColumnKind], vals: &[Val]) -> Result<(), DbError> {
    let width = columns.len();
    let tuple = |row: usize| {
        let places: Vec<String> = (1..=width).map(|place| format!("${}", row * width + place)).collect();
        format!("({})", places.join(", "))
    };
    let tuples: Vec<String> = (0..vals.len() / width).map(tuple).collect();
    let sql = format!("INSERT INTO {table} ({}) VALUES {}", column_names(columns), tuples.join(", "));
    to.execute(&sql, vals).await.map(drop)
}

fn read_values(row: &Row, table: &str, columns: &[ColumnKind]) -> Result<Vec<Val>, DbError> {
    let value = |(place, column): (usize, &ColumnKind)| {
        let at = Column::Place(place);
        let value = match column.kind {
            Kind::Integer => FromColumn::from_column(row, &at).map(Val::I64),
            Kind::Float => FromColumn::from_column(row, &at).map(Val::F64),
            Kind::Text => FromColumn::from_column(row, &at).map(Val::Text),
            Kind::Blob => FromColumn::from_column(row, &at).map(Val::Blob),
        };
        value.map_err(|e| match e {
            DbError::Column { reason, .. } => DbError::Column { column: format!("{table}.{}", column.name), reason },
            e => e,
        })
    };
    columns.iter().enumerate().map(value).collect()
}

fn value_size(val: &Val) -> usize {
    match val {
        Val::Text(Some(text)) => text.len(),
        Val::Blob(Some(blob)) => blob.len(),
        _ => 8,
    }
}

/// The number that the next id would have at least.
async fn read_next_id(tx: &mut Tx) -> Result<i64, DbError> {
    let sql = match tx.engine() {
        Engine::Sqlite => "SELECT next FROM id_sequence",
        Engine::Postgres => "SELECT last_value + 1 AS next FROM id_sequence",
    };
    tx.fetch_one(sql, &[]).await?.get("next")
}

async fn set_next_id(tx: &mut Tx, next: i64) -> Result<(), DbError> {
    match tx.engine() {
        Engine::Sqlite => tx.execute("UPDATE id_sequence SET next = $1", &[next.into()]).await.map(drop),
        Engine::Postgres => tx.fetch_one("SELECT setval('id_sequence', $1, false)", &[next.into()]).await.map(drop),
    }
}
