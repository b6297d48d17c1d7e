//! `POST /dataacquisition/{apiKey}/notification`

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
    post, path = "/dataacquisition/{credential}/notification", operation_id = "create_notification", tag = "programs",
    summary = "A program writes an entry",
    description = "The entry is bound to the investigation of the proposal and the instrument by its time. It is stored also \
        when none is known; then it stands in the instrument's logbook until the investigation appears.",
    params(Credential, Target),
    request_body(content = Incoming, content_type = "application/json"),
    security((), ("bearer" = []), ("api_key" = [])),
    responses(
        Always,
        (status = 200, description = "The entry, on disk", body = EntryBody),
        (status = 403, description = "No API key, or not one for this", body = String, content_type = "text/plain"),
    ),
)]
pub async fn create_notification(
    state: web::Data<State>,
    caller: Caller,
    target: web::Query<Target>,
    payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    permissions::program(&caller)?;
    let incoming = Incoming::parse(&body(payload, PLAIN).await?)?;
    let event = Event::from_incoming(incoming, state.clock.now_micros(), &state.zone)?;
    beamline_entries::write(state.into_inner(), &caller, &target, event, Vec::new()).await
}
