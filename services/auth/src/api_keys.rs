//! API keys: created, listed and revoked by administrators, and looked up by the services that receive them. Only the SHA-256 of a
//! key is stored. Other services hear of a revocation by an event.

use std::sync::Arc;
use std::time::Duration;

use events::Outbox;
use events::messages::auth::ApiKeyRevoked;
use service_kit::problem::format_error_chain;
use service_kit::{API_KEY_PREFIX, BuildError, Clock, Db, DbError, Ids, Micros, Secret, Sources, Tx, sha256_hex};
use thiserror::Error;

use crate::audit::Audit;
use crate::domain::api_key::{ApiKeyState, ApiKeyTerms};
use crate::domain::audit::{AuditEntry, AuditKind, COMMAND_LINE};
use crate::domain::origin::Origin;
use crate::logins::generate_secret_text;
use crate::store::accounts;
use crate::store::api_keys::{self, ApiKeyRow};

/// The last use of a key is stored at most this often.
const LAST_USE_INTERVAL: Duration = Duration::from_hours(1);

/// Creates, lists, revokes and looks up API keys.
pub struct ApiKeys {
    db: Db,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn Ids>,
    outbox: Outbox,
    audit: Audit,
    max_lifetime: Duration,
}

/// Who creates or revokes a key.
#[derive(Debug, Clone)]
pub struct KeyAdministrator {
    /// ICAT user name.
    pub name: String,
    pub origin: Origin,
}

impl KeyAdministrator {
    /// A command, which knows no user.
    pub fn command_line() -> Self {
        Self { name: COMMAND_LINE.to_owned(), origin: Origin::default() }
    }
}

/// A new key; its text is known nowhere else.
pub struct CreatedApiKey {
    pub key: Secret,
    pub row: ApiKeyRow,
}

/// Why a key cannot be created, or is not accepted any more.
#[derive(Debug, Error)]
pub enum ApiKeyError {
    #[error("{0}")]
    Invalid(String),
    #[error("there is an API key {0} already; revoke it, or choose another name")]
    Exists(String),
    #[error(transparent)]
    Database(#[from] DbError),
    #[error(transparent)]
    Setup(#[from] BuildError),
}

/// Why a key is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefusedKey {
    Unknown,
    Revoked,
    Expired,
    /// The account of its user is locked or removed.
    AccountClosed,
}

impl RefusedKey {
    /// The reason in the audit log. Texts that are no keys are not recorded.
    fn audit_reason(self) -> Option<&'static str> {
        match self {
            Self::Unknown => None,
            Self::Revoked => Some("refused_revoked"),
            Self::Expired => Some("refused_expired"),
            Self::AccountClosed => Some("refused_account_closed"),
        }
    }
}

impl ApiKeys {
    pub fn new(db: Db, sources: &Sources, outbox: Outbox, max_lifetime: Duration) -> Self {
        let (clock, ids) = (Arc::clone(&sources.clock), Arc::clone(&sources.ids));
        let audit = Audit::new(Arc::clone(&clock), outbox.clone());
        Self { db, clock, ids, outbox, audit, max_lifetime }
    }

    /// Closes the database; `SQLite` writes its log into the file.
    pub async fn close(self) {
        self.db.close().await;
    }

    /// Creates a key. Its text is returned once.
    pub async fn create_key(&self, terms: ApiKeyTerms, by: &KeyAdministrator) -> Result<CreatedApiKey, ApiKeyError> {
        let now = self.clock.now_micros();
        let terms = terms.check_terms(now, self.max_lifetime).map_err(ApiKeyError::Invalid)?;
        let key = format!("{API_KEY_PREFIX}{}", generate_secret_text(&*self.ids));
        let row = ApiKeyRow {
            id: self.ids.random_uuid().to_string(),
            key_hash: sha256_hex(&key),
            terms,
            created_at: now,
            created_by: by.name.clone(),
            last_used_at: None,
            revoked_at: None,
            revoked_by: None,
        };
        let user_name = &row.terms.user_name;
        let store = async |tx: &mut Tx| {
            if accounts::is_account_closed(tx, user_name).await? {
                return Err(ApiKeyError::Invalid(format!("the account {user_name} is locked or removed")));
            }
            if !api_keys::insert_key(tx, &row).await? {
                return Err(ApiKeyError::Exists(row.terms.name.clone()));
            }
            Ok(self.record_change(tx, &row, "created", by).await?)
        };
        self.db.write(store).await?;
        Ok(CreatedApiKey { key: Secret::new(key), row })
    }

    /// At most `limit` keys of a user, or of all users, the newest first, after the one with this time and id.
    pub async fn list_keys(
        &self,
        user_name: Option<&str>,
        after: (Micros, &str),
        limit: i64,
    ) -> Result<Vec<ApiKeyRow>, DbError> {
        api_keys::list_keys(&mut self.db.read().await?, user_name, after, limit).await
    }

    /// Whether a key is accepted now, unless its user's account is closed.
    pub fn find_state(&self, row: &ApiKeyRow) -> ApiKeyState {
        ApiKeyState::at(self.clock.now_micros(), row.terms.expires_at, row.revoked_at)
    }

    pub async fn find_key(&self, id: &str) -> Result<Option<ApiKeyRow>, DbError> {
        api_keys::find_key(&mut self.db.read().await?, id).await
    }

    /// The key with this id, or the one with this name that is not revoked.
    pub async fn find_key_by_name_or_id(&self, name_or_id: &str) -> Result<Option<ApiKeyRow>, DbError> {
        let mut tx = self.db.read().await?;
        match api_keys::find_key_by_name(&mut tx, name_or_id).await? {
            Some(row) => Ok(Some(row)),
            None => api_keys::find_key(&mut tx, name_or_id).await,
        }
    }

    /// Revokes a key, and tells the services; false if it was revoked before.
    pub async fn revoke_key(&self, row: &ApiKeyRow, by: &KeyAdministrator) -> Result<bool, DbError> {
        let now = self.clock.now_micros();
        let revoke = async |tx: &mut Tx| {
            if !api_keys::revoke_key(tx, &row.id, &by.name, now).await? {
                return Ok(false);
            }
            self.record_change(tx, row, "revoked", by).await?;
            let event = ApiKeyRevoked { key_hash: row.key_hash.clone(), subject: row.terms.user_name.clone() };
            self.outbox.emit(tx, &event).await?;
            Ok::<_, DbError>(true)
        };
        self.db.write(revoke).await
    }

    /// The key with this text, if it is accepted. A refused one is recorded with the origin.
    pub async fn resolve_key(&self, key: &str, origin: &Origin) -> Result<Result<ApiKeyRow, RefusedKey>, DbError> {
        let now = self.clock.now_micros();
        let mut tx = self.db.read().await?;
        let Some(row) = api_keys::find_key_by_hash(&mut tx, &sha256_hex(key)).await? else {
            return Ok(Err(RefusedKey::Unknown));
        };
        let refused = match self.find_state(&row) {
            ApiKeyState::Revoked => Some(RefusedKey::Revoked),
            ApiKeyState::Expired => Some(RefusedKey::Expired),
            ApiKeyState::Valid if accounts::is_account_closed(&mut tx, &row.terms.user_name).await? => {
                Some(RefusedKey::AccountClosed)
            }
            ApiKeyState::Valid => None,
        };
        drop(tx);
        // Neither of the two rows decides about the key, which is answered although the database cannot be written.
        let written = match refused {
            Some(refused) => self.record_refusal(&row, refused, origin).await,
            None if row.last_used_at.is_none_or(|last_used| last_used + LAST_USE_INTERVAL <= now) => {
                self.db.write(async |tx| api_keys::set_last_used(tx, &row.id, now).await).await
            }
            None => Ok(()),
        };
        if let Err(e) = written {
            tracing::error!(error = format_error_chain(&e), "the use of an API key cannot be recorded");
        }
        Ok(refused.map_or(Ok(row), Err))
    }

    async fn record_change(
        &self,
        tx: &mut Tx,
        row: &ApiKeyRow,
        what: &'static str,
        by: &KeyAdministrator,
    ) -> Result<(), DbError> {
        let actor = Some(by.name.as_str()).filter(|name| *name != row.terms.user_name);
        let entry = AuditEntry { actor, ..describe_key(row, what, &by.origin) };
        self.audit.record_entry(tx, &entry).await
    }

    async fn record_refusal(&self, row: &ApiKeyRow, refused: RefusedKey, origin: &Origin) -> Result<(), DbError> {
        let Some(reason) = refused.audit_reason() else { return Ok(()) };
        self.audit.record_alone(&self.db, &describe_key(row, reason, origin)).await
    }
}

/// An entry of the audit log that names the key and its user.
fn describe_key<'e>(row: &'e ApiKeyRow, reason: &'static str, origin: &'e Origin) -> AuditEntry<'e> {
    AuditEntry {
        user_name: Some(&row.terms.user_name),
        client: Some(&row.terms.name),
        ..AuditEntry::new(AuditKind::ApiKey, reason, origin)
    }
}
