//! The reader account: an ICAT user who may see everything, for questions about users who are not there and for jobs.

use std::sync::Arc;

use service_kit::{ConfigError, Secret};
use tokio::sync::Mutex;

use super::IcatClient;
use super::error::{IcatCode, IcatError};

/// Cheap to clone; all clones share one session.
#[derive(Clone)]
pub struct ReaderAccount(Arc<Inner>);

struct Inner {
    icat: IcatClient,
    plugin: String,
    user: String,
    password: Secret,
    /// Opened when it is needed, and again when it has ended.
    session: Mutex<Option<Arc<str>>>,
}

impl ReaderAccount {
    /// From the setting `icat.reader`: `plugin:user:password`, or empty for none.
    pub fn from_setting(setting: &str, icat: IcatClient) -> Result<Option<Self>, ConfigError> {
        if setting.is_empty() {
            return Ok(None);
        }
        let mut parts = setting.splitn(3, ':').map(str::to_owned);
        match (parts.next(), parts.next(), parts.next()) {
            (Some(plugin), Some(user), Some(password)) if !plugin.is_empty() && !user.is_empty() => {
                Ok(Some(Self(Arc::new(Inner { icat, plugin, user, password: Secret::new(password), session: Mutex::default() }))))
            }
            _ => Err(ConfigError(
                "icat.reader must be plugin:user:password, such as simple:reader:PASSWORD; the plugin is an authenticator of \
                 the catalogue and not part of the user's name"
                    .to_owned(),
            )),
        }
    }

    /// `plugin/user`, for people.
    pub fn account_name(&self) -> String {
        format!("{}/{}", self.0.plugin, self.0.user)
    }

    /// The catalogue it reads.
    pub fn icat(&self) -> &IcatClient {
        &self.0.icat
    }

    /// Asks with the reader's session; a question may be asked twice, if the session ended meanwhile.
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

    /// Opens the session before somebody waits for it; what prevents it is met again by the first question.
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
