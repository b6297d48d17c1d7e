//! Logouts at identity providers, which end the logins here (`OpenID` Connect Back-Channel Logout 1.0).

use std::sync::Arc;
use std::time::Duration;

use service_kit::{Clock, Ctx, Db, DbError, Micros, sha256_hex};

use crate::domain::login::EndReason;
use crate::domain::logout_token::ProviderLogout;
use crate::domain::origin::Origin;
use crate::logins::Logins;
use crate::providers::{Provider, ProviderLoginError};
use crate::store::provider_logouts::{self, ProviderLogoutRow};
use crate::store::{provider_sessions, used_tokens};

/// How far the clock of the provider may be behind ours.
const CLOCK_LEEWAY: Duration = Duration::from_secs(5);
/// Longer than a logout token is valid.
const REMEMBER_TOKEN: Duration = Duration::from_mins(30);

/// Ends logins whose users have logged out at their identity provider.
pub struct ProviderLogouts {
    db: Db,
    clock: Arc<dyn Clock>,
    logins: Arc<Logins>,
}

impl ProviderLogouts {
    pub fn new(ctx: &Ctx, logins: Arc<Logins>) -> Self {
        Self { db: ctx.db.clone(), clock: Arc::clone(&ctx.clock), logins }
    }

    /// Ends the logins that a logout token names and that began before it; returns how many. `None` if the token is not valid, or
    /// is a repetition.
    pub async fn end_logins(
        &self,
        provider: &Provider,
        logout_token: &str,
        origin: &Origin,
    ) -> Result<Option<usize>, ProviderLoginError> {
        let Some(logout) = provider.verify_logout_token(logout_token).await? else { return Ok(None) };
        let row = self.build_row(provider.settings.issuer(), &logout);
        // First: a login that is stored from now on finds it, and those that were stored before are found here.
        self.db.write(async |tx| provider_logouts::insert_logout(tx, &row).await).await?;
        let hashes = self.find_logins(&row).await?;
        let mut ended = 0;
        for sid_hash in &hashes {
            ended += usize::from(self.logins.end_login(sid_hash, EndReason::ProviderLoggedOut, origin).await?);
        }
        // Last, so that the provider can repeat what failed half-way.
        let expires_at = row.stored_at + REMEMBER_TOKEN;
        let is_first = self.db.write(async |tx| used_tokens::use_token(tx, &row.token_hash, expires_at).await).await?;
        Ok(is_first.then_some(ended))
    }

    fn build_row(&self, issuer: &str, logout: &ProviderLogout) -> ProviderLogoutRow {
        ProviderLogoutRow {
            token_hash: sha256_hex(format!("{issuer} {}", logout.token_id)),
            issuer: issuer.to_owned(),
            subject_hash: logout.subject.as_deref().map(sha256_hex),
            session_hash: logout.session.as_deref().map(sha256_hex),
            logged_out_at: Micros::from_i64(logout.time.saturating_mul(1_000_000)),
            stored_at: self.clock.now_micros(),
        }
    }

    async fn find_logins(&self, logout: &ProviderLogoutRow) -> Result<Vec<String>, DbError> {
        let (subject, session) = (logout.subject_hash.as_deref(), logout.session_hash.as_deref());
        let before = logout.logged_out_at + CLOCK_LEEWAY;
        provider_sessions::list_logins(&mut self.db.read().await?, &logout.issuer, subject, session, before).await
    }
}
