//! The account that a user of an identity provider gets: the one that is linked to them, or the one of the provider's name for them. A
//! name belongs to the first user who comes with it, because names are given again, and changed.

use std::sync::Arc;

use service_kit::{Clock, Ctx, Db, DbError};

use crate::domain::provider_user::NameFault;
use crate::store::{account_links, accounts, provider_users};

/// Finds the accounts of users. Cheap to clone.
#[derive(Clone)]
pub struct ProviderUsers {
    db: Db,
    clock: Arc<dyn Clock>,
}

/// Somebody whom an identity provider knows, as its token says.
#[derive(Debug, Clone, Copy)]
pub struct TokenUser<'t> {
    pub issuer: &'t str,
    /// SHA-256 of `sub`.
    pub subject_hash: &'t str,
    /// The ICAT user name that the token gives.
    pub user_name: &'t str,
    /// Whether names belong to the first user who comes with them.
    pub binds_names: bool,
}

impl ProviderUsers {
    pub fn new(ctx: &Ctx) -> Self {
        Self { db: ctx.db.clone(), clock: Arc::clone(&ctx.clock) }
    }

    /// The ICAT user name of somebody, unless theirs belongs to somebody else, or is that of a local account that is locked or removed.
    /// Only the first login with a name writes.
    pub async fn find_user_name(&self, user: &TokenUser<'_>) -> Result<Result<String, NameFault>, DbError> {
        let TokenUser { issuer, subject_hash, user_name, binds_names } = *user;
        let mut tx = self.db.read().await?;
        let link = account_links::find_link(&mut tx, issuer, subject_hash).await?;
        let found = link.as_ref().map_or(user_name, |link| &link.user_name);
        if accounts::is_account_closed(&mut tx, found).await? {
            return Ok(Err(NameFault::AccountClosed));
        }
        if link.is_some() {
            return Ok(Ok(found.to_owned()));
        }
        let owner = if binds_names { provider_users::find_owner(&mut tx, user_name).await? } else { None };
        drop(tx);
        let is_theirs = match owner {
            Some(owner) => owner.is_user(issuer, subject_hash),
            None if binds_names => self.bind_user_name(user).await?,
            None => true,
        };
        Ok(if is_theirs { Ok(user_name.to_owned()) } else { Err(NameFault::OfSomebodyElse) })
    }

    /// Binds a name that belonged to nobody just now; whether it is bound to this user.
    async fn bind_user_name(&self, user: &TokenUser<'_>) -> Result<bool, DbError> {
        let TokenUser { issuer, subject_hash, user_name, .. } = *user;
        let now = self.clock.now_micros();
        self.db
            .write_read_committed(async |tx| {
                provider_users::insert_owner(tx, user_name, issuer, subject_hash, now).await?;
                let owner = provider_users::find_owner(tx, user_name).await?;
                Ok(owner.is_some_and(|owner| owner.is_user(issuer, subject_hash)))
            })
            .await
    }
}
