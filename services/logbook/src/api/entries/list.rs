//! `GET /logbook/{sessionId}/event`: entries that match, newest first unless asked otherwise.

use actix_web::{HttpResponse, web};
use identity::Caller;
use service_kit::Problem;

use crate::api::shared::{CommonFailures, Credential};
use crate::catalogue::permissions::Permissions;
use crate::domain::list_parameters::{FilterQuery, ListParameters, ListQuery};
use crate::domain::rendered_entry::RenderedEntry;
use crate::entries::lists::EntryLists;
use crate::export::Exporter;
use crate::export::format::Format;
use crate::http::respond_json;

#[utoipa::path(
    get, path = "/logbook/{credential}/event", operation_id = "list_entries", tag = "entries",
    summary = "List entries",
    description = "With `format=pdf`, `eln`, `csv`, `txt` or `jsonl`, the response is the same file as from \
        `/logbook/{credential}/export/…`.",
    params(Credential, FilterQuery, ListQuery),
    security((), ("bearer" = []), ("api_key" = [])),
    responses(
        CommonFailures,
        (status = 200, description = "Entries", body = Vec<RenderedEntry>),
        (status = 403, description = "Not allowed to read this logbook", body = String, content_type = "text/plain"),
    ),
)]
pub async fn list_entries(
    lists: web::Data<EntryLists>,
    exporter: web::Data<Exporter>,
    permissions: web::Data<Permissions>,
    caller: Caller,
    query: web::Query<ListParameters>,
) -> Result<HttpResponse, Problem> {
    let logbook = permissions.require_read(&caller, &query.parse_logbook()?).await?;
    if let Some(format) = Format::parse(query.format.as_deref())? {
        return exporter.into_inner().export_entries(&caller, &logbook, &query, format).await;
    }
    Ok(respond_json(&lists.list_entries(&logbook, &query).await?))
}
