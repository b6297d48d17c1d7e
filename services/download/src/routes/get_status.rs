//! `GET /ids/getStatus` → `ONLINE`, if the ids exist: without an archive everything is.

use actix_web::{HttpRequest, HttpResponse, web};
use service_kit::{Code, Problem};

use super::text;
use crate::error::of_icat;
use crate::openapi::{Always, Failure, SelectionQuery};
use crate::parameters::Parameters;
use crate::prepared;
use crate::selection::check;
use crate::session::who;
use crate::state::State;

const ONLINE: &str = "ONLINE";

#[utoipa::path(
    get, path = "/ids/getStatus", operation_id = "get_status", tag = "data",
    summary = "Whether a selection can be had at once",
    description = "Without a session the reader account looks, so that anybody may ask.",
    params(SelectionQuery),
    security((), ("bearer" = [])),
    responses(
        Always,
        (status = 200, description = "`ONLINE`", body = String, content_type = "text/plain", example = "ONLINE"),
        (status = 400, description = "`BadRequestException`: a parameter cannot be understood", body = Failure),
        (status = 403, description = "`InsufficientPrivilegesException`: not readable, or no session where there is no \
            reader account", body = Failure),
        (status = 404, description = "`NotFoundException`: no such row or `preparedId`", body = Failure),
        (status = 502, description = "`InternalException`: ICAT answered something unexpected", body = Failure),
    ),
)]
pub async fn get(state: web::Data<State>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    let parameters = Parameters::of_query(&request)?;
    if let Some(id) = parameters.prepared_id()? {
        prepared::find(&state, id).await?;
        return Ok(text(ONLINE.to_owned()));
    }
    let anybody = parameters.credential().is_none();
    if !anybody {
        parameters.check_session()?;
    }
    let wanted = parameters.wanted()?;
    if wanted.is_empty() {
        return Ok(text(ONLINE.to_owned()));
    }
    if !anybody {
        let who = who(&state, &parameters).await?;
        check(state.identity.icat(), who.session.expose(), &wanted).await.map_err(of_icat)?;
    } else if let Some(reader) = &state.reader {
        reader.with_session(async |icat, session| check(icat, session, &wanted).await).await.map_err(of_icat)?;
    } else {
        let text = "Without a sessionId nobody can look: this service has no reader account";
        return Err(Problem::new(Code::Forbidden, "download/no-reader", text));
    }
    Ok(text(ONLINE.to_owned()))
}
