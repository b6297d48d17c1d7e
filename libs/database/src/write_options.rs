//! How a transaction that writes begins.

use std::collections::BTreeMap;
use std::time::Duration;

/// What a transaction needs besides the usual; [`Default`] is what [`Db::write`](crate::Db::write) does.
#[derive(Debug, Clone, Copy, Default)]
pub struct WriteOptions {
    pub isolation: Isolation,
    /// For work that may take seconds: on `SQLite`, those who write at the same time are not acknowledged together with it, but
    /// before or after.
    pub is_alone: bool,
    /// Transactions that [require the lock](crate::Tx::require_table_lock) of one of these tables rely on rows that this one
    /// changes; it waits for them before it takes its snapshot, and they for it.
    pub respected_locks: &'static [&'static str],
}

/// On `PostgreSQL`; transactions of `SQLite` run one after the other.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Isolation {
    #[default]
    RepeatableRead,
    ReadCommitted,
}

/// One attempt.
pub(crate) struct Begin {
    pub options: WriteOptions,
    /// Tables that it locks itself.
    pub locked_tables: Vec<&'static str>,
}

impl Begin {
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
        format!(
            "BEGIN ISOLATION LEVEL {isolation}; SET LOCAL lock_timeout = {}{}",
            lock_timeout.as_millis(),
            locks.concat()
        )
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
            begin.postgres_script(Duration::from_millis(70)),
            "BEGIN ISOLATION LEVEL REPEATABLE READ; SET LOCAL lock_timeout = 70; LOCK TABLE a IN ROW EXCLUSIVE MODE; \
             LOCK TABLE b IN SHARE ROW EXCLUSIVE MODE; LOCK TABLE c IN SHARE ROW EXCLUSIVE MODE; \
             LOCK TABLE d IN ROW EXCLUSIVE MODE"
        );
    }
}
