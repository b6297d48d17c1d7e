//! The reader account: an ICAT user who may read everything, for jobs and for users without a session. Accounts of services
//! with other rights are used in the same way.

use std::sync::Arc;

use service_kit::{ConfigError, Secret};
use tokio::sync::Mutex;

use super::IcatClient;
use super::error::{IcatCode, IcatError};

/// The reader account. Cheap to clone; all clones share one session.
#[derive(Clone)]
pub struct ReaderAccount(Arc<Inner>);

struct Inner {
    icat: IcatClient,
    plugin: String,
    user: String,
    password: Secret,
    /// Opened when it is needed, and again after it has ended.
    session: Mutex<Option<Arc<str>>>,
}

impl ReaderAccount {
    /// From the setting `icat.reader`: `plugin:user:password`, or empty for none.
    pub fn from_setting(setting: &str, icat: IcatClient) -> Result<Option<Self>, ConfigError> {
        Self::from_named_setting("icat.reader", setting, icat)
    }

    /// The same for another account of a service, which is set in the same way.
    pub fn from_named_setting(name: &str, setting: &str, icat: IcatClient) -> Result<Option<Self>, ConfigError> {
        if setting.is_empty() {
            return Ok(None);
        }
        let mut parts = setting.splitn(3, ':').map(str::to_owned);
        match (parts.next(), parts.next(), parts.next()) {
            (Some(plugin), Some(user), Some(password)) if !plugin.is_empty() && !user.is_empty() => {
                Ok(Some(Self(Arc::new(Inner {
                    icat,
                    plugin,
                    user,
                    password: Secret::new(password),
                    session: Mutex::default(),
                }))))
            }
            _ => Err(ConfigError(format!(
                "{name} must be plugin:user:password, such as simple:reader:PASSWORD; the plugin is an authenticator of \
                 the catalogue and not part of the user's name"
            ))),
        }
    }

    /// `plugin/user`, for messages.
    pub fn account_name(&self) -> String {
        format!("{}/{}", self.0.plugin, self.0.user)
    }

    /// The client of the catalogue.
    pub fn icat(&self) -> &IcatClient {
        &self.0.icat
    }

    /// Runs calls with the session of the reader; they are repeated once if the session has ended.
    pub async fn with_session<T>(
        &self,
        question: impl AsyncFn(&IcatClient, &str) -> Result<T, IcatError>,
    ) -> Result<T, IcatError> {
        let icat = &self.0.icat;
        let session = self.open_session(None).await?;
        match question(icat, &session).await {
            Err(IcatError::Refused { code: IcatCode::Session, .. }) => {
                let session = self.open_session(Some(session)).await?;
                question(icat, &session).await
            }
            answer => answer,
        }
    }

    /// Opens the session in advance, so that the first call does not wait for it.
    pub async fn log_in(&self) -> Result<(), IcatError> {
        self.open_session(None).await.map(drop)
    }

    async fn open_session(&self, ended: Option<Arc<str>>) -> Result<Arc<str>, IcatError> {
        let account = &*self.0;
        let mut held = account.session.lock().await;
        if let Some(session) = held.as_ref().filter(|held| Some(*held) != ended.as_ref()) {
            return Ok(Arc::clone(session));
        }
        let credentials = [("username", account.user.as_str()), ("password", account.password.expose())];
        let session: Arc<str> = account.icat.login(&account.plugin, &credentials).await?.into();
        *held = Some(Arc::clone(&session));
        Ok(session)
    }
}
