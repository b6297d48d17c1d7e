//! `/authn.<mechanism>` for local accounts.

use std::sync::Arc;

use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::{Value, json};
use service_kit::{Mount, Problem};

use super::{Authenticator, get_credential, json_response, parse_json_field};
use crate::accounts::{LocalLogins, LoginAttempt};
use crate::domain::origin::Origin;
use crate::error::bad_credentials;
use crate::request_origin::read_request_id;
use crate::state::State;

pub const AUTHENTICATOR: Authenticator =
    Authenticator { list_mechanisms: |config| config.local_mechanisms.clone(), add_routes };

struct Plugin {
    logins: Arc<LocalLogins>,
    mechanism: String,
}

fn add_routes(mount: Mount, state: &Arc<State>, mechanism: &str) -> Mount {
    let plugin = Plugin { logins: Arc::clone(&state.local_logins), mechanism: mechanism.to_owned() };
    mount.state(Arc::new(plugin)).get("/description", get_description).post("/authenticate", authenticate_user)
}

/// icat.server compares the descriptions of several addresses byte by byte.
async fn get_description() -> HttpResponse {
    json_response("{\"keys\":[{\"name\":\"username\"},{\"name\":\"password\",\"hide\":true}]}")
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
    let address = login.get("ip").and_then(Value::as_str).and_then(|ip| ip.parse().ok());
    let origin = Origin { address, user_agent: None, request_id: read_request_id(&request) };
    let attempt = LoginAttempt { mechanism: &plugin.mechanism, name, password: password.to_owned(), origin: &origin };
    plugin.logins.log_in(attempt).await?;
    Ok(json_response(json!({"username": name, "mechanism": plugin.mechanism}).to_string()))
}
