//! `GET /ids/version` → `{"version":"2.1.1"}`, the version of the interface.

use actix_web::HttpResponse;
use serde::Serialize;
use utoipa::ToSchema;

use super::common_responses::CommonResponses;

#[derive(Serialize, ToSchema)]
pub struct Version {
    #[schema(example = "2.1.1")]
    version: &'static str,
}

#[utoipa::path(
    get, path = "/ids/version", operation_id = "get_version", tag = "service", summary = "Get the version of the \
        interface",
    security(),
    responses(
        CommonResponses,
        (status = 200, description = "The version of ids.server whose interface is served", body = Version),
    ),
)]
pub async fn get_version() -> HttpResponse {
    HttpResponse::Ok().json(Version { version: "2.1.1" })
}
