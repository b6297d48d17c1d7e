//! Logins with the accounts of LDAP directories (RFC 4511). A directory that does not answer is never a wrong password.

mod settings;
mod tls;

use std::sync::Arc;

use ldap3::{
    Ldap, LdapConnAsync, LdapConnSettings, LdapError, Scope, SearchEntry, SearchOptions, dn_escape, ldap_escape,
};
use rustls::ClientConfig;
use service_kit::problem::root_cause;
use service_kit::{BuildError, ConfigError, Ctx, Ids, Secret};
use tokio::sync::Semaphore;
use tokio::time::timeout;

pub use self::settings::DirectorySettings;
use self::settings::NAME_PLACE;
use self::tls::build_tls_config;
use crate::domain::provider_user::ProviderUser;
use crate::secret_file::read_secret_file;

/// Longer names and passwords are not sent.
const MAX_BYTES: usize = 1024;
/// So many logins ask a directory at once; others wait.
const MAX_SIMULTANEOUS_LOGINS: usize = 64;
/// A login takes a connection, a search and a bind, each of which may take the time-out.
const OPERATIONS: u32 = 4;
/// Of a bind: the password is wrong, or nobody has this name (RFC 4511, appendix A).
const REFUSALS: [u32; 4] = [INVALID_CREDENTIALS, NO_SUCH_OBJECT, INVALID_DN_SYNTAX, UNWILLING_TO_PERFORM];
const INVALID_CREDENTIALS: u32 = 49;
const NO_SUCH_OBJECT: u32 = 32;
const INVALID_DN_SYNTAX: u32 = 34;
const UNWILLING_TO_PERFORM: u32 = 53;
const SUCCESS: u32 = 0;
/// There are more entries than were asked for.
const SIZE_LIMIT_EXCEEDED: u32 = 4;

/// The directories of the settings.
pub struct Directories(Vec<Arc<Directory>>);

impl Directories {
    /// Reads secrets and certificates. Directories are not asked yet.
    pub fn new<'s>(
        ctx: &Ctx,
        settings: impl Iterator<Item = &'s DirectorySettings>,
        root_names: &[String],
    ) -> Result<Self, BuildError> {
        let open = |settings: &DirectorySettings| Directory::new(ctx, settings.clone(), root_names).map(Arc::new);
        Ok(Self(settings.map(open).collect::<Result<_, _>>()?))
    }

    pub fn find_by_mechanism(&self, mechanism: &str) -> Option<Arc<Directory>> {
        self.0.iter().find(|directory| directory.settings.mechanism() == mechanism).cloned()
    }
}

/// An LDAP directory.
pub struct Directory {
    settings: DirectorySettings,
    search_password: Option<Secret>,
    tls: Arc<ClientConfig>,
    root_names: Vec<String>,
    ids: Arc<dyn Ids>,
    slots: Semaphore,
}

/// Why a directory lets nobody in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DirectoryFault {
    /// There is no such user, or more than one, or a name that ICAT cannot have.
    UnknownUser,
    WrongPassword,
    /// The directory does not answer, or not as it should; for the log.
    Unavailable(String),
}

fn to_unavailable(e: &LdapError) -> DirectoryFault {
    DirectoryFault::Unavailable(root_cause(e))
}

impl Directory {
    fn new(ctx: &Ctx, settings: DirectorySettings, root_names: &[String]) -> Result<Self, BuildError> {
        let refused = |text: String| ConfigError(format!("auth.providers: `{}`: {text}", settings.name));
        let file = &settings.search_password_file;
        let read_password = || read_secret_file("search_password_file", file);
        let search_password = (!file.as_os_str().is_empty()).then(read_password).transpose().map_err(refused)?;
        let tls = Arc::new(build_tls_config(&settings.ca_file).map_err(refused)?);
        let root_names = if settings.may_name_administrators { Vec::new() } else { root_names.to_vec() };
        let (ids, slots) = (Arc::clone(&ctx.ids), Semaphore::new(MAX_SIMULTANEOUS_LOGINS));
        Ok(Self { settings, search_password, tls, root_names, ids, slots })
    }

    /// The user with this name and password, as the directory writes the name.
    pub async fn authenticate_user(&self, name: &str, password: &str) -> Result<ProviderUser, DirectoryFault> {
        // An empty password would be no password at all (RFC 4513, 5.1.2).
        let is_valid = |text: &str| !text.is_empty() && text.len() <= MAX_BYTES;
        if !is_valid(name) || !is_valid(password) || name.contains('\0') {
            return Err(DirectoryFault::UnknownUser);
        }
        let busy = || DirectoryFault::Unavailable("too many logins at once".to_owned());
        let _slot = timeout(self.settings.timeout, self.slots.acquire()).await.map_err(|_| busy())?;
        let mut fault = busy();
        for url in self.settings.list_urls() {
            match self.ask_server(url, name, password).await {
                Err(DirectoryFault::Unavailable(reason)) => {
                    tracing::warn!(provider.name = self.settings.name, reason, "a directory does not answer");
                    fault = DirectoryFault::Unavailable(reason);
                }
                answer => return self.parse_user(&answer?),
            }
        }
        Err(fault)
    }

    fn parse_user(&self, stored_name: &str) -> Result<ProviderUser, DirectoryFault> {
        let settings = &self.settings;
        let user = ProviderUser::parse(settings.mechanism(), stored_name, settings.username_format, &self.root_names);
        user.map_err(|fault| {
            tracing::warn!(
                provider.name = settings.name,
                reason = fault.as_str(),
                "a user name of a directory is refused"
            );
            DirectoryFault::UnknownUser
        })
    }

    async fn ask_server(&self, url: &str, name: &str, password: &str) -> Result<String, DirectoryFault> {
        let work = async {
            let connection_settings = LdapConnSettings::new()
                .set_conn_timeout(self.settings.timeout)
                .set_starttls(self.settings.starttls)
                .set_config(Arc::clone(&self.tls));
            let opened = LdapConnAsync::with_settings(connection_settings, url).await;
            let (connection, mut ldap) = opened.map_err(|e| to_unavailable(&e))?;
            let ask = async {
                let asked = if self.settings.user_dn.is_empty() {
                    self.search_and_bind(&mut ldap, name, password).await
                } else {
                    self.bind_by_name(&mut ldap, name, password).await
                };
                // The answer is known; how the server takes the farewell is of no interest.
                drop(ldap.unbind().await);
                asked
            };
            tokio::select! {
                biased;
                asked = ask => asked,
                _ = connection.drive() => Err(DirectoryFault::Unavailable("the connection was closed".to_owned())),
            }
        };
        let answer = timeout(self.settings.timeout * OPERATIONS, work).await;
        answer.unwrap_or_else(|_| Err(DirectoryFault::Unavailable("no answer in time".to_owned())))
    }

    async fn bind_by_name(&self, ldap: &mut Ldap, name: &str, password: &str) -> Result<String, DirectoryFault> {
        let dn = self.settings.user_dn.replace(NAME_PLACE, &dn_escape(name));
        if !self.bind_user(ldap, &dn, password).await? {
            return Err(DirectoryFault::UnknownUser);
        }
        let entries = self.search_entries(ldap, &dn, Scope::Base, "(objectClass=*)").await?;
        let entry = entries
            .first()
            .ok_or_else(|| DirectoryFault::Unavailable("the entry of a user cannot be read by the user".to_owned()))?;
        self.find_stored_name(entry, name)
    }

    async fn search_and_bind(&self, ldap: &mut Ldap, name: &str, password: &str) -> Result<String, DirectoryFault> {
        if let Some(search_password) = &self.search_password {
            let bound = ldap.with_timeout(self.settings.timeout);
            let bound = bound.simple_bind(&self.settings.search_dn, search_password.expose()).await;
            let code = bound.map_err(|e| to_unavailable(&e))?.rc;
            if code != SUCCESS {
                return Err(DirectoryFault::Unavailable(format!("search_dn is refused, LDAP result {code}")));
            }
        }
        let filter = self.settings.filter.replace(NAME_PLACE, &ldap_escape(name));
        let entries = self.search_entries(ldap, &self.settings.base, Scope::Subtree, &filter).await?;
        let [entry] = entries.as_slice() else {
            // As much work as for a name that exists.
            let nobody = format!("cn={},{}", self.ids.random_uuid(), self.settings.base);
            self.bind_user(ldap, &nobody, password).await?;
            return Err(DirectoryFault::UnknownUser);
        };
        if !self.bind_user(ldap, &entry.dn, password).await? {
            return Err(DirectoryFault::WrongPassword);
        }
        self.find_stored_name(entry, name)
    }

    /// Whether the directory accepts the password.
    async fn bind_user(&self, ldap: &mut Ldap, dn: &str, password: &str) -> Result<bool, DirectoryFault> {
        let bound = ldap.with_timeout(self.settings.timeout).simple_bind(dn, password).await;
        match bound.map_err(|e| to_unavailable(&e))?.rc {
            SUCCESS => Ok(true),
            code if REFUSALS.contains(&code) => Ok(false),
            code => Err(DirectoryFault::Unavailable(format!("a login is answered with LDAP result {code}"))),
        }
    }

    /// At most two entries; referrals are not followed.
    async fn search_entries(
        &self,
        ldap: &mut Ldap,
        base: &str,
        scope: Scope,
        filter: &str,
    ) -> Result<Vec<SearchEntry>, DirectoryFault> {
        let seconds = i32::try_from(self.settings.timeout.as_secs().max(1)).unwrap_or(i32::MAX);
        let options = SearchOptions::new().sizelimit(2).timelimit(seconds);
        let search = ldap.with_search_options(options).with_timeout(self.settings.timeout);
        let found = search.search(base, scope, filter, vec![self.settings.attribute.as_str()]).await;
        let ldap3::SearchResult(entries, result) = found.map_err(|e| to_unavailable(&e))?;
        if ![SUCCESS, SIZE_LIMIT_EXCEEDED, NO_SUCH_OBJECT].contains(&result.rc) {
            return Err(DirectoryFault::Unavailable(format!("a search is answered with LDAP result {}", result.rc)));
        }
        let entries = entries.into_iter().filter(|entry| !entry.is_ref() && !entry.is_intermediate());
        Ok(entries.map(SearchEntry::construct).collect())
    }

    /// The user name as it is stored: of several values the one that was typed.
    fn find_stored_name(&self, entry: &SearchEntry, typed: &str) -> Result<String, DirectoryFault> {
        let attribute = &self.settings.attribute;
        let values =
            entry.attrs.iter().find(|(name, _)| name.eq_ignore_ascii_case(attribute)).map(|(_, values)| values);
        let values = values.map(Vec::as_slice).unwrap_or_default();
        let typed = typed.trim().to_lowercase();
        let stored = values.iter().find(|value| value.to_lowercase() == typed).or(values.first());
        stored.cloned().ok_or_else(|| DirectoryFault::Unavailable(format!("a user has no attribute {attribute}")))
    }
}
