//! `GET /icat/version`

use actix_web::HttpResponse;

/// The version of the interface, not of this program: clients decide by it what they may ask.
pub const VERSION: &str = "6.2.0";

pub async fn get() -> HttpResponse {
    super::json(format!("{{\"version\":\"{VERSION}\"}}"))
}
