//! `POST /dataacquisition/{apiKey}/base64`: a file of any kind.

use actix_web::{HttpResponse, web};
use identity::Caller;
use service_kit::Problem;

use crate::api::document::{Always, Credential, FromBase64};
use crate::api::programs::Target;
use crate::attachments::uploads;
use crate::catalogue::permissions;
use crate::domain::entry_content::{Event, tags};
use crate::domain::rendered_entry::EntryBody;
use crate::entries::beamline_entries;
use crate::http::{body, with_file};
use crate::state::State;

#[utoipa::path(
    post, path = "/dataacquisition/{credential}/base64", operation_id = "create_attachment", tag = "programs",
    summary = "A program attaches a file",
    params(Credential, Target),
    request_body(content = FromBase64, content_type = "application/json"),
    security((), ("bearer" = []), ("api_key" = [])),
    responses(
        Always,
        (status = 200, description = "The entry, on disk", body = EntryBody),
        (status = 403, description = "No API key, or not one for this", body = String, content_type = "text/plain"),
        (status = 413, description = "The file is too large", body = String, content_type = "text/plain"),
    ),
)]
pub async fn create_attachment(
    state: web::Data<State>,
    caller: Caller,
    target: web::Query<Target>,
    payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    permissions::program(&caller)?;
    let asked = FromBase64::parse(&body(payload, with_file(&state)).await?)?;
    let mut event = Event::attachment(state.clock.now_micros());
    event.dataset_id = asked.dataset_id;
    event.machine = asked.machine.clone();
    event.software = asked.software.clone();
    event.username = asked.usernames.clone();
    event.tags = tags(asked.tag.into_iter().flatten().map(|tag| tag.name))?;
    let file = uploads::from_base64(&state, asked.base64.as_deref(), &mut event).await?;
    beamline_entries::write(state.into_inner(), &caller, &target, event, vec![file]).await
}
