//! `POST /dataacquisition/{apiKey}/base64`: a file of any kind.

use actix_web::{HttpResponse, web};
use identity::Caller;
use service_kit::Problem;

use crate::api::file_body::FileBody;
use crate::api::programs::TargetQuery;
use crate::api::shared::{CommonFailures, Credential};
use crate::attachments::Attachments;
use crate::catalogue::permissions::require_program;
use crate::domain::entry_content::{EntryContent, check_tags};
use crate::domain::rendered_entry::RenderedEntry;
use crate::entries::beamline_entries::BeamlineEntries;
use crate::http::respond_json;

#[utoipa::path(
    post, path = "/dataacquisition/{credential}/base64", operation_id = "create_attachment", tag = "programs",
    summary = "Attach a file by a program",
    params(Credential, TargetQuery),
    request_body(content = FileBody, content_type = "application/json"),
    security((), ("bearer" = []), ("api_key" = [])),
    responses(
        CommonFailures,
        (status = 200, description = "The stored entry", body = RenderedEntry),
        (status = 403, description = "There is no API key, or it does not permit this", body = String, content_type = "text/plain"),
        (status = 413, description = "The file is too large", body = String, content_type = "text/plain"),
    ),
)]
pub async fn create_attachment(
    entries: web::Data<BeamlineEntries>,
    attachments: web::Data<Attachments>,
    caller: Caller,
    target: web::Query<TargetQuery>,
    payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    let program = require_program(&caller)?;
    let body = FileBody::read_request(payload, attachments.max_base64_body()).await?;
    let mut content = EntryContent {
        dataset_id: body.dataset_id,
        machine: body.machine,
        software: body.software,
        username: body.usernames,
        tags: check_tags(body.tag.into_iter().flatten().map(|tag| tag.name))?,
        ..EntryContent::new_attachment(entries.now())
    };
    let file = attachments.store_data_url(body.base64.as_deref(), &mut content).await?;
    Ok(respond_json(&entries.create_entry(program, &target.into_inner().into(), content, vec![file]).await?))
}
