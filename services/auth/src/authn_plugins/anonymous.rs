//! `/authn.anon`: every login is `anon/anon`.

use std::sync::Arc;

use actix_web::HttpResponse;
use actix_web::web::Bytes;
use service_kit::{Mount, Problem};

use super::{Authenticator, json_response, parse_json_field};
use crate::domain::login::ANONYMOUS_PLUGIN;
use crate::state::State;

pub const AUTHENTICATOR: Authenticator =
    Authenticator { list_names: |_| vec![ANONYMOUS_PLUGIN.to_owned()], add_routes };

fn add_routes(mount: Mount, _: &Arc<State>, _: &str) -> Mount {
    mount.get("/description", get_description).post("/authenticate", authenticate_anonymously)
}

async fn get_description() -> HttpResponse {
    json_response("{\"keys\":[]}")
}

/// The credentials may be missing, but not the form field.
async fn authenticate_anonymously(body: Bytes) -> Result<HttpResponse, Problem> {
    parse_json_field(&body)?;
    Ok(json_response("{\"username\":\"anon\",\"mechanism\":\"anon\"}"))
}
