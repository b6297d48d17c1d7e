//! `GET /logbook/{sessionId}/event/count`: how many entries match; a bare number.

use actix_web::{HttpResponse, web};
use identity::Caller;
use service_kit::Problem;

use crate::api::shared::{CommonFailures, Credential};
use crate::catalogue::permissions::Permissions;
use crate::domain::list_parameters::{FilterQuery, ListParameters, ListQuery};
use crate::entries::lists::EntryLists;
use crate::http::respond_json;

#[utoipa::path(
    get, path = "/logbook/{credential}/event/count", operation_id = "count_entries", tag = "entries",
    summary = "Count entries",
    params(Credential, FilterQuery, ListQuery),
    security((), ("bearer" = []), ("api_key" = [])),
    responses(
        CommonFailures,
        (status = 200, description = "The number", body = i64, content_type = "application/json"),
        (status = 403, description = "Not allowed to read this logbook", body = String, content_type = "text/plain"),
    ),
)]
pub async fn count_entries(
    lists: web::Data<EntryLists>,
    permissions: web::Data<Permissions>,
    caller: Caller,
    query: web::Query<ListParameters>,
) -> Result<HttpResponse, Problem> {
    let logbook = permissions.require_read(&caller, &query.parse_logbook()?).await?;
    Ok(respond_json(&lists.count(&logbook, &query).await?))
}
