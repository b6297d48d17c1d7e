//! `GET /ids/isReadOnly`

use actix_web::{HttpResponse, web};

use super::text;
use crate::openapi::Always;
use crate::state::State;

#[utoipa::path(
    get, path = "/ids/isReadOnly", operation_id = "is_read_only", tag = "service",
    summary = "Whether nothing can be stored or deleted",
    security(),
    responses(
        Always,
        (status = 200, description = "`true` or `false`", body = String, content_type = "text/plain"),
    ),
)]
pub async fn get(state: web::Data<State>) -> HttpResponse {
    text(state.is_read_only().to_string())
}
