//! `GET /icat/lucene/db`: the entities whose rows are being read.

use actix_web::{HttpRequest, HttpResponse, web};
use service_kit::Problem;

use super::require_administrator;
use crate::error::Error;
use crate::routes::icat::failure::IcatAdministratorFailures;
use crate::state::State;
use crate::store::catalogue_scans::ScanState;

#[utoipa::path(
    get, path = "/icat/lucene/db", operation_id = "list_populations", tag = "icat", summary = "List what is being indexed",
    description = "As in icat.server 6.2, for administrators of services: the entities whose rows are read from the catalogue, or wait \
        for it, each with a text after its name.",
    params(("sessionId" = Option<String>, Query, description = "The session id; it can also be sent as `Authorization: Bearer`")),
    security((), ("bearer" = [])),
    responses(IcatAdministratorFailures, (status = 200, description = "Entities", body = Vec<String>, example = json!(["Datafile 1200 of 5000 rows"]))),
)]
pub async fn list_populations(state: web::Data<State>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    require_administrator(&state, &request, None).await?;
    let status = state.index_status.read_status().await.map_err(Error::from)?;
    let unfinished = status.scans.iter().filter(|scan| scan.state != ScanState::Done);
    let populations = unfinished.map(|scan| match scan.rows_expected {
        Some(expected) => format!("{} {} of {expected} rows", scan.entity, scan.rows_read),
        None => format!("{} waiting", scan.entity),
    });
    Ok(HttpResponse::Ok().json(populations.collect::<Vec<_>>()))
}
