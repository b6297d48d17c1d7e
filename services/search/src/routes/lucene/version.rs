//! `GET /icat.lucene/version`.

use actix_web::web;
use serde::Serialize;

/// The version of icat.lucene whose interface this is.
const VERSION: &str = "4.0.0";

#[derive(Serialize)]
pub struct Version {
    version: &'static str,
}

pub async fn get_version() -> web::Json<Version> {
    web::Json(Version { version: VERSION })
}
