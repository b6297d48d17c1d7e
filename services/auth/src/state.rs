//! What the handlers of logins share.

use std::sync::Arc;

use events::Outbox;
use icat_client::IcatClient;
use service_kit::{BuildError, Clock, Ctx, Db, Ids, Listener};

use crate::accounts::LocalLogins;
use crate::config::Config;
use crate::observation::LoginObserver;
use crate::tokens::Tokens;

pub struct State {
    pub db: Db,
    pub clock: Arc<dyn Clock>,
    pub ids: Arc<dyn Ids>,
    pub icat: IcatClient,
    pub tokens: Tokens,
    pub config: Config,
    /// Full user names that portals show as administrators.
    pub administrators: Vec<String>,
    /// Tells others whose session began or ended.
    pub outbox: Outbox,
    pub local_logins: LocalLogins,
    pub login_observer: LoginObserver,
}

impl State {
    pub fn new(ctx: &Ctx, config: Config, outbox: Outbox) -> Result<Self, BuildError> {
        let url = ctx.endpoints.resolve_url(&ctx.config.core.icat.url, Listener::Public);
        let login_observer = LoginObserver::new(ctx, &config.local_mechanisms);
        Ok(Self {
            db: ctx.db.clone(),
            clock: Arc::clone(&ctx.clock),
            ids: Arc::clone(&ctx.ids),
            icat: IcatClient::new(ctx.http.clone(), &url),
            tokens: Tokens::new(ctx, &config)?,
            config,
            administrators: ctx.config.core.identity.administrators.clone(),
            outbox,
            local_logins: LocalLogins::new(ctx, login_observer.clone()),
            login_observer,
        })
    }
}
