//! What can go wrong with a database, in terms a caller can act on.

use std::error::Error as StdError;

use thiserror::Error;

/// A failed statement, transaction or start of a database.
#[derive(Debug, Error)]
pub enum DbError {
    /// The statement was refused by a unique constraint.
    #[error("a row with this key exists")]
    Unique(#[source] sqlx::Error),
    /// The statement was refused by another constraint (NOT NULL, foreign key, length).
    #[error("the row breaks a constraint")]
    Constraint(#[source] sqlx::Error),
    /// Concurrent writers; the transaction may be tried again.
    #[error("another transaction changed the same rows")]
    Conflict(#[source] sqlx::Error),
    /// An earlier statement of this transaction failed, so nothing of it was stored.
    #[error("an earlier statement of the transaction failed; nothing was stored")]
    Poisoned,
    /// The statement is sound, but a value cannot be computed or the engine cannot hold it: a sum too large, a pattern too
    /// complex, too many tables.
    #[error("a value cannot be computed, or the statement is too complex")]
    Data(#[source] sqlx::Error),
    /// The statement reads for longer than `database.read_timeout`.
    #[error("the question takes too long to answer")]
    TooSlow(#[source] sqlx::Error),
    /// No connection became free in time: all of them work, or none can be made.
    #[error("no database connection became free in time")]
    Busy(#[source] sqlx::Error),
    /// Text with a NUL byte, refused before it reaches the database.
    #[error("text contains a NUL character")]
    Nul,
    /// A column that is missing or holds another kind than asked for.
    #[error("column {column}: {reason}")]
    Column { column: String, reason: String },
    /// A row was expected and there was none.
    #[error("no row")]
    NoRow,
    /// The database cannot be used as it is set up.
    #[error("{0}")]
    Setup(String),
    /// There is no room on the disk of the database; nothing was stored.
    #[error("the disk of the database is full")]
    DiskFull(#[source] sqlx::Error),
    /// The database cannot be reached, or its files cannot be read or written; nothing was stored.
    #[error("the database cannot be reached, or its files cannot be read or written")]
    Unavailable(#[source] sqlx::Error),
    /// Anything else, for example bad SQL.
    #[error("database failure")]
    Other(#[source] sqlx::Error),
}

impl From<sqlx::Error> for DbError {
    fn from(e: sqlx::Error) -> Self {
        let Some(db) = e.as_database_error() else {
            return if matches!(e, sqlx::Error::PoolTimedOut) { Self::Busy(e) } else { Self::Other(e) };
        };
        let conflict = db.code().is_some_and(|code| matches!(code.as_ref(), "40001" | "40P01"));
        match db.kind() {
            _ if conflict => Self::Conflict(e),
            _ if is_too_slow(db) => Self::TooSlow(e),
            _ if is_about_data(db) => Self::Data(e),
            sqlx::error::ErrorKind::UniqueViolation => Self::Unique(e),
            sqlx::error::ErrorKind::ForeignKeyViolation
            | sqlx::error::ErrorKind::NotNullViolation
            | sqlx::error::ErrorKind::CheckViolation => Self::Constraint(e),
            _ => Self::Other(e),
        }
    }
}

fn is_too_slow(db: &dyn sqlx::error::DatabaseError) -> bool {
    // query_canceled, and SQLITE_INTERRUPT.
    let code = if db.try_downcast_ref::<sqlx::sqlite::SqliteError>().is_some() { "9" } else { "57014" };
    db.code().is_some_and(|given| given == code)
}

/// `PostgreSQL` has codes for it (SQLSTATE classes 22 and 54, and 42803 for what has no one value in a group), `SQLite` has
/// words.
fn is_about_data(db: &dyn sqlx::error::DatabaseError) -> bool {
    const WORDS: [&str; 5] = ["integer overflow", "too complex", "too large", "too many", "at most 64 tables"];
    let code = db.code().unwrap_or_default();
    if db.try_downcast_ref::<sqlx::sqlite::SqliteError>().is_some() {
        return WORDS.iter().any(|words| db.message().contains(words));
    }
    code.starts_with("22") || code.starts_with("54") || code == "42803"
}

/// An error and its causes on one line, for the log.
pub fn chain(error: &dyn StdError) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        text.push_str(": ");
        text.push_str(&next.to_string());
        cause = next.source();
    }
    text
}
