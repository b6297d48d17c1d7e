//! Authentication and permissions: the one place that knows access tokens, ICAT sessions and API keys.
//!
//! The credential of a request becomes a [`Caller`]. What is stored and passed on is its [`Subject`], never a session. What
//! a caller may do is a [`Permission`]. It is decided with the caller's own ICAT session where there is one, otherwise by
//! the [membership](membership::Membership) that the reader account finds, which is narrower than ICAT's rules and denies
//! what it cannot see. Callers and decisions are cached for less than a minute, here and nowhere else.
//! [`PageSessions`](page_sessions::PageSessions) log people in to web pages.

mod administrators;
mod api_key_cache;
mod api_keys;
mod auth_client;
mod cache;
mod caller;
mod caller_cache;
mod doctor;
mod issued_credentials;
mod jwks;
mod key_set;
pub mod login_level;
mod membership;
pub mod page_sessions;
mod permissions;
mod required_levels;
mod revoked_logins;
mod shared_answers;
mod stored_api_keys;
pub mod token;

use std::sync::Arc;

use events::Events;
use icat_client::client::ReaderAccount;
use icat_client::{CatalogueChanges, IcatClient};
pub use service_kit::CredentialLocation;
use service_kit::{BuildError, Clock, CredentialLocations, Ctx, Listener, Mount};

pub use self::administrators::Administrators;
pub use self::api_keys::ApiKey;
use self::api_keys::ApiKeys;
use self::cache::Caches;
pub use self::caller::{ANONYMOUS_USER_NAME, Caller, MaybeCaller, Subject};
pub use self::doctor::check_reader_account;
pub use self::issued_credentials::IssuedCredentials;
use self::issued_credentials::listen_for_ended_sessions;
pub use self::permissions::{
    Completeness, Decision, Permission, ReadableList, ReadableRows, SCOPES, VisibleInvestigations,
};
pub use self::required_levels::{MissingLevel, RequiredLevels};
use self::stored_api_keys::StoredApiKeys;

/// What permissions depend on, by the catalogue's rules or by membership. Datasets and datafiles are left out: they change
/// all the time, and rarely move to another investigation.
const PERMISSION_ENTITIES: [&str; 8] = [
    "Investigation",
    "InvestigationUser",
    "InvestigationGroup",
    "InvestigationInstrument",
    "Instrument",
    "InstrumentScientist",
    "UserGroup",
    "Rule",
];

/// Verifies credentials and decides permissions for one service. Cheap to clone.
#[derive(Clone)]
pub struct Identity(Arc<Components>);

struct Components {
    clock: Arc<dyn Clock>,
    icat: IcatClient,
    issued: IssuedCredentials,
    api_keys: ApiKeys,
    stored_api_keys: StoredApiKeys,
    reader: Option<ReaderAccount>,
    administrators: Administrators,
    caches: Caches,
}

impl Identity {
    /// Made once by a service's `build`. Listens for ended sessions and revoked API keys, whose callers leave the cache at once,
    /// and for changes of the catalogue that permissions depend on.
    pub fn new(ctx: &Ctx, events: &Events) -> Result<Self, BuildError> {
        let core = &ctx.config.core;
        let config = &core.identity;
        let icat = IcatClient::new(ctx.http.clone(), &ctx.endpoints.resolve_url(&core.icat.url, Listener::Public));
        let reader = ReaderAccount::from_setting(core.icat.reader.expose(), icat.clone())?;
        let identity = Self(Arc::new(Components {
            administrators: Administrators::new(ctx, reader.clone()),
            issued: IssuedCredentials::without_listeners(ctx)?,
            api_keys: ApiKeys::new(&config.api_keys),
            stored_api_keys: StoredApiKeys::new(ctx, events),
            reader,
            caches: Caches::new(Arc::clone(&ctx.clock)),
            clock: Arc::clone(&ctx.clock),
            icat,
        }));
        let (ended, missed) = (identity.clone(), identity.clone());
        let forget_session = move |session_hash: &str| ended.forget_session(session_hash);
        listen_for_ended_sessions(events, forget_session, move || missed.forget_everything());
        identity.listen_for_changed_permissions(&CatalogueChanges::start(ctx, events)?);
        Ok(identity)
    }

    fn forget_session(&self, session_hash: &str) {
        self.0.issued.callers().remove_session(session_hash);
        self.0.caches.remove_session(session_hash);
    }

    fn forget_everything(&self) {
        self.0.issued.callers().clear();
        self.forget_permissions();
    }

    /// Asks auth at once which logins have ended, and not only when it is time again. For tests.
    #[doc(hidden)]
    pub async fn poll_revoked_logins(&self) {
        self.0.issued.feed().poll().await;
    }

    /// A permission that is granted or withdrawn in the catalogue takes effect when its event arrives, and not only when
    /// the cached decision expires.
    fn listen_for_changed_permissions(&self, changes: &CatalogueChanges<'_>) {
        let (changed, missed) = (self.clone(), self.clone());
        changes.add_listener(
            "identity.catalogue-changed",
            &PERMISSION_ENTITIES,
            move |_| changed.forget_permissions(),
            move || missed.forget_permissions(),
        );
    }

    fn forget_permissions(&self) {
        // First: what is decided anew must not come from old memberships.
        self.0.administrators.forget_memberships();
        self.0.caches.clear();
    }

    /// Lets the handlers of a mount take [`Caller`] and [`MaybeCaller`]. Credentials are read from `Authorization: Bearer`
    /// and from `locations`.
    pub fn accept_credentials(&self, mount: Mount, locations: &'static [CredentialLocation]) -> Mount {
        mount.state(Arc::new(self.clone())).state(Arc::new(CredentialLocations(locations)))
    }

    /// The reader account, if one is set: for questions of jobs and about other users.
    pub fn reader(&self) -> Option<&ReaderAccount> {
        self.0.reader.as_ref()
    }

    /// The client of the catalogue, for queries with a caller's session.
    pub fn icat(&self) -> &IcatClient {
        &self.0.icat
    }
}
