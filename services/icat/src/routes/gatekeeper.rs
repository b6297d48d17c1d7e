//! `POST /icat/gatekeeper/markPublicTablesStale` and `…StepsStale`: nodes of an icat.server cluster use them to notify each
//! other of changed rules. Here the database holds the version of the rules, so the calls have no effect; they remain for
//! programs that send them. Unlike in icat.server, they require the session of a root user.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Deserialize;
use service_kit::Problem;
use service_kit::parameters::{FormPairs, parse_form};
use utoipa::ToSchema;

use crate::error::Error;
use crate::routes::http::requested_credential;
use crate::routes::schemas::{CommonResponses, Failure};
use crate::state::State;

#[derive(Deserialize, ToSchema)]
#[schema(as = GatekeeperForm)]
#[serde(rename_all = "camelCase")]
pub struct Form {
    /// The session id; it can also be sent as `Authorization: Bearer`.
    #[schema(nullable = false)]
    session_id: Option<String>,
}

#[utoipa::path(
    post, path = "/icat/gatekeeper/markPublicTablesStale", operation_id = "mark_public_tables_stale", tag = "administration",
    summary = "Read the rules again", description = "Has no effect, because changes of rules take effect with the next request.",
    security((), ("bearer" = [])),
    responses(
        CommonResponses,
        (status = 204, description = "Done"),
        (status = 403, description = "`SESSION`: there is no valid session; `INSUFFICIENT_PRIVILEGES`: the caller is \
            not a root user", body = Failure),
    ),
)]
pub async fn mark_public_tables_stale(
    state: web::Data<State>,
    request: HttpRequest,
    form: Option<FormPairs>,
) -> Result<HttpResponse, Problem> {
    require_root(&state, &request, form).await
}

#[utoipa::path(
    post, path = "/icat/gatekeeper/markPublicStepsStale", operation_id = "mark_public_steps_stale", tag = "administration",
    summary = "Read the public steps again", description = "Has no effect, because changes of public steps take \
        effect with the next request.",
    security((), ("bearer" = [])),
    responses(
        CommonResponses,
        (status = 204, description = "Done"),
        (status = 403, description = "`SESSION`: there is no valid session; `INSUFFICIENT_PRIVILEGES`: the caller is \
            not a root user", body = Failure),
    ),
)]
pub async fn mark_public_steps_stale(
    state: web::Data<State>,
    request: HttpRequest,
    form: Option<FormPairs>,
) -> Result<HttpResponse, Problem> {
    require_root(&state, &request, form).await
}

async fn require_root(state: &State, request: &HttpRequest, form: Option<FormPairs>) -> Result<HttpResponse, Problem> {
    let session_id = form.map(parse_form::<Form>).transpose()?.and_then(|form| form.session_id);
    let credential = requested_credential(state, request, session_id.as_deref()).await?;
    let user_name = state.sessions.require_user(&mut state.db.read().await?, &credential).await?;
    if !state.rules.is_root(&user_name) {
        return Err(Error::Forbidden("user must be in rootUserNames".to_owned()).into());
    }
    Ok(HttpResponse::NoContent().finish())
}
