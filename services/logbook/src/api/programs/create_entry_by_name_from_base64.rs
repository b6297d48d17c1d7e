//! `POST …/event/createfrombase64` of beamline programs.

use actix_web::{HttpResponse, web};
use identity::Caller;
use service_kit::Problem;

use crate::api::file_body::FileBody;
use crate::api::shared::{CommonFailures, Credential};
use crate::attachments::Attachments;
use crate::catalogue::permissions::require_program;
use crate::domain::entry_content::EntryContent;
use crate::domain::rendered_entry::RenderedEntry;
use crate::entries::beamline_entries::{BeamlineEntries, Target};
use crate::http::respond_json;

#[utoipa::path(
    post,
    path = "/logbook/{credential}/investigation/name/{investigationName}/instrument/name/{instrumentName}/event/createfrombase64",
    operation_id = "create_entry_by_name_from_base64", tag = "programs", summary = "Attach a file by a beamline program",
    params(Credential, ("investigationName" = String, Path), ("instrumentName" = String, Path)),
    request_body(content = FileBody, content_type = "application/json"),
    security((), ("bearer" = []), ("api_key" = [])),
    responses(
        CommonFailures,
        (status = 200, description = "The stored entry", body = RenderedEntry),
        (status = 403, description = "There is no API key, or it does not permit this", body = String, content_type = "text/plain"),
        (status = 413, description = "The file is too large", body = String, content_type = "text/plain"),
    ),
)]
pub async fn create_entry_by_name_from_base64(
    entries: web::Data<BeamlineEntries>,
    attachments: web::Data<Attachments>,
    caller: Caller,
    path: web::Path<(String, String, String)>,
    payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    let program = require_program(&caller)?;
    let (_, investigation, instrument) = path.into_inner();
    let target = Target::from_names(investigation, instrument);
    let body = FileBody::read_request(payload, attachments.max_base64_body()).await?;
    let mut content = EntryContent { username: body.usernames, ..EntryContent::new_attachment(entries.now()) };
    let file = attachments.store_data_url(body.base64.as_deref(), &mut content).await?;
    Ok(respond_json(&entries.create_entry(program, &target, content, vec![file]).await?))
}
