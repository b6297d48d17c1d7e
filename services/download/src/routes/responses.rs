//! Texts in the form that clients of ids.server compare: the exact media type, and no line end.

use actix_web::HttpResponse;

/// 200 with a text.
pub fn text_response(body: String) -> HttpResponse {
    HttpResponse::Ok().insert_header(("content-type", "text/plain")).body(body)
}
