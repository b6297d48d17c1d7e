//! API keys that auth stores. Auth is asked about a key twice a minute; one that it has confirmed is accepted for ten minutes
//! more while auth does not answer. Its revocation is heard of at once.

use std::sync::Arc;

use events::Events;
use events::messages::auth::{ApiKeyRevoked, SessionsRevoked};
use service_kit::{Code, Ctx, Problem, sha256_hex};

use crate::api_key_cache::ApiKeyCache;
use crate::api_keys::ApiKey;
use crate::auth_client::{AuthClient, ResolvedApiKey};

/// Verifies API keys with auth. Cheap to clone.
#[derive(Clone)]
pub struct StoredApiKeys(Arc<Components>);

struct Components {
    auth: AuthClient,
    cache: ApiKeyCache,
}

impl StoredApiKeys {
    /// Listens for revoked keys, and for accounts that are locked or removed.
    pub fn new(ctx: &Ctx, events: &Events) -> Self {
        let cache = ApiKeyCache::new(Arc::clone(&ctx.clock));
        let keys = Self(Arc::new(Components { auth: AuthClient::new(ctx), cache }));
        let (revoked, missed) = (keys.clone(), keys.clone());
        let heard = move |event: ApiKeyRevoked| revoked.0.cache.remove_key(&event.key_hash);
        events.add_listener("identity.auth-api-key-revoked", heard, move || missed.0.cache.clear());
        let (changed, missed) = (keys.clone(), keys.clone());
        let heard = move |event: SessionsRevoked| changed.0.cache.remove_keys_of_user(&event.subject);
        events.add_listener("identity.auth-sessions-revoked", heard, move || missed.0.cache.clear());
        keys
    }

    /// What a key may be used for.
    pub async fn find_valid_key(&self, credential: &str) -> Result<Arc<ApiKey>, Problem> {
        let Components { auth, cache } = &*self.0;
        let key_hash = sha256_hex(credential);
        if let Some(answer) = cache.find_answer(&key_hash) {
            return answer.map_err(Problem::from);
        }
        let revocations = cache.count_revocations();
        match auth.resolve_api_key(credential).await? {
            ResolvedApiKey::Valid(key) => {
                let key = Arc::new(key);
                cache.insert_key(&key_hash, &key, revocations);
                Ok(key)
            }
            ResolvedApiKey::Refused(refusal) => {
                cache.insert_refusal(&key_hash, refusal);
                Err(refusal.into())
            }
            ResolvedApiKey::Unavailable => cache.find_key_during_outage(&key_hash).ok_or_else(|| {
                let text = "API keys cannot be looked up now; try again later";
                Problem::new(Code::Unavailable, "identity/auth-down", text).with_retry_after(10)
            }),
        }
    }
}
