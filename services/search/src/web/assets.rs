//! `GET /search/app/assets/{name}`: style, script and icon.

use actix_web::{HttpResponse, web};
use service_kit::pages::BASE_STYLE;
use service_kit::{Code, Problem};

pub async fn send_asset(name: web::Path<String>) -> Result<HttpResponse, Problem> {
    let (media_type, text) = match name.as_str() {
        "app.css" => ("text/css; charset=utf-8", format!("{BASE_STYLE}{}", include_str!("../../page/app.css"))),
        "app.js" => ("text/javascript; charset=utf-8", include_str!("../../page/app.js").to_owned()),
        "favicon.svg" => ("image/svg+xml", include_str!("../../page/favicon.svg").to_owned()),
        _ => return Err(Problem::new(Code::NotFound, "search/no-such-page", "there is no such page")),
    };
    Ok(HttpResponse::Ok()
        .insert_header(("content-type", media_type))
        .insert_header(("cache-control", "max-age=300"))
        .body(text))
}
