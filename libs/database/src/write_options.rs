//! How a transaction that writes begins.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::DbError;

/// What a transaction needs besides the usual; [`Default`] is what [`Db::write`](crate::Db::write) does.
#[derive(Debug, Clone, Copy, Default)]
pub struct WriteOptions {
    pub isolation: Isolation,
    /// For work that may take seconds: on `SQLite`, those who write at the same time are not acknowledged together with it, but
    /// before or after.
    pub is_alone: bool,
    /// Tables whose [locks](crate::Tx::require_table_lock) protect rows that this transaction changes: it waits for a lock that is
    /// held before it takes its snapshot, and nobody gets the lock before it ends.
    pub respected_locks: &'static [&'static str],
}

/// On `PostgreSQL`; transactions of `SQLite` run one after the other.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Isolation {
    #[default]
    RepeatableRead,
    ReadCommitted,
}

/// How long a transaction waits for a table lock before it tries again, because everybody who writes waits behind it.
const MAX_WAIT_FOR_TABLE_LOCK: Duration = Duration::from_millis(200);

/// One attempt.
pub(crate) struct Begin {
    pub options: WriteOptions,
    /// Tables that it locks itself.
    pub locked_tables: Vec<&'static str>,
}

impl Begin {
    /// Whether it failed because of others: they held a table that is to be locked, or waited for each other.
    pub fn can_be_repeated_after(&self, e: &DbError) -> bool {
        match e {
            DbError::Conflict(_) => true,
            DbError::Busy(_) => !self.locked_tables.is_empty(),
            _ => false,
        }
    }

    /// Tables are locked before the snapshot is taken, and in the order of names, so that two transactions do not wait for each
    /// other.
    pub fn postgres_script(&self, lock_timeout: Duration) -> String {
        let respected = self.options.respected_locks.iter().map(|table| (*table, "ROW EXCLUSIVE"));
        let locked = self.locked_tables.iter().map(|table| (*table, "SHARE ROW EXCLUSIVE"));
        let modes: BTreeMap<&str, &str> = respected.chain(locked).collect();
        let locks: Vec<String> =
            modes.iter().map(|(table, mode)| format!("; LOCK TABLE {table} IN {mode} MODE")).collect();
        let isolation = match self.options.isolation {
            Isolation::RepeatableRead => "REPEATABLE READ",
            Isolation::ReadCommitted => "READ COMMITTED",
        };
        let set = |timeout: Duration| format!("; SET LOCAL lock_timeout = {}", timeout.as_millis());
        let mut script = format!("BEGIN ISOLATION LEVEL {isolation}");
        if self.locked_tables.is_empty() {
            return script + &set(lock_timeout) + &locks.concat();
        }
        // Others queue behind a lock that waits.
        script += &set(MAX_WAIT_FOR_TABLE_LOCK.min(lock_timeout));
        script + &locks.concat() + &set(lock_timeout)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_locked_in_the_order_of_their_names_and_in_the_stronger_mode() {
        let options = WriteOptions { respected_locks: &["d", "b", "a"], ..WriteOptions::default() };
        let begin = Begin { options, locked_tables: vec!["c", "b"] };
        assert_eq!(
            begin.postgres_script(Duration::from_secs(7)),
            "BEGIN ISOLATION LEVEL REPEATABLE READ; SET LOCAL lock_timeout = 200; LOCK TABLE a IN ROW EXCLUSIVE MODE; \
             LOCK TABLE b IN SHARE ROW EXCLUSIVE MODE; LOCK TABLE c IN SHARE ROW EXCLUSIVE MODE; \
             LOCK TABLE d IN ROW EXCLUSIVE MODE; SET LOCAL lock_timeout = 7000"
        );
    }
}
