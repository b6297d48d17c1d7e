//! Who administers services, and whether their login is enough for it.

use std::sync::Arc;

use identity::{Decision, Permission, RequiredLevels};
use service_kit::{ClientAddress, ConfigError, Ctx, Problem};

use crate::login_levels::to_login_level;
use crate::store::logins::LoginRow;

/// The administrators of services (`identity.administrators`).
pub struct Administrators {
    names: Vec<String>,
    required_levels: Arc<RequiredLevels>,
}

impl Administrators {
    pub fn new(ctx: &Ctx) -> Result<Self, ConfigError> {
        let names = ctx.config.core.identity.administrators.clone();
        Ok(Self { names, required_levels: RequiredLevels::new(ctx)? })
    }

    /// Whether somebody is an administrator, however they have logged in: for what is only shown.
    pub async fn is_administrator(&self, user_name: &str) -> Result<bool, Problem> {
        Ok(self.names.iter().any(|name| name == user_name))
    }

    /// Whether the user of a login may administer services with it. `client` is where the request comes from.
    pub async fn check_login(&self, login: &LoginRow, client: Option<ClientAddress>) -> Result<Decision, Problem> {
        let name = &login.user_name;
        if !self.is_administrator(name).await? {
            return Ok(Decision::deny(format!("{name} is not listed in identity.administrators")));
        }
        let scope = Permission::Administer.required_scope();
        let level = self.required_levels.check_level(scope, &to_login_level(login), client);
        Ok(match level {
            Ok(()) => Decision::allow(format!("{name} is listed in identity.administrators")),
            Err(missing) => Decision::deny_level(missing),
        })
    }
}
