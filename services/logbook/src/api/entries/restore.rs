//! `PUT /logbook/{sessionId}/event/restore`: shows hidden entries again.

use actix_web::{HttpRequest, HttpResponse, web};
use identity::Caller;
use service_kit::Problem;

use crate::api::shared::{CommonFailures, Credential};
use crate::catalogue::permissions::Permissions;
use crate::domain::list_parameters::{EntryQuery, FilterQuery, ListParameters, ListQuery};
use crate::domain::rendered_entry::RenderedEntry;
use crate::entries::Entries;
use crate::entries::lists::EntryLists;
use crate::http::respond_json;

#[utoipa::path(
    put, path = "/logbook/{credential}/event/restore", operation_id = "restore_entries", tag = "entries",
    summary = "Restore removed entries",
    description = "Removes or restores all entries that match; without a filter, all entries of the logbook. Unknown \
        parameters are refused, so that a misspelled filter does not change the whole logbook. The change is one \
        record in the history of the logbook.",
    params(Credential, FilterQuery, ListQuery, EntryQuery),
    security((), ("bearer" = []), ("api_key" = [])),
    responses(
        CommonFailures,
        (status = 200, description = "The entries that were changed", body = Vec<RenderedEntry>),
        (status = 403, description = "Not allowed to write this logbook", body = String, content_type = "text/plain"),
        (status = 422, description = "The investigation is released, so its logbook is closed", body = String, content_type = "text/plain"),
    ),
)]
pub async fn restore_entries(
    entries: web::Data<Entries>,
    lists: web::Data<EntryLists>,
    permissions: web::Data<Permissions>,
    caller: Caller,
    request: HttpRequest,
    query: web::Query<ListParameters>,
) -> Result<HttpResponse, Problem> {
    query.refuse_unknown()?;
    let logbook = permissions.require_write(&caller, &query.parse_logbook()?).await?;
    let selection = lists.parse_selection(&query, request.query_string())?;
    let changed = entries.restore(&caller, &logbook, &selection).await?;
    Ok(respond_json(&lists.renderer.render_entries(&changed).await?))
}
