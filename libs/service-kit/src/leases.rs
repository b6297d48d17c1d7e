//! Leases: what only one replica may do at a time, as rows with a fencing number.
//!
//! A holder that was stopped past the end of its lease does not know it. Its writes name the fence they were made
//! under ([`Lease::is_held`]), and a later holder has a higher one, so that nothing of the old holder is stored.

use std::sync::Arc;
use std::time::Duration;

use crate::clock::Clock;
use crate::db::{Db, DbError, Tx};
use crate::metrics::{LeaseLabels, Metrics};

pub(crate) const ACQUIRE: &str = "INSERT INTO lease (name, fence, holder, expires_at) VALUES ($1, 1, $2, $3) \
     ON CONFLICT (name) DO UPDATE SET fence = lease.fence + 1, holder = excluded.holder, \
     expires_at = excluded.expires_at WHERE lease.expires_at < $4 OR lease.holder = excluded.holder RETURNING fence";
pub(crate) const RENEW: &str = "UPDATE lease SET expires_at = $1 WHERE name = $2 AND fence = $3";
/// Locks the row until the end of the transaction, so that the lease cannot change hands before its commit.
pub(crate) const HOLDS: &str = "UPDATE lease SET fence = fence WHERE name = $1 AND fence = $2";
pub(crate) const RELEASE: &str = "UPDATE lease SET expires_at = 0 WHERE name = $1 AND fence = $2";
/// Every statement, for the test that prepares them on each engine.
pub const ALL: [&str; 4] = [ACQUIRE, RENEW, HOLDS, RELEASE];

/// The leases of one service. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Leases {
    db: Db,
    clock: Arc<dyn Clock>,
    service: &'static str,
    /// Differs between processes and between starts.
    holder: Arc<str>,
    metrics: Metrics,
}

/// A right that was held when it was given out; whether it still is, the database knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    name: &'static str,
    fence: i64,
}

impl Leases {
    /// What a process has of each service it runs is in [`Ctx`](crate::Ctx); this is for a holder of another kind. `holder` is
    /// the name under which leases are kept, unlike that of anybody else.
    pub fn new(db: Db, clock: Arc<dyn Clock>, service: &'static str, holder: Arc<str>, metrics: Metrics) -> Self {
        Self { db, clock, service, holder, metrics }
    }

    /// The lease, if nobody else has it. The process that holds it already gets it anew, with a higher fence.
    pub async fn acquire(&self, name: &'static str, time_to_live: Duration) -> Result<Option<Lease>, DbError> {
        let now = self.clock.now_micros();
        let vals = [name.into(), (&*self.holder).into(), until(now, time_to_live).into(), now.into()];
        let row = self.db.write(async |tx| tx.fetch_optional(ACQUIRE, &vals).await).await?;
        let lease = row.map(|row| row.get("fence")).transpose()?.map(|fence| Lease { name, fence });
        self.note(name, lease.is_some());
        Ok(lease)
    }

    /// Prolongs a lease; `false` if somebody else has it now.
    pub async fn renew(&self, lease: &Lease, time_to_live: Duration) -> Result<bool, DbError> {
        let expires_at = until(self.clock.now_micros(), time_to_live);
        let vals = [expires_at.into(), lease.name.into(), lease.fence.into()];
        let held = self.db.write(async |tx| tx.execute(RENEW, &vals).await).await? == 1;
        self.note(lease.name, held);
        Ok(held)
    }

    /// Lets the next one have it at once.
    pub async fn release(&self, lease: &Lease) -> Result<(), DbError> {
        let vals = [lease.name.into(), lease.fence.into()];
        self.db.write(async |tx| tx.execute(RELEASE, &vals).await).await?;
        self.note(lease.name, false);
        Ok(())
    }

    fn note(&self, name: &'static str, held: bool) {
        let labels = LeaseLabels { undulator_service: self.service, lease: name };
        self.metrics.leases.get_or_create(&labels).set(i64::from(held));
    }
}

impl Lease {
    /// Rises with every change of hands.
    pub fn fence(&self) -> i64 {
        self.fence
    }

    /// Whether the lease is still held, and stays so until this transaction ends.
    pub async fn is_held(&self, tx: &mut Tx) -> Result<bool, DbError> {
        Ok(tx.execute(HOLDS, &[self.name.into(), self.fence.into()]).await? == 1)
    }
}

fn until(now_micros: i64, time_to_live: Duration) -> i64 {
    now_micros.saturating_add(i64::try_from(time_to_live.as_micros()).unwrap_or(i64::MAX))
}
