//! `POST /ids/prepareData`: stores a selection and answers the id under which it can be downloaded.

use actix_web::{HttpRequest, HttpResponse, web};
use service_kit::Problem;

use super::caller::{SessionCaller, require_session};
use super::parameters::Parameters;
use super::responses::text_response;
use super::wire_types::{Always, Failure, PrepareForm};
use crate::error::bad_request;
use crate::manifest::SelectedFiles;
use crate::prepared_selections::PrepareOptions;
use crate::selection::resolve_datafiles;
use crate::state::State;

#[utoipa::path(
    post, path = "/ids/prepareData", operation_id = "prepare_data", tag = "selections", summary = "Prepare a selection",
    description = "Missing or unreadable files refuse the selection, and the error names them; with `missing=skip` \
        they are left out.",
    request_body(content = PrepareForm, content_type = "application/x-www-form-urlencoded"),
    security((), ("bearer" = [])),
    responses(
        Always,
        (status = 200, description = "The secret id of the prepared selection, which permits its \
            download", body = String,
            content_type = "text/plain", example = "5b0c1c8e-6f57-4c7e-9d55-0f2d4a7b9c10"),
        (status = 400, description = "`BadRequestException`: invalid parameter", body = Failure),
        (status = 403, description = "`InsufficientPrivilegesException`: no session, or not readable", body = Failure),
        (status = 404, description = "`NotFoundException`: no such row, or a missing file", body = Failure),
        (status = 413, description = "`BadRequestException`: the form is too large", body = Failure),
        (status = 415, description = "`BadRequestException`: the body is not a form", body = Failure),
        (status = 502, description = "`InternalException`: ICAT sent an invalid answer", body = Failure),
    ),
)]
pub async fn prepare_data(
    state: web::Data<State>,
    request: HttpRequest,
    form: web::Form<Vec<(String, String)>>,
) -> Result<HttpResponse, Problem> {
    let parameters = Parameters::from_form(form, &request)?;
    parameters.require_session_id()?;
    let selection = parameters.parse_selection()?;
    let zip = parameters.is_true("zip") || selection.single_datafile().is_none();
    let compress = parameters.is_true("compress");
    let skips_missing = skips_missing_files(parameters.get("missing"))?;
    let (datafiles, owner) = if selection.is_empty() {
        (Vec::new(), String::new())
    } else {
        let SessionCaller { session, user } = require_session(&state, &parameters).await?;
        (resolve_datafiles(state.identity.icat(), session.expose(), &selection).await?, user)
    };
    let mut selected = state.manifests.select_files(state.storage()?, &datafiles).await?;
    if !skips_missing {
        selected = SelectedFiles { entries: selected.require_all()?, missing: Vec::new() };
    }
    let id = state.prepared_selections.create_selection(selected, PrepareOptions { owner, zip, compress }).await?;
    Ok(text_response(id))
}

/// Whether missing files are left out; otherwise they refuse the selection.
fn skips_missing_files(value: Option<&str>) -> Result<bool, Problem> {
    match value {
        None | Some("refuse") => Ok(false),
        Some("skip") => Ok(true),
        Some(other) => Err(bad_request(format!("The missing parameter '{other}' is none of refuse, skip"))),
    }
}
