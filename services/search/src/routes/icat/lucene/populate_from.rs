//! `POST /icat/lucene/db/{entity}/{minid}`: the older form of `POST /icat/lucene/db/{entity}`.

use actix_web::{HttpRequest, HttpResponse, web};
use service_kit::Problem;
use service_kit::parameters::{FormPairs, parse_form};

use super::{SessionForm, populate_entity, require_administrator};
use crate::routes::icat::failure::{IcatAdministratorFailures, IcatFailure};
use crate::state::State;

#[utoipa::path(
    post, path = "/icat/lucene/db/{entity}/{minid}", operation_id = "populate_entity_from", tag = "icat",
    summary = "Index an entity again (older form)",
    description = "The same as without `minid`, which is ignored.",
    params(("entity" = String, Path, example = "Datafile"), ("minid" = i64, Path, example = 0)),
    request_body(content = SessionForm, content_type = "application/x-www-form-urlencoded"),
    security((), ("bearer" = [])),
    responses(
        IcatAdministratorFailures,
        (status = 204, description = "The rows will be read"),
        (status = 412, description = "`OBJECT_ALREADY_EXISTS`: the rows of the entity are being read, or wait for it", body = IcatFailure),
        (status = 501, description = "`NOT_IMPLEMENTED`: an icat.server fills the index", body = IcatFailure),
    ),
)]
pub async fn request_population_from(
    state: web::Data<State>,
    request: HttpRequest,
    path: web::Path<(String, String)>,
    form: FormPairs,
) -> Result<HttpResponse, Problem> {
    let SessionForm { session_id } = parse_form(form)?;
    require_administrator(&state, &request, session_id.as_deref()).await?;
    populate_entity(&state, &path.0).await?;
    Ok(HttpResponse::NoContent().finish())
}
