//! Who administers services, and whether their login is enough for it.

use std::sync::Arc;

use events::Events;
use icat_client::IcatClient;
use icat_client::client::ReaderAccount;
use identity::{Decision, Permission, RequiredLevels};
use service_kit::problem::format_error_chain;
use service_kit::{BuildError, ClientAddress, ConfigError, Ctx, Problem};

use crate::login_levels::to_login_level;
use crate::store::logins::LoginRow;

/// The administrators of services (`identity.administrators`).
pub struct Administrators {
    known: identity::Administrators,
    required_levels: Arc<RequiredLevels>,
}

impl Administrators {
    pub fn new(ctx: &Ctx, icat: &IcatClient) -> Result<Self, ConfigError> {
        let reader = ReaderAccount::from_setting(ctx.config.core.icat.reader.expose(), icat.clone())?;
        let known = identity::Administrators::new(ctx, reader);
        Ok(Self { known, required_levels: RequiredLevels::new(ctx)? })
    }

    pub fn listen_for_changed_groups(&self, ctx: &Ctx, events: &Events) -> Result<(), BuildError> {
        self.known.listen_for_changed_groups(ctx, events)
    }

    /// Looks memberships up again, because some were changed here.
    pub fn forget_memberships(&self) {
        self.known.forget_memberships();
    }

    /// Whether somebody is an administrator, however they have logged in: for what is only shown. Nobody is one while their groups
    /// cannot be looked up.
    pub async fn is_administrator(&self, user_name: &str) -> bool {
        match self.known.check_administrator(user_name).await {
            Ok(decision) => decision.allowed,
            Err(e) => {
                let error = format_error_chain(&e);
                tracing::warn!(error, "a user is not shown as an administrator: groups cannot be looked up");
                false
            }
        }
    }

    /// Whether the user of a login may administer services with it. `client` is where the request comes from.
    pub async fn check_login(&self, login: &LoginRow, client: Option<ClientAddress>) -> Result<Decision, Problem> {
        let decision = self.known.check_administrator(&login.user_name).await?;
        let scope = Permission::Administer.required_scope();
        Ok(match self.required_levels.check_level(scope, &to_login_level(login), client) {
            Err(missing) if decision.allowed => Decision::deny_level(missing),
            _ => decision,
        })
    }
}
