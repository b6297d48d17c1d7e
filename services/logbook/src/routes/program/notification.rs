//! `POST /dataacquisition/{apiKey}/notification`

use actix_web::{HttpResponse, web};
use identity::Caller;
use service_kit::Problem;

use super::Target;
use crate::domain::entry_body::EntryBody;
use crate::domain::event::{Event, Incoming};
use crate::openapi::{Always, Credential};
use crate::routes::request::{PLAIN, body};
use crate::state::State;
use crate::{programs, rights};

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
pub async fn post(
    state: web::Data<State>,
    caller: Caller,
    target: web::Query<Target>,
    payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    rights::program(&caller)?;
    let incoming = Incoming::parse(&body(payload, PLAIN).await?)?;
    let event = Event::from_incoming(incoming, state.clock.now_micros(), &state.zone)?;
    programs::write(state.into_inner(), &caller, &target, event, Vec::new()).await
}
