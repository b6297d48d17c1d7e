//! `POST /ids/prepareData`: stores a selection and answers the id under which it can be downloaded.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Deserialize;
use serde::de::IntoDeserializer as _;
use serde::de::value::Error as ValueError;
use service_kit::Problem;
use service_kit::parameters::{FormPairs, parse_form};
use utoipa::ToSchema;

use super::caller::{ResolvedSelection, SelectionCall};
use super::common_responses::CommonResponses;
use super::parameters::{SelectionParameters, is_true};
use super::responses::text_response;
use crate::error::bad_request;
use crate::error_format::Failure;
use crate::manifest::SelectedFiles;
use crate::prepared_selections::PrepareOptions;
use crate::state::State;

/// What to do with missing files.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = Missing)]
pub enum MissingFilePolicy {
    /// Refuse the selection; the error names the missing files.
    #[default]
    Refuse,
    /// Leave out missing files; the JSON list names them.
    Skip,
}

impl MissingFilePolicy {
    fn parse_optional(value: Option<&str>) -> Result<Self, Problem> {
        let Some(value) = value else { return Ok(Self::default()) };
        let parsed: Result<Self, ValueError> = Self::deserialize(value.into_deserializer());
        parsed.map_err(|_| bad_request(format!("The missing parameter '{value}' is none of refuse, skip")))
    }
}

/// The selection to prepare, and how to download it.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PrepareForm {
    #[schema(nullable = false)]
    session_id: Option<String>,
    #[schema(nullable = false)]
    datafile_ids: Option<String>,
    #[schema(nullable = false)]
    dataset_ids: Option<String>,
    #[schema(nullable = false)]
    investigation_ids: Option<String>,
    /// Archive a single file too.
    #[schema(value_type = Option<bool>, nullable = false)]
    zip: Option<String>,
    #[schema(value_type = Option<bool>, nullable = false)]
    compress: Option<String>,
    /// With `skip`, files that are missing or unreadable are omitted; the JSON list names them. By default, or with `refuse`,
    /// the selection is refused if there are such files.
    #[schema(value_type = Option<MissingFilePolicy>, nullable = false)]
    missing: Option<String>,
}

#[utoipa::path(
    post, path = "/ids/prepareData", operation_id = "prepare_data", tag = "selections", summary = "Prepare a selection",
    description = "If files are missing or unreadable, the request is refused, and the error names them; with \
        `missing=skip`, they are omitted.",
    request_body(content = PrepareForm, content_type = "application/x-www-form-urlencoded"),
    security((), ("bearer" = [])),
    responses(
        CommonResponses,
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
    form: FormPairs,
) -> Result<HttpResponse, Problem> {
    let form: PrepareForm = parse_form(form)?;
    let parameters = SelectionParameters {
        session_id: form.session_id,
        prepared_id: None,
        datafile_ids: form.datafile_ids,
        dataset_ids: form.dataset_ids,
        investigation_ids: form.investigation_ids,
    };
    let call = SelectionCall::from_request(&request, &parameters)?;
    let zip = is_true(form.zip.as_deref()) || call.selection.single_datafile().is_none();
    let compress = is_true(form.compress.as_deref());
    let policy = MissingFilePolicy::parse_optional(form.missing.as_deref())?;
    let ResolvedSelection { datafiles, user: owner } = call.resolve_selection(&state).await?;
    let mut selected = state.manifests.select_files(state.storage()?, &datafiles).await?;
    if policy == MissingFilePolicy::Refuse {
        selected = SelectedFiles { entries: selected.require_all()?, missing: Vec::new() };
    }
    let id = state.prepared_selections.create_selection(selected, PrepareOptions { owner, zip, compress }).await?;
    Ok(text_response(id))
}
