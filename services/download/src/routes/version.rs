//! `GET /ids/version` → `{"version":"2.1.1"}`, the version of the interface.

use actix_web::HttpResponse;

use super::wire_types::{Always, Version};

#[utoipa::path(
    get, path = "/ids/version", operation_id = "get_version", tag = "service", summary = "Get the version of the \
        interface",
    security(),
    responses(
        Always,
        (status = 200, description = "The version of ids.server whose interface this is", body = Version),
    ),
)]
pub async fn get_version() -> HttpResponse {
    HttpResponse::Ok().insert_header(("content-type", "application/json")).body("{\"version\":\"2.1.1\"}")
}
