//! Rows of both engines behind one reader.

use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, TypeInfo as _, ValueRef as _};

use crate::{DbError, Micros};

/// One row of a result.
pub struct Row(pub(crate) Inner);

pub(crate) enum Inner {
    Sqlite(SqliteRow),
    Postgres(PgRow),
}

impl Row {
    /// The value of a column by its name; `Option<T>` where it may be NULL.
    pub fn get<T: FromColumn>(&self, column: &str) -> Result<T, DbError> {
        T::from_column(self, &Column::Name(column))
    }

    /// The value of a column by its place, counted from 0; for statements composed at run time.
    pub fn get_at<T: FromColumn>(&self, place: usize) -> Result<T, DbError> {
        T::from_column(self, &Column::Place(place))
    }

    /// The text of a column by its place, without a copy; `None` for NULL.
    pub fn get_text_at(&self, place: usize) -> Result<Option<&str>, DbError> {
        match &self.0 {
            Inner::Sqlite(row) => row.try_get(place),
            Inner::Postgres(row) => row.try_get(place),
        }
        .map_err(|e| Column::Place(place).to_error(e))
    }
}

/// Which column is meant.
pub enum Column<'a> {
    Name(&'a str),
    Place(usize),
}

impl Column<'_> {
    fn to_error(&self, reason: impl std::fmt::Display) -> DbError {
        let column = match self {
            Self::Name(name) => (*name).to_owned(),
            Self::Place(place) => format!("number {place}"),
        };
        DbError::Column { column, reason: reason.to_string() }
    }
}

/// The kinds that can be read from a column.
pub trait FromColumn: Sized {
    fn from_column(row: &Row, column: &Column<'_>) -> Result<Self, DbError>;
}

fn decode_column<T>(row: &Row, column: &Column<'_>) -> Result<Option<T>, DbError>
where
    T: for<'r> sqlx::Decode<'r, sqlx::Sqlite>
        + sqlx::Type<sqlx::Sqlite>
        + for<'r> sqlx::Decode<'r, sqlx::Postgres>
        + sqlx::Type<sqlx::Postgres>,
{
    match (&row.0, column) {
        (Inner::Sqlite(row), Column::Name(name)) => row.try_get(*name),
        (Inner::Sqlite(row), Column::Place(place)) => row.try_get(*place),
        (Inner::Postgres(row), Column::Name(name)) => row.try_get(*name),
        (Inner::Postgres(row), Column::Place(place)) => row.try_get(*place),
    }
    .map_err(|e| column.to_error(e))
}

/// `PostgreSQL` types integer expressions as narrow as it can (`CASE … THEN 1` is an `int4`).
fn is_int4(row: &Row, column: &Column<'_>) -> bool {
    let Inner::Postgres(row) = &row.0 else {
        return false;
    };
    let value = match column {
        Column::Name(name) => row.try_get_raw(*name),
        Column::Place(place) => row.try_get_raw(*place),
    };
    value.is_ok_and(|value| value.type_info().name() == "INT4")
}

impl FromColumn for Option<i64> {
    fn from_column(row: &Row, column: &Column<'_>) -> Result<Self, DbError> {
        if is_int4(row, column) {
            return Ok(decode_column::<i32>(row, column)?.map(i64::from));
        }
        decode_column::<i64>(row, column)
    }
}
impl FromColumn for Option<f64> {
    fn from_column(row: &Row, column: &Column<'_>) -> Result<Self, DbError> {
        decode_column::<f64>(row, column)
    }
}
impl FromColumn for Option<String> {
    fn from_column(row: &Row, column: &Column<'_>) -> Result<Self, DbError> {
        decode_column::<String>(row, column)
    }
}
impl FromColumn for Option<Vec<u8>> {
    fn from_column(row: &Row, column: &Column<'_>) -> Result<Self, DbError> {
        decode_column::<Vec<u8>>(row, column)
    }
}

fn require_value<T>(row: &Row, column: &Column<'_>) -> Result<T, DbError>
where
    Option<T>: FromColumn,
{
    Option::<T>::from_column(row, column)?.ok_or_else(|| column.to_error("is NULL"))
}

impl FromColumn for i64 {
    fn from_column(row: &Row, column: &Column<'_>) -> Result<Self, DbError> {
        require_value(row, column)
    }
}
impl FromColumn for f64 {
    fn from_column(row: &Row, column: &Column<'_>) -> Result<Self, DbError> {
        require_value(row, column)
    }
}
impl FromColumn for String {
    fn from_column(row: &Row, column: &Column<'_>) -> Result<Self, DbError> {
        require_value(row, column)
    }
}
impl FromColumn for Vec<u8> {
    fn from_column(row: &Row, column: &Column<'_>) -> Result<Self, DbError> {
        require_value(row, column)
    }
}
impl FromColumn for bool {
    fn from_column(row: &Row, column: &Column<'_>) -> Result<Self, DbError> {
        Ok(i64::from_column(row, column)? != 0)
    }
}
impl FromColumn for Option<Micros> {
    fn from_column(row: &Row, column: &Column<'_>) -> Result<Self, DbError> {
        Ok(Option::<i64>::from_column(row, column)?.map(Micros::from_i64))
    }
}
impl FromColumn for Micros {
    fn from_column(row: &Row, column: &Column<'_>) -> Result<Self, DbError> {
        require_value(row, column)
    }
}
