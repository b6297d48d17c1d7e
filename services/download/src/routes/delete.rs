//! `DELETE /ids/delete`: the datafiles of a selection, with the caller's right to delete them, and then their files.

use actix_web::{HttpRequest, HttpResponse, web};
use service_kit::Problem;

use crate::config::micros;
use crate::error::{SWITCHED_OFF, may_be_done, not_implemented, of_icat};
use crate::openapi::{Always, Failure, SelectionQuery};
use crate::parameters::Parameters;
use crate::selection::resolve;
use crate::session::who;
use crate::state::State;
use crate::store::unclaimed::Unclaimed;
use crate::{claims, store};

/// Ids that fit into the address of one request to ICAT.
const PER_REQUEST: usize = 100;

#[utoipa::path(
    delete, path = "/ids/delete", operation_id = "delete_data", tag = "uploads",
    summary = "Delete datafiles and their files",
    description = "Datasets and investigations stay. A file goes when no datafile is left with its location, which only \
        the reader account can see; without one the file stays.",
    params(SelectionQuery),
    security((), ("bearer" = [])),
    responses(
        Always,
        (status = 204, description = "Deleted"),
        (status = 400, description = "`BadRequestException`: a parameter cannot be understood", body = Failure),
        (status = 403, description = "`InsufficientPrivilegesException`: no session, or not allowed", body = Failure),
        (status = 404, description = "`NotFoundException`: no such row", body = Failure),
        (status = 501, description = "`NotImplementedException`: the storage is read-only", body = Failure),
        (status = 502, description = "`InternalException`: ICAT answered something unexpected", body = Failure),
    ),
)]
pub async fn delete(state: web::Data<State>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    if state.is_read_only() {
        return Err(not_implemented(SWITCHED_OFF));
    }
    let parameters = Parameters::of_query(&request)?;
    parameters.check_session()?;
    let wanted = parameters.wanted()?;
    if wanted.is_empty() {
        return Ok(HttpResponse::NoContent().finish());
    }
    let who = who(&state, &parameters).await?;
    let icat = state.identity.icat();
    let files = resolve(icat, who.session.expose(), &wanted).await?;
    for some in files.chunks(PER_REQUEST) {
        // Noted before the rows go: whatever happens then, somebody looks at the files.
        let due_at = state.clock.now_micros().saturating_add(micros(state.config.unclaimed_after));
        let unclaimed: Vec<Unclaimed> =
            some.iter().map(|file| Unclaimed { location: file.location.clone(), temporary: false }).collect();
        state
            .db
            .write(async |tx| -> Result<(), Problem> {
                for file in &unclaimed {
                    store::unclaimed::note(tx, file, due_at).await?;
                }
                Ok(())
            })
            .await?;
        let ids: Vec<i64> = some.iter().map(|file| file.id).collect();
        let deleted = icat.delete_entities(who.session.expose(), "Datafile", &ids).await;
        // What may be deleted or not is looked at when the note is due, and not while the catalogue may be at it.
        if !deleted.as_ref().is_err_and(|e| may_be_done(&e.error)) {
            claims::settle(&state, &unclaimed).await;
        }
        deleted.map_err(|e| of_icat(e.error))?;
    }
    Ok(HttpResponse::NoContent().finish())
}
