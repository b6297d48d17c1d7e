//! `GET /logbook/{sessionId}/event/dates`: the days that have entries.

use actix_web::{HttpResponse, web};
use identity::Caller;
use service_kit::Problem;

use crate::api::shared::{CommonFailures, Credential};
use crate::catalogue::permissions::Permissions;
use crate::domain::list_parameters::{FilterQuery, ListParameters, ListQuery};
use crate::entries::lists::EntryLists;
use crate::http::respond_json;

#[utoipa::path(
    get, path = "/logbook/{credential}/event/dates", operation_id = "list_days", tag = "entries",
    summary = "List days with entries",
    params(Credential, FilterQuery, ListQuery),
    security((), ("bearer" = []), ("api_key" = [])),
    responses(
        CommonFailures,
        (status = 200, description = "Days, such as `2025-03-01`", body = Vec<String>),
        (status = 403, description = "Not allowed to read this logbook", body = String, content_type = "text/plain"),
    ),
)]
pub async fn list_days(
    lists: web::Data<EntryLists>,
    permissions: web::Data<Permissions>,
    caller: Caller,
    query: web::Query<ListParameters>,
) -> Result<HttpResponse, Problem> {
    let logbook = permissions.require_read(&caller, &query.parse_logbook()?).await?;
    Ok(respond_json(&lists.list_days(&logbook, &query).await?))
}
