//! `GET /ids/ping` → `IdsOK`

use actix_web::HttpResponse;

pub async fn get() -> HttpResponse {
    HttpResponse::Ok().insert_header(("content-type", "text/plain")).body("IdsOK")
}
