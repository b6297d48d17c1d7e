//! `POST …/event/createfrombase64` of beamline programs.

use actix_web::{HttpResponse, web};
use identity::Caller;
use service_kit::Problem;

use crate::api::document::{Always, Credential, FromBase64};
use crate::api::programs::Target;
use crate::attachments::uploads;
use crate::catalogue::permissions;
use crate::domain::entry_content::Event;
use crate::domain::rendered_entry::EntryBody;
use crate::entries::beamline_entries;
use crate::http::{body, with_file};
use crate::state::State;

#[utoipa::path(
    post,
    path = "/logbook/{credential}/investigation/name/{investigationName}/instrument/name/{instrumentName}/event/createfrombase64",
    operation_id = "create_entry_by_name_from_base64", tag = "programs", summary = "A beamline program attaches a file",
    params(Credential, ("investigationName" = String, Path), ("instrumentName" = String, Path)),
    request_body(content = FromBase64, content_type = "application/json"),
    security((), ("bearer" = []), ("api_key" = [])),
    responses(
        Always,
        (status = 200, description = "The entry, on disk", body = EntryBody),
        (status = 403, description = "No API key, or not one for this", body = String, content_type = "text/plain"),
        (status = 413, description = "The file is too large", body = String, content_type = "text/plain"),
    ),
)]
pub async fn create_entry_by_name_from_base64(
    state: web::Data<State>,
    caller: Caller,
    path: web::Path<(String, String, String)>,
    payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    permissions::program(&caller)?;
    let (_, investigation, instrument) = path.into_inner();
    let target =
        Target { investigation_name: Some(investigation), instrument_name: Some(instrument), ..Target::default() };
    let asked = FromBase64::parse(&body(payload, with_file(&state)).await?)?;
    let mut event = Event::attachment(state.clock.now_micros());
    event.username = asked.usernames;
    let file = uploads::from_base64(&state, asked.base64.as_deref(), &mut event).await?;
    beamline_entries::write(state.into_inner(), &caller, &target, event, vec![file]).await
}
