//! The keys that sign and verify access tokens, read from a directory and read again while the process runs, so that
//! keys are changed without a restart. A set that cannot be used is logged and the last good one goes on.

mod first;
mod set;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::{SignedDuration, Timestamp};
use service_kit::{Blocking, BuildError, Clock, ConfigError, Ctx};

use self::set::KeyError;
pub use self::set::{KeySet, PublicKey};
use crate::config::Config;

/// How often the directory is looked at, at most.
const BETWEEN_READS: SignedDuration = SignedDuration::from_secs(30);
/// Below `data_dir`, where no other directory is named.
const OWN_DIR: &str = "auth-keys";
/// A volume that hangs must not stop logins: one read at a time, and the set in hand goes on.
const THREADS: usize = 1;
const QUEUE: usize = 1;

pub struct Keys {
    dir: PathBuf,
    clock: Arc<dyn Clock>,
    pool: Blocking,
    held: Mutex<Held>,
}

struct Held {
    set: Arc<KeySet>,
    read_at: Timestamp,
}

impl Keys {
    /// Reads the keys, and makes a first one where no directory is named.
    pub fn open(ctx: &Ctx, config: &Config) -> Result<Self, BuildError> {
        let refused = |e: KeyError| ConfigError(format!("setting `auth.keys_dir`: {e}"));
        let mut dir = config.keys_dir.clone();
        if dir.as_os_str().is_empty() {
            dir = ctx.config.core.data_dir.join(OWN_DIR);
            first::make(&dir, &*ctx.ids).map_err(refused)?;
        }
        let set = Arc::new(KeySet::read(&dir).map_err(refused)?);
        Ok(Self {
            dir,
            clock: Arc::clone(&ctx.clock),
            pool: ctx.pools.open("keys", THREADS, QUEUE),
            held: Mutex::new(Held { set, read_at: ctx.clock.now() }),
        })
    }

    /// The keys as they are in the directory now, or were half a minute ago.
    pub async fn current(&self) -> Arc<KeySet> {
        if !self.is_my_turn() {
            return Arc::clone(&self.held().set);
        }
        let dir = self.dir.clone();
        match self.pool.run(move || KeySet::read(&dir)).await {
            Ok(Ok(set)) => self.held().set = Arc::new(set),
            Ok(Err(e)) => tracing::error!(
                error = service_kit::problem::format_error_chain(&e),
                "the keys of tokens have changed and cannot be used; those read before go on"
            ),
            Err(e) => tracing::error!(error = %e, "the keys of tokens cannot be read again; those read before go on"),
        }
        Arc::clone(&self.held().set)
    }

    /// Whether the directory is due; whoever is told so reads it, and the others go on with the set in hand.
    fn is_my_turn(&self) -> bool {
        let now = self.clock.now();
        let mut held = self.held();
        let due = now.duration_since(held.read_at).abs() >= BETWEEN_READS;
        if due {
            held.read_at = now;
        }
        due
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
