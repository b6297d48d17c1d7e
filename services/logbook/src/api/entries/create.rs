//! `POST /logbook/{sessionId}/event`: a person writes.

use actix_web::{HttpResponse, web};
use identity::Caller;
use service_kit::Problem;

use crate::api::shared::{CommonFailures, Credential, InvestigationQuery};
use crate::catalogue::permissions::Permissions;
use crate::domain::entry_kind::EntryType;
use crate::domain::entry_request::EntryRequest;
use crate::domain::logbook::Logbook;
use crate::domain::rendered_entry::RenderedEntry;
use crate::entries::user_entries::UserEntries;
use crate::error::Error;
use crate::http::{read_json, respond_json, set_etag};

#[utoipa::path(
    post, path = "/logbook/{credential}/event", operation_id = "create_entry", tag = "entries",
    summary = "Create an entry",
    params(Credential, InvestigationQuery),
    request_body(content = EntryRequest, content_type = "application/json"),
    security((), ("bearer" = []), ("api_key" = [])),
    responses(
        CommonFailures,
        (status = 200, description = "The stored entry", body = RenderedEntry),
        (status = 403, description = "Not allowed to write this logbook", body = String, content_type = "text/plain"),
        (status = 422, description = "The investigation is released, so its logbook is closed", body = String, content_type = "text/plain"),
    ),
)]
pub async fn create_entry(
    entries: web::Data<UserEntries>,
    permissions: web::Data<Permissions>,
    caller: Caller,
    query: web::Query<InvestigationQuery>,
    payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    let request: EntryRequest = read_json(payload, "the body is no event").await?;
    let logbook = Logbook::parse(query.investigation_id.as_deref(), request.instrument_name.as_deref())?;
    let logbook = permissions.require_write(&caller, &logbook).await?;
    let content = entries.parse_request(request)?;
    if content.kind == EntryType::Broadcast {
        permissions.require_administrator(&caller).await?;
    }
    if content.kind == EntryType::Notification {
        return Err(Error::NotEditable.into());
    }
    let entry = entries.create_entry(&caller, &logbook, content, Vec::new()).await?;
    let mut answer = respond_json(&entries.render(&entry).await?);
    set_etag(&mut answer, &entry)?;
    Ok(answer)
}
