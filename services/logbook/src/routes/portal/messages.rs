//! `GET /messages`: the portal's banners; everybody may read them.

use actix_web::{HttpResponse, web};
use serde::Deserialize;
use serde_json::{Value, json};
use service_kit::Problem;
use utoipa::IntoParams;

use crate::openapi::{Always, Message};
use crate::routes;
use crate::state::State;
use crate::store::banners::{self, Banner};

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Query {
    /// Such as `INFORMATION`; without it all.
    #[serde(rename = "type")]
    #[param(nullable = false)]
    kind: Option<String>,
}

#[utoipa::path(
    get, path = "/messages", operation_id = "list_messages", summary = "Banners of the portal",
    params(Query),
    responses(Always, (status = 200, description = "One of each type", body = Vec<Message>)),
)]
pub async fn get(state: web::Data<State>, query: web::Query<Query>) -> Result<HttpResponse, Problem> {
    let mut found = banners::list(&mut state.db.read().await?).await?;
    if let Some(kind) = query.kind.as_deref().filter(|kind| !kind.is_empty()) {
        found.retain(|banner| banner.kind.eq_ignore_ascii_case(kind));
    }
    Ok(routes::request::json(&Value::Array(found.iter().map(shown).collect())))
}

pub fn shown(banner: &Banner) -> Value {
    json!({"_id": banner.id, "type": banner.kind, "message": banner.message})
}
