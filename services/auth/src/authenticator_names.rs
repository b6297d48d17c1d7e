//! The authenticators that ICAT knows. The name of another one is not recorded: it may be a password in the wrong field.

use std::collections::HashSet;
use std::sync::Arc;

use icat_client::IcatClient;
use jiff::{SignedDuration, Timestamp};
use service_kit::Clock;
use tokio::sync::Mutex;

/// What all others are called.
pub const OTHER_AUTHENTICATOR: &str = "other";
/// ICAT is asked at most so often.
const FETCH_INTERVAL: SignedDuration = SignedDuration::from_mins(1);

/// Knows the names. Cheap to clone.
#[derive(Clone)]
pub struct AuthenticatorNames {
    clock: Arc<dyn Clock>,
    icat: IcatClient,
    known: Arc<Mutex<KnownNames>>,
}

#[derive(Default)]
struct KnownNames {
    names: HashSet<String>,
    fetched_at: Option<Timestamp>,
}

impl AuthenticatorNames {
    pub fn new(clock: Arc<dyn Clock>, icat: IcatClient) -> Self {
        Self { clock, icat, known: Arc::default() }
    }

    /// The name if ICAT knows the authenticator, or [`OTHER_AUTHENTICATOR`].
    pub async fn find_shown_name<'n>(&self, plugin: &'n str) -> &'n str {
        let mut known = self.known.lock().await;
        if !known.names.contains(plugin) && self.is_fetch_due(known.fetched_at) {
            // Whoever waits for the same answer does not ask again.
            match self.icat.get_properties().await {
                Ok(properties) => {
                    known.names = properties.authenticators.into_iter().map(|plugin| plugin.mnemonic).collect();
                }
                Err(e) => tracing::info!(error = %e, "ICAT does not say which authenticators it knows"),
            }
            known.fetched_at = Some(self.clock.now());
        }
        if known.names.contains(plugin) { plugin } else { OTHER_AUTHENTICATOR }
    }

    fn is_fetch_due(&self, fetched_at: Option<Timestamp>) -> bool {
        fetched_at.is_none_or(|at| self.clock.now().duration_since(at).abs() >= FETCH_INTERVAL)
    }
}
