//! `GET /icat/user/{name}`: whether somebody of this name has a session. Needs no session, as in icat.server.

use actix_web::{HttpResponse, web};
use service_kit::Problem;

use crate::openapi::{Always, LoggedIn};
use crate::state::State;
use crate::store::sessions;

#[utoipa::path(
    get, path = "/icat/user/{name}", operation_id = "is_logged_in", tag = "sessions",
    summary = "Whether somebody has a session",
    params(("name" = String, Path, description = "User name of an authenticator without mechanism")),
    security(),
    responses((status = 200, description = "Also for names that nobody has", body = LoggedIn), Always),
)]
pub async fn get(state: web::Data<State>, name: web::Path<String>) -> Result<HttpResponse, Problem> {
    logged_in(&state, &name).await
}

#[utoipa::path(
    get, path = "/icat/user/{mnemonic}/{name}", operation_id = "is_logged_in_with_mnemonic", tag = "sessions",
    summary = "Whether somebody has a session",
    params(
        ("mnemonic" = String, Path, description = "Such as `db`"),
        ("name" = String, Path, description = "Such as `alice`"),
    ),
    security(),
    responses((status = 200, description = "Also for names that nobody has", body = LoggedIn), Always),
)]
pub async fn get_with_mnemonic(
    state: web::Data<State>,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, Problem> {
    let (mnemonic, name) = path.into_inner();
    logged_in(&state, &format!("{mnemonic}/{name}")).await
}

async fn logged_in(state: &State, user_name: &str) -> Result<HttpResponse, Problem> {
    let mut tx = state.db.read().await?;
    let logged_in = sessions::logged_in(&mut tx, user_name, state.clock.now_micros()).await?;
    Ok(super::json(format!("{{\"loggedIn\":{logged_in}}}")))
}
