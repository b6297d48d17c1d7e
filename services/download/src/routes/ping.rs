//! `GET /ids/ping` → `IdsOK`

use actix_web::HttpResponse;

use super::common_responses::CommonResponses;

#[utoipa::path(
    get, path = "/ids/ping", operation_id = "ping", tag = "service", summary = "Check that the service runs",
    security(),
    responses(
        CommonResponses,
        (status = 200, description = "`IdsOK`", body = String, content_type = "text/plain", example = "IdsOK"),
    ),
)]
pub async fn get_ping() -> HttpResponse {
    HttpResponse::Ok().insert_header(("content-type", "text/plain")).body("IdsOK")
}
