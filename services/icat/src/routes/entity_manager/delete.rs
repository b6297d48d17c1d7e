//! `DELETE /icat/entityManager`: `entities` = `{"Dataset":{"id":31}}` or an array of such; 204, all or nothing.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Deserialize;
use service_kit::Problem;

use crate::error::Error;
use crate::state::State;
use crate::{auth, write};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Query {
    session_id: Option<String>,
    entities: Option<String>,
}

pub async fn delete(
    state: web::Data<State>,
    request: HttpRequest,
    query: web::Query<Query>,
) -> Result<HttpResponse, Problem> {
    let Query { session_id, entities } = query.into_inner();
    let text = entities.ok_or_else(|| Error::BadParameter("entities is not set".to_owned()))?;
    let targets = write::parse_targets(&text)?;
    let session_id = crate::routes::session_id(&request, session_id);
    let user_name = auth::user_of(&state, &mut state.db.read().await?, session_id.as_deref()).await?;
    let is_root = state.is_root(&user_name);
    state.db.write(async |tx| write::remove(tx, &targets, is_root).await).await?;
    Ok(HttpResponse::NoContent().finish())
}
