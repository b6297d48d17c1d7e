//! Leases: rows that say which replica may do what only one may do at a time, each with a fencing number.
//!
//! A holder that was suspended past the end of its lease does not know it. Its writes check the fencing number under which
//! they were made ([`Lease::is_held`]), and a later holder has a higher one, so nothing of the old holder is stored.

use std::sync::Arc;
use std::time::Duration;

use crate::{Db, DbError, Micros, Tx};

const ACQUIRE: &str = "INSERT INTO lease (name, fence, holder, expires_at) VALUES ($1, 1, $2, $3) \
     ON CONFLICT (name) DO UPDATE SET fence = lease.fence + 1, holder = excluded.holder, \
     expires_at = excluded.expires_at WHERE lease.expires_at < $4 OR lease.holder = excluded.holder RETURNING fence";
const RENEW: &str = "UPDATE lease SET expires_at = $1 WHERE name = $2 AND fence = $3";
/// Locks the row until the end of the transaction, so that the lease cannot change hands before its commit.
const IS_HELD: &str = "UPDATE lease SET fence = fence WHERE name = $1 AND fence = $2";
const RELEASE: &str = "UPDATE lease SET expires_at = 0 WHERE name = $1 AND fence = $2";
/// Every statement, for the test that prepares them on each engine.
pub const ALL: [&str; 4] = [ACQUIRE, RENEW, IS_HELD, RELEASE];

/// The leases in one database, as one holder sees them. Cheap to clone.
#[derive(Debug, Clone)]
pub struct LeaseStore {
    db: Db,
    holder: Arc<str>,
}

/// A lease as it was acquired. Whether it is still held, the database knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    name: &'static str,
    fence: i64,
}

impl LeaseStore {
    /// `holder` must differ between processes and between their starts.
    pub fn new(db: Db, holder: Arc<str>) -> Self {
        Self { db, holder }
    }

    /// The lease, unless another holder has it. The holder that has it already gets it with a higher fencing number.
    pub async fn acquire(
        &self,
        name: &'static str,
        time_to_live: Duration,
        now: Micros,
    ) -> Result<Option<Lease>, DbError> {
        let vals = [name.into(), (&*self.holder).into(), (now + time_to_live).into(), now.into()];
        let row = self.db.write(async |tx| tx.fetch_optional(ACQUIRE, &vals).await).await?;
        row.map(|row| row.get("fence")).transpose().map(|fence| fence.map(|fence| Lease { name, fence }))
    }

    /// Extends a lease until `time_to_live` after `now`; `false` if another holder has it by now.
    pub async fn renew(&self, lease: &Lease, time_to_live: Duration, now: Micros) -> Result<bool, DbError> {
        let vals = [(now + time_to_live).into(), lease.name.into(), lease.fence.into()];
        Ok(self.db.write(async |tx| tx.execute(RENEW, &vals).await).await? == 1)
    }

    /// Ends a lease, so that the next holder can have it at once. Does nothing if another holder has it by now.
    pub async fn release(&self, lease: &Lease) -> Result<(), DbError> {
        let vals = [lease.name.into(), lease.fence.into()];
        self.db.write(async |tx| tx.execute(RELEASE, &vals).await).await.map(drop)
    }
}

impl Lease {
    pub fn lease_name(&self) -> &'static str {
        self.name
    }

    /// The fencing number. It rises each time that the lease is acquired.
    pub fn fence(&self) -> i64 {
        self.fence
    }

    /// Whether the lease is still held; if so, it stays held until this transaction ends.
    pub async fn is_held(&self, tx: &mut Tx) -> Result<bool, DbError> {
        Ok(tx.execute(IS_HELD, &[self.name.into(), self.fence.into()]).await? == 1)
    }
}
