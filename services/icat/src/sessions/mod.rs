//! Sessions: opened by a login with an authenticator, stored as rows, ended by logout, by expiry or by revocation.

mod authenticator_refusal;
mod authenticators;
mod credential;
mod login;

use std::sync::Arc;
use std::time::Duration;

use events::Outbox;
use events::messages::auth::SessionsRevoked;
use events::messages::icat::SessionEnded;
use identity::IssuedCredentials;
use service_kit::{Clock, Db, DbError, Ids, Micros, Problem, Tx, sha256_hex};

use self::authenticators::DEFAULT_RETRY_AFTER;
pub use self::authenticators::{Authenticators, CredentialKey};
pub use self::credential::Credential;
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
    pub issued: IssuedCredentials,
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

    /// Whom or which session a text of a client stands for. Auth may be asked, so that this is not for transactions.
    pub async fn resolve_credential(&self, text: Option<&str>) -> Result<Credential, Problem> {
        Credential::resolve(text, &self.issued).await
    }

    /// The user of a live session, or of a token while auth does not answer.
    pub async fn require_user(&self, tx: &mut Tx, credential: &Credential) -> Result<String, Error> {
        if let Credential::IssuedUser(user_name) = credential {
            service_kit::record_caller(user_name);
            return Ok(user_name.clone());
        }
        Ok(self.find_live_session(tx, credential).await?.user_name)
    }

    async fn find_live_session(&self, tx: &mut Tx, credential: &Credential) -> Result<Session, Error> {
        let id_hash = sha256_hex(credential.session_id()?);
        let session = sessions::get_session(tx, &id_hash).await?.ok_or_else(|| credential.unknown_error())?;
        if session.expires_at < self.clock.now_micros() {
            return Err(credential.expired_error());
        }
        service_kit::record_caller(&session.user_name);
        Ok(session)
    }

    pub async fn get_status(&self, credential: &Credential) -> Result<SessionStatus, Error> {
        let session = self.find_live_session(&mut self.db.read().await?, credential).await?;
        let remaining = session.expires_at.as_i64() - self.clock.now_micros().as_i64();
        #[expect(clippy::cast_precision_loss, reason = "a time span of hours in microseconds")]
        let remaining_minutes = remaining as f64 / MICROS_PER_MINUTE;
        Ok(SessionStatus { user_name: session.user_name, remaining_minutes })
    }

    /// Starts the session's lifetime again. An expired session stays expired; icat.server would revive it.
    pub async fn refresh_session(&self, credential: &Credential) -> Result<(), Error> {
        let id_hash = sha256_hex(credential.session_id()?);
        self.db
            .write(async |tx| {
                self.find_live_session(tx, credential).await?;
                let expires_at = self.clock.now_micros() + self.lifetime;
                Ok(sessions::update_expiry(tx, &id_hash, expires_at).await?)
            })
            .await
    }

    /// Ends the session that a request shows, in whichever form. An anonymous login ends alone, and auth is told: its session is not
    /// its own.
    pub async fn log_out(&self, text: &str) -> Result<(), Problem> {
        match self.resolve_credential(Some(text)).await? {
            Credential::SharedSession(_) => self.issued.end_login(text).await,
            credential => Ok(self.end_session(&credential).await?),
        }
    }

    /// Ends a session, expired or not, and publishes its end for services that cache it.
    async fn end_session(&self, credential: &Credential) -> Result<(), Error> {
        let session_hash = sha256_hex(credential.session_id()?);
        let ended = self.db.write(async |tx| end_stored_session(tx, &session_hash, &self.outbox).await).await?;
        if ended { Ok(()) } else { Err(credential.unknown_error()) }
    }

    /// Whether a user has a live session.
    pub async fn is_logged_in(&self, user_name: &str) -> Result<bool, DbError> {
        let mut tx = self.db.read().await?;
        sessions::has_live_session(&mut tx, user_name, self.clock.now_micros()).await
    }
}

/// Ends a session, and publishes its end; false if it is not known, or has ended before.
pub async fn end_stored_session(tx: &mut Tx, session_hash: &str, outbox: &Outbox) -> Result<bool, DbError> {
    let Some(subject) = sessions::delete_session(tx, session_hash).await? else { return Ok(false) };
    outbox.emit(tx, &SessionEnded { session_hash: session_hash.to_owned(), subject }).await?;
    Ok(true)
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
