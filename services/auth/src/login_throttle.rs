//! Slows down whoever guesses passwords. Failed logins are counted for each address, and for each account and address together, so that
//! nobody can lock somebody else out: who knows the password gets in from elsewhere. Anonymous logins are limited, too. Each process counts for itself, in memory.

use std::sync::Arc;
use std::time::Duration;

use moka::Entry;
use moka::ops::compute::Op;
use moka::sync::Cache;
use prometheus_client::metrics::counter::Counter;
use service_kit::{Clock, Code, Ctx, Micros, Problem, sha256_hex};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::config::Config;
use crate::domain::attempt_limit::{AttemptLimit, SpentAttempts};
use crate::domain::origin::Origin;
use crate::error::{logins_unavailable, too_many_failed_logins};
use crate::login_metrics::{LoginOutcome, log_refusal};

/// Counters of each kind; an attacker with more addresses than this has better means anyway.
const MAX_COUNTERS: u64 = 100_000;
/// So many logins of an address are looked at together; further ones wait until it is known how these ended.
const MAX_SIMULTANEOUS: usize = 8;
/// How long a login waits for the others of its address. ICAT waits for both this and the check of the password.
const MAX_WAIT: Duration = Duration::from_secs(4);
/// After so long, an address may log in anonymously once more.
const ANONYMOUS_INTERVAL: Duration = Duration::from_secs(1);
/// How long an address without logins is remembered.
const IDLE_PLACES: Duration = Duration::from_mins(10);

/// Counts failed logins. Cheap to clone.
#[derive(Clone)]
pub struct LoginThrottle {
    clock: Arc<dyn Clock>,
    by_address: FailureCounters,
    by_account: FailureCounters,
    anonymous: FailureCounters,
    places: Cache<String, Arc<Semaphore>>,
    refused: Counter,
}

/// Failed logins by the keys of one kind.
#[derive(Clone)]
struct FailureCounters {
    limit: AttemptLimit,
    spent: Cache<String, SpentAttempts>,
}

/// A login that is under way. It counts as failed if it is dropped, because its client has disconnected.
#[must_use = "it must be said how the login ended"]
pub struct Attempt {
    throttle: LoginThrottle,
    keys: Keys,
    counts_as_failed: bool,
    follows_failures: bool,
    /// Until the login has ended.
    _place: Option<OwnedSemaphorePermit>,
}

/// What a login is counted by.
struct Keys {
    /// The address, or the network of an IPv6 address. Somebody whose address is not known is not counted by it, because they share it
    /// with everybody else.
    network: Option<String>,
    account: String,
}

impl Keys {
    fn new(mechanism: &str, name: &str, origin: &Origin) -> Self {
        let network = origin.network_text();
        // Names are of any length, and may be passwords in the wrong field.
        let name = sha256_hex(format!("{mechanism}/{}", name.trim().to_lowercase()));
        let account = format!("{} {name}", network.as_deref().unwrap_or_default());
        Self { network, account }
    }
}

impl Attempt {
    /// Whether logins of the same address have failed lately.
    pub fn follows_failures(&self) -> bool {
        self.follows_failures
    }

    /// Ends a login. One that was right, or whose password nobody could check, does not count.
    pub fn end_attempt(mut self, outcome: LoginOutcome) {
        self.counts_as_failed = outcome.is_refusal();
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        if self.counts_as_failed {
            self.throttle.add_failure(&self.keys);
        }
    }
}

impl LoginThrottle {
    pub fn new(ctx: &Ctx, config: &Config) -> Self {
        let interval = config.failed_login_interval;
        let refused = Counter::default();
        let help = "Logins that were refused unchecked, because too many failed before";
        ctx.process.metrics.register("undulator_auth_throttled_logins", help, refused.clone());
        Self {
            clock: Arc::clone(&ctx.clock),
            by_address: FailureCounters::new(AttemptLimit { burst: config.failed_logins_per_address, interval }),
            by_account: FailureCounters::new(AttemptLimit { burst: config.failed_logins_per_account, interval }),
            anonymous: FailureCounters::new(AttemptLimit {
                burst: config.anonymous_logins_per_address,
                interval: ANONYMOUS_INTERVAL,
            }),
            places: Cache::builder().max_capacity(MAX_COUNTERS).time_to_idle(IDLE_PLACES).build(),
            refused,
        }
    }

    /// Begins a login, or refuses it before its password is looked at. Of many logins at the same time from one address, a few are
    /// looked at; the others wait, so that a client gains nothing by sending many at once.
    pub async fn begin_attempt(&self, mechanism: &str, name: &str, origin: &Origin) -> Result<Attempt, Problem> {
        let keys = Keys::new(mechanism, name, origin);
        let place = if self.has_limit() { Some(self.wait_for_place(&keys).await?) } else { None };
        self.check_keys(&keys, mechanism, origin)?;
        let follows_failures = self.has_failures(&keys);
        Ok(Attempt { throttle: self.clone(), keys, counts_as_failed: true, follows_failures, _place: place })
    }

    /// Refuses what [`Self::begin_attempt`] would refuse now.
    pub fn check_attempt(&self, mechanism: &str, name: &str, origin: &Origin) -> Result<(), Problem> {
        self.check_keys(&Keys::new(mechanism, name, origin), mechanism, origin)
    }

    /// Counts a login without a name, each of which takes a row, or refuses it.
    pub fn count_anonymous_login(&self, mechanism: &str, origin: &Origin) -> Result<(), Problem> {
        let Some(network) = origin.network_text() else { return Ok(()) };
        let now = self.clock.now_micros();
        let checked = self.anonymous.check_attempt(&network, now);
        checked.map_err(|wait| self.refuse_login(mechanism, origin, wait))?;
        self.anonymous.add_failure(&network, now);
        Ok(())
    }

    fn add_failure(&self, keys: &Keys) {
        let now = self.clock.now_micros();
        if let Some(network) = &keys.network {
            self.by_address.add_failure(network, now);
        }
        self.by_account.add_failure(&keys.account, now);
    }

    fn has_failures(&self, keys: &Keys) -> bool {
        let now = self.clock.now_micros();
        match &keys.network {
            Some(network) => self.by_address.has_failures(network, now),
            None => self.by_account.has_failures(&keys.account, now),
        }
    }

    fn has_limit(&self) -> bool {
        self.by_address.limit.burst > 0 || self.by_account.limit.burst > 0
    }

    async fn wait_for_place(&self, keys: &Keys) -> Result<OwnedSemaphorePermit, Problem> {
        let key = keys.network.clone().unwrap_or_else(|| keys.account.clone());
        let places = self.places.get_with(key, || Arc::new(Semaphore::new(MAX_SIMULTANEOUS)));
        let place = timeout(MAX_WAIT, places.acquire_owned()).await.map_err(|_| too_many_at_once())?;
        place.map_err(Problem::internal)
    }

    fn check_keys(&self, keys: &Keys, mechanism: &str, origin: &Origin) -> Result<(), Problem> {
        let now = self.clock.now_micros();
        let by_address = keys.network.as_deref().map_or(Ok(()), |network| self.by_address.check_attempt(network, now));
        let checked = by_address.and_then(|()| self.by_account.check_attempt(&keys.account, now));
        checked.map_err(|wait| self.refuse_login(mechanism, origin, wait))
    }

    fn refuse_login(&self, mechanism: &str, origin: &Origin, wait: Duration) -> Problem {
        self.refused.inc();
        // Without the name, which may be a password in the wrong field.
        log_refusal(&format!("{mechanism}/"), origin.address, LoginOutcome::Throttled);
        too_many_failed_logins(wait)
    }
}

fn too_many_at_once() -> Problem {
    let text = "too many logins from one address at once";
    logins_unavailable(Problem::new(Code::Unavailable, "busy", text).with_retry_after(5))
}

impl FailureCounters {
    fn new(limit: AttemptLimit) -> Self {
        // Whoever has not failed for twice as long is as good as unknown.
        let memory = limit.time_to_forget().max(Duration::from_secs(1)) * 2;
        Self { limit, spent: Cache::builder().max_capacity(MAX_COUNTERS).time_to_idle(memory).build() }
    }

    fn check_attempt(&self, key: &str, now: Micros) -> Result<(), Duration> {
        self.limit.check_attempt(self.spent.get(key).unwrap_or_default(), now)
    }

    fn has_failures(&self, key: &str, now: Micros) -> bool {
        self.spent.get(key).is_some_and(|spent| !spent.is_forgotten(now))
    }

    fn add_failure(&self, key: &str, now: Micros) {
        self.spent.entry_by_ref(key).and_compute_with(|entry| {
            let spent = entry.map(Entry::into_value).unwrap_or_default();
            Op::Put(self.limit.add_failure(spent, now))
        });
    }
}
