//! `GET /ids/isReadOnly`

use actix_web::{HttpResponse, web};

use super::common_responses::CommonResponses;
use super::responses::text_response;
use crate::state::State;

#[utoipa::path(
    get, path = "/ids/isReadOnly", operation_id = "is_read_only", tag = "service",
    summary = "Get whether the storage is read-only",
    security(),
    responses(
        CommonResponses,
        (status = 200, description = "`true` or `false`", body = String, content_type = "text/plain"),
    ),
)]
pub async fn is_read_only(state: web::Data<State>) -> HttpResponse {
    text_response(state.is_read_only().to_string())
}
