//! `GET /logbook/app/file/{id}`: an attachment, for whoever may read the logbook it is in.

use actix_web::{HttpRequest, HttpResponse, web};
use identity::Identity;
use service_kit::Problem;

use super::visitor::known;
use crate::rights;
use crate::routes::resource::download::{located, sent};
use crate::state::State;

pub async fn get(
    state: web::Data<State>,
    identity: web::Data<Identity>,
    request: HttpRequest,
    id: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let caller = known(&request, &identity).await?;
    let (attachment, book) = located(&state, &id).await?;
    rights::read(&state, &caller, &book).await?;
    sent(&state, &attachment).await
}
