//! `GET /ids/version` → `{"version":"2.1.2"}`, the version of the interface.

use actix_web::HttpResponse;

pub async fn get() -> HttpResponse {
    HttpResponse::Ok().insert_header(("content-type", "application/json")).body("{\"version\":\"2.1.2\"}")
}
