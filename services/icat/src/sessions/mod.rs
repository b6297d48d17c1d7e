//! Sessions: opened by a login with an authenticator, stored as rows, ended by logout, by expiry or by revocation.

mod authenticators;
mod login;

use std::sync::Arc;
use std::time::Duration;

use events::Outbox;
use events::messages::auth::SessionsRevoked;
use events::messages::icat::SessionEnded;
use service_kit::{Clock, Db, DbError, Ids, Micros, Tx, sha256_hex};

use self::authenticators::DEFAULT_RETRY_AFTER;
pub use self::authenticators::{Authenticators, CredentialKey};
pub use self::login::Login;
use crate::error::Error;
use crate::store::sessions::{self, LoginStart, Session};

/// How long a login waits to be stored: an import holds the one writer of `SQLite` until its end, which takes longer than
/// clients of portals wait.
const STORE_TIMEOUT: Duration = Duration::from_secs(5);
const MICROS_PER_MINUTE: f64 = 60.0 * 1_000_000.0;

/// A session as its owner sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct SessionStatus {
    pub user_name: String,
    pub remaining_minutes: f64,
}

/// The sessions of a catalogue.
pub struct Sessions {
    pub db: Db,
    pub clock: Arc<dyn Clock>,
    pub ids: Arc<dyn Ids>,
    pub outbox: Outbox,
    pub authenticators: Arc<Authenticators>,
    /// How long a session is valid without being refreshed.
    pub lifetime: Duration,
}

impl Sessions {
    /// Asks the named authenticator and opens a session; its id is known to the caller alone.
    pub async fn log_in(&self, login: &Login, ip: &str) -> Result<String, Error> {
        let mnemonic = login.plugin.as_deref().unwrap_or("null");
        let authenticator = self.authenticators.find_by_mnemonic(mnemonic)?;
        let start = self.start_login().await?;
        let user_name = self.authenticators.authenticate_user(authenticator, login, ip).await?;
        let id = self.ids.random_uuid().to_string();
        let session = Session { user_name, expires_at: self.clock.now_micros() + self.lifetime };
        let (id_hash, session) = (sha256_hex(&id), &session);
        let store =
            self.db.write_read_committed(async |tx| sessions::create_session(tx, &id_hash, session, start).await);
        let stored = tokio::time::timeout(STORE_TIMEOUT, store).await;
        let stored = stored.map_err(|_| Error::SessionStoreBusy { retry_after: DEFAULT_RETRY_AFTER })??;
        let text = "The account was locked or removed, or got another password, during the login; log in again";
        if stored { Ok(id) } else { Err(Error::Session(text.to_owned())) }
    }

    /// Runs before the authenticator is asked: a revocation from now on ends this login too, whenever it arrives here.
    async fn start_login(&self) -> Result<LoginStart, DbError> {
        let revocations = sessions::count_revocations(&mut self.db.read().await?).await?;
        Ok(LoginStart { started_at: self.clock.now_micros(), revocations })
    }

    /// The user of a live session. The error texts are icat.server's, which clients match.
    pub async fn require_user(&self, tx: &mut Tx, id: Option<&str>) -> Result<String, Error> {
        Ok(self.find_live_session(tx, id).await?.user_name)
    }

    async fn find_live_session(&self, tx: &mut Tx, id: Option<&str>) -> Result<Session, Error> {
        let id = require_session_id(id)?;
        let session = sessions::get_session(tx, &sha256_hex(id)).await?.ok_or_else(|| unknown_session(id))?;
        if session.expires_at < self.clock.now_micros() {
            return Err(Error::Session(format!("Session id:{id} has expired")));
        }
        service_kit::record_caller(&session.user_name);
        Ok(session)
    }

    pub async fn get_status(&self, id: &str) -> Result<SessionStatus, Error> {
        let session = self.find_live_session(&mut self.db.read().await?, Some(id)).await?;
        let remaining = session.expires_at.as_i64() - self.clock.now_micros().as_i64();
        #[expect(clippy::cast_precision_loss, reason = "a time span of hours in microseconds")]
        let remaining_minutes = remaining as f64 / MICROS_PER_MINUTE;
        Ok(SessionStatus { user_name: session.user_name, remaining_minutes })
    }

    /// Starts the session's lifetime again. An expired session stays expired; icat.server would revive it.
    pub async fn refresh_session(&self, id: &str) -> Result<(), Error> {
        self.db
            .write(async |tx| {
                self.find_live_session(tx, Some(id)).await?;
                let expires_at = self.clock.now_micros() + self.lifetime;
                Ok(sessions::update_expiry(tx, &sha256_hex(id), expires_at).await?)
            })
            .await
    }

    /// Ends a session, expired or not, and publishes its end for services that cache it.
    pub async fn end_session(&self, id: &str) -> Result<(), Error> {
        let session_hash = sha256_hex(id);
        let ended = self
            .db
            .write(async |tx| {
                let Some(subject) = sessions::delete_session(tx, &session_hash).await? else {
                    return Ok::<_, DbError>(false);
                };
                let event = SessionEnded { session_hash: session_hash.clone(), subject };
                self.outbox.emit(tx, &event).await?;
                Ok(true)
            })
            .await?;
        if ended { Ok(()) } else { Err(unknown_session(id)) }
    }

    /// Whether a user has a live session.
    pub async fn is_logged_in(&self, user_name: &str) -> Result<bool, DbError> {
        let mut tx = self.db.read().await?;
        sessions::has_live_session(&mut tx, user_name, self.clock.now_micros()).await
    }
}

fn require_session_id(id: Option<&str>) -> Result<&str, Error> {
    id.filter(|id| !id.is_empty()).ok_or_else(|| Error::Session("Session Id cannot be null or empty.".to_owned()))
}

fn unknown_session(id: &str) -> Error {
    // The text must not repeat what is valid at other services.
    if service_kit::is_access_token(id) {
        return Error::Session("An access token is no session id: send the one of POST /session".to_owned());
    }
    if service_kit::is_session_handle(id) {
        return Error::Session("A session handle of auth is no session id: send the one of POST /session".to_owned());
    }
    Error::Session(format!("Unable to find user by sessionid: {id}"))
}

/// Ends the sessions of an account that was locked or removed, or got another password.
pub async fn revoke_sessions(tx: &mut Tx, revoked: &SessionsRevoked, outbox: &Outbox) -> Result<(), DbError> {
    let SessionsRevoked { subject, begun_until } = revoked;
    let begun_until = if *begun_until == 0 { Micros::MAX } else { Micros::from_i64(*begun_until) };
    for session_hash in sessions::delete_sessions_of_user(tx, subject, begun_until).await? {
        outbox.emit(tx, &SessionEnded { session_hash, subject: subject.clone() }).await?;
    }
    Ok(())
}

/// Deletes sessions that expired before `now`; returns how many.
pub async fn purge_expired(db: &Db, now: Micros) -> Result<u64, DbError> {
    db.write(async |tx| sessions::delete_expired(tx, now).await).await
}
