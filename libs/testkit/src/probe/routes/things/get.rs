//! `GET /probe/things/{id}`

use actix_web::web;
use service_kit::Problem;
use service_kit::openapi::{CommonFailures, Failure};

use super::ThingView;
use crate::probe::error::Error;
use crate::probe::state::State;
use crate::probe::store::things;

#[utoipa::path(
    get, path = "/probe/things/{id}", operation_id = "get_thing", tag = "things", summary = "One thing",
    params(("id" = i64, Path)),
    security(),
    responses(
        CommonFailures,
        (status = 200, description = "The thing", body = ThingView),
        (status = 400, description = "The id is no number", body = Failure, content_type = "application/problem+json"),
        (status = 404, description = "`probe/no-such-thing`", body = Failure, content_type = "application/problem+json"),
    ),
)]
pub async fn get_thing(state: web::Data<State>, id: web::Path<i64>) -> Result<web::Json<ThingView>, Problem> {
    let id = id.into_inner();
    let thing = things::get_thing(&mut state.db.read().await?, id).await?.ok_or(Error::NoSuchThing(id))?;
    Ok(web::Json(thing.into()))
}
