//! `POST /logbook/{sessionId}/event/createfrombase64`: a photograph from a phone.

use actix_web::{HttpResponse, web};
use identity::Caller;
use service_kit::Problem;

use crate::api::file_body::FileBody;
use crate::api::shared::{CommonFailures, Credential, LogbookQuery};
use crate::attachments::Attachments;
use crate::catalogue::permissions::Permissions;
use crate::domain::entry_content::EntryContent;
use crate::domain::rendered_entry::RenderedEntry;
use crate::entries::user_entries::UserEntries;
use crate::http::respond_json;

#[utoipa::path(
    post, path = "/logbook/{credential}/event/createfrombase64", operation_id = "create_entry_from_base64", tag = "attachments",
    summary = "Attach a file given as base64",
    params(Credential, LogbookQuery),
    request_body(content = FileBody, content_type = "application/json"),
    security((), ("bearer" = []), ("api_key" = [])),
    responses(
        CommonFailures,
        (status = 200, description = "The stored entry", body = RenderedEntry),
        (status = 403, description = "Not allowed to write this logbook", body = String, content_type = "text/plain"),
        (status = 413, description = "The file is too large", body = String, content_type = "text/plain"),
        (status = 422, description = "The investigation is released, so its logbook is closed", body = String, content_type = "text/plain"),
    ),
)]
pub async fn create_entry_from_base64(
    entries: web::Data<UserEntries>,
    attachments: web::Data<Attachments>,
    permissions: web::Data<Permissions>,
    caller: Caller,
    query: web::Query<LogbookQuery>,
    payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    let logbook = permissions.require_write(&caller, &query.parse_logbook()?).await?;
    let body = FileBody::read_request(payload, attachments.max_base64_body()).await?;
    let mut content = EntryContent::new_attachment(entries.now());
    content.instrument_name = query.instrument_name.clone();
    let file = attachments.store_data_url(body.base64.as_deref(), &mut content).await?;
    let entry = entries.create_entry(&caller, &logbook, content, vec![file]).await?;
    Ok(respond_json(&entries.render(&entry).await?))
}
