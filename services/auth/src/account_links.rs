//! Links between users of identity providers and accounts: a member of staff who logs in with ORCID gets the account of the facility.

use std::sync::Arc;

use service_kit::{Clock, Db, DbError, Tx};
use thiserror::Error;

use crate::audit::Audit;
use crate::domain::audit::{AuditEntry, AuditKind};
use crate::domain::login::ANONYMOUS_USER_NAME;
use crate::domain::origin::Origin;
use crate::domain::provider_user::{NameFault, ProviderUser, require_no_root_name};
use crate::store::account_links::{self, AccountLinkRow};

/// Makes and removes links. Cheap to clone.
#[derive(Clone)]
pub struct AccountLinks {
    db: Db,
    clock: Arc<dyn Clock>,
    audit: Audit,
    root_names: Arc<[String]>,
}

/// Somebody at an identity provider.
#[derive(Debug, Clone, Copy)]
pub struct LinkedUser<'a> {
    /// The name of the provider in the settings.
    pub provider: &'a str,
    pub issuer: &'a str,
    /// SHA-256 of `sub`.
    pub subject_hash: &'a str,
}

/// Why a link is not made.
#[derive(Debug, Error)]
pub enum LinkError {
    #[error("`{0}` is not an ICAT user name such as ldap/ada")]
    BadUserName(String),
    #[error("nobody in particular is logged in: log in with an account first")]
    Anonymous,
    #[error("{0} is an administrator of the catalogue, whose account no identity provider may open")]
    RootName(String),
    #[error("this user of the identity provider is linked to {0}; remove that link first")]
    LinkedToAnother(String),
    #[error(transparent)]
    Database(#[from] DbError),
}

impl AccountLinks {
    pub fn new(db: Db, clock: Arc<dyn Clock>, audit: Audit, root_names: Arc<[String]>) -> Self {
        Self { db, clock, audit, root_names }
    }

    /// Links a user of a provider to an account; false if they were linked before. `actor` is who does it.
    pub async fn link_user(
        &self,
        user: &LinkedUser<'_>,
        user_name: &str,
        actor: &str,
        origin: &Origin,
    ) -> Result<bool, LinkError> {
        let account = ProviderUser::from_user_name(user_name);
        account.ok_or_else(|| LinkError::BadUserName(user_name.to_owned()))?;
        if user_name == ANONYMOUS_USER_NAME {
            return Err(LinkError::Anonymous);
        }
        if require_no_root_name(user_name, &self.root_names) == Err(NameFault::RootName) {
            return Err(LinkError::RootName(user_name.to_owned()));
        }
        let link = AccountLinkRow {
            issuer: user.issuer.to_owned(),
            subject_hash: user.subject_hash.to_owned(),
            user_name: user_name.to_owned(),
            provider: user.provider.to_owned(),
            linked_at: self.clock.now_micros(),
            linked_by: actor.to_owned(),
        };
        let store = async |tx: &mut Tx| {
            if account_links::insert_link(tx, &link).await? {
                self.record_change(tx, "linked", &link.provider, user_name, actor, origin).await?;
                return Ok(None);
            }
            account_links::find_link(tx, &link.issuer, &link.subject_hash).await
        };
        match self.db.write(store).await? {
            Some(other) if other.user_name != user_name => Err(LinkError::LinkedToAnother(other.user_name)),
            same => Ok(same.is_none()),
        }
    }

    /// Removes the links of an account to a provider; false if there are none.
    pub async fn unlink_user(
        &self,
        user_name: &str,
        provider: &str,
        actor: &str,
        origin: &Origin,
    ) -> Result<bool, DbError> {
        let delete = async |tx: &mut Tx| {
            let was_linked = account_links::delete_links(tx, user_name, provider).await? > 0;
            if was_linked {
                self.record_change(tx, "unlinked", provider, user_name, actor, origin).await?;
            }
            Ok::<_, DbError>(was_linked)
        };
        self.db.write(delete).await
    }

    /// The links of an account, the oldest first.
    pub async fn list_links(&self, user_name: &str) -> Result<Vec<AccountLinkRow>, DbError> {
        account_links::list_links_of_user(&mut self.db.read().await?, user_name).await
    }

    async fn record_change(
        &self,
        tx: &mut Tx,
        what: &'static str,
        provider: &str,
        user_name: &str,
        actor: &str,
        origin: &Origin,
    ) -> Result<(), DbError> {
        let entry = AuditEntry {
            actor: Some(actor),
            user_name: Some(user_name),
            provider: Some(provider),
            ..AuditEntry::new(AuditKind::Account, what, origin)
        };
        self.audit.record_entry(tx, &entry).await
    }
}
