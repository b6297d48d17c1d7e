//! `PUT /icat/session/{id}`: the lifetime starts again; 204.

use actix_web::{HttpResponse, web};
use service_kit::Problem;

use crate::auth;
use crate::state::State;

pub async fn put(state: web::Data<State>, id: web::Path<String>) -> Result<HttpResponse, Problem> {
    auth::refresh(&state, &id).await?;
    Ok(HttpResponse::NoContent().finish())
}
