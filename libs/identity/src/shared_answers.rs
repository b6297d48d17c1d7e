//! Answers of the catalogue that take several requests: looked up once for all who ask at the same time, then cached.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use moka::future::Cache;
use service_kit::Clock;

use crate::cache::{Generation, Principal, TIME_TO_LIVE};

/// Removes answers that nobody has asked for again; whether an answer still counts is decided by the service's own clock.
const UNUSED: Duration = Duration::from_mins(5);
/// Key, expiry and the cache's own bookkeeping of one answer.
const ENTRY_BYTES: usize = 512;

/// An answer, and until when it counts.
#[derive(Debug, Clone)]
pub struct Answer<T> {
    pub value: T,
    pub expires_at: Timestamp,
}

/// A cache of answers by principal. An answer whose lookup began before a [`Generation`] ended is not given to those who
/// ask after it.
pub struct SharedAnswers<T> {
    clock: Arc<dyn Clock>,
    generation: Generation,
    /// Ends whenever the answer of one principal is forgotten.
    removals: Generation,
    answers: Cache<(Principal, u64), Answer<T>>,
}

impl<T: Clone + Send + Sync + 'static> SharedAnswers<T> {
    /// All answers together take at most `max_bytes`, as `weigh` estimates them; one that is larger is not cached.
    pub fn new(
        clock: Arc<dyn Clock>,
        generation: Generation,
        max_bytes: u64,
        weigh: impl Fn(&T) -> usize + Send + Sync + 'static,
    ) -> Self {
        let weigh = move |(principal, _): &(Principal, u64), answer: &Answer<T>| {
            u32::try_from(ENTRY_BYTES + principal.len() + weigh(&answer.value)).unwrap_or(u32::MAX)
        };
        let answers = Cache::builder()
            .max_capacity(max_bytes)
            .weigher(weigh)
            .time_to_live(UNUSED)
            .support_invalidation_closures()
            .build();
        Self { clock, generation, removals: Generation::default(), answers }
    }

    /// The cached answer, or what `lookup` finds. Who asks while somebody else looks up the same waits for that lookup and
    /// shares its result, also if it fails; failures are not cached. `lookup` is given the moment at which the answer
    /// expires, and may return an earlier one.
    pub async fn get_or_find<E: Clone + Send + Sync + 'static>(
        &self,
        principal: &Principal,
        lookup: impl AsyncFnOnce(Timestamp) -> Result<Answer<T>, E>,
    ) -> Result<Answer<T>, E> {
        let key = (Arc::clone(principal), self.generation.current());
        let now = self.clock.now();
        let is_expired = |answer: &Answer<T>| answer.expires_at <= now;
        match self.answers.get(&key).await {
            Some(answer) if !is_expired(&answer) => return Ok(answer),
            Some(_) => {
                // Only if it is still the same: somebody else may have replaced it meanwhile.
                let remove = async |found: Option<moka::Entry<_, Answer<T>>>| match found {
                    Some(found) if is_expired(found.value()) => moka::ops::compute::Op::Remove,
                    _ => moka::ops::compute::Op::Nop,
                };
                self.answers.entry_by_ref(&key).and_compute_with(remove).await;
            }
            None => {}
        }
        let removals = self.removals.current();
        let found = self.answers.try_get_with(key.clone(), Box::pin(lookup(now + TIME_TO_LIVE))).await;
        if removals != self.removals.current() {
            // It may have been the answer of this principal, which was not there yet.
            self.answers.invalidate(&key).await;
        }
        found.map_err(|e| (*e).clone())
    }

    /// Forgets the answer of one principal.
    pub fn remove(&self, principal: &str) {
        self.removals.end();
        let principal = Principal::from(principal);
        let removed = self.answers.invalidate_entries_if(move |(key, _), _| *key == principal);
        debug_assert!(removed.is_ok(), "the cache supports invalidation closures");
    }

    /// Releases the memory of answers whose generation has ended.
    pub fn clear(&self) {
        self.answers.invalidate_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use futures_util::future::LocalBoxFuture;
    use service_kit::Micros;
    use testkit::ManualClock;
    use tokio::sync::oneshot;

    use super::*;

    /// Answers with the number of the lookup.
    struct Counted {
        clock: Arc<ManualClock>,
        generation: Generation,
        answers: SharedAnswers<u32>,
        lookups: Arc<AtomicU32>,
    }

    impl Counted {
        fn new() -> Self {
            let clock = ManualClock::starting_at(Micros::from_i64(1_768_208_400_000_000));
            let generation = Generation::default();
            let answers = SharedAnswers::new(Arc::clone(&clock) as _, generation.clone(), 1 << 20, |_| 4);
            Self { clock, generation, answers, lookups: Arc::default() }
        }

        async fn find(&self, lifetime_seconds: i64) -> u32 {
            let expires_at = self.clock.now() + jiff::SignedDuration::from_secs(lifetime_seconds);
            let lookup = async |latest: Timestamp| {
                let value = self.lookups.fetch_add(1, Ordering::SeqCst) + 1;
                Ok::<_, String>(Answer { value, expires_at: expires_at.min(latest) })
            };
            self.answers.get_or_find(&"ada".into(), lookup).await.unwrap().value
        }

        /// A lookup that has begun; it ends when the sender is used, with what was sent.
        async fn start_lookup(
            &self,
        ) -> (oneshot::Sender<Result<u32, String>>, LocalBoxFuture<'_, Result<u32, String>>) {
            let (send, receive) = oneshot::channel();
            let (began, mut has_begun) = oneshot::channel();
            let mut running = Box::pin(async move {
                let lookup = async |expires_at| {
                    began.send(()).unwrap();
                    let outcome: Result<u32, String> = receive.await.unwrap();
                    outcome.map(|value| Answer { value, expires_at })
                };
                self.answers.get_or_find(&"ada".into(), lookup).await.map(|answer| answer.value)
            });
            assert!(futures_util::poll!(&mut running).is_pending());
            has_begun.try_recv().unwrap();
            (send, running)
        }
    }

    #[tokio::test]
    async fn an_answer_counts_until_it_expires() {
        let counted = Counted::new();
        assert_eq!((counted.find(3600).await, counted.find(3600).await), (1, 1));
        counted.clock.advance_seconds(49);
        assert_eq!(counted.find(3600).await, 1);
        counted.clock.advance_seconds(1);
        assert_eq!((counted.find(10).await, counted.find(10).await), (2, 2), "never longer than the time to live");
        counted.clock.advance_seconds(10);
        assert_eq!(counted.find(3600).await, 3, "it said itself that it expires earlier");
    }

    #[tokio::test]
    async fn those_who_ask_at_the_same_time_share_one_lookup_and_its_failure() {
        let counted = Counted::new();
        for outcome in [Err("down".to_owned()), Ok(7)] {
            let (send, first) = counted.start_lookup().await;
            let ask = async || {
                let nobody = async |_| unreachable!("somebody else looks it up");
                counted.answers.get_or_find::<String>(&"ada".into(), nobody).await.map(|answer| answer.value)
            };
            let mut others: Vec<_> = (0..100).map(|_| Box::pin(ask())).collect();
            for other in &mut others {
                assert!(futures_util::poll!(other).is_pending());
            }
            send.send(outcome.clone()).unwrap();
            assert_eq!(first.await, outcome);
            for other in others {
                assert_eq!(other.await, outcome);
            }
        }
    }

    #[tokio::test]
    async fn a_lookup_that_began_before_a_change_is_not_shared_after_it() {
        let counted = Counted::new();
        let (send, before) = counted.start_lookup().await;
        counted.generation.end();
        counted.answers.clear();
        assert_eq!(counted.find(3600).await, 1, "it does not wait for the earlier lookup");
        send.send(Ok(99)).unwrap();
        assert_eq!(before.await.unwrap(), 99, "who asked before the change may get the earlier answer");
        assert_eq!(counted.find(3600).await, 1, "which then does not replace the later one");
    }

    #[tokio::test]
    async fn the_answer_of_one_principal_can_be_forgotten() {
        let counted = Counted::new();
        assert_eq!(counted.find(3600).await, 1);
        counted.answers.remove("bob");
        assert_eq!(counted.find(3600).await, 1);
        counted.answers.remove("ada");
        assert_eq!((counted.find(3600).await, counted.find(3600).await), (2, 2));
        counted.answers.remove("ada");
        let (send, running) = counted.start_lookup().await;
        counted.answers.remove("ada");
        send.send(Ok(99)).unwrap();
        assert_eq!(running.await.unwrap(), 99);
        assert_eq!(counted.find(3600).await, 3, "an answer that comes afterwards is forgotten too");
    }

    #[tokio::test]
    async fn answers_take_no_more_memory_than_they_may() {
        let clock = ManualClock::starting_at(Micros::default());
        let max_bytes = 100_000;
        let answers = SharedAnswers::new(clock, Generation::default(), max_bytes, |bytes: &usize| *bytes);
        let find = async |name: String, bytes| {
            let lookup = async |expires_at| Ok::<_, String>(Answer { value: bytes, expires_at });
            assert_eq!(answers.get_or_find(&name.into(), lookup).await.unwrap().value, bytes);
        };
        for n in 0..1000 {
            find(format!("user {n}"), 1000).await;
        }
        find("large".to_owned(), 1_000_000).await;
        answers.answers.run_pending_tasks().await;
        let (kept, bytes) = (answers.answers.entry_count(), answers.answers.weighted_size());
        assert!((1..=66).contains(&kept) && bytes <= max_bytes, "{kept} answers of {bytes} bytes");
    }
}
