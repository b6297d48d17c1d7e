//! The leases of one service, by its clock and with a metric.

use std::sync::Arc;
use std::time::Duration;

pub use database::leases::Lease;
use database::leases::LeaseStore;

use crate::clock::Clock;
use crate::db::{Db, DbError};
use crate::metrics::{LeaseLabels, Metrics};

/// What only one replica of a service may do at a time. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Leases {
    store: LeaseStore,
    clock: Arc<dyn Clock>,
    service: &'static str,
    metrics: Metrics,
}

impl Leases {
    /// Services get theirs in [`Ctx`](crate::Ctx). `holder` must differ between processes and between their starts.
    pub fn new(db: Db, clock: Arc<dyn Clock>, service: &'static str, holder: Arc<str>, metrics: Metrics) -> Self {
        Self { store: LeaseStore::new(db, holder), clock, service, metrics }
    }

    /// The lease, unless another process has it. The process that has it already gets it with a higher fencing number.
    pub async fn acquire(&self, name: &'static str, time_to_live: Duration) -> Result<Option<Lease>, DbError> {
        let lease = self.store.acquire(name, time_to_live, self.clock.now_micros()).await?;
        self.set_metric(name, lease.is_some());
        Ok(lease)
    }

    /// Extends a lease; `false` if another process has it by now.
    pub async fn renew(&self, lease: &Lease, time_to_live: Duration) -> Result<bool, DbError> {
        let is_held = self.store.renew(lease, time_to_live, self.clock.now_micros()).await?;
        self.set_metric(lease.lease_name(), is_held);
        Ok(is_held)
    }

    /// Ends a lease, so that the next process can have it at once.
    pub async fn release(&self, lease: &Lease) -> Result<(), DbError> {
        self.store.release(lease).await?;
        self.set_metric(lease.lease_name(), false);
        Ok(())
    }

    fn set_metric(&self, name: &'static str, is_held: bool) {
        let labels = LeaseLabels { undulator_service: self.service, lease: name };
        self.metrics.leases.get_or_create(&labels).set(i64::from(is_held));
    }
}
