//! Identifiers and random bytes, through a trait so that tests can seed them.

use std::fmt::Debug;
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use uuid::{Builder, Uuid};

/// A source of identifiers and random bytes.
pub trait Ids: Debug + Send + Sync {
    /// Fills the buffer with random bytes, fit for secrets when the source is [`SystemIds`].
    fn fill_random(&self, bytes: &mut [u8]);

    /// A random identifier (RFC 9562 version 4): sessions and other bearer capabilities.
    fn random_uuid(&self) -> Uuid {
        let mut bytes = [0; 16];
        self.fill_random(&mut bytes);
        Builder::from_random_bytes(bytes).into_uuid()
    }

    /// An identifier that sorts by time (RFC 9562 version 7), within a millisecond by `counter`, whose low 12 bits count.
    fn ordered_uuid(&self, now: Timestamp, counter: u16) -> Uuid {
        let mut bytes = [0; 10];
        self.fill_random(&mut bytes);
        bytes[..2].copy_from_slice(&(counter & 0x0fff).to_be_bytes());
        let millis = u64::try_from(now.as_millisecond()).unwrap_or_default();
        Builder::from_unix_timestamp_millis(millis, &bytes).into_uuid()
    }
}

/// Randomness of the operating system.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemIds;

impl Ids for SystemIds {
    fn fill_random(&self, bytes: &mut [u8]) {
        rand::rng().fill_bytes(bytes);
    }
}

/// The same identifiers in every run: for tests and for the demo facility's data, never for secrets.
#[derive(Debug)]
pub struct SeededIds(Mutex<StdRng>);

impl SeededIds {
    pub fn new(seed: u64) -> Self {
        Self(Mutex::new(StdRng::seed_from_u64(seed)))
    }
}

impl Ids for SeededIds {
    fn fill_random(&self, bytes: &mut [u8]) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).fill_bytes(bytes);
    }
}
