//! `PUT /session/{id}` of ICAT+: the lifetime starts again; 204.

use actix_web::{HttpResponse, web};
use service_kit::Problem;

use crate::error::of_icat;
use crate::state::State;

pub async fn put(state: web::Data<State>, id: web::Path<String>) -> Result<HttpResponse, Problem> {
    state.icat.refresh(&id).await.map_err(of_icat)?;
    Ok(HttpResponse::NoContent().finish())
}
