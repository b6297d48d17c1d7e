//! Dead letters: failed events are retried with growing pauses, then parked for an operator.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use service_kit::problem::format_error_chain;
use service_kit::{Clock, Db, DbError, Micros, Problem};
use tokio_util::sync::CancellationToken;

use crate::consumer::{EventHandler, is_database_failure, run_handler};
use crate::metrics::{DeadLetterLabels, EventMetrics};
use crate::relay::{process_span, run_in_span};
use crate::store::{self, DueDeadLetter};

/// Attempts before a letter is parked: about a quarter of an hour in all.
const MAX_ATTEMPTS: i64 = 12;
const LONGEST_DELAY: Duration = Duration::from_mins(5);
const INTERVAL: Duration = Duration::from_secs(1);
const FORGET_INTERVAL: Duration = Duration::from_hours(1);
/// A week longer than the stream keeps events, so that no event is delivered after its id was deleted.
const INBOX_KEPT: Duration = Duration::from_hours(21 * 24);
const BATCH: i64 = 50;

/// The pause after the n-th failed attempt: 1 s, 2 s, 4 s and so on, at most 5 minutes.
pub(crate) fn retry_delay(attempts: i64) -> Duration {
    let doublings = u32::try_from(attempts - 1).unwrap_or(0).min(30);
    Duration::from_secs(1 << doublings).min(LONGEST_DELAY)
}

/// Retries the dead letters of a service, and deletes old ids from its inbox. Cheap to clone.
#[derive(Clone)]
pub(crate) struct DeadLetterRetries {
    pub service: &'static str,
    pub handlers: HashMap<&'static str, Arc<dyn EventHandler>>,
    pub db: Db,
    pub clock: Arc<dyn Clock>,
    pub metrics: Arc<EventMetrics>,
    pub stop: CancellationToken,
}

impl DeadLetterRetries {
    pub async fn run(self) {
        let mut due = tokio::time::interval(INTERVAL);
        let mut forget = tokio::time::interval(FORGET_INTERVAL);
        loop {
            let outcome = tokio::select! {
                () = self.stop.cancelled() => return,
                _ = due.tick() => self.retry_due().await,
                _ = forget.tick() => self.delete_old_receipts().await,
            };
            if let Err(e) = outcome {
                tracing::error!(service = self.service, error = format_error_chain(&e), "dead letters cannot be read");
            }
        }
    }

    async fn delete_old_receipts(&self) -> Result<(), DbError> {
        let before = self.clock.now_micros() - INBOX_KEPT;
        self.db.write(async |tx| store::delete_receipts_before(tx, before).await).await.map(drop)
    }

    async fn retry_due(&self) -> Result<(), DbError> {
        let now = self.clock.now_micros();
        let mut tx = self.db.read().await?;
        let due = store::list_due_dead_letters(&mut tx, now, BATCH).await?;
        let (trying, parked) = store::count_dead_letters(&mut tx).await?;
        drop(tx);
        for (state, count) in [("trying", trying), ("parked", parked)] {
            let labels = DeadLetterLabels { undulator_service: self.service, state };
            self.metrics.dead.get_or_create(&labels).set(count);
        }
        for dead in due {
            if !self.retry_dead_letter(dead, now).await? {
                break;
            }
        }
        Ok(())
    }

    /// Retries a letter. False if the database failed; this does not count as an attempt, and the letter stays due.
    async fn retry_dead_letter(&self, dead: DueDeadLetter, now: Micros) -> Result<bool, DbError> {
        let Some(handler) = self.handlers.get(dead.consumer.as_str()) else {
            tracing::warn!(consumer = dead.consumer, "dead letter parked: its consumer no longer exists");
            let reason = "this version has no such consumer";
            return self.record_failure(&dead, reason, None).await.map(|()| true);
        };
        let outcome = self
            .db
            .write(async |tx| -> Result<(), Problem> {
                if store::claim_dead_letter(tx, &dead.consumer, &dead.envelope.id).await? {
                    let span = process_span(&dead.consumer, &dead.envelope, now);
                    run_in_span(span, run_handler(&**handler, tx, &dead.envelope)).await?;
                }
                Ok(())
            })
            .await;
        let Err(problem) = outcome else { return Ok(true) };
        let reason = format_error_chain(&problem);
        if is_database_failure(&problem) {
            tracing::error!(service = self.service, error = reason, "the database cannot store dead letters");
            return Ok(false);
        }
        let attempts = dead.attempts + 1;
        let next = (attempts < MAX_ATTEMPTS).then(|| now + retry_delay(attempts));
        if next.is_none() {
            tracing::error!(
                consumer = dead.consumer,
                event.id = dead.envelope.id,
                error = reason,
                "event parked; fix the cause, then run `undulator events retry`"
            );
        }
        self.record_failure(&dead, &reason, next).await.map(|()| true)
    }

    async fn record_failure(&self, dead: &DueDeadLetter, reason: &str, next: Option<Micros>) -> Result<(), DbError> {
        let (consumer, id) = (&dead.consumer, &dead.envelope.id);
        self.db.write(async |tx| store::record_failed_attempt(tx, consumer, id, reason, next).await).await
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::retry_delay;

    #[test]
    fn pauses_double_up_to_five_minutes() {
        let seconds: Vec<u64> = (1..=12).map(|attempts| retry_delay(attempts).as_secs()).collect();
        assert_eq!(seconds, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300]);
        assert_eq!(retry_delay(1000), Duration::from_mins(5));
    }
}
