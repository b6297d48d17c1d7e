//! What administrators do with local accounts. It needs the database and no server; a running server hears of ended
//! sessions within about a second, through the outbox.

use std::sync::Arc;

use events::Outbox;
use events::messages::auth::{SessionEnded, SessionsRevoked};
use jiff::Timestamp;
use service_kit::{Clock, Config as Settings, Db, DbError, Sources, Tx, open_database};

use super::password::{hash_password, verify_password};
use super::{AccountError, AccountName, PasswordPolicy};
use crate::config::Config;
use crate::store::{accounts, token_sessions};

/// Also those of logins that are under way: nobody gets in any more.
const ALL_SESSIONS: i64 = 0;

/// Makes, lists, locks and removes local accounts.
pub struct Accounts {
    db: Db,
    clock: Arc<dyn Clock>,
    outbox: Outbox,
    policy: PasswordPolicy,
    mechanisms: Vec<String>,
}

/// An account as a list shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    pub name: AccountName,
    pub password_set_at: Timestamp,
    /// `None` while it is open.
    pub locked_at: Option<Timestamp>,
}

impl Accounts {
    /// Opens the database of the settings, and migrates it where they allow it.
    pub async fn open(settings: &Settings, sources: &Sources) -> Result<Self, AccountError> {
        let config = Config::read(settings).map_err(service_kit::BuildError::from)?;
        let db = open_database(&crate::SERVICE, settings, &*sources.clock).await?;
        let outbox = Outbox::new(crate::SERVICE.name, Arc::clone(&sources.clock), Arc::clone(&sources.ids));
        let policy = PasswordPolicy { min_length: config.password_min_length };
        Ok(Self { db, clock: Arc::clone(&sources.clock), outbox, policy, mechanisms: config.local_mechanisms })
    }

    /// Writes out what `SQLite` still keeps aside.
    pub async fn close(self) {
        self.db.close().await;
    }

    /// Reads `MECHANISM/NAME`.
    pub fn parse_name(&self, text: &str) -> Result<AccountName, AccountError> {
        AccountName::parse(text, &self.mechanisms)
    }

    /// Refuses a password that the account could not be made with.
    pub fn check_password(&self, account: &AccountName, password: &str) -> Result<(), AccountError> {
        self.policy.check(account, password)
    }

    /// Whether this is the password of an account, locked or not.
    pub async fn has_password(&self, account: &AccountName, password: &str) -> Result<bool, AccountError> {
        let row = accounts::find(&mut self.db.read().await?, &account.mechanism, &account.name).await?;
        let row = row.filter(|row| row.removed_at.is_none());
        Ok(row.is_some_and(|row| verify_password(Some(&row.password_hash), password)))
    }

    /// All accounts, by mechanism and name.
    pub async fn list_accounts(&self) -> Result<Vec<Account>, AccountError> {
        let rows = accounts::list(&mut self.db.read().await?).await?;
        let map = |row: accounts::ListedRow| {
            Ok(Account {
                name: AccountName { mechanism: row.mechanism, name: row.name },
                password_set_at: to_timestamp(row.changed_at)?,
                locked_at: row.locked_at.map(to_timestamp).transpose()?,
            })
        };
        rows.into_iter().map(map).collect()
    }

    /// Makes an account; one that was removed comes back.
    pub async fn create_account(&self, account: &AccountName, password: &str) -> Result<(), AccountError> {
        if self.create_or_set_password(account, password, false).await? {
            Ok(())
        } else {
            Err(AccountError::Exists(account.clone()))
        }
    }

    /// Makes an account, or sets the password of the one that is there; whether it is new.
    pub async fn create_account_or_set_password(
        &self,
        account: &AccountName,
        password: &str,
    ) -> Result<bool, AccountError> {
        self.create_or_set_password(account, password, true).await
    }

    async fn create_or_set_password(
        &self,
        account: &AccountName,
        password: &str,
        may_exist: bool,
    ) -> Result<bool, AccountError> {
        let hash = self.check_and_hash(account, password)?;
        let (now, AccountName { mechanism, name }) = (self.clock.now_micros(), account);
        let create = async |tx: &mut Tx| match accounts::find(tx, mechanism, name).await? {
            None => accounts::create(tx, mechanism, name, &hash, now).await.map(|()| true),
            Some(row) if row.removed_at.is_some() => {
                accounts::restore(tx, mechanism, name, &hash, now).await.map(|()| true)
            }
            Some(_) if may_exist => self.change_password(tx, account, &hash, now).await.map(|_| false),
            Some(_) => Ok(false),
        };
        let is_new = self.db.write(create).await?;
        if may_exist && !is_new {
            self.end_logins_by_old_password(account, now).await?;
        }
        Ok(is_new)
    }

    /// Sets the password of an account, and ends its sessions.
    pub async fn set_password(&self, account: &AccountName, password: &str) -> Result<(), AccountError> {
        let (hash, now) = (self.check_and_hash(account, password)?, self.clock.now_micros());
        let found = self.db.write(async |tx| self.change_password(tx, account, &hash, now).await).await?;
        if !found {
            return Err(AccountError::Unknown(account.clone()));
        }
        Ok(self.end_logins_by_old_password(account, now).await?)
    }

    /// Lets nobody in with this account any more, and ends its sessions; false if it was locked already.
    pub async fn lock_account(&self, account: &AccountName) -> Result<bool, AccountError> {
        let now = self.clock.now_micros();
        self.set_locked(account, Some(now)).await
    }

    /// Lets its owner in again; false if it was not locked.
    pub async fn unlock_account(&self, account: &AccountName) -> Result<bool, AccountError> {
        self.set_locked(account, None).await
    }

    /// Removes an account and its password, and ends its sessions.
    pub async fn remove_account(&self, account: &AccountName) -> Result<(), AccountError> {
        let (now, AccountName { mechanism, name }) = (self.clock.now_micros(), account);
        let remove = async |tx: &mut Tx| {
            let found = accounts::remove(tx, mechanism, name, now).await?;
            if found {
                self.end_sessions(tx, account, ALL_SESSIONS).await?;
            }
            Ok::<_, DbError>(found)
        };
        if self.db.write(remove).await? { Ok(()) } else { Err(AccountError::Unknown(account.clone())) }
    }

    fn check_and_hash(&self, account: &AccountName, password: &str) -> Result<String, AccountError> {
        self.policy.check(account, password)?;
        hash_password(password).map_err(AccountError::Hash)
    }

    async fn change_password(&self, tx: &mut Tx, account: &AccountName, hash: &str, now: i64) -> Result<bool, DbError> {
        let found = accounts::set_password(tx, &account.mechanism, &account.name, hash, now).await?;
        if found {
            self.end_sessions(tx, account, now).await?;
        }
        Ok(found)
    }

    /// A login that began after the time of the change, and before others could see the change, was let in by the old password.
    async fn end_logins_by_old_password(&self, account: &AccountName, changed_at: i64) -> Result<(), DbError> {
        let begun_until = self.clock.now_micros();
        if begun_until <= changed_at {
            return Ok(());
        }
        let event = SessionsRevoked { subject: account.to_string(), begun_until };
        self.db.write(async |tx| self.outbox.emit(tx, &event).await).await
    }

    async fn set_locked(&self, account: &AccountName, locked_at: Option<i64>) -> Result<bool, AccountError> {
        let AccountName { mechanism, name } = account;
        let set = async |tx: &mut Tx| {
            let row = accounts::find(tx, mechanism, name).await?.filter(|row| row.removed_at.is_none());
            let Some(row) = row else { return Ok::<_, DbError>(None) };
            let changes = row.locked_at.is_some() != locked_at.is_some();
            if changes {
                accounts::set_locked(tx, mechanism, name, locked_at).await?;
            }
            if locked_at.is_some() {
                self.end_sessions(tx, account, ALL_SESSIONS).await?;
            }
            Ok(Some(changes))
        };
        self.db.write(set).await?.ok_or_else(|| AccountError::Unknown(account.clone()))
    }

    /// Ends what is known here, tells everybody who may remember it, and asks the catalogue to end the rest.
    async fn end_sessions(&self, tx: &mut Tx, account: &AccountName, begun_until: i64) -> Result<(), DbError> {
        let subject = account.to_string();
        for session_hash in token_sessions::end_all_of(tx, &subject).await? {
            self.outbox.emit(tx, &SessionEnded { session_hash, subject: subject.clone() }).await?;
        }
        self.outbox.emit(tx, &SessionsRevoked { subject, begun_until }).await
    }
}

fn to_timestamp(micros: i64) -> Result<Timestamp, AccountError> {
    Timestamp::from_microsecond(micros)
        .map_err(|e| DbError::Setup(format!("a stored time is out of range: {e}")).into())
}
