//! `POST /ids/getLink`: not implemented: clients cannot reach the file system of the server.

use actix_web::HttpResponse;
use service_kit::Problem;

use super::common_responses::CommonResponses;
use crate::error::not_implemented;
use crate::error_format::Failure;

#[utoipa::path(
    post, path = "/ids/getLink", operation_id = "get_link", tag = "data", summary = "Not implemented",
    security(),
    responses(CommonResponses, (status = 501, description = "`NotImplementedException`", body = Failure)),
)]
pub async fn get_link() -> Result<HttpResponse, Problem> {
    Err(not_implemented("Sorry getLink is not available on this IDS installation"))
}
