//! How logins end: recorded, and told to other services.

use events::messages::auth::SessionEnded;
use service_kit::{DbError, Tx};

use super::Logins;
use crate::domain::audit::{AuditEntry, AuditKind};
use crate::domain::login::{ANONYMOUS_USER_NAME, EndReason};
use crate::domain::origin::Origin;
use crate::store::logins::{self, EndedLogin, LoginRow};

impl Logins {
    /// Ends a login and the others of its ICAT session, and tells others, such as the catalogue; false if it was ended before. An
    /// anonymous login ends alone.
    pub async fn end_login(&self, sid_hash: &str, reason: EndReason, origin: &Origin) -> Result<bool, DbError> {
        let now = self.clock.now_micros();
        let end = async |tx: &mut Tx| {
            let Some(ended) = logins::end_login(tx, sid_hash, reason, now).await? else { return Ok(false) };
            self.record_end(tx, &ended, reason, origin).await?;
            if self.anonymous_sessions.is_shared(&ended.user_name) {
                return Ok(true);
            }
            self.end_logins_in(tx, &ended.session_hash, EndReason::IcatSessionEnded, origin).await?;
            self.emit_session_ended(tx, &ended).await?;
            Ok::<_, DbError>(true)
        };
        self.db.write(end).await
    }

    /// Ends all logins of a user but this one, which may be more than a page shows.
    pub async fn end_other_logins(&self, current: &LoginRow, origin: &Origin) -> Result<(), DbError> {
        // Their other logins are those of other people.
        if current.user_name == ANONYMOUS_USER_NAME {
            return Ok(());
        }
        let (now, reason) = (self.clock.now_micros(), EndReason::EndedElsewhere);
        let end = async |tx: &mut Tx| {
            let ended = logins::end_other_logins(tx, &current.user_name, &current.session_hash, reason, now).await?;
            for login in &ended {
                self.record_end(tx, login, reason, origin).await?;
                self.emit_session_ended(tx, login).await?;
            }
            Ok::<_, DbError>(())
        };
        self.db.write(end).await
    }

    /// Ends the logins of an ICAT session whose owner logs out, and tells others; false if there are none.
    pub async fn end_logins_of_session(&self, session_hash: &str, origin: &Origin) -> Result<bool, DbError> {
        let end = async |tx: &mut Tx| {
            let ended = self.end_logins_in(tx, session_hash, EndReason::LoggedOut, origin).await?;
            if let Some(first) = ended.first() {
                self.emit_session_ended(tx, first).await?;
            }
            Ok::<_, DbError>(!ended.is_empty())
        };
        self.db.write(end).await
    }

    /// Ends the logins of a session that has ended at ICAT, as an event says.
    pub async fn end_logins_with_session(&self, tx: &mut Tx, session_hash: &str) -> Result<(), DbError> {
        self.end_logins_in(tx, session_hash, EndReason::IcatSessionEnded, &Origin::default()).await.map(drop)
    }

    async fn end_logins_in(
        &self,
        tx: &mut Tx,
        session_hash: &str,
        reason: EndReason,
        origin: &Origin,
    ) -> Result<Vec<EndedLogin>, DbError> {
        let ended = logins::end_logins_of_session(tx, session_hash, reason, self.clock.now_micros()).await?;
        for login in &ended {
            self.record_end(tx, login, reason, origin).await?;
        }
        Ok(ended)
    }

    async fn record_end(
        &self,
        tx: &mut Tx,
        ended: &EndedLogin,
        reason: EndReason,
        origin: &Origin,
    ) -> Result<(), DbError> {
        let entry = AuditEntry {
            user_name: Some(&ended.user_name),
            sid_hash: Some(&ended.sid_hash),
            ..AuditEntry::new(AuditKind::Logout, reason.as_str(), origin)
        };
        self.audit.record_entry(tx, &entry).await
    }

    async fn emit_session_ended(&self, tx: &mut Tx, ended: &EndedLogin) -> Result<(), DbError> {
        let EndedLogin { session_hash, user_name, .. } = ended.clone();
        self.outbox.emit(tx, &SessionEnded { session_hash, subject: user_name }).await
    }
}
