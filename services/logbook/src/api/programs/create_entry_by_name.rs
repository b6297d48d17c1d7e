//! `POST /logbook/{apiKey}/investigation/name/{investigationName}/instrument/name/{instrumentName}/event`

use actix_web::{HttpResponse, web};
use identity::Caller;
use service_kit::Problem;

use crate::api::document::{Always, Credential};
use crate::api::programs::Target;
use crate::catalogue::permissions;
use crate::domain::entry_content::{Event, Incoming};
use crate::domain::rendered_entry::EntryBody;
use crate::entries::beamline_entries;
use crate::http::{PLAIN, body};
use crate::state::State;

#[utoipa::path(
    post, path = "/logbook/{credential}/investigation/name/{investigationName}/instrument/name/{instrumentName}/event",
    operation_id = "create_entry_by_name", tag = "programs", summary = "A beamline program writes an entry",
    params(Credential, ("investigationName" = String, Path), ("instrumentName" = String, Path)),
    request_body(content = Incoming, content_type = "application/json"),
    security((), ("bearer" = []), ("api_key" = [])),
    responses(
        Always,
        (status = 200, description = "The entry, on disk", body = EntryBody),
        (status = 403, description = "No API key, or not one for this", body = String, content_type = "text/plain"),
    ),
)]
pub async fn create_entry_by_name(
    state: web::Data<State>,
    caller: Caller,
    path: web::Path<(String, String, String)>,
    payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    permissions::program(&caller)?;
    let (_, investigation, instrument) = path.into_inner();
    let target =
        Target { investigation_name: Some(investigation), instrument_name: Some(instrument), ..Target::default() };
    let incoming = Incoming::parse(&body(payload, PLAIN).await?)?;
    let event = Event::from_incoming(incoming, state.clock.now_micros(), &state.zone)?;
    beamline_entries::write(state.into_inner(), &caller, &target, event, Vec::new()).await
}
