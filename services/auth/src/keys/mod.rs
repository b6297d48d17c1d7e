//! The keys that sign and verify access tokens. They are loaded from a directory, and reloaded while the process runs, so
//! that keys can be rotated without a restart. If a reload fails, the error is logged and the last valid keys stay in use.

mod first_key;
mod key_files;
mod key_set;
mod key_times;
mod openssh;
mod rotation;
mod rsa_key;
mod signed_claims;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::{SignedDuration, Timestamp};
use service_kit::{Blocking, BuildError, Clock, Config as Settings, ConfigError, Ctx};

pub use self::key_set::{KeyError, KeySet, PublicKey};
pub use self::rotation::{Rotation, Urgency, rotate_keys};
pub use self::rsa_key::{RsaKey, RsaPublicKey, locate_default_key};
pub use self::signed_claims::SignedClaimsFault;
use crate::config::Config;

/// The directory is read at most this often.
const RELOAD_INTERVAL: SignedDuration = SignedDuration::from_secs(30);
/// The directory below `data_dir` that is used if `auth.keys_dir` is empty.
const DEFAULT_DIR: &str = "auth-keys";
/// A volume that hangs must not block logins: there is one reload at a time, and the cached keys stay in use.
const RELOAD_THREADS: usize = 1;
const RELOAD_QUEUE: usize = 1;

/// The directory with the keys.
pub fn locate_keys(settings: &Settings, config: &Config) -> PathBuf {
    if config.keys_dir.as_os_str().is_empty() {
        settings.core.data_dir.join(DEFAULT_DIR)
    } else {
        config.keys_dir.clone()
    }
}

pub struct Keys {
    dir: PathBuf,
    clock: Arc<dyn Clock>,
    pool: Blocking,
    cached: Mutex<CachedKeys>,
}

struct CachedKeys {
    set: Arc<KeySet>,
    loaded_at: Timestamp,
}

impl Keys {
    /// Loads the keys. Without a configured directory, the first start generates a key.
    pub fn open(ctx: &Ctx, config: &Config) -> Result<Self, BuildError> {
        let refused = |e: KeyError| ConfigError(format!("setting `auth.keys_dir`: {e}"));
        let dir = locate_keys(&ctx.config, config);
        if config.keys_dir.as_os_str().is_empty() {
            first_key::create_first_key(&dir, &*ctx.ids).map_err(refused)?;
        }
        let set = Arc::new(KeySet::load(&dir, ctx.clock.now()).map_err(refused)?);
        Ok(Self {
            dir,
            clock: Arc::clone(&ctx.clock),
            pool: ctx.pools.open("keys", RELOAD_THREADS, RELOAD_QUEUE),
            cached: Mutex::new(CachedKeys { set, loaded_at: ctx.clock.now() }),
        })
    }

    /// The keys of the directory, at most half a minute old.
    pub async fn current(&self) -> Arc<KeySet> {
        if !self.is_reload_due() {
            return Arc::clone(&self.lock_cached().set);
        }
        let (dir, now) = (self.dir.clone(), self.clock.now());
        match self.pool.run(move || KeySet::load(&dir, now)).await {
            Ok(Ok(set)) => self.lock_cached().set = Arc::new(set),
            Ok(Err(e)) => tracing::error!(
                error = service_kit::problem::format_error_chain(&e),
                "the changed keys of access tokens cannot be used; the previous ones stay in use"
            ),
            Err(e) => {
                tracing::error!(error = %e, "the keys of access tokens cannot be reloaded; the previous ones stay in use");
            }
        }
        Arc::clone(&self.lock_cached().set)
    }

    /// True for the one caller that has to reload the keys now; the others use the cached ones.
    fn is_reload_due(&self) -> bool {
        let now = self.clock.now();
        let mut cached = self.lock_cached();
        let due = now.duration_since(cached.loaded_at).abs() >= RELOAD_INTERVAL;
        if due {
            cached.loaded_at = now;
        }
        due
    }

    fn lock_cached(&self) -> MutexGuard<'_, CachedKeys> {
        self.cached.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
