//! `POST /icat/entityManager`: form fields `sessionId` and `entities` → ids of the rows created at the top level.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Deserialize;
use service_kit::Problem;

use crate::error::Error;
use crate::state::State;
use crate::store::entities::Stamp;
use crate::{auth, write};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Form {
    session_id: Option<String>,
    entities: Option<String>,
}

pub async fn post(
    state: web::Data<State>,
    request: HttpRequest,
    form: web::Form<Form>,
) -> Result<HttpResponse, Problem> {
    let Form { session_id, entities } = form.into_inner();
    let session_id = crate::routes::session_id(&request, session_id);
    let user_name = auth::user_of(&state, &mut state.db.read().await?, session_id.as_deref()).await?;
    let text = entities.ok_or_else(|| Error::BadParameter("entities is not set".to_owned()))?;
    let items = write::parse_items(&text)?;
    let is_root = state.is_root(&user_name);
    let stamp = Stamp { user_name, at: state.clock.now_micros() };
    let ids = state.db.write(async |tx| write::apply(tx, &items, &stamp, is_root, &state.parse).await).await?;
    let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
    Ok(crate::routes::json(format!("[{}]", ids.join(","))))
}
