//! `PUT /logbook/{sessionId}/event`: another version. The body wraps the event; with `If-Match` it must be the version that the
//! writer has seen.

use actix_web::{HttpRequest, HttpResponse, web};
use identity::Caller;
use serde::Deserialize;
use service_kit::Problem;
use utoipa::ToSchema;

use crate::api::shared::{CommonFailures, Credential, InvestigationQuery};
use crate::catalogue::permissions::Permissions;
use crate::domain::entry_kind::EntryType;
use crate::domain::entry_request::EntryRequest;
use crate::domain::rendered_entry::RenderedEntry;
use crate::domain::values::parse_number;
use crate::entries::lists::EntryLists;
use crate::entries::user_entries::UserEntries;
use crate::error::Error;
use crate::http::{parse_if_match, read_json, respond_json, set_etag};

#[derive(Deserialize, ToSchema)]
#[schema(as = ChangedEntry)]
struct UpdateBody {
    event: EntryRequest,
}

#[utoipa::path(
    put, path = "/logbook/{credential}/event", operation_id = "update_entry", tag = "entries",
    summary = "Update an entry",
    params(
        Credential,
        InvestigationQuery,
        ("If-Match" = Option<String>, Header, description = "The ETag of the version to which the changes were made; \
            without it, changes that others have made since are overwritten"),
    ),
    request_body(content = UpdateBody, content_type = "application/json"),
    security((), ("bearer" = []), ("api_key" = [])),
    responses(
        CommonFailures,
        (status = 200, description = "The entry; if nothing has changed, no version is added", body = RenderedEntry),
        (status = 403, description = "Not allowed to write this logbook", body = String, content_type = "text/plain"),
        (status = 404, description = "There is no such entry in this logbook", body = String, content_type = "text/plain"),
        (status = 412, description = "The entry has been changed in the meantime", body = String, content_type = "text/plain"),
        (status = 422, description = "The logbook is closed, or the entry is a notification", body = String, content_type = "text/plain"),
    ),
)]
pub async fn update_entry(
    entries: web::Data<UserEntries>,
    lists: web::Data<EntryLists>,
    permissions: web::Data<Permissions>,
    caller: Caller,
    request: HttpRequest,
    query: web::Query<InvestigationQuery>,
    payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    let body: UpdateBody = read_json(payload, "the body must be {\"event\": …}").await?;
    let id = body.event.id.clone().ok_or_else(|| Error::invalid("event._id is missing"))?;
    let investigation = parse_number("investigationId", query.investigation_id.as_deref())?;
    let missing = || Error::NoSuchEntry(id.clone());
    let stored = lists.get(&id).await?.ok_or_else(missing)?;
    if investigation.is_some_and(|id| stored.content.investigation_id != Some(id)) {
        return Err(missing().into());
    }
    permissions.require_write(&caller, &stored.logbook).await?;
    let content = entries.parse_update(body.event, &stored)?;
    if content.kind != stored.content.kind {
        match content.kind {
            EntryType::Notification => return Err(Error::NotEditable.into()),
            EntryType::Broadcast => drop(permissions.require_administrator(&caller).await?),
            EntryType::Annotation | EntryType::Attachment => {}
        }
    }
    let entry = entries.update_entry(&caller, &stored, content, &parse_if_match(&request)?).await?;
    let mut answer = respond_json(&entries.render(&entry).await?);
    set_etag(&mut answer, &entry)?;
    Ok(answer)
}
