//! `POST /icat/session`: form field `json` with plugin and credentials → `{"sessionId":"<uuid>"}`

use actix_web::{HttpResponse, web};
use serde::Deserialize;
use service_kit::{ClientAddress, Problem};

use crate::auth::{self, Login};
use crate::error::Error;
use crate::state::State;

#[derive(Deserialize)]
pub struct Form {
    json: Option<String>,
}

pub async fn post(
    state: web::Data<State>,
    client: web::ReqData<ClientAddress>,
    form: web::Form<Form>,
) -> Result<HttpResponse, Problem> {
    let text = form.json.as_deref().ok_or_else(|| Error::BadParameter("json must not be null".to_owned()))?;
    let login = Login::parse(text)?;
    let id = auth::log_in(&state, &login, &client.0.to_string()).await?;
    Ok(crate::routes::json(format!("{{\"sessionId\":\"{id}\"}}")))
}
