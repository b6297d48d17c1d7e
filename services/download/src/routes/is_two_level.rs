//! `GET /ids/isTwoLevel` → `false`: the storage has no archive.

use actix_web::HttpResponse;

use super::common_responses::CommonResponses;
use super::responses::text_response;

#[utoipa::path(
    get, path = "/ids/isTwoLevel", operation_id = "is_two_level", tag = "service",
    summary = "Get whether there is an archive behind the storage",
    security(),
    responses(
        CommonResponses,
        (status = 200, description = "`false`", body = String, content_type = "text/plain", example = "false"),
    ),
)]
pub async fn is_two_level() -> HttpResponse {
    text_response("false".to_owned())
}
