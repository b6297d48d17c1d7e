//! `GET /messages`: the portal's banners; everybody may read them.

use actix_web::{HttpResponse, web};
use serde::{Deserialize, Serialize};
use service_kit::Problem;
use utoipa::{IntoParams, ToSchema};

use crate::api::shared::CommonFailures;
use crate::http::respond_json;
use crate::portal::banners::Banners;
use crate::store::banners::Banner;

/// A banner in a response.
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
pub struct MessageQuery {
    /// Such as `INFORMATION`; the default is all types.
    #[serde(rename = "type")]
    #[param(nullable = false)]
    kind: Option<String>,
}

#[utoipa::path(
    get, path = "/messages", operation_id = "list_messages", tag = "portal", summary = "List banners",
    params(MessageQuery),
    security(),
    responses(CommonFailures, (status = 200, description = "At most one banner of each type", body = Vec<Message>)),
)]
pub async fn list_messages(
    banners: web::Data<Banners>,
    query: web::Query<MessageQuery>,
) -> Result<HttpResponse, Problem> {
    let found = banners.list_banners(query.kind.as_deref()).await?;
    Ok(respond_json(&found.into_iter().map(Message::from).collect::<Vec<_>>()))
}
