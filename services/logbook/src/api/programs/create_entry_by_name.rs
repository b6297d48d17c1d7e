//! `POST /logbook/{apiKey}/investigation/name/{investigationName}/instrument/name/{instrumentName}/event`

use actix_web::{HttpResponse, web};
use identity::Caller;
use service_kit::Problem;

use crate::api::shared::{CommonFailures, Credential};
use crate::catalogue::permissions::require_program;
use crate::domain::entry_request::EntryRequest;
use crate::domain::rendered_entry::RenderedEntry;
use crate::entries::beamline_entries::{BeamlineEntries, Target};
use crate::http::{read_json, respond_json};

#[utoipa::path(
    post, path = "/logbook/{credential}/investigation/name/{investigationName}/instrument/name/{instrumentName}/event",
    operation_id = "create_entry_by_name", tag = "programs", summary = "Create an entry of a beamline program",
    params(Credential, ("investigationName" = String, Path), ("instrumentName" = String, Path)),
    request_body(content = EntryRequest, content_type = "application/json"),
    security((), ("bearer" = []), ("api_key" = [])),
    responses(
        CommonFailures,
        (status = 200, description = "The stored entry", body = RenderedEntry),
        (status = 403, description = "There is no API key, or it does not permit this", body = String, content_type = "text/plain"),
    ),
)]
pub async fn create_entry_by_name(
    entries: web::Data<BeamlineEntries>,
    caller: Caller,
    path: web::Path<(String, String, String)>,
    payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    let program = require_program(&caller)?;
    let (_, investigation, instrument) = path.into_inner();
    let target = Target::from_names(investigation, instrument);
    let request: EntryRequest = read_json(payload, "the body is no event").await?;
    let content = entries.parse_request(request)?;
    Ok(respond_json(&entries.create_entry(program, &target, content, Vec::new()).await?))
}
