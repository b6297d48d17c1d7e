//! `/authn.<mechanism>` for local accounts.

use std::sync::Arc;

use actix_web::web::Bytes;
use actix_web::{HttpResponse, web};
use serde_json::{Value, json};
use service_kit::Problem;

use super::{credential, json, json_field};
use crate::accounts::Attempt;
use crate::error::bad_credentials;
use crate::state::State;

pub struct Plugin {
    pub state: Arc<State>,
    pub mechanism: String,
}

/// icat.server compares the descriptions of several addresses byte by byte.
pub async fn description() -> HttpResponse {
    json("{\"keys\":[{\"name\":\"username\"},{\"name\":\"password\",\"hide\":true}]}")
}

pub async fn authenticate(plugin: web::Data<Plugin>, body: Bytes) -> Result<HttpResponse, Problem> {
    let login = json_field(&body)?;
    let (Some(name), Some(password)) = (credential(&login, "username"), credential(&login, "password")) else {
        return Err(bad_credentials());
    };
    if name.contains('\0') {
        return Err(bad_credentials());
    }
    let address = login.get("ip").and_then(Value::as_str).and_then(|ip| ip.parse().ok());
    let attempt = Attempt { mechanism: &plugin.mechanism, name, password: password.to_owned(), address };
    plugin.state.local_logins.log_in(attempt).await?;
    Ok(json(json!({"username": name, "mechanism": plugin.mechanism}).to_string()))
}
