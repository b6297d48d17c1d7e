//! `POST /icat/cloner`: copies an entity with everything that belongs to it.

use actix_web::{HttpRequest, HttpResponse, web};
use icat_client::schema;
use serde::Deserialize;
use service_kit::Problem;
use service_kit::parameters::{FormPairs, parse_form};
use utoipa::ToSchema;

use crate::error::Error;
use crate::mutations::{self, Permissions};
use crate::routes::http::requested_credential;
use crate::routes::schemas::{BodyResponses, CommonResponses, Failure, Id};
use crate::state::State;
use crate::store::Author;

#[derive(Deserialize, ToSchema)]
#[schema(as = CloneForm)]
#[serde(rename_all = "camelCase")]
pub struct Form {
    /// The session id; it can also be sent as `Authorization: Bearer`.
    #[schema(nullable = false)]
    session_id: Option<String>,
    /// The type, such as `Investigation`.
    #[schema(value_type = String)]
    name: Option<String>,
    #[schema(value_type = i64)]
    id: Option<String>,
    /// JSON text: the fields of the unique key that differ in the copy, such as `{"visitId":"2"}`.
    #[schema(value_type = String)]
    keys: Option<String>,
}

#[utoipa::path(
    post, path = "/icat/cloner", operation_id = "clone_entity", tag = "entities",
    summary = "Copy an entity with everything that belongs to it",
    request_body(content = Form, content_type = "application/x-www-form-urlencoded"),
    security((), ("bearer" = [])),
    responses(
        CommonResponses,
        BodyResponses,
        (status = 200, description = "The id of the copy", body = Id),
        (status = 400, description = "`BAD_PARAMETER`: the type, the id or the keys are invalid", body = Failure),
        (status = 403, description = "`SESSION`: there is no valid session; `INSUFFICIENT_PRIVILEGES`: not allowed", body = Failure),
        (status = 404, description = "`NO_SUCH_OBJECT_FOUND`", body = Failure),
        (status = 412, description = "`VALIDATION`: the copy violates the schema; `OBJECT_ALREADY_EXISTS`: its unique \
            key exists already", body = Failure),
    ),
)]
pub async fn clone_entity(
    state: web::Data<State>,
    request: HttpRequest,
    form: FormPairs,
) -> Result<HttpResponse, Problem> {
    let Form { session_id, name, id, keys } = parse_form(form)?;
    let credential = requested_credential(&state, &request, session_id.as_deref()).await?;
    let user_name = state.sessions.require_user(&mut state.db.read().await?, &credential).await?;
    let missing = |what: &str| Error::BadParameter(format!("{what} is not set"));
    let name = name.ok_or_else(|| missing("name"))?;
    let entity =
        schema::find_entity(&name).ok_or_else(|| Error::BadParameter(format!("{name} is not an ICAT entity")))?;
    // icat.server treats a missing id as 0, which no row has.
    let id = id.unwrap_or_else(|| "0".to_owned());
    let id: i64 = id.parse().map_err(|_| Error::BadParameter(format!("Badly formatted id: {id}")))?;
    let keys = mutations::parse_keys(entity, &keys.ok_or_else(|| missing("keys"))?)?;
    let author = Author::new(user_name, state.clock.now_micros()).for_long_work();
    let copy = author
        .run_transaction(&state.db, &state.outbox, async |tx| -> Result<i64, Error> {
            let rights = state.rules.load_rights(tx, author.user_name.clone()).await?;
            author.set_known_sets(rights.maintained_sets()).await;
            let permissions = Permissions { rights: &rights, env: state.queries.new_environment(&rights, tx.engine()) };
            mutations::clone_entity(tx, (entity, id), &keys, &author, &permissions, &state.queries.parse).await
        })
        .await?;
    Ok(crate::routes::http::json_response(format!("{{\"id\":{copy}}}")))
}
