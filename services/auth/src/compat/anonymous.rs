//! `/authn.anon`: everybody is `anon/anon`.

use actix_web::HttpResponse;
use actix_web::web::Bytes;
use service_kit::Problem;

use super::{json, json_field};

pub async fn description() -> HttpResponse {
    json("{\"keys\":[]}")
}

/// Credentials may be missing altogether; the field itself may not.
pub async fn authenticate(body: Bytes) -> Result<HttpResponse, Problem> {
    json_field(&body)?;
    Ok(json("{\"username\":\"anon\",\"mechanism\":\"anon\"}"))
}
