//! What administrators do with the logins of others. It needs only the database; running services learn of it through the outbox.

use std::sync::Arc;

use events::Outbox;
use events::messages::auth::{SessionEnded, SessionsRevoked};
use service_kit::{Clock, Db, DbError, Tx};

use crate::audit::Audit;
use crate::domain::audit::{AuditEntry, AuditKind};
use crate::domain::login::{ANONYMOUS_USER_NAME, EndReason};
use crate::domain::origin::Origin;
use crate::store::logins::{self, EndedLogin, LoginRow};

/// Lists and ends logins. Cheap to clone.
#[derive(Clone)]
pub struct LoginAdministration {
    db: Db,
    clock: Arc<dyn Clock>,
    outbox: Outbox,
    audit: Audit,
}

impl LoginAdministration {
    pub fn new(db: Db, clock: Arc<dyn Clock>, outbox: Outbox, audit: Audit) -> Self {
        Self { db, clock, outbox, audit }
    }

    /// At most `limit` logins that have not ended, the newest first; of one user, or of all.
    pub async fn list_logins(&self, user_name: Option<&str>, limit: i64) -> Result<Vec<LoginRow>, DbError> {
        let (mut tx, now) = (self.db.read().await?, self.clock.now_micros());
        match user_name {
            Some(user_name) => logins::list_logins_of_user(&mut tx, user_name, now, logins::NEWEST, limit).await,
            None => logins::list_logins(&mut tx, now, limit).await,
        }
    }

    /// Ends a login and the others of its ICAT session; an anonymous login ends alone. The user, or `None` if it has ended before.
    /// `actor` is who does it.
    pub async fn end_login(&self, id: &str, actor: &str, origin: &Origin) -> Result<Option<String>, DbError> {
        let (now, reason) = (self.clock.now_micros(), EndReason::EndedByAdministrator);
        let end = async |tx: &mut Tx| {
            let Some(first) = logins::end_login(tx, id, reason, now).await? else { return Ok(None) };
            if first.user_name == ANONYMOUS_USER_NAME {
                self.record_end(tx, &first, actor, origin).await?;
                return Ok(Some(first.user_name));
            }
            let others = logins::end_logins_of_session(tx, &first.session_hash, reason, now).await?;
            for ended in [&first].into_iter().chain(&others) {
                self.record_end(tx, ended, actor, origin).await?;
            }
            let EndedLogin { session_hash, user_name, .. } = first;
            self.outbox.emit(tx, &SessionEnded { session_hash, subject: user_name.clone() }).await?;
            Ok::<_, DbError>(Some(user_name))
        };
        self.db.write(end).await
    }

    /// Ends all logins of a user, and the sessions that they opened at the catalogue themselves; returns how many logins.
    pub async fn end_logins_of_user(&self, user_name: &str, actor: &str, origin: &Origin) -> Result<usize, DbError> {
        let (now, reason) = (self.clock.now_micros(), EndReason::EndedByAdministrator);
        let end = async |tx: &mut Tx| {
            let ended = logins::end_logins_of_user(tx, user_name, reason, now).await?;
            for login in &ended {
                self.record_end(tx, login, actor, origin).await?;
                let EndedLogin { session_hash, user_name, .. } = login.clone();
                self.outbox.emit(tx, &SessionEnded { session_hash, subject: user_name }).await?;
            }
            let event = SessionsRevoked { subject: user_name.to_owned(), begun_until: now.as_i64() };
            self.outbox.emit(tx, &event).await?;
            Ok::<_, DbError>(ended.len())
        };
        self.db.write(end).await
    }

    async fn record_end(&self, tx: &mut Tx, ended: &EndedLogin, actor: &str, origin: &Origin) -> Result<(), DbError> {
        let entry = AuditEntry {
            actor: Some(actor),
            user_name: Some(&ended.user_name),
            sid_hash: Some(&ended.sid_hash),
            ..AuditEntry::new(AuditKind::Logout, EndReason::EndedByAdministrator.as_str(), origin)
        };
        self.audit.record_entry(tx, &entry).await
    }
}
