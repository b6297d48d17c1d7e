//! A file in a JSON body, as phones and programs send it.

use actix_web::web;
use serde::Deserialize;
use service_kit::Problem;
use utoipa::ToSchema;

use crate::domain::entry_request::TagName;
use crate::http::{parse_json, read_body};

/// A file as a `data:` URL.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = FromBase64)]
pub struct FileBody {
    /// `data:<type>;base64,<content>`
    #[schema(value_type = String)]
    pub base64: Option<String>,
    pub dataset_id: Option<i64>,
    pub machine: Option<String>,
    pub software: Option<String>,
    pub tag: Option<Vec<TagName>>,
    /// Separated by commas.
    pub usernames: Option<String>,
}

impl FileBody {
    pub async fn read_request(payload: web::Payload, max_bytes: usize) -> Result<Self, Problem> {
        Ok(parse_json(&read_body(payload, max_bytes).await?, "the body cannot be read")?)
    }
}
