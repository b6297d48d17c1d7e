//! The values of many rows as parameters of one statement.

use sqlx::Arguments as _;
use sqlx::postgres::PgArguments;
use sqlx::sqlite::SqliteArguments;

use crate::{DbError, Val};

/// Rows per statement on `SQLite`, from large to small.
const SQLITE_ROWS: [usize; 4] = [64, 16, 4, 1];
/// Rows per statement on `PostgreSQL`.
pub const POSTGRES_ROWS: usize = 1_000;

/// The rows of the next statement on `SQLite`, if so many are left.
pub fn count_sqlite_rows(left: usize) -> usize {
    SQLITE_ROWS.into_iter().find(|size| *size <= left).unwrap_or(1)
}

/// Fails unless all rows have as many values as there are columns, of the same kinds.
pub fn require_same_kinds(table: &str, columns: usize, rows: &[Vec<Val>]) -> Result<(), DbError> {
    let kinds: Vec<char> = rows.iter().take(1).flatten().map(Val::type_letter).collect();
    let is_equal = |row: &Vec<Val>| row.len() == columns && row.iter().map(Val::type_letter).eq(kinds.iter().copied());
    if rows.iter().all(is_equal) {
        return Ok(());
    }
    Err(DbError::Setup(format!("rows of {table} differ in the number or kinds of their values")))
}

/// The type of a parameter with this value.
pub fn postgres_type(val: &Val) -> &'static str {
    match val {
        Val::I64(_) => "BIGINT",
        Val::F64(_) => "DOUBLE PRECISION",
        Val::Text(_) => "TEXT",
        Val::Blob(_) => "BYTEA",
    }
}

// Values of these four kinds always encode.
pub fn add_to_sqlite(arguments: &mut SqliteArguments, val: Val) {
    let _encoded = match val {
        Val::I64(v) => arguments.add(v),
        Val::F64(v) => arguments.add(v),
        Val::Text(v) => arguments.add(v),
        Val::Blob(v) => arguments.add(v),
    };
}

pub fn add_to_postgres(arguments: &mut PgArguments, val: Val) {
    let _encoded = match val {
        Val::I64(v) => arguments.add(v),
        Val::F64(v) => arguments.add(v),
        Val::Text(v) => arguments.add(v),
        Val::Blob(v) => arguments.add(v),
    };
}

/// The values of one column.
pub enum Array {
    I64(Vec<Option<i64>>),
    F64(Vec<Option<f64>>),
    Text(Vec<Option<String>>),
    Blob(Vec<Option<Vec<u8>>>),
}

impl Array {
    fn for_kind_of(val: &Val, capacity: usize) -> Self {
        match val {
            Val::I64(_) => Self::I64(Vec::with_capacity(capacity)),
            Val::F64(_) => Self::F64(Vec::with_capacity(capacity)),
            Val::Text(_) => Self::Text(Vec::with_capacity(capacity)),
            Val::Blob(_) => Self::Blob(Vec::with_capacity(capacity)),
        }
    }

    fn push(&mut self, val: Val) {
        match (self, val) {
            (Self::I64(list), Val::I64(v)) => list.push(v),
            (Self::F64(list), Val::F64(v)) => list.push(v),
            (Self::Text(list), Val::Text(v)) => list.push(v),
            (Self::Blob(list), Val::Blob(v)) => list.push(v),
            (_, val) => unreachable!("the kinds were compared, and {val:?} is of another one"),
        }
    }

    pub fn add_to(self, arguments: &mut PgArguments) {
        let _encoded = match self {
            Self::I64(list) => arguments.add(list),
            Self::F64(list) => arguments.add(list),
            Self::Text(list) => arguments.add(list),
            Self::Blob(list) => arguments.add(list),
        };
    }
}

/// Rows as columns.
pub fn transpose(rows: Vec<Vec<Val>>) -> Vec<Array> {
    let count = rows.len();
    let kinds = rows.first().into_iter().flatten();
    let mut columns: Vec<Array> = kinds.map(|val| Array::for_kind_of(val, count)).collect();
    for row in rows {
        for (column, val) in columns.iter_mut().zip(row) {
            column.push(val);
        }
    }
    columns
}
