//! `DELETE /ids/delete`: deletes the datafiles of a selection with the rights of the caller, and then their files.

use actix_web::{HttpRequest, HttpResponse, web};
use service_kit::Problem;
use service_kit::parameters::parse_query;

use super::caller::SelectionCall;
use super::common_responses::CommonResponses;
use super::parameters::SelectionParameters;
use crate::error::{SWITCHED_OFF, from_icat_error, may_have_succeeded, not_implemented};
use crate::error_format::Failure;
use crate::selection::resolve_datafiles;
use crate::state::State;
use crate::store::orphan_checks::PossibleOrphan;

/// Ids that fit into the URL of one request to ICAT.
const IDS_PER_REQUEST: usize = 100;

#[utoipa::path(
    delete, path = "/ids/delete", operation_id = "delete_data", tag = "uploads",
    summary = "Delete datafiles and their files",
    description = "Datasets and investigations are kept. A file is deleted if no other datafile has its location. \
        This is checked with the reader account; without a reader account, the file is kept.",
    params(SelectionParameters),
    security((), ("bearer" = [])),
    responses(
        CommonResponses,
        (status = 204, description = "Deleted"),
        (status = 400, description = "`BadRequestException`: invalid parameter", body = Failure),
        (status = 403, description = "`InsufficientPrivilegesException`: no session, or not allowed", body = Failure),
        (status = 404, description = "`NotFoundException`: no such row", body = Failure),
        (status = 501, description = "`NotImplementedException`: the storage is read-only", body = Failure),
        (status = 502, description = "`InternalException`: ICAT sent an invalid answer", body = Failure),
    ),
)]
pub async fn delete_data(state: web::Data<State>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    if state.is_read_only() {
        return Err(not_implemented(SWITCHED_OFF));
    }
    let parameters: SelectionParameters = parse_query(&request)?;
    let call = SelectionCall::from_request(&request, &parameters)?;
    let Some(caller) = call.require_session(&state).await? else {
        return Ok(HttpResponse::NoContent().finish());
    };
    let icat = state.identity.icat();
    let files = resolve_datafiles(icat, caller.session.expose(), &call.selection).await?;
    for chunk in files.chunks(IDS_PER_REQUEST) {
        // Scheduled before the rows are deleted: whatever happens then, the files are checked.
        let possible_orphans: Vec<PossibleOrphan> =
            chunk.iter().map(|file| PossibleOrphan { location: file.location.clone(), temporary: false }).collect();
        state.orphaned_files.schedule_checks(&possible_orphans).await?;
        let ids: Vec<i64> = chunk.iter().map(|file| file.id).collect();
        let deleted = icat.delete_entities(caller.session.expose(), "Datafile", &ids).await;
        // Rows that may be deleted or not are checked later, when the catalogue is no longer working on them.
        if !deleted.as_ref().is_err_and(|e| may_have_succeeded(&e.error)) {
            state.orphaned_files.check_files(&possible_orphans).await;
        }
        deleted.map_err(|e| from_icat_error(e.error))?;
    }
    Ok(HttpResponse::NoContent().finish())
}
