//! `GET /icat/entityManager`: a search, or one row when `id` is given.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Deserialize;
use service_kit::Problem;

use crate::error::Error;
use crate::state::State;
use crate::{auth, read};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Query {
    session_id: Option<String>,
    query: Option<String>,
    id: Option<String>,
}

pub async fn get(
    state: web::Data<State>,
    request: HttpRequest,
    query: web::Query<Query>,
) -> Result<HttpResponse, Problem> {
    let Query { session_id, query, id } = query.into_inner();
    let text = query.ok_or_else(|| Error::BadParameter("query is not set".to_owned()))?;
    let session_id = crate::routes::session_id(&request, session_id);
    let mut tx = state.db.read().await?;
    let user_name = auth::user_of(&state, &mut tx, session_id.as_deref()).await?;
    let rights = auth::rights(&state, &mut tx, user_name).await?;
    let body = match id {
        None => read::search(&state, &mut tx, &rights, &text).await?,
        Some(id) => {
            let id = id.parse().map_err(|_| Error::BadParameter(format!("Badly formatted id: {id}")))?;
            read::get(&state, &mut tx, &rights, &text, id).await?
        }
    };
    Ok(crate::routes::json(body))
}
