//! `POST /icat/lucene/db`: waits until all changes of the catalogue can be found.

use actix_web::{HttpRequest, HttpResponse, web};
use service_kit::Problem;
use service_kit::parameters::{FormPairs, parse_form};

use super::{SessionForm, require_administrator};
use crate::routes::icat::failure::IcatAdministratorFailures;
use crate::state::State;

#[utoipa::path(
    post, path = "/icat/lucene/db", operation_id = "commit_index", tag = "icat", summary = "Wait for the index",
    description = "As in icat.server 6.2, for administrators of services: answers when all changes of the catalogue that the service \
        has heard of can be found.",
    request_body(content = SessionForm, content_type = "application/x-www-form-urlencoded"),
    security((), ("bearer" = [])),
    responses(IcatAdministratorFailures, (status = 204, description = "The changes can be found")),
)]
pub async fn commit_index(
    state: web::Data<State>,
    request: HttpRequest,
    form: FormPairs,
) -> Result<HttpResponse, Problem> {
    let SessionForm { session_id } = parse_form(form)?;
    require_administrator(&state, &request, session_id.as_deref()).await?;
    state.changes.wait_until_followed().await?;
    Ok(HttpResponse::NoContent().finish())
}
