//! What can go wrong with a database, in terms a caller can act on.

use std::error::Error as StdError;

use sqlx::error::{DatabaseError, ErrorKind};
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
    /// Another transaction changed the same rows; this one may be tried again.
    #[error("another transaction changed the same rows")]
    Conflict(#[source] sqlx::Error),
    /// An earlier statement of this transaction failed, so nothing of it was stored.
    #[error("an earlier statement of the transaction failed; nothing was stored")]
    Poisoned,
    /// The statement is sound, but a value cannot be computed or the engine cannot hold it: a sum too large, a pattern
    /// too complex, too many tables; on `PostgreSQL` also a text of more than 2,704 bytes in an index, unless it can be
    /// compressed. `SQLite` takes any, so texts of more than 2,500 bytes are refused where they come in, or stand in an
    /// index as a digest.
    #[error("a value cannot be computed, or the statement is too complex")]
    Data(#[source] sqlx::Error),
    /// The statement ran for longer than `database.read_timeout`.
    #[error("the query takes too long")]
    TooSlow(#[source] sqlx::Error),
    /// No connection or lock became free in time (`database.lock_timeout`), or no connection can be opened.
    #[error("no connection or lock of the database became free in time")]
    Busy(#[source] sqlx::Error),
    /// Text with a NUL byte, refused before it reaches the database.
    #[error("text contains a NUL character")]
    Nul,
    /// A column that is missing or holds a value of another kind than requested.
    #[error("column {column}: {reason}")]
    Column { column: String, reason: String },
    /// A row was expected and there was none.
    #[error("no row")]
    NoRow,
    /// The database cannot be used as it is set up.
    #[error("{0}")]
    Setup(String),
    /// The disk of the database is full; nothing was stored.
    #[error("the disk of the database is full")]
    DiskFull(#[source] sqlx::Error),
    /// The database cannot be reached, or its files cannot be read or written; nothing was stored.
    #[error("the database cannot be reached, or its files cannot be read or written")]
    Unavailable(#[source] sqlx::Error),
    /// The connection or the disk failed during `COMMIT`: the change is stored as a whole or not at all, and nobody
    /// knows which.
    #[error("the database failed while it committed, so the change may or may not be stored")]
    CommitUnknown(#[source] sqlx::Error),
    /// Anything else, for example bad SQL.
    #[error("database failure")]
    Other(#[source] sqlx::Error),
}

impl From<sqlx::Error> for DbError {
    fn from(e: sqlx::Error) -> Self {
        let Some(db) = e.as_database_error() else { return Self::of_connection(e) };
        let code = db.code().unwrap_or_default();
        let kind = match db.try_downcast_ref::<sqlx::sqlite::SqliteError>() {
            Some(_) => sqlite_kind(code.parse().unwrap_or_default(), db.message()),
            None => postgres_kind(&code),
        };
        match (kind, db.kind()) {
            (Some(kind), _) => kind(e),
            (None, ErrorKind::UniqueViolation) => Self::Unique(e),
            (None, ErrorKind::ForeignKeyViolation | ErrorKind::NotNullViolation | ErrorKind::CheckViolation) => {
                Self::Constraint(e)
            }
            (None, _) => Self::Other(e),
        }
    }
}

impl DbError {
    /// Errors that no database has answered with.
    fn of_connection(e: sqlx::Error) -> Self {
        match e {
            sqlx::Error::PoolTimedOut => Self::Busy(e),
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::Protocol(_)
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed
            | sqlx::Error::BeginFailed => Self::Unavailable(e),
            e => Self::Other(e),
        }
    }

    /// A snapshot that refuses to write is used wrongly, and its database is well.
    pub(crate) fn of_statement(e: sqlx::Error, is_snapshot: bool) -> Self {
        let code = e.as_database_error().and_then(DatabaseError::code).unwrap_or_default().into_owned();
        match Self::from(e) {
            Self::Unavailable(e) if is_snapshot && (code == "8" || code == "25006") => Self::Other(e),
            error => error,
        }
    }

    pub(crate) fn of_commit(e: sqlx::Error) -> Self {
        match Self::from(e) {
            Self::Unavailable(e) => Self::CommitUnknown(e),
            error => error,
        }
    }

    /// Whether a connection was closed by the other side, or by something between: `PostgreSQL` says
    /// [57P01, 57P02 or 57P05](https://www.postgresql.org/docs/current/errcodes-appendix.html) if it has the time.
    pub(crate) fn is_lost_connection(e: &sqlx::Error) -> bool {
        match e.as_database_error().and_then(DatabaseError::code) {
            Some(code) => ["57P01", "57P02", "57P05"].contains(&&*code),
            None => matches!(e, sqlx::Error::Io(_) | sqlx::Error::Tls(_)),
        }
    }

    /// Whether the transaction or the connection may be gone: `SQLite` rolls back by itself after some of these, and a
    /// connection that was cut off has no state at all.
    pub(crate) fn breaks_connection(&self) -> bool {
        matches!(self, Self::DiskFull(_) | Self::Unavailable(_) | Self::CommitUnknown(_) | Self::TooSlow(_))
            || matches!(self, Self::Other(e) if e.as_database_error().is_none())
            || matches!(self, Self::Conflict(e) if e.as_database_error().is_some_and(is_sqlite))
    }
}

fn is_sqlite(db: &(dyn DatabaseError + 'static)) -> bool {
    db.try_downcast_ref::<sqlx::sqlite::SqliteError>().is_some()
}

type MakeError = fn(sqlx::Error) -> DbError;

/// By the [result codes](https://sqlite.org/rescode.html): the low byte is the kind, the rest says more about it.
fn sqlite_kind(code: i32, message: &str) -> Option<MakeError> {
    const BUSY_SNAPSHOT: i32 = 517;
    // JSON: see `Engine::whole_number`.
    const WORDS: [&str; 6] =
        ["integer overflow", "malformed JSON", "too complex", "too large", "too many", "at most 64 tables"];
    Some(match (code, code & 0xff) {
        (BUSY_SNAPSHOT, _) => DbError::Conflict,
        // BUSY, LOCKED, PROTOCOL
        (_, 5 | 6 | 15) => DbError::Busy,
        // INTERRUPT
        (_, 9) => DbError::TooSlow,
        // FULL
        (_, 13) => DbError::DiskFull,
        // PERM, NOMEM, READONLY, IOERR, CANTOPEN
        (_, 3 | 7 | 8 | 10 | 14) => DbError::Unavailable,
        // TOOBIG
        (_, 18) => DbError::Data,
        _ if WORDS.iter().any(|words| message.contains(words)) => DbError::Data,
        _ => return None,
    })
}

/// By the [SQLSTATE](https://www.postgresql.org/docs/current/errcodes-appendix.html).
fn postgres_kind(code: &str) -> Option<MakeError> {
    Some(match code {
        // serialization_failure, deadlock_detected
        "40001" | "40P01" => DbError::Conflict,
        // query_canceled, transaction_timeout
        "57014" | "25P04" => DbError::TooSlow,
        // lock_not_available, too_many_connections
        "55P03" | "53300" => DbError::Busy,
        "53100" => DbError::DiskFull,
        // read_only_sql_transaction, idle_in_transaction_session_timeout
        "25006" | "25P03" => DbError::Unavailable,
        // What has no one value in a group.
        "42803" => DbError::Data,
        _ => match code.get(..2)? {
            // Connections, logins, a database that is gone, resources, operators (the server stops or starts), and the
            // system below.
            "08" | "28" | "3D" | "53" | "57" | "58" => DbError::Unavailable,
            // Values, and limits of the program.
            "22" | "54" => DbError::Data,
            _ => return None,
        },
    })
}

/// An error and its causes on one line, for logs.
pub fn format_error_chain(error: &dyn StdError) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        text.push_str(": ");
        text.push_str(&next.to_string());
        cause = next.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_of_sqlite_say_what_to_do() {
        let kind = |code| sqlite_kind(code, "").map(|kind| format!("{:?}", kind(sqlx::Error::RowNotFound)));
        for (code, expected) in [
            (5, "Busy"),
            (261, "Busy"),
            (517, "Conflict"),
            (7, "Unavailable"),
            (9, "TooSlow"),
            (13, "DiskFull"),
            (778, "Unavailable"),
            (1034, "Unavailable"),
            (3082, "Unavailable"),
            (4874, "Unavailable"),
            (1032, "Unavailable"),
            (14, "Unavailable"),
            (18, "Data"),
        ] {
            assert!(kind(code).is_some_and(|kind| kind.starts_with(expected)), "{code}: {:?}", kind(code));
        }
        // ERROR, and CONSTRAINT_UNIQUE, which sqlx knows.
        assert_eq!((kind(1), kind(2067)), (None, None));
    }

    #[test]
    fn codes_of_postgresql_say_what_to_do() {
        let kind = |code| postgres_kind(code).map(|kind| format!("{:?}", kind(sqlx::Error::RowNotFound)));
        for (code, expected) in [
            ("40001", "Conflict"),
            ("40P01", "Conflict"),
            ("55P03", "Busy"),
            ("53300", "Busy"),
            ("53100", "DiskFull"),
            ("53200", "Unavailable"),
            ("57P01", "Unavailable"),
            ("57P03", "Unavailable"),
            ("58030", "Unavailable"),
            ("08006", "Unavailable"),
            ("25006", "Unavailable"),
            ("57014", "TooSlow"),
            ("22003", "Data"),
            ("54000", "Data"),
        ] {
            assert!(kind(code).is_some_and(|kind| kind.starts_with(expected)), "{code}: {:?}", kind(code));
        }
        assert_eq!((kind("23505"), kind("42601"), kind("")), (None, None, None));
    }
}
