//! `GET /ids/getIcatUrl`

use actix_web::{HttpResponse, web};

use super::common_responses::CommonResponses;
use super::responses::text_response;
use crate::state::State;

#[utoipa::path(
    get, path = "/ids/getIcatUrl", operation_id = "get_icat_url", tag = "service", summary = "Get the URL of ICAT",
    security(),
    responses(
        CommonResponses,
        (status = 200, description = "URL of the ICAT server", body = String, content_type = "text/plain"),
    ),
)]
pub async fn get_icat_url(state: web::Data<State>) -> HttpResponse {
    text_response(state.icat_url.clone())
}
