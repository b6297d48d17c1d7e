//! `DELETE /icat/entityManager`: `entities` = `{"Dataset":{"id":31}}` or an array of such; 204, all or nothing.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Deserialize;
use service_kit::Problem;
use service_kit::parameters::parse_query;
use utoipa::IntoParams;

use crate::error::Error;
use crate::mutations::{self, Permissions};
use crate::routes::http::requested_credential;
use crate::routes::schemas::{CommonResponses, Failure};
use crate::state::State;
use crate::store::Author;

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase")]
pub struct Query {
    /// The session id; it can also be sent as `Authorization: Bearer`.
    #[param(nullable = false)]
    session_id: Option<String>,
    /// JSON text: `{"Dataset":{"id":31}}` or an array of such objects.
    #[param(value_type = String)]
    entities: Option<String>,
}

#[utoipa::path(
    delete, path = "/icat/entityManager", operation_id = "delete_entities", tag = "entities",
    summary = "Delete entities",
    description = "All entities are deleted with everything that depends on them, or none. `offset` is the position \
        of an entity that causes an error, counted from 0.",
    params(Query),
    security((), ("bearer" = [])),
    responses(
        CommonResponses,
        (status = 204, description = "Deleted"),
        (status = 400, description = "`BAD_PARAMETER`: the entities are invalid", body = Failure),
        (status = 403, description = "`SESSION`: there is no valid session; `INSUFFICIENT_PRIVILEGES`: not allowed", body = Failure),
        (status = 404, description = "`NO_SUCH_OBJECT_FOUND`", body = Failure),
    ),
)]
pub async fn delete_entities(state: web::Data<State>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    let Query { session_id, entities } = parse_query(&request)?;
    let text = entities.ok_or_else(|| Error::BadParameter("entities is not set".to_owned()))?;
    let targets = mutations::parse_targets(&text)?;
    let credential = requested_credential(&state, &request, session_id.as_deref()).await?;
    let user_name = state.sessions.require_user(&mut state.db.read().await?, &credential).await?;
    let author = Author::new(user_name, state.clock.now_micros()).for_long_work();
    author
        .run_transaction(&state.db, &state.outbox, async |tx| -> Result<(), Error> {
            let rights = state.rules.load_rights(tx, author.user_name.clone()).await?;
            author.set_known_sets(rights.maintained_sets()).await;
            let permissions = Permissions { rights: &rights, env: state.queries.new_environment(&rights, tx.engine()) };
            mutations::delete_entities(tx, &targets, &author, Some(&permissions)).await
        })
        .await?;
    Ok(HttpResponse::NoContent().finish())
}
