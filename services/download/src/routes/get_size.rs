//! `GET /ids/getSize`: the bytes of all files together. What is prepared is as long as its files are; by ids it is what
//! the catalogue says, and the disk where the catalogue says nothing.

use actix_web::{HttpRequest, HttpResponse, web};
use service_kit::Problem;

use super::{resolved, text};
use crate::error::not_available;
use crate::openapi::{Always, Failure, SelectionQuery};
use crate::parameters::Parameters;
use crate::prepared;
use crate::selection::Datafile;
use crate::state::State;

#[utoipa::path(
    get, path = "/ids/getSize", operation_id = "get_size", summary = "How large a selection is",
    params(SelectionQuery),
    security((), ("bearer" = [])),
    responses(
        Always,
        (status = 200, description = "Bytes of the files, not of an archive", body = String, content_type = "text/plain",
            example = "1024"),
        (status = 400, description = "`BadRequestException`: a parameter cannot be understood", body = Failure),
        (status = 403, description = "`InsufficientPrivilegesException`: no session, or not readable", body = Failure),
        (status = 404, description = "`NotFoundException`: no such row or `preparedId`", body = Failure),
        (status = 502, description = "`InternalException`: ICAT answered something unexpected", body = Failure),
    ),
)]
pub async fn get(state: web::Data<State>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    let parameters = Parameters::of_query(&request)?;
    if let Some(id) = parameters.prepared_id()? {
        let (_, manifest) = prepared::load(&state, id).await?;
        return Ok(text(manifest.bytes().to_string()));
    }
    let files = resolved(&state, &parameters).await?;
    let told: i64 = files.iter().filter_map(|file| file.size).fold(0, i64::saturating_add);
    let untold: Vec<&Datafile> = files.iter().filter(|file| file.size.is_none()).collect();
    let mut measured = 0;
    if !untold.is_empty() {
        let locations = untold.iter().map(|file| file.location.clone()).collect();
        let found = state.storage()?.identify_all(locations).await?;
        let found = found.map_err(|(at, e)| not_available(untold[at].id, e))?;
        measured = found.iter().map(|identity| identity.size).fold(0, u64::saturating_add);
    }
    Ok(text(i128::from(told).saturating_add(i128::from(measured)).to_string()))
}
