//! Answers in the form that clients of ids.server compare: exact media types, and no line end after texts.

use actix_web::HttpResponse;

/// 200 with a text.
pub fn text_response(body: String) -> HttpResponse {
    HttpResponse::Ok().insert_header(("content-type", "text/plain")).body(body)
}

/// 200 with JSON.
pub fn json_response(body: String) -> HttpResponse {
    HttpResponse::Ok().insert_header(("content-type", "application/json")).body(body)
}
