//! `POST /icat/entityManager`: form fields `sessionId` and `entities` → ids of the rows created at the top level.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Deserialize;
use service_kit::parameters::{FormPairs, parse_form};
use service_kit::{IdempotencyKey, Problem, sha256_hex};
use utoipa::ToSchema;

use crate::error::Error;
use crate::mutations::{self, Permissions};
use crate::routes::http::requested_credential;
use crate::routes::schemas::{BodyResponses, CommonResponses, Failure};
use crate::state::State;
use crate::store::Author;

#[derive(Deserialize, ToSchema)]
#[schema(as = WriteForm)]
#[serde(rename_all = "camelCase")]
pub struct Form {
    /// The session id; it can also be sent as `Authorization: Bearer`.
    #[schema(nullable = false)]
    session_id: Option<String>,
    /// JSON text: one object or an array of objects, each with one key, the type. Entities without `id` are created, those
    /// with `id` are changed: `[{"Dataset":{"name":"scan","investigation":{"id":12},"type":{"id":3}}}]`
    #[schema(value_type = String)]
    entities: Option<String>,
}

#[utoipa::path(
    post, path = "/icat/entityManager", operation_id = "write_entities", tag = "entities",
    summary = "Create and change entities",
    description = "All entities are stored, or none. If an entity of the list causes an error, `offset` is its \
        position, counted from 0.",
    params((
        "Idempotency-Key" = Option<String>, Header, nullable = false, max_length = 255,
        description = "If a request is repeated within a day with the same key and entities, it has no further effect \
            and returns the first response. With other entities it is refused",
    )),
    request_body(content = Form, content_type = "application/x-www-form-urlencoded"),
    security((), ("bearer" = [])),
    responses(
        CommonResponses,
        BodyResponses,
        (status = 200, description = "The ids of the created entities; nested entities are not listed", body = Vec<i64>),
        (status = 400, description = "`BAD_PARAMETER`: the entities are invalid", body = Failure),
        (status = 403, description = "`SESSION`: there is no valid session; `INSUFFICIENT_PRIVILEGES`: not allowed", body = Failure),
        (status = 404, description = "`NO_SUCH_OBJECT_FOUND`: there is no entity with a given id", body = Failure),
        (status = 412, description = "`VALIDATION`: an entity violates the schema; `OBJECT_ALREADY_EXISTS`: its \
            unique key exists already", body = Failure),
    ),
)]
pub async fn write_entities(
    state: web::Data<State>,
    request: HttpRequest,
    form: FormPairs,
) -> Result<HttpResponse, Problem> {
    let Form { session_id, entities } = parse_form(form)?;
    let credential = requested_credential(&state, &request, session_id.as_deref()).await?;
    let user_name = state.sessions.require_user(&mut state.db.read().await?, &credential).await?;
    let text = entities.ok_or_else(|| Error::BadParameter("entities is not set".to_owned()))?;
    let items = mutations::parse_items(&text)?;
    let idempotency = IdempotencyKey::from_request(&request, &user_name, sha256_hex(&text))?;
    let author = Author::new(user_name, state.clock.now_micros());
    let answer = author
        .run_transaction(&state.db, &state.outbox, async |tx| -> Result<String, Problem> {
            if let Some(key) = &idempotency
                && let Some(remembered) = key.find_response(tx).await?
            {
                return Ok(remembered.body);
            }
            let rights = state.rules.load_rights(tx, author.user_name.clone()).await?;
            author.set_known_sets(rights.maintained_sets()).await;
            let permissions = Permissions { rights: &rights, env: state.queries.new_environment(&rights, tx.engine()) };
            let ids = mutations::write_items(tx, &items, &author, &permissions, &state.queries.parse).await?;
            let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
            let answer = format!("[{}]", ids.join(","));
            if let Some(key) = &idempotency {
                key.store_response(tx, 200, &answer, author.changed_at).await?;
            }
            Ok(answer)
        })
        .await?;
    Ok(crate::routes::http::json_response(answer))
}
