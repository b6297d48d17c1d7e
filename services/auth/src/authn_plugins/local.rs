//! `/authn.<mechanism>` for local accounts.

use std::sync::Arc;

use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse, web};
use service_kit::{Mount, Problem};

use super::{Authenticator, get_credential, get_password_description, parse_json_field, read_origin, user_response};
use crate::accounts::{LocalLogins, LoginAttempt};
use crate::error::bad_credentials;
use crate::login_origins::LoginOrigins;
use crate::state::State;

pub const AUTHENTICATOR: Authenticator =
    Authenticator { list_names: |config| config.local_mechanisms.clone(), add_routes };

struct Plugin {
    logins: Arc<LocalLogins>,
    origins: LoginOrigins,
    mechanism: String,
}

fn add_routes(mount: Mount, state: &Arc<State>, mechanism: &str) -> Mount {
    let plugin = Plugin {
        logins: Arc::clone(&state.local_logins),
        origins: state.login_origins.clone(),
        mechanism: mechanism.to_owned(),
    };
    mount.state(Arc::new(plugin)).get("/description", get_password_description).post("/authenticate", authenticate_user)
}

async fn authenticate_user(
    plugin: web::Data<Plugin>,
    request: HttpRequest,
    body: Bytes,
) -> Result<HttpResponse, Problem> {
    let login = parse_json_field(&body)?;
    let (Some(name), Some(password)) = (get_credential(&login, "username"), get_credential(&login, "password")) else {
        return Err(bad_credentials());
    };
    if name.contains('\0') {
        return Err(bad_credentials());
    }
    let origin = read_origin(&plugin.origins, &login, &request).await;
    let attempt = LoginAttempt { mechanism: &plugin.mechanism, name, password: password.to_owned(), origin: &origin };
    plugin.logins.log_in(attempt).await?;
    Ok(user_response(name, Some(&plugin.mechanism)))
}
