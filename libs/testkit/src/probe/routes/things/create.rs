//! `POST /probe/things`: creates a thing and publishes an event; with an `Idempotency-Key` it can be repeated.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use identity::Caller;
use serde::Deserialize;
use service_kit::openapi::{BodyFailures, CallerFailures, CommonFailures, Failure};
use service_kit::{IdempotencyKey, Problem, StoredResponse, sha256_hex};
use utoipa::ToSchema;

use super::ThingView;
use crate::probe::domain::ThingName;
use crate::probe::error::Error;
use crate::probe::messages::ThingChanged;
use crate::probe::state::State;
use crate::probe::store::things;

/// What an API key needs for it; users need nothing more.
const SCOPE: &str = "things:write";

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewThing {
    /// 1 to 255 bytes.
    name: String,
}

#[utoipa::path(
    post, path = "/probe/things", operation_id = "create_thing", tag = "things", summary = "Make a thing",
    security(("bearer" = [])),
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes the request repeatable for a day")),
    request_body = NewThing,
    responses(
        CommonFailures,
        BodyFailures,
        CallerFailures,
        (status = 201, description = "Made, now or by the same request before", body = ThingView),
        (status = 400, description = "The body cannot be understood", body = Failure, content_type = "application/problem+json"),
        (status = 403, description = "An API key without the scope `things:write`", body = Failure, content_type = "application/problem+json"),
        (status = 409, description = "`probe/name-taken`", body = Failure, content_type = "application/problem+json"),
        (status = 422, description = "`probe/bad-name`, or a key that was used otherwise", body = Failure, content_type = "application/problem+json"),
    ),
)]
pub async fn create_thing(
    state: web::Data<State>,
    caller: Caller,
    request: HttpRequest,
    body: web::Json<NewThing>,
) -> Result<HttpResponse, Problem> {
    caller.require_scope(SCOPE)?;
    let name = ThingName::parse(&body.name)?;
    let fingerprint = sha256_hex(name.as_str());
    // Another caller's key of the same name is another key.
    let idempotency = IdempotencyKey::from_request(&request, &caller.subject().icat_user_name, fingerprint)?;
    let now = state.clock.now_micros();
    // Everything that belongs together is one transaction: the row, its event, the response for a repetition.
    let response = state
        .db
        .write(async |tx| -> Result<StoredResponse, Problem> {
            if let Some(key) = &idempotency
                && let Some(remembered) = key.find_response(tx).await?
            {
                return Ok(remembered);
            }
            let thing = things::create_thing(tx, name.as_str(), now).await?.ok_or(Error::NameTaken)?;
            state.outbox.emit(tx, &ThingChanged { id: thing.id, revision: thing.rev }).await?;
            let body = serde_json::to_string(&ThingView::from(thing)).map_err(Problem::internal)?;
            if let Some(key) = &idempotency {
                key.store_response(tx, StatusCode::CREATED.as_u16(), &body, now).await?;
            }
            Ok(StoredResponse { status: StatusCode::CREATED.as_u16(), body })
        })
        .await?;
    let status = StatusCode::from_u16(response.status).map_err(Problem::internal)?;
    Ok(HttpResponse::build(status).content_type("application/json").body(response.body))
}
