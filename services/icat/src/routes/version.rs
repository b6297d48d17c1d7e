//! `GET /icat/version`

use actix_web::HttpResponse;

use crate::routes::schemas::{CommonResponses, Version};

/// The version of the interface, not of this program. Clients use it to decide which calls are available.
pub const VERSION: &str = "6.2.0";

#[utoipa::path(
    get, path = "/icat/version", operation_id = "get_version", tag = "service", summary = "Get the version of the interface",
    security(),
    responses(
        CommonResponses,
        (status = 200, description = "The version of icat.server whose interface is served", body = Version),
    ),
)]
pub async fn get_version() -> HttpResponse {
    super::http::json_response(format!("{{\"version\":\"{VERSION}\"}}"))
}
