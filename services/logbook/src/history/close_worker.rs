//! Closes the logbooks of investigations that have been released: signs their history and emits an event.

use std::sync::Arc;
use std::time::Duration;

use service_kit::{Clock, Ctx, Db, DbError, Lease, Leases, Problem, Worker};

use crate::catalogue::icat_lookup::IcatLookup;
use crate::catalogue::visits::Visits;
use crate::domain::logbook::Logbook;
use crate::history::History;
use crate::history::records::Act;
use crate::history::signing_key::SigningKey;
use crate::store::logbooks;

const INTERVAL: Duration = Duration::from_mins(5);
const LEASE: Duration = Duration::from_mins(1);
/// Investigations that ICAT is asked about at once.
const PAGE: i64 = 100;
/// The actor of the record.
const ACTOR: &str = "logbook";

/// Closes logbooks.
pub struct CloseWorker {
    pub db: Db,
    pub clock: Arc<dyn Clock>,
    pub leases: Leases,
    pub history: History,
    pub signing_key: Arc<SigningKey>,
    pub lookup: IcatLookup,
    pub visits: Arc<Visits>,
}

impl CloseWorker {
    pub fn into_worker(self, ctx: &Ctx) -> Worker {
        let this = Arc::new(self);
        Worker::periodic("logbook.close", INTERVAL, &ctx.stop, move || {
            let this = Arc::clone(&this);
            async move { this.run_round().await }
        })
    }

    async fn run_round(&self) -> Result<(), Problem> {
        // Release dates can only be read with the reader account.
        if !self.lookup.has_reader() {
            return Ok(());
        }
        let Some(lease) = self.leases.acquire("logbook.close", LEASE).await? else { return Ok(()) };
        self.close_released(&lease).await?;
        Ok(self.leases.release(&lease).await?)
    }

    /// Closes the logbooks of released investigations that are still open.
    async fn close_released(&self, lease: &Lease) -> Result<(), Problem> {
        let mut after = 0;
        while self.leases.renew(lease, LEASE).await? {
            let open = logbooks::list_unclosed_logbooks(&mut self.db.read().await?, after, PAGE).await?;
            let Some((last, _)) = open.last() else { return Ok(()) };
            after = *last;
            let of_investigation = |name: &str| Logbook::parse_investigation_id(name);
            let investigations: Vec<i64> = open.iter().filter_map(|(_, name)| of_investigation(name)).collect();
            let released = self.visits.find_released(None, &investigations).await?;
            for (id, name) in open {
                if of_investigation(&name).is_some_and(|investigation| released.contains(&investigation)) {
                    self.close_logbook(lease, id, &name).await?;
                }
            }
        }
        Ok(())
    }

    async fn close_logbook(&self, lease: &Lease, id: i64, name: &str) -> Result<(), Problem> {
        let act = Act { actor: ACTOR, at: self.clock.now_micros() };
        let closed = self
            .db
            .write(async |tx| -> Result<bool, DbError> {
                // Whoever waited for ICAT longer than the lease has a successor, who closes.
                if !lease.is_held(tx).await? {
                    return Ok(false);
                }
                self.history.close_logbook(tx, id, &self.signing_key, act).await?;
                Ok(true)
            })
            .await?;
        if closed {
            tracing::info!(logbook.book = name, "closed the logbook: the investigation is released");
        }
        Ok(())
    }
}
