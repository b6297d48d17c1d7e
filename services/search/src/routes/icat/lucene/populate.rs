//! `POST /icat/lucene/db/{entity}`: reads all rows of an entity again.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Deserialize;
use service_kit::Problem;
use service_kit::parameters::{FormPairs, parse_form};
use utoipa::ToSchema;

use super::{populate_entity, require_administrator};
use crate::routes::icat::failure::{IcatAdministratorFailures, IcatFailure};
use crate::state::State;

#[derive(Deserialize, ToSchema)]
pub struct PopulateForm {
    /// The session id; it can also be sent as `Authorization: Bearer`
    #[serde(rename = "sessionId")]
    session_id: Option<String>,
    /// Accepted and ignored, as the next two: all rows are read, and then replace those that are in the index
    #[serde(rename = "minId")]
    #[expect(dead_code, reason = "described for clients that send it")]
    min_id: Option<String>,
    #[serde(rename = "maxId")]
    #[expect(dead_code, reason = "described for clients that send it")]
    max_id: Option<String>,
    #[expect(dead_code, reason = "described for clients that send it")]
    delete: Option<String>,
}

#[utoipa::path(
    post, path = "/icat/lucene/db/{entity}", operation_id = "populate_entity", tag = "icat", summary = "Index an entity again",
    description = "As in icat.server 6.2, for administrators of services: all rows of the entity are read from the catalogue in the \
        background. Searches find the existing ones until the new ones have replaced them.",
    params(("entity" = String, Path, example = "Datafile")),
    request_body(content = PopulateForm, content_type = "application/x-www-form-urlencoded"),
    security((), ("bearer" = [])),
    responses(
        IcatAdministratorFailures,
        (status = 204, description = "The rows will be read"),
        (status = 412, description = "`OBJECT_ALREADY_EXISTS`: the rows of the entity are being read, or wait for it", body = IcatFailure),
        (status = 501, description = "`NOT_IMPLEMENTED`: an icat.server fills the index", body = IcatFailure),
    ),
)]
pub async fn request_population(
    state: web::Data<State>,
    request: HttpRequest,
    entity: web::Path<String>,
    form: FormPairs,
) -> Result<HttpResponse, Problem> {
    let form: PopulateForm = parse_form(form)?;
    require_administrator(&state, &request, form.session_id.as_deref()).await?;
    populate_entity(&state, &entity).await?;
    Ok(HttpResponse::NoContent().finish())
}
