//! `POST /icat/session`: form field `json` with plugin and credentials → `{"sessionId":"<uuid>"}`

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Deserialize;
use service_kit::Problem;

use crate::auth::{self, Login};
use crate::error::Error;
use crate::state::State;

#[derive(Deserialize)]
pub struct Form {
    json: Option<String>,
}

pub async fn post(
    state: web::Data<State>,
    request: HttpRequest,
    form: web::Form<Form>,
) -> Result<HttpResponse, Problem> {
    let text = form.json.as_deref().ok_or_else(|| Error::BadParameter("json must not be null".to_owned()))?;
    let login = Login::parse(text)?;
    let ip = request.peer_addr().map(|address| address.ip().to_string()).unwrap_or_default();
    let id = auth::log_in(&state, &login, &ip).await?;
    Ok(crate::routes::json(format!("{{\"sessionId\":\"{id}\"}}")))
}
