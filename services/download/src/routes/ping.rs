//! `GET /ids/ping` → `IdsOK`

use actix_web::HttpResponse;

use crate::openapi::Always;

#[utoipa::path(
    get, path = "/ids/ping", operation_id = "ping", tag = "service", summary = "Whether it answers",
    security(),
    responses(
        Always,
        (status = 200, description = "`IdsOK`", body = String, content_type = "text/plain", example = "IdsOK"),
    ),
)]
pub async fn get() -> HttpResponse {
    HttpResponse::Ok().insert_header(("content-type", "text/plain")).body("IdsOK")
}
