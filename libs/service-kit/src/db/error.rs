//! What can go wrong with a database, in terms a caller can act on.

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
    /// Anything else: connection lost, disk full, bad SQL.
    #[error("database failure")]
    Other(#[source] sqlx::Error),
}

impl From<sqlx::Error> for DbError {
    fn from(e: sqlx::Error) -> Self {
        let Some(db) = e.as_database_error() else {
            return Self::Other(e);
        };
        let conflict = db.code().is_some_and(|code| matches!(code.as_ref(), "40001" | "40P01"));
        match db.kind() {
            _ if conflict => Self::Conflict(e),
            sqlx::error::ErrorKind::UniqueViolation => Self::Unique(e),
            sqlx::error::ErrorKind::ForeignKeyViolation
            | sqlx::error::ErrorKind::NotNullViolation
            | sqlx::error::ErrorKind::CheckViolation => Self::Constraint(e),
            _ => Self::Other(e),
        }
    }
}
