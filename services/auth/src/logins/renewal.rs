//! Renews logins with refresh tokens. Each token is used once and replaced (RFC 9700, 4.14.2); one that is used again later
//! ends its login, because it was copied.

use std::sync::Arc;
use std::time::Duration;

use icat_client::{IcatCode, IcatError};
use jiff::Timestamp;
use service_kit::{Clock, Ctx, Db, DbError, Ids, Micros, Problem, Tx};

use super::{
    Logins, RefreshToken, SessionHandle, TokenPlace, open_handle, open_session, seal_handle, to_authentication,
};
use crate::audit::Audit;
use crate::domain::audit::{AuditEntry, AuditKind};
use crate::domain::client_id::ClientId;
use crate::domain::icat_session::IcatSession;
use crate::domain::login::{Authentication, EndReason};
use crate::domain::origin::Origin;
use crate::domain::renewal::{LoginLifetimes, RenewableLogin, Renewal, RetiredTokens};
use crate::domain::token_expiry::find_token_expiry;
use crate::error::{from_login_error, refresh_refused, refresh_token_reused};
use crate::icat_sessions::IcatSessions;
use crate::login_metrics::LoginMetrics;
use crate::store::accounts;
use crate::store::logins::{self, LoginRow, RenewedTimes};
use crate::store::refresh_tokens::{self, RefreshTokenRow};

/// Renews logins.
pub struct LoginRenewals {
    db: Db,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn Ids>,
    logins: Arc<Logins>,
    icat_sessions: Arc<IcatSessions>,
    audit: Audit,
    metrics: LoginMetrics,
    lifetimes: LoginLifetimes,
}

/// Who presents a refresh token.
pub struct RenewalRequest<'a> {
    pub token: &'a RefreshToken,
    pub place: TokenPlace,
    pub client: &'a ClientId,
    /// The `sid` of an access token that the client sends as well, which must be of the same login.
    pub sid: Option<&'a SessionHandle>,
    pub origin: &'a Origin,
    /// How long the token that is signed after this is valid at most.
    pub token_lifetime: Duration,
}

/// A login that was renewed.
pub struct RenewedLogin {
    pub session: IcatSession,
    pub handle: SessionHandle,
    pub authentication: Authentication,
    /// Replaces the one that was presented.
    pub refresh_token: RefreshToken,
    /// When the token that is signed now expires, in whole seconds.
    pub token_ends_at: Timestamp,
    /// When the user has to log in again.
    pub ends_at: Micros,
}

/// What a renewal stores.
struct NextTokens<'a> {
    handle: &'a SessionHandle,
    refresh_token: &'a RefreshToken,
    session_ends_at: Timestamp,
    token_ends_at: Timestamp,
}

/// What was found of the login when a renewal was stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum StoredRenewal {
    Judged(Renewal),
    AccountClosed,
}

impl LoginRenewals {
    pub fn new(
        ctx: &Ctx,
        logins: Arc<Logins>,
        icat_sessions: Arc<IcatSessions>,
        audit: Audit,
        metrics: LoginMetrics,
        lifetimes: LoginLifetimes,
    ) -> Self {
        let (db, clock, ids) = (ctx.db.clone(), Arc::clone(&ctx.clock), Arc::clone(&ctx.ids));
        Self { db, clock, ids, logins, icat_sessions, audit, metrics, lifetimes }
    }

    /// Renews the login of a token, and its ICAT session. Unauthenticated if the token is not valid or the login is over. The login
    /// ends if its account is locked or removed, or if ICAT does not know the session any more.
    pub async fn renew_login(&self, request: &RenewalRequest<'_>) -> Result<RenewedLogin, Problem> {
        let token_hash = request.token.hash();
        let mut tx = self.db.read().await?;
        let Some(token_row) = refresh_tokens::find_token(&mut tx, &token_hash).await? else {
            self.metrics.count_refresh("unknown");
            return Err(refresh_refused());
        };
        let login = logins::find_login(&mut tx, &token_row.sid_hash).await?;
        drop(tx);
        let Some(login) = login else {
            self.metrics.count_refresh("unknown");
            return Err(refresh_refused());
        };
        let handle = open_handle(request.token, &token_row.sealed_sid)?;
        let session = open_session(&handle, &login)?;
        let renewal = self.judge_renewal(&login, &token_row, request);
        if renewal != Renewal::Allowed {
            return Err(self.refuse_renewal(renewal, &login, &session, request).await?);
        }
        if self.logins.is_account_closed(&login.user_name).await? {
            return Err(self.end_with_account(&login, &session, request).await?);
        }
        let session = match self.icat_sessions.refresh_session(&session).await {
            Ok(session) => session,
            Err(e) => return Err(self.end_without_session(e, &login, request).await?),
        };
        let refresh_token = RefreshToken::generate(request.place, &*self.ids);
        let last_end = session.ends_at.min(login.ends_at.to_timestamp());
        let token_ends_at = find_token_expiry(self.clock.now(), request.token_lifetime, last_end);
        let token_ends_at = token_ends_at.ok_or_else(refresh_refused)?;
        let next = NextTokens {
            handle: &handle,
            refresh_token: &refresh_token,
            session_ends_at: session.ends_at,
            token_ends_at,
        };
        match self.store_renewal(&login, &next, request).await? {
            StoredRenewal::Judged(Renewal::Allowed) => self.metrics.count_refresh(Renewal::Allowed.as_str()),
            StoredRenewal::Judged(renewal) => {
                return Err(self.refuse_renewal(renewal, &login, &session, request).await?);
            }
            StoredRenewal::AccountClosed => return Err(self.end_with_account(&login, &session, request).await?),
        }
        let authentication = to_authentication(&login);
        Ok(RenewedLogin { session, handle, authentication, refresh_token, token_ends_at, ends_at: login.ends_at })
    }

    fn judge_renewal(&self, login: &LoginRow, token: &RefreshTokenRow, request: &RenewalRequest<'_>) -> Renewal {
        let renewable = RenewableLogin {
            client: login.client.clone(),
            ends_at: login.ends_at,
            idle_ends_at: login.idle_ends_at,
            is_ended: login.ended_at.is_some(),
            is_other_login: request.sid.is_some_and(|sid| sid.hash() != login.sid_hash),
            consumed_at: token.consumed_at,
        };
        Renewal::judge(&renewable, request.client, self.clock.now_micros(), self.lifetimes.grace)
    }

    /// Replaces the token, if the login has not changed meanwhile in a way that forbids it.
    async fn store_renewal(
        &self,
        login: &LoginRow,
        next: &NextTokens<'_>,
        request: &RenewalRequest<'_>,
    ) -> Result<StoredRenewal, Problem> {
        let now = self.clock.now_micros();
        let NextTokens { handle, refresh_token, session_ends_at, token_ends_at } = next;
        let (token_hash, next_hash) = (request.token.hash(), refresh_token.hash());
        let sealed_sid = seal_handle(refresh_token, handle, &*self.ids)?;
        let retired = RetiredTokens::from_use_at(now, self.lifetimes.grace);
        let times = RenewedTimes {
            now,
            idle_ends_at: now + self.lifetimes.idle,
            session_ends_at: (*session_ends_at).into(),
            token_ends_at: (*token_ends_at).into(),
        };
        let entry = build_entry(Renewal::Allowed, login, request);
        let store = async |tx: &mut Tx| {
            let Some(locked) = logins::lock_login(tx, &login.sid_hash).await? else {
                return Ok(StoredRenewal::Judged(Renewal::Ended));
            };
            if accounts::is_account_closed(tx, &login.user_name).await? {
                return Ok(StoredRenewal::AccountClosed);
            }
            let token = refresh_tokens::find_token(tx, &token_hash).await?.ok_or(DbError::NoRow)?;
            let renewal = self.judge_renewal(&locked, &token, request);
            if renewal != Renewal::Allowed {
                return Ok(StoredRenewal::Judged(renewal));
            }
            refresh_tokens::consume_tokens(tx, &login.sid_hash, &token_hash, retired, now).await?;
            refresh_tokens::insert_token(tx, &next_hash, &login.sid_hash, &sealed_sid, now).await?;
            logins::renew_login(tx, &login.sid_hash, times).await?;
            self.audit.record_entry(tx, &entry).await?;
            Ok::<_, DbError>(StoredRenewal::Judged(Renewal::Allowed))
        };
        Ok(self.db.write_read_committed(store).await?)
    }

    /// Records why a token was refused. The login of one that was used again is ended, with its ICAT session.
    async fn refuse_renewal(
        &self,
        renewal: Renewal,
        login: &LoginRow,
        session: &IcatSession,
        request: &RenewalRequest<'_>,
    ) -> Result<Problem, Problem> {
        self.metrics.count_refresh(renewal.as_str());
        self.audit.record_alone(&self.db, &build_entry(renewal, login, request)).await?;
        if renewal != Renewal::Reused {
            return Ok(refresh_refused());
        }
        tracing::warn!(
            account.name = login.user_name,
            client.address = request.origin.address_text().unwrap_or_default(),
            "a refresh token was used again after it had been replaced, so somebody has a copy; its login was ended"
        );
        self.logins.end_login(&login.sid_hash, EndReason::RefreshTokenReused, request.origin).await?;
        self.icat_sessions.end_session_or_log(session).await;
        Ok(refresh_token_reused())
    }

    /// The account of the login is locked or removed, and whoever did that has not ended the login.
    async fn end_with_account(
        &self,
        login: &LoginRow,
        session: &IcatSession,
        request: &RenewalRequest<'_>,
    ) -> Result<Problem, Problem> {
        self.metrics.count_refresh("account_closed");
        self.logins.end_login(&login.sid_hash, EndReason::AccountChanged, request.origin).await?;
        self.icat_sessions.end_session_or_log(session).await;
        Ok(refresh_refused())
    }

    /// ICAT does not refresh the session: the login ends if the session is over.
    async fn end_without_session(
        &self,
        e: IcatError,
        login: &LoginRow,
        request: &RenewalRequest<'_>,
    ) -> Result<Problem, Problem> {
        if matches!(e, IcatError::Refused { code: IcatCode::Session, .. }) && !e.is_login_unavailable() {
            self.metrics.count_refresh("session_over");
            self.logins.end_login(&login.sid_hash, EndReason::IcatSessionEnded, request.origin).await?;
            return Ok(refresh_refused());
        }
        self.metrics.count_refresh("unavailable");
        Ok(from_login_error(e))
    }
}

fn build_entry<'e>(renewal: Renewal, login: &'e LoginRow, request: &'e RenewalRequest<'_>) -> AuditEntry<'e> {
    AuditEntry {
        user_name: Some(&login.user_name),
        provider: Some(&login.mechanism),
        client: Some(request.client.as_str()),
        sid_hash: Some(&login.sid_hash),
        ..AuditEntry::new(AuditKind::Refresh, renewal.as_str(), request.origin)
    }
}
