//! `/authn.<mechanism>` for local accounts.

use std::sync::Arc;

use actix_web::web::Bytes;
use actix_web::{HttpResponse, web};
use serde_json::{Value, json};
use service_kit::Problem;

use super::{get_credential, json_response, parse_json_field};
use crate::accounts::{LocalLogins, LoginAttempt};
use crate::error::bad_credentials;

pub struct Plugin {
    pub logins: Arc<LocalLogins>,
    pub mechanism: String,
}

/// icat.server compares the descriptions of several addresses byte by byte.
pub async fn get_description() -> HttpResponse {
    json_response("{\"keys\":[{\"name\":\"username\"},{\"name\":\"password\",\"hide\":true}]}")
}

pub async fn authenticate_user(plugin: web::Data<Plugin>, body: Bytes) -> Result<HttpResponse, Problem> {
    let login = parse_json_field(&body)?;
    let (Some(name), Some(password)) = (get_credential(&login, "username"), get_credential(&login, "password")) else {
        return Err(bad_credentials());
    };
    if name.contains('\0') {
        return Err(bad_credentials());
    }
    let address = login.get("ip").and_then(Value::as_str).and_then(|ip| ip.parse().ok());
    let attempt = LoginAttempt { mechanism: &plugin.mechanism, name, password: password.to_owned(), address };
    plugin.logins.log_in(attempt).await?;
    Ok(json_response(json!({"username": name, "mechanism": plugin.mechanism}).to_string()))
}
