//! Administration of local accounts. It needs only the database; a running server learns of ended sessions through the
//! outbox within about a second.

use std::collections::BTreeSet;
use std::sync::Arc;

use events::Outbox;
use events::messages::auth::{ApiKeyRevoked, SessionEnded, SessionsRevoked};
use jiff::Timestamp;
use service_kit::{Clock, Db, DbError, Micros, Sources, Tx};

use super::imported_hash::check_hash;
use super::password::{hash_password, verify_password};
use super::{AccountError, AccountName, PasswordPolicy};
use crate::audit::Audit;
use crate::config::{Config, SERVICE_NAME};
use crate::domain::audit::{AuditEntry, AuditKind, COMMAND_LINE};
use crate::domain::login::EndReason;
use crate::domain::origin::Origin;
use crate::store::{account_links, accounts, api_keys, logins, provider_users};

/// Logins that are in progress end too, because the account is closed, and so do those of services whose clocks are ahead.
const ALL_SESSIONS: Micros = Micros::from_i64(0);

/// Creates, lists, locks and removes local accounts. Cheap to clone.
#[derive(Clone)]
pub struct Accounts {
    db: Db,
    clock: Arc<dyn Clock>,
    outbox: Outbox,
    audit: Audit,
    policy: PasswordPolicy,
    mechanisms: Vec<String>,
    /// Who does it, for the audit log.
    actor: String,
    origin: Origin,
}

/// An account in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    pub name: AccountName,
    pub password_set_at: Timestamp,
    /// `None` while it is open.
    pub locked_at: Option<Timestamp>,
}

/// What happens to an account that exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Existing {
    /// One that was removed is created again.
    Refused,
    GetsPassword,
    /// Also one that was removed.
    StaysAsItIs,
}

/// The password of an account of another program.
#[derive(Debug, Clone, Copy)]
pub enum ImportedPassword<'p> {
    /// As it was typed.
    Clear(&'p str),
    /// A hash of crypt(3) or bcrypt, which is replaced at the first login.
    Hash(&'p str),
}

impl ImportedPassword<'_> {
    /// An error if no login could succeed with it.
    pub fn check_format(self, account: &AccountName) -> Result<(), AccountError> {
        let refused = |text: &str| AccountError::Invalid(format!("{account}: {text}"));
        match self {
            Self::Clear("") => Err(refused("the password is empty")),
            Self::Clear(_) => Ok(()),
            Self::Hash(hash) => check_hash(hash).map_err(|text| refused(&text)),
        }
    }
}

impl Accounts {
    /// Administers the accounts of an open database.
    pub fn new(db: Db, sources: &Sources, config: &Config) -> Self {
        let outbox = Outbox::new(SERVICE_NAME, Arc::clone(&sources.clock), Arc::clone(&sources.ids));
        let audit = Audit::new(Arc::clone(&sources.clock), outbox.clone());
        let policy = PasswordPolicy { min_length: config.password_min_length };
        Self {
            db,
            clock: Arc::clone(&sources.clock),
            outbox,
            audit,
            policy,
            mechanisms: config.local_mechanisms.clone(),
            actor: COMMAND_LINE.to_owned(),
            origin: Origin::default(),
        }
    }

    /// The same for somebody who works with a page.
    pub fn for_actor(&self, user_name: &str, origin: &Origin) -> Self {
        Self { actor: user_name.to_owned(), origin: origin.clone(), ..self.clone() }
    }

    /// Those of local accounts.
    pub fn list_mechanisms(&self) -> &[String] {
        &self.mechanisms
    }

    pub fn password_policy(&self) -> PasswordPolicy {
        self.policy
    }

    /// Closes the database; `SQLite` writes its log into the file.
    pub async fn close(self) {
        self.db.close().await;
    }

    /// Reads `MECHANISM/NAME`.
    pub fn parse_name(&self, text: &str) -> Result<AccountName, AccountError> {
        AccountName::parse(text, &self.mechanisms)
    }

    /// An error if the account could not be created with this password.
    pub fn check_password(&self, account: &AccountName, password: &str) -> Result<(), AccountError> {
        self.policy.check_password(account, password)
    }

    /// Whether this is the password of an account, locked or not.
    pub async fn has_password(&self, account: &AccountName, password: &str) -> Result<bool, AccountError> {
        let row = accounts::find_account(&mut self.db.read().await?, &account.mechanism, &account.name).await?;
        let row = row.filter(|row| row.removed_at.is_none());
        Ok(row.is_some_and(|row| verify_password(Some(&row.password_hash), password)))
    }

    /// All accounts, sorted by mechanism and name.
    pub async fn list_accounts(&self) -> Result<Vec<Account>, AccountError> {
        let rows = accounts::list_accounts(&mut self.db.read().await?).await?;
        let map = |row: accounts::ListedRow| {
            Ok(Account {
                name: AccountName { mechanism: row.mechanism, name: row.name },
                password_set_at: to_timestamp(row.changed_at)?,
                locked_at: row.locked_at.map(to_timestamp).transpose()?,
            })
        };
        rows.into_iter().map(map).collect()
    }

    /// Creates an account; one that was removed is restored.
    pub async fn create_account(&self, account: &AccountName, password: &str) -> Result<(), AccountError> {
        self.create_account_with_hash(account, &self.policy.hash_new_password(account, password)?).await
    }

    /// The same with the hash of a password that was checked before.
    pub async fn create_account_with_hash(&self, account: &AccountName, hash: &str) -> Result<(), AccountError> {
        if self.create_or_set_password(account, hash, Existing::Refused).await? {
            Ok(())
        } else {
            Err(AccountError::Exists(account.clone()))
        }
    }

    /// Creates an account, or sets the password of an existing one; true if it is new.
    pub async fn create_account_or_set_password(
        &self,
        account: &AccountName,
        password: &str,
    ) -> Result<bool, AccountError> {
        self.create_or_set_password(account, &self.policy.hash_new_password(account, password)?, Existing::GetsPassword)
            .await
    }

    async fn create_or_set_password(
        &self,
        account: &AccountName,
        hash: &str,
        existing: Existing,
    ) -> Result<bool, AccountError> {
        let (now, AccountName { mechanism, name }) = (self.clock.now_micros(), account);
        let create = async |tx: &mut Tx| match accounts::find_account(tx, mechanism, name).await? {
            None => {
                accounts::insert_account(tx, mechanism, name, hash, now).await?;
                self.record_change(tx, account, "created").await.map(|()| true)
            }
            Some(row) if row.removed_at.is_some() => {
                if existing == Existing::StaysAsItIs {
                    return Ok(false);
                }
                // It may be somebody else who gets the name.
                self.close_other_ways(tx, account, now).await?;
                accounts::restore_account(tx, mechanism, name, hash, now).await?;
                self.record_change(tx, account, "created").await.map(|()| true)
            }
            Some(_) if existing == Existing::GetsPassword => {
                self.change_password(tx, account, hash, now).await.map(|_| false)
            }
            Some(_) => Ok(false),
        };
        let is_new = self.db.write(create).await?;
        if existing == Existing::GetsPassword && !is_new {
            self.end_logins_by_old_password(account, now).await?;
        }
        Ok(is_new)
    }

    /// Creates an account with a password of another program, whatever the rules for new passwords are; false if there is an account with
    /// this name, which stays as it is.
    pub async fn import_account(
        &self,
        account: &AccountName,
        password: ImportedPassword<'_>,
    ) -> Result<bool, AccountError> {
        password.check_format(account)?;
        let hash = match password {
            ImportedPassword::Clear(text) => hash_password(text).map_err(AccountError::Hash)?,
            ImportedPassword::Hash(hash) => hash.to_owned(),
        };
        self.create_or_set_password(account, &hash, Existing::StaysAsItIs).await
    }

    /// Lets an ICAT user name of an identity provider belong to the next user who comes with it; whether it belonged to somebody.
    pub async fn unbind_user_name(&self, user_name: &str) -> Result<bool, AccountError> {
        let unbind = async |tx: &mut Tx| {
            let was_bound = provider_users::free_name(tx, user_name).await?;
            if was_bound {
                self.record_entry(tx, user_name, None, "user_name_unbound").await?;
            }
            Ok::<_, DbError>(was_bound)
        };
        Ok(self.db.write(unbind).await?)
    }

    /// Sets the password of an account, and ends its sessions.
    pub async fn set_password(&self, account: &AccountName, password: &str) -> Result<(), AccountError> {
        self.set_password_hash(account, &self.policy.hash_new_password(account, password)?).await
    }

    /// The same with the hash of a password that was checked before.
    pub async fn set_password_hash(&self, account: &AccountName, hash: &str) -> Result<(), AccountError> {
        let now = self.clock.now_micros();
        let found = self.db.write(async |tx| self.change_password(tx, account, hash, now).await).await?;
        if !found {
            return Err(AccountError::Unknown(account.clone()));
        }
        Ok(self.end_logins_by_old_password(account, now).await?)
    }

    /// Locks an account and ends its sessions; false if it was locked already.
    pub async fn lock_account(&self, account: &AccountName) -> Result<bool, AccountError> {
        self.set_locked(account, true).await
    }

    /// Unlocks an account; false if it was not locked.
    pub async fn unlock_account(&self, account: &AccountName) -> Result<bool, AccountError> {
        self.set_locked(account, false).await
    }

    /// Removes an account and its password, and ends its sessions.
    pub async fn remove_account(&self, account: &AccountName) -> Result<(), AccountError> {
        let (now, AccountName { mechanism, name }) = (self.clock.now_micros(), account);
        let remove = async |tx: &mut Tx| {
            let found = accounts::remove_account(tx, mechanism, name, now).await?;
            if found {
                self.end_sessions(tx, account, ALL_SESSIONS).await?;
                self.close_other_ways(tx, account, now).await?;
                self.record_change(tx, account, "removed").await?;
            }
            Ok::<_, DbError>(found)
        };
        if self.db.write(remove).await? { Ok(()) } else { Err(AccountError::Unknown(account.clone())) }
    }

    async fn change_password(
        &self,
        tx: &mut Tx,
        account: &AccountName,
        hash: &str,
        now: Micros,
    ) -> Result<bool, DbError> {
        let found = accounts::set_password(tx, &account.mechanism, &account.name, hash, now).await?;
        if found {
            self.end_sessions(tx, account, now).await?;
            // Whoever knew the old password may have made them.
            let user_name = account.to_string();
            for provider in account_links::delete_own_links(tx, &user_name).await? {
                self.record_entry(tx, &user_name, Some(&provider), "unlinked").await?;
            }
            self.record_change(tx, account, "password_set").await?;
        }
        Ok(found)
    }

    /// Whoever gets the name of a removed account must not be reached by the links and API keys of before.
    async fn close_other_ways(&self, tx: &mut Tx, account: &AccountName, now: Micros) -> Result<(), DbError> {
        let user_name = account.to_string();
        for provider in account_links::delete_links_of_user(tx, &user_name).await? {
            self.record_entry(tx, &user_name, Some(&provider), "unlinked").await?;
        }
        provider_users::free_name(tx, &user_name).await?;
        for (key_hash, name) in api_keys::revoke_keys_of_user(tx, &user_name, &self.actor, now).await? {
            let entry = AuditEntry {
                actor: Some(&self.actor),
                user_name: Some(&user_name),
                client: Some(&name),
                ..AuditEntry::new(AuditKind::ApiKey, "revoked", &self.origin)
            };
            self.audit.record_entry(tx, &entry).await?;
            self.outbox.emit(tx, &ApiKeyRevoked { key_hash, subject: user_name.clone() }).await?;
        }
        Ok(())
    }

    async fn record_change(&self, tx: &mut Tx, account: &AccountName, what: &'static str) -> Result<(), DbError> {
        self.record_entry(tx, &account.to_string(), Some(&account.mechanism), what).await
    }

    async fn record_entry(
        &self,
        tx: &mut Tx,
        user_name: &str,
        provider: Option<&str>,
        what: &'static str,
    ) -> Result<(), DbError> {
        let entry = AuditEntry {
            actor: Some(&self.actor),
            user_name: Some(user_name),
            provider,
            ..AuditEntry::new(AuditKind::Account, what, &self.origin)
        };
        self.audit.record_entry(tx, &entry).await
    }

    /// Ends sessions of logins that began after the change but before it was visible: they used the old password.
    async fn end_logins_by_old_password(&self, account: &AccountName, changed_at: Micros) -> Result<(), DbError> {
        let begun_until = self.clock.now_micros();
        if begun_until <= changed_at {
            return Ok(());
        }
        let event = SessionsRevoked { subject: account.to_string(), begun_until: begun_until.as_i64() };
        self.db.write(async |tx| self.outbox.emit(tx, &event).await).await
    }

    async fn set_locked(&self, account: &AccountName, is_locked: bool) -> Result<bool, AccountError> {
        let (now, AccountName { mechanism, name }) = (self.clock.now_micros(), account);
        let set = async |tx: &mut Tx| {
            let row = accounts::find_account(tx, mechanism, name).await?.filter(|row| row.removed_at.is_none());
            let Some(row) = row else { return Ok::<_, DbError>(None) };
            let changes = row.locked_at.is_some() != is_locked;
            if changes {
                accounts::set_locked(tx, mechanism, name, is_locked.then_some(now)).await?;
            }
            if is_locked {
                self.end_sessions(tx, account, ALL_SESSIONS).await?;
            }
            if changes {
                let what = if is_locked { "locked" } else { "unlocked" };
                self.record_change(tx, account, what).await?;
            }
            Ok(Some(changes))
        };
        self.db.write(set).await?.ok_or_else(|| AccountError::Unknown(account.clone()))
    }

    /// Ends the known sessions of an account, and emits events so that other services and the catalogue end theirs.
    async fn end_sessions(&self, tx: &mut Tx, account: &AccountName, begun_until: Micros) -> Result<(), DbError> {
        let (subject, now) = (account.to_string(), self.clock.now_micros());
        let ended = logins::end_logins_of_user(tx, &subject, EndReason::AccountChanged, now).await?;
        let session_hashes: BTreeSet<String> = ended.into_iter().map(|login| login.session_hash).collect();
        for session_hash in session_hashes {
            self.outbox.emit(tx, &SessionEnded { session_hash, subject: subject.clone() }).await?;
        }
        self.outbox.emit(tx, &SessionsRevoked { subject, begun_until: begun_until.as_i64() }).await
    }
}

fn to_timestamp(moment: Micros) -> Result<Timestamp, AccountError> {
    Timestamp::from_microsecond(moment.as_i64())
        .map_err(|e| DbError::Setup(format!("a stored time is out of range: {e}")).into())
}
