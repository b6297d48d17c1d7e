//! User names belong to the first user of an issuer who comes with them: names are given again, and changed.

use std::sync::Arc;

use service_kit::{Clock, Ctx, Db, DbError};

use crate::store::provider_users;

/// Binds user names. Cheap to clone.
#[derive(Clone)]
pub struct UserNameBindings {
    db: Db,
    clock: Arc<dyn Clock>,
}

impl UserNameBindings {
    pub fn new(ctx: &Ctx) -> Self {
        Self { db: ctx.db.clone(), clock: Arc::clone(&ctx.clock) }
    }

    /// Binds an ICAT user name to a user of an issuer if it is bound to nobody; whether it is bound to this user now.
    /// `subject_hash` is the SHA-256 of the claim `sub`. Only the first login writes.
    pub async fn bind_user_name(&self, user_name: &str, issuer: &str, subject_hash: &str) -> Result<bool, DbError> {
        if let Some(owner) = provider_users::find_owner(&mut self.db.read().await?, user_name).await? {
            return Ok(owner.is_user(issuer, subject_hash));
        }
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
