//! `GET /icat/user/{name}`: whether a user has a session. Needs no session, as in icat.server.

use actix_web::{HttpResponse, web};
use service_kit::Problem;

use crate::routes::schemas::{CommonResponses, LoggedIn};
use crate::state::State;

#[utoipa::path(
    get, path = "/icat/user/{name}", operation_id = "is_logged_in", tag = "sessions",
    summary = "Check whether a user has a session",
    params(("name" = String, Path, description = "Name of a user of an authenticator without mechanism")),
    security(),
    responses((status = 200, description = "The response; also for unknown names", body = LoggedIn), CommonResponses),
)]
pub async fn is_logged_in(state: web::Data<State>, name: web::Path<String>) -> Result<HttpResponse, Problem> {
    render_logged_in(&state, &name).await
}

#[utoipa::path(
    get, path = "/icat/user/{mnemonic}/{name}", operation_id = "is_logged_in_with_mnemonic", tag = "sessions",
    summary = "Check whether a user has a session",
    params(
        ("mnemonic" = String, Path, description = "Such as `db`"),
        ("name" = String, Path, description = "Such as `alice`"),
    ),
    security(),
    responses((status = 200, description = "The response; also for unknown names", body = LoggedIn), CommonResponses),
)]
pub async fn is_logged_in_with_mnemonic(
    state: web::Data<State>,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, Problem> {
    let (mnemonic, name) = path.into_inner();
    render_logged_in(&state, &format!("{mnemonic}/{name}")).await
}

async fn render_logged_in(state: &State, user_name: &str) -> Result<HttpResponse, Problem> {
    let logged_in = state.sessions.is_logged_in(user_name).await?;
    Ok(super::http::json_response(format!("{{\"loggedIn\":{logged_in}}}")))
}
