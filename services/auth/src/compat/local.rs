//! `/authn.<mechanism>` for local accounts.

use std::sync::Arc;

use actix_web::web::Bytes;
use actix_web::{HttpResponse, web};
use serde_json::json;
use service_kit::Problem;

use super::{credential, json, json_field};
use crate::accounts;
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
    let state = &plugin.state;
    if name.contains('\0')
        || !accounts::verify(&state.db, &state.passwords, &plugin.mechanism, name, password.to_owned()).await?
    {
        return Err(bad_credentials());
    }
    Ok(json(json!({"username": name, "mechanism": plugin.mechanism}).to_string()))
}
