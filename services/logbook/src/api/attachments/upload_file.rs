//! `POST /resource/{sessionId}/file/upload`: a page attaches a file.

use actix_web::{HttpRequest, HttpResponse, web};
use identity::Caller;
use service_kit::Problem;
use utoipa::ToSchema;

use crate::api::shared::{CommonFailures, Credential, LogbookQuery};
use crate::attachments::Attachments;
use crate::catalogue::permissions::Permissions;
use crate::domain::entry_content::EntryContent;
use crate::domain::rendered_entry::RenderedEntry;
use crate::entries::user_entries::UserEntries;
use crate::http::respond_json;

#[derive(ToSchema)]
#[expect(dead_code, reason = "the parts are read one after the other")]
pub struct UploadForm {
    #[schema(value_type = String, format = Binary)]
    file: Vec<u8>,
}

#[utoipa::path(
    post, path = "/resource/{credential}/file/upload", operation_id = "upload_file", tag = "attachments",
    summary = "Attach a file",
    params(Credential, LogbookQuery),
    request_body(content = UploadForm, content_type = "multipart/form-data"),
    security((), ("bearer" = []), ("api_key" = [])),
    responses(
        CommonFailures,
        (status = 200, description = "The stored entry", body = RenderedEntry),
        (status = 403, description = "Not allowed to write this logbook", body = String, content_type = "text/plain"),
        (status = 413, description = "The file is too large", body = String, content_type = "text/plain"),
        (status = 422, description = "The investigation is released, so its logbook is closed", body = String, content_type = "text/plain"),
    ),
)]
pub async fn upload_file(
    entries: web::Data<UserEntries>,
    attachments: web::Data<Attachments>,
    permissions: web::Data<Permissions>,
    caller: Caller,
    request: HttpRequest,
    query: web::Query<LogbookQuery>,
    payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    let logbook = permissions.require_write(&caller, &query.parse_logbook()?).await?;
    let (filename, stored) = attachments.receive_file(&request, payload).await?;
    let mut content = EntryContent::new_attachment(entries.now());
    content.instrument_name = query.instrument_name.clone();
    let file = attachments.set_file_metadata(stored, filename, &mut content);
    let entry = entries.create_entry(&caller, &logbook, content, vec![file]).await?;
    Ok(respond_json(&entries.render(&entry).await?))
}
