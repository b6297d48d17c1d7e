//! `GET /messages`: the portal's banners; everybody may read them.

use actix_web::{HttpResponse, web};
use serde::{Deserialize, Serialize};
use service_kit::Problem;
use utoipa::{IntoParams, ToSchema};

use crate::api::document::Always;
use crate::http;
use crate::state::State;
use crate::store::banners;
use crate::store::banners::Banner;

/// A banner as clients read it.
#[derive(Serialize, ToSchema)]
pub struct Message {
    #[serde(rename = "_id")]
    id: String,
    #[serde(rename = "type")]
    #[schema(example = "INFORMATION")]
    kind: String,
    #[schema(required)]
    message: Option<String>,
}

impl From<Banner> for Message {
    fn from(Banner { id, kind, message }: Banner) -> Self {
        Self { id, kind, message }
    }
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Query {
    /// Such as `INFORMATION`; without it all.
    #[serde(rename = "type")]
    #[param(nullable = false)]
    kind: Option<String>,
}

#[utoipa::path(
    get, path = "/messages", operation_id = "list_messages", tag = "portal", summary = "Banners of the portal",
    params(Query),
    security(),
    responses(Always, (status = 200, description = "One of each type", body = Vec<Message>)),
)]
pub async fn list_messages(state: web::Data<State>, query: web::Query<Query>) -> Result<HttpResponse, Problem> {
    let mut found = banners::list(&mut state.db.read().await?).await?;
    if let Some(kind) = query.kind.as_deref().filter(|kind| !kind.is_empty()) {
        found.retain(|banner| banner.kind.eq_ignore_ascii_case(kind));
    }
    Ok(http::json(&found.into_iter().map(Message::from).collect::<Vec<_>>()))
}
