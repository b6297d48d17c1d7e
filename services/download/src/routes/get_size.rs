//! `GET /ids/getSize`: the total size of all files. For a prepared selection, the sizes on disk count; for ids, those
//! of the catalogue, and those on disk where the catalogue has none.

use std::io;

use actix_web::{HttpRequest, HttpResponse, web};
use service_kit::parameters::parse_query;
use service_kit::{Code, Problem};

use super::caller::SelectionCall;
use super::common_responses::CommonResponses;
use super::parameters::SelectionParameters;
use super::responses::text_response;
use crate::domain::file_errors::{describe_failure, is_file_absent};
use crate::domain::manifest_entry::MissingFile;
use crate::error::{NO_LOCATION, missing_files, not_found};
use crate::error_format::Failure;
use crate::selection::{Datafile, Selection};
use crate::state::State;

#[utoipa::path(
    get, path = "/ids/getSize", operation_id = "get_size", tag = "data", summary = "Get the size of a selection",
    params(SelectionParameters),
    security((), ("bearer" = [])),
    responses(
        CommonResponses,
        (status = 200, description = "Total size of the files in bytes", body = String, content_type = "text/plain",
            example = "1024"),
        (status = 400, description = "`BadRequestException`: invalid parameter", body = Failure),
        (status = 403, description = "`InsufficientPrivilegesException`: no session, or one of several is not readable",
            body = Failure),
        (status = 404, description = "`NotFoundException`: no such row or `preparedId`, or a single row that is not \
            readable", body = Failure),
        (status = 502, description = "`InternalException`: ICAT sent an invalid answer", body = Failure),
    ),
)]
pub async fn get_size(state: web::Data<State>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    let parameters: SelectionParameters = parse_query(&request)?;
    if let Some(id) = parameters.parse_prepared_id()? {
        let (_, manifest) = state.prepared_selections.load_with_manifest(id).await?;
        return Ok(text_response(manifest.total_size().to_string()));
    }
    let call = SelectionCall::from_request(&request, &parameters)?;
    let resolved = call.resolve_selection(&state).await.map_err(|e| map_single_row_error(&call.selection, e))?;
    let files = resolved.datafiles;
    let catalogued: i64 = files.iter().filter_map(|file| file.size).fold(0, i64::saturating_add);
    let uncatalogued: Vec<&Datafile> = files.iter().filter(|file| file.size.is_none()).collect();
    let mut measured = 0;
    if !uncatalogued.is_empty() {
        let locations = uncatalogued.iter().map(|file| file.location.clone()).collect();
        let found = state.storage()?.identify_files(locations).await?;
        let mut unreadable = Vec::new();
        for (file, found) in uncatalogued.into_iter().zip(found) {
            match found {
                Ok(identity) => measured = identity.size.saturating_add(measured),
                // Missing files count as empty, as in ids.server.
                Err(e) if is_file_absent(&e) => {}
                Err(e) => unreadable.push(to_missing_file(file, &e)),
            }
        }
        if !unreadable.is_empty() {
            return Err(missing_files(&unreadable, files.len()));
        }
    }
    Ok(text_response(i128::from(catalogued).saturating_add(i128::from(measured)).to_string()))
}

fn to_missing_file(file: &Datafile, e: &io::Error) -> MissingFile {
    let reason = describe_failure(e).to_owned();
    MissingFile { datafile: file.id, name: file.name.clone(), size: None, reason }
}

/// For a single row, ids.server answers 404 whatever ICAT refuses, and has another text for one without location.
fn map_single_row_error(selection: &Selection, e: Problem) -> Problem {
    let is_one = selection.datafiles.len() + selection.datasets.len() + selection.investigations.len() == 1;
    match (is_one, e.slug) {
        (true, "download/insufficient-privileges") => not_found(e.detail),
        (true, NO_LOCATION) => Problem::new(Code::NotFound, NO_LOCATION, "Datafile not found"),
        _ => e,
    }
}
