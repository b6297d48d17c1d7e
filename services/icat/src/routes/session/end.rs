//! `DELETE /icat/session/{id}`: logout; 204.

use actix_web::{HttpResponse, web};
use service_kit::Problem;

use crate::auth;
use crate::state::State;

pub async fn delete(state: web::Data<State>, id: web::Path<String>) -> Result<HttpResponse, Problem> {
    auth::end(&state, &id).await?;
    Ok(HttpResponse::NoContent().finish())
}
