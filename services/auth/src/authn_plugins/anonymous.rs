//! `/authn.anon`: every login is `anon/anon`.

use actix_web::HttpResponse;
use actix_web::web::Bytes;
use service_kit::Problem;

use super::{json_response, parse_json_field};

pub async fn get_description() -> HttpResponse {
    json_response("{\"keys\":[]}")
}

/// The credentials may be missing, but not the form field.
pub async fn authenticate_anonymously(body: Bytes) -> Result<HttpResponse, Problem> {
    parse_json_field(&body)?;
    Ok(json_response("{\"username\":\"anon\",\"mechanism\":\"anon\"}"))
}
