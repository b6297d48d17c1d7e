//! `GET /logbook/app/file/{id}`: an attachment, for whoever may read the logbook it is in.

use actix_web::{HttpRequest, HttpResponse, web};
use identity::Identity;
use serde::Deserialize;
use service_kit::Problem;

use crate::api::attachments::download_file::{located, may_open, sent};
use crate::state::State;
use crate::web::session_cookie::known;

#[derive(Deserialize)]
pub struct Query {
    thumbnail: Option<bool>,
}

pub async fn get(
    state: web::Data<State>,
    identity: web::Data<Identity>,
    request: HttpRequest,
    id: web::Path<String>,
    query: web::Query<Query>,
) -> Result<HttpResponse, Problem> {
    let caller = known(&request, &identity).await?;
    let (attachment, entry) = located(&state, &id).await?;
    may_open(&state, &caller, &entry).await?;
    sent(&state, &attachment, query.thumbnail.unwrap_or_default()).await
}
