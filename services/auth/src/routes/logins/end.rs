//! `DELETE /auth/v1/logins/{id}`: ends a login on another device; 204, also if repeated.

use actix_web::{HttpRequest, HttpResponse, web};
use service_kit::openapi::{CommonFailures, Failure, IcatFailures};
use service_kit::{Code, Problem};

use super::require_login;
use crate::domain::login::EndReason;
use crate::request_origin::RequestOrigin;
use crate::state::State;

#[utoipa::path(
    delete, path = "/auth/v1/logins/{id}", operation_id = "end_login", tag = "logins",
    summary = "End one of one's own logins",
    description = "Its tokens and refresh tokens are refused from now on, and so are those of other logins with the same ICAT \
        session. The embedded catalogue ends the session as well. An icat.server ends only that of the current login: the id of \
        another one is encrypted under a key that only its tokens give. Nobody can get it any more, and the session ends when it \
        expires.",
    params(("id" = String, Path, description = "`id` of the list")),
    security(("bearer" = [])),
    responses(
        CommonFailures,
        IcatFailures,
        (status = 204, description = "The login has ended"),
        (status = 401, description = "No access token, or one of a login that has ended", body = Failure,
            content_type = "application/problem+json"),
        (status = 404, description = "The user has no such login", body = Failure,
            content_type = "application/problem+json"),
    ),
)]
pub async fn end_login(
    state: web::Data<State>,
    origin: RequestOrigin,
    request: HttpRequest,
    id: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let current = require_login(&state, &request).await?;
    if *id == current.row.sid_hash {
        state.logout.log_out(&current, &origin.0).await?;
        return Ok(HttpResponse::NoContent().finish());
    }
    let no_login = || Problem::new(Code::NotFound, "auth/no-login", "you have no login with this id");
    let login = state.logins.find_own_login(&current.row, &id).await?.ok_or_else(no_login)?;
    state.logins.end_login(&login.sid_hash, EndReason::EndedElsewhere, &origin.0).await?;
    Ok(HttpResponse::NoContent().finish())
}
