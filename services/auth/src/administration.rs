//! What administrators do on the command line. It needs only the database; a running server learns of it through the outbox within
//! about a second.

use events::Outbox;
use service_kit::{BuildError, Db, DbError, Sources, sha256_hex};
use thiserror::Error;

use crate::account_links::{AccountLinks, LinkError, LinkedUser};
use crate::audit::Audit;
use crate::config::{Config, SERVICE_NAME};
use crate::domain::audit::COMMAND_LINE;
use crate::domain::origin::Origin;
use crate::login_administration::LoginAdministration;
use crate::store::account_links::AccountLinkRow;
use crate::store::logins::LoginRow;

/// More logins are not listed.
const MAX_LISTED_LOGINS: i64 = 1000;

/// Administers logins and links of accounts.
pub struct Administration {
    db: Db,
    config: Config,
    logins: LoginAdministration,
    links: AccountLinks,
}

/// Why something was not done.
#[derive(Debug, Error)]
pub enum AdministrationError {
    #[error(transparent)]
    Setup(#[from] BuildError),
    #[error(transparent)]
    Database(#[from] DbError),
    #[error(transparent)]
    Link(#[from] LinkError),
    #[error("there is no identity provider `{0}` in auth.providers or auth.plugins")]
    UnknownProvider(String),
}

impl Administration {
    /// Administers an open database; `administrators` are those of the services.
    pub fn new(db: Db, sources: &Sources, config: Config, administrators: &[String]) -> Self {
        let outbox = Outbox::new(SERVICE_NAME, sources.clock.clone(), sources.ids.clone());
        let audit = Audit::new(sources.clock.clone(), outbox.clone());
        let root_names = config.list_root_names(administrators).into();
        Self {
            logins: LoginAdministration::new(db.clone(), sources.clock.clone(), outbox, audit.clone()),
            links: AccountLinks::new(db.clone(), sources.clock.clone(), audit, root_names),
            db,
            config,
        }
    }

    /// Closes the database; `SQLite` writes its log into the file.
    pub async fn close(self) {
        self.db.close().await;
    }

    /// The newest thousand logins that have not ended, the newest first; of one user, or of all.
    pub async fn list_logins(&self, user_name: Option<&str>) -> Result<Vec<LoginRow>, AdministrationError> {
        Ok(self.logins.list_logins(user_name, MAX_LISTED_LOGINS).await?)
    }

    /// Ends a login; its user, or `None` if there is no such login.
    pub async fn end_login(&self, id: &str) -> Result<Option<String>, AdministrationError> {
        Ok(self.logins.end_login(id, COMMAND_LINE, &Origin::default()).await?)
    }

    /// Ends all logins of a user, and the sessions that they opened at the catalogue themselves; returns how many logins.
    pub async fn end_logins_of_user(&self, user_name: &str) -> Result<usize, AdministrationError> {
        Ok(self.logins.end_logins_of_user(user_name, COMMAND_LINE, &Origin::default()).await?)
    }

    /// Links somebody at a provider, whom its tokens call `subject`, to an account; false if they were linked before.
    pub async fn link_user(&self, provider: &str, subject: &str, user_name: &str) -> Result<bool, AdministrationError> {
        let issuer = self.config.find_issuer(provider);
        let issuer = issuer.ok_or_else(|| AdministrationError::UnknownProvider(provider.to_owned()))?;
        let user = LinkedUser { provider, issuer, subject_hash: &sha256_hex(subject) };
        Ok(self.links.link_user(&user, user_name, COMMAND_LINE, &Origin::default()).await?)
    }

    /// Removes the links of an account to a provider; false if there are none.
    pub async fn unlink_user(&self, user_name: &str, provider: &str) -> Result<bool, AdministrationError> {
        Ok(self.links.unlink_user(user_name, provider, COMMAND_LINE, &Origin::default()).await?)
    }

    /// The links of an account, the oldest first.
    pub async fn list_links(&self, user_name: &str) -> Result<Vec<AccountLinkRow>, AdministrationError> {
        Ok(self.links.list_links(user_name).await?)
    }
}
