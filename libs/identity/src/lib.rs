//! Who is calling, and what may they touch: the one place that knows tokens, ICAT sessions and API keys.
//!
//! A request becomes a [`Caller`]; what is stored and passed on is its [`Subject`], never a session. What a caller may do
//! is an [`Ask`], answered through the caller's own ICAT session where there is one, else from facts read with the
//! reader account, which is narrower than ICAT's rules and fails closed. Both answers are cached for less than a minute,
//! here and nowhere else.

mod api_keys;
mod cache;
mod caller;
mod doctor;
mod facts;
mod jwks;
mod permissions;
mod resolver;
mod secret;
pub mod token;

use std::sync::Arc;

use events::Events;
use events::messages::{auth, icat};
use icat_client::IcatClient;
use icat_client::client::ReaderAccount;
use service_kit::{BuildError, Clock, Ctx, Listener, Mount};

use self::api_keys::ApiKeys;
use self::cache::Caches;
pub use self::caller::{Caller, MaybeCaller, CredentialLocation, CredentialLocations, Subject};
pub use self::doctor::check_reader_account;
use self::jwks::PublicKeys;
pub use self::permissions::{Permission, Decision, VisibleInvestigations};
use self::resolver::SessionResolver;
pub use self::secret::Session;
use self::token::{TokenRules, TokenVerifier};

/// Answers for one service. Cheap to clone.
#[derive(Clone)]
pub struct Identity(Arc<Components>);

struct Components {
    clock: Arc<dyn Clock>,
    icat: IcatClient,
    verifier: TokenVerifier,
    resolver: SessionResolver,
    api_keys: ApiKeys,
    reader: Option<ReaderAccount>,
    administrators: Vec<String>,
    caches: Caches,
}

impl Identity {
    /// Made once by a service's `build`. Ended sessions are forgotten as soon as the bus says so.
    pub fn new(ctx: &Ctx, events: &Events) -> Result<Self, BuildError> {
        let core = &ctx.config.core;
        let config = &core.identity;
        let icat = IcatClient::new(ctx.http.clone(), &ctx.endpoints.resolve(&core.icat.url, Listener::Public));
        let jwks_url = if config.jwks_url == "self" {
            format!("{}/.well-known/jwks.json", ctx.endpoints.resolve("self", Listener::Public))
        } else {
            config.jwks_url.clone()
        };
        let auth_url = ctx.endpoints.resolve(&config.auth_url, Listener::Internal);
        let identity = Self(Arc::new(Components {
            verifier: TokenVerifier {
                keys: PublicKeys::new(ctx.http.clone(), jwks_url, Arc::clone(&ctx.clock)),
                rules: TokenRules::from_config(core, Arc::clone(&ctx.clock)),
            },
            resolver: SessionResolver::new(ctx.http.clone(), auth_url),
            api_keys: ApiKeys::new(&config.api_keys),
            reader: ReaderAccount::from_setting(&core.icat.reader, icat.clone())?,
            administrators: config.administrators.clone(),
            caches: Caches::new(Arc::clone(&ctx.clock)),
            clock: Arc::clone(&ctx.clock),
            icat,
        }));
        identity.listen_for_ended_sessions(events);
        Ok(identity)
    }

    fn listen_for_ended_sessions(&self, events: &Events) {
        let ended = |identity: &Self| {
            let identity = identity.clone();
            move |session_hash: &str| identity.0.caches.remove_session(session_hash)
        };
        let missed = |identity: &Self| {
            let identity = identity.clone();
            move || identity.0.caches.clear()
        };
        let forget = ended(self);
        let heard = move |event: auth::SessionEnded| forget(&event.session_hash);
        events.add_listener("identity.auth-session-ended", heard, missed(self));
        let forget = ended(self);
        let heard = move |event: icat::SessionEnded| forget(&event.session_hash);
        events.add_listener("identity.icat-session-ended", heard, missed(self));
    }

    /// Lets the handlers of a mount take [`Caller`] and [`MaybeCaller`]; session ids are looked for in `places` besides
    /// `Authorization: Bearer`.
    pub fn accept_credentials(&self, mount: Mount, places: &'static [CredentialLocation]) -> Mount {
        mount.state(Arc::new(self.clone())).state(Arc::new(CredentialLocations(places)))
    }

    /// The account that may read everything, where one is set up: for what jobs and programs need to know.
    pub fn reader(&self) -> Option<&ReaderAccount> {
        self.0.reader.as_ref()
    }

    /// The catalogue, for questions of the service's own with a caller's session.
    pub fn icat(&self) -> &IcatClient {
        &self.0.icat
    }
}
