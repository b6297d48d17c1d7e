//! Slows down whoever guesses passwords. Failed logins are counted for each address, and for each account and address together, so that
//! nobody can lock somebody else out: who knows the password gets in from elsewhere. Each process counts for itself, in memory.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use moka::sync::Cache;
use prometheus_client::metrics::counter::Counter;
use service_kit::{Clock, Ctx, Problem, find_client_network, sha256_hex};

use crate::config::Config;
use crate::domain::attempt_limit::{AttemptLimit, SpentAttempts};
use crate::error::too_many_failed_logins;

/// Counters of each kind; an attacker with more addresses than this has better means anyway.
const MAX_COUNTERS: u64 = 100_000;
/// Stands for an address that ICAT does not tell.
const UNKNOWN_ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);

/// Counts failed logins. Cheap to clone.
#[derive(Clone)]
pub struct LoginThrottle {
    clock: Arc<dyn Clock>,
    by_address: Counters,
    by_account: Counters,
    refused: Counter,
}

/// Failed logins by the keys of one kind.
#[derive(Clone)]
struct Counters {
    limit: AttemptLimit,
    spent: Cache<String, SpentAttempts>,
}

/// A login that is under way. It counts as failed, unless it is given back.
#[must_use = "a login that was right must be given back"]
pub struct Attempt {
    address: String,
    account: String,
}

impl Attempt {
    /// `account` is the ICAT user name as the user gave it.
    fn new(account: &str, address: Option<IpAddr>) -> Self {
        let network = find_client_network(address.unwrap_or(UNKNOWN_ADDRESS)).to_string();
        // Names are of any length, and may be passwords in the wrong field.
        let account = format!("{network} {}", sha256_hex(account.to_lowercase()));
        Self { address: network, account }
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
            by_address: Counters::new(AttemptLimit { burst: config.failed_logins_per_address, interval }),
            by_account: Counters::new(AttemptLimit { burst: config.failed_logins_per_account, interval }),
            refused,
        }
    }

    /// Begins a login, or refuses it before its password is looked at. Logins at the same time count as failed until they are given
    /// back, so that a client gains nothing by sending many at once.
    pub fn begin_attempt(&self, account: &str, address: Option<IpAddr>) -> Result<Attempt, Problem> {
        let attempt = Attempt::new(account, address);
        let now = self.clock.now_micros();
        // Somebody whose address is not known shares it with everybody else.
        let by_address =
            if address.is_some() { self.by_address.spend(&attempt.address, now) } else { Ok(()) };
        let begun = by_address.and_then(|()| {
            self.by_account.spend(&attempt.account, now).inspect_err(|_| self.by_address.give_back(&attempt.address))
        });
        begun.map(|()| attempt).map_err(|wait| self.refuse_login(wait))
    }

    /// Refuses what [`Self::begin_attempt`] would refuse, and counts nothing.
    pub fn check_attempt(&self, account: &str, address: Option<IpAddr>) -> Result<(), Problem> {
        let attempt = Attempt::new(account, address);
        let now = self.clock.now_micros();
        let by_address = if address.is_some() { self.by_address.check(&attempt.address, now) } else { Ok(()) };
        by_address.and_then(|()| self.by_account.check(&attempt.account, now)).map_err(|wait| self.refuse_login(wait))
    }

    /// The login did not fail, or nobody knows whether its password was right.
    pub fn give_back(&self, attempt: &Attempt) {
        self.by_address.give_back(&attempt.address);
        self.by_account.give_back(&attempt.account);
    }

    fn refuse_login(&self, wait: Duration) -> Problem {
        self.refused.inc();
        too_many_failed_logins(wait)
    }
}

impl Counters {
    fn new(limit: AttemptLimit) -> Self {
        // Whoever has not failed for so long is as good as unknown.
        let memory = limit.memory().max(Duration::from_secs(1));
        Self { limit, spent: Cache::builder().max_capacity(MAX_COUNTERS).time_to_idle(memory).build() }
    }

    fn spend(&self, key: &str, now: service_kit::Micros) -> Result<(), Duration> {
        let mut refused = Ok(());
        self.spent.entry_by_ref(key).and_compute_with(|entry| {
            let spent = entry.map(|entry| entry.into_value()).unwrap_or_default();
            match self.limit.spend(spent, now) {
                Ok(spent) => moka::ops::compute::Op::Put(spent),
                Err(wait) => {
                    refused = Err(wait);
                    moka::ops::compute::Op::Nop
                }
            }
        });
        refused
    }

    fn check(&self, key: &str, now: service_kit::Micros) -> Result<(), Duration> {
        self.limit.spend(self.spent.get(key).unwrap_or_default(), now).map(drop)
    }

    fn give_back(&self, key: &str) {
        self.spent.entry_by_ref(key).and_compute_with(|entry| match entry {
            Some(entry) => moka::ops::compute::Op::Put(self.limit.give_back(entry.into_value())),
            None => moka::ops::compute::Op::Nop,
        });
    }
}
