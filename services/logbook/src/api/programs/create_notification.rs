//! `POST /dataacquisition/{apiKey}/notification`

use actix_web::{HttpResponse, web};
use identity::Caller;
use service_kit::Problem;

use crate::api::programs::TargetQuery;
use crate::api::shared::{CommonFailures, Credential};
use crate::catalogue::permissions::require_program;
use crate::domain::entry_request::EntryRequest;
use crate::domain::rendered_entry::RenderedEntry;
use crate::entries::beamline_entries::BeamlineEntries;
use crate::http::{read_json, respond_json};

#[utoipa::path(
    post, path = "/dataacquisition/{credential}/notification", operation_id = "create_notification", tag = "programs",
    summary = "Create an entry of a program",
    description = "The entry is assigned to an investigation by proposal, instrument and time. If there is no such \
        investigation, the entry is stored in the logbook of the instrument until the investigation is added to the \
        catalogue.",
    params(Credential, TargetQuery),
    request_body(content = EntryRequest, content_type = "application/json"),
    security((), ("bearer" = []), ("api_key" = [])),
    responses(
        CommonFailures,
        (status = 200, description = "The stored entry", body = RenderedEntry),
        (status = 403, description = "There is no API key, or it does not permit this", body = String, content_type = "text/plain"),
    ),
)]
pub async fn create_notification(
    entries: web::Data<BeamlineEntries>,
    caller: Caller,
    target: web::Query<TargetQuery>,
    payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    let program = require_program(&caller)?;
    let request: EntryRequest = read_json(payload, "the body is no event").await?;
    let content = entries.parse_request(request)?;
    Ok(respond_json(&entries.create_entry(program, &target.into_inner().into(), content, Vec::new()).await?))
}
