//! What the handlers of logins share.

use std::sync::Arc;

use events::Outbox;
use icat_client::IcatClient;
use service_kit::{BuildError, Clock, Ctx, Ids, Listener};

use crate::accounts::LocalLogins;
use crate::config::Config;
use crate::login_metrics::LoginMetrics;
use crate::sessions::Sessions;
use crate::tokens::Tokens;

pub struct State {
    pub clock: Arc<dyn Clock>,
    pub ids: Arc<dyn Ids>,
    pub icat: IcatClient,
    pub tokens: Tokens,
    pub config: Config,
    /// User names that portals show as administrators.
    pub administrators: Vec<String>,
    pub sessions: Sessions,
    pub local_logins: Arc<LocalLogins>,
}

impl State {
    pub fn new(ctx: &Ctx, config: Config, outbox: Outbox) -> Result<Self, BuildError> {
        let url = ctx.endpoints.resolve_url(&ctx.config.core.icat.url, Listener::Public);
        let icat = IcatClient::new(ctx.http.clone(), &url);
        let login_metrics = LoginMetrics::new(ctx, &config.local_mechanisms);
        Ok(Self {
            clock: Arc::clone(&ctx.clock),
            ids: Arc::clone(&ctx.ids),
            sessions: Sessions::new(ctx, icat.clone(), outbox, login_metrics.clone()),
            icat,
            tokens: Tokens::new(ctx, &config)?,
            config,
            administrators: ctx.config.core.identity.administrators.clone(),
            local_logins: Arc::new(LocalLogins::new(ctx, login_metrics)),
        })
    }
}
