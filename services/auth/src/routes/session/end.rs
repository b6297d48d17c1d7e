//! `DELETE /session/{id}` of ICAT+: logout; 200 without a body, also for a session that is gone already.

use actix_web::{HttpResponse, web};
use icat_client::{IcatCode, IcatError};
use service_kit::Problem;

use crate::error::of_icat;
use crate::state::State;

pub async fn delete(state: web::Data<State>, id: web::Path<String>) -> Result<HttpResponse, Problem> {
    match state.icat.logout(&id).await {
        Ok(()) | Err(IcatError::Refused { code: IcatCode::Session, .. }) => Ok(HttpResponse::Ok().finish()),
        Err(e) => Err(of_icat(e)),
    }
}
