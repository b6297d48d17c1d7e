//! The reader account: an ICAT user who may see everything, for questions about users who are not there.

use icat_client::{IcatClient, IcatCode, IcatError};
use service_kit::ConfigError;
use tokio::sync::Mutex;

use crate::secret::Session;

pub struct Reader {
    icat: IcatClient,
    plugin: String,
    user: String,
    password: Secret,
    session: Mutex<Option<Session>>,
}

/// Has no way to be shown.
struct Secret(String);

impl Reader {
    /// `plugin:user:password`, or empty for none.
    pub fn of(setting: &str, icat: IcatClient) -> Result<Option<Self>, ConfigError> {
        if setting.is_empty() {
            return Ok(None);
        }
        let mut parts = setting.splitn(3, ':').map(str::to_owned);
        match (parts.next(), parts.next(), parts.next()) {
            (Some(plugin), Some(user), Some(password)) if !plugin.is_empty() && !user.is_empty() => {
                Ok(Some(Self { icat, plugin, user, password: Secret(password), session: Mutex::default() }))
            }
            _ => Err(ConfigError("icat.reader must be plugin:user:password".to_owned())),
        }
    }

    /// Asks with the reader's session, which is opened when it is needed and again when it has ended.
    pub async fn ask<T>(
        &self,
        question: impl AsyncFn(&IcatClient, &str) -> Result<T, IcatError>,
    ) -> Result<T, IcatError> {
        let session = self.session(None).await?;
        match question(&self.icat, session.expose()).await {
            Err(IcatError::Refused { code: IcatCode::Session, .. }) => {
                let session = self.session(Some(session)).await?;
                question(&self.icat, session.expose()).await
            }
            answer => answer,
        }
    }

    async fn session(&self, ended: Option<Session>) -> Result<Session, IcatError> {
        let mut held = self.session.lock().await;
        if let Some(session) = held.as_ref().filter(|held| Some(*held) != ended.as_ref()) {
            return Ok(session.clone());
        }
        let credentials = [("username", self.user.as_str()), ("password", self.password.0.as_str())];
        let session = Session::new(self.icat.login(&self.plugin, &credentials).await?);
        *held = Some(session.clone());
        Ok(session)
    }
}
