//! `DELETE /icat/lucene/db`: stops reading rows.

use actix_web::{HttpRequest, HttpResponse, web};
use service_kit::Problem;

use super::require_administrator;
use crate::error::Error;
use crate::routes::icat::failure::IcatAdministratorFailures;
use crate::state::State;

#[utoipa::path(
    delete, path = "/icat/lucene/db", operation_id = "stop_populations", tag = "icat", summary = "Stop indexing",
    description = "As in icat.server 6.2, for administrators of services: the entities whose rows are read from the catalogue, or wait \
        for it, are read no further. What is in the index stays there. Changes of the catalogue are followed as before.",
    params(("sessionId" = Option<String>, Query, description = "The session id; it can also be sent as `Authorization: Bearer`")),
    security((), ("bearer" = [])),
    responses(IcatAdministratorFailures, (status = 204, description = "Nothing is read any more")),
)]
pub async fn stop_populations(state: web::Data<State>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    require_administrator(&state, &request, None).await?;
    state.changes.stop_scans().await.map_err(Error::from)?;
    Ok(HttpResponse::NoContent().finish())
}
