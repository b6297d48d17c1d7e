//! The values of many rows as parameters of one statement.

use sqlx::Arguments as _;
use sqlx::postgres::PgArguments;
use sqlx::sqlite::SqliteArguments;

use crate::{DbError, Engine, Val};

/// Rows per statement on `SQLite`, from large to small.
const SQLITE_ROWS: [usize; 4] = [64, 16, 4, 1];
/// Rows per statement on `PostgreSQL`.
const POSTGRES_ROWS: usize = 1_000;

/// The rows of the next statement; none when all are taken.
pub fn take_batch(rows: &mut std::vec::IntoIter<Vec<Val>>, engine: Engine) -> Vec<Vec<Val>> {
    let count = match engine {
        Engine::Sqlite => SQLITE_ROWS.into_iter().find(|size| *size <= rows.len()).unwrap_or(1),
        Engine::Postgres => POSTGRES_ROWS,
    };
    rows.by_ref().take(count).collect()
}

/// Whether a value is a text that no `PostgreSQL` text can hold.
pub fn have_nul(shared: &[(&str, Val)], batch: &[Vec<Val>]) -> bool {
    batch.iter().flatten().any(Val::has_nul) || shared.iter().any(|(_, val)| val.has_nul())
}

/// The placeholders of a statement on `PostgreSQL`: one for each shared value, then one array for each column.
pub struct Placeholders {
    /// With their types.
    pub shared: Vec<String>,
    /// `UNNEST(…)`
    pub unnested: String,
    /// The columns of the unnested arrays: `c0`, `c1` and so on.
    pub names: Vec<String>,
}

impl Placeholders {
    /// `first` is the first row, which has the kinds of all.
    pub fn new(shared: &[(&str, Val)], first: &[Val]) -> Self {
        let types = (1..).zip(shared).map(|(number, (_, val))| format!("${number}::{}", postgres_type(val)));
        let first_array = shared.len() + 1;
        let arrays = (first_array..).zip(first).map(|(number, val)| format!("${number}::{}[]", postgres_type(val)));
        let arrays: Vec<String> = arrays.collect();
        Self {
            shared: types.collect(),
            unnested: format!("UNNEST({})", arrays.join(", ")),
            names: (0..first.len()).map(|place| format!("c{place}")).collect(),
        }
    }
}

/// The values for [`Placeholders`].
pub fn to_postgres_arguments(shared: &[(&str, Val)], batch: Vec<Vec<Val>>) -> PgArguments {
    let mut arguments = PgArguments::default();
    for (_, val) in shared {
        add_to_postgres(&mut arguments, val.clone());
    }
    for column in transpose(batch) {
        column.add_to(&mut arguments);
    }
    arguments
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
fn postgres_type(val: &Val) -> &'static str {
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

fn add_to_postgres(arguments: &mut PgArguments, val: Val) {
    let _encoded = match val {
        Val::I64(v) => arguments.add(v),
        Val::F64(v) => arguments.add(v),
        Val::Text(v) => arguments.add(v),
        Val::Blob(v) => arguments.add(v),
    };
}

/// The values of one column.
enum Array {
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

    fn add_to(self, arguments: &mut PgArguments) {
        let _encoded = match self {
            Self::I64(list) => arguments.add(list),
            Self::F64(list) => arguments.add(list),
            Self::Text(list) => arguments.add(list),
            Self::Blob(list) => arguments.add(list),
        };
    }
}

/// Rows as columns.
fn transpose(rows: Vec<Vec<Val>>) -> Vec<Array> {
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
