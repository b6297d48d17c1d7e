//! `GET /auth/app/assets/{name}`: style and icon.

use actix_web::{HttpResponse, web};
use service_kit::pages::BASE_STYLE;
use service_kit::{Code, Problem};

use crate::state::State;

pub async fn send_asset(state: web::Data<State>, name: web::Path<String>) -> Result<HttpResponse, Problem> {
    let (media_type, text) = match name.as_str() {
        "app.css" => {
            let own = include_str!("../../page/app.css");
            ("text/css; charset=utf-8", format!("{BASE_STYLE}{own}{}", state.page_style))
        }
        "favicon.svg" => ("image/svg+xml", include_str!("../../page/favicon.svg").to_owned()),
        _ => return Err(Problem::new(Code::NotFound, "auth/no-such-page", "there is no such page")),
    };
    Ok(HttpResponse::Ok()
        .insert_header(("content-type", media_type))
        .insert_header(("cache-control", "max-age=300"))
        .body(text))
}
