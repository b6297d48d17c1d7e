//! `GET /logbook/app/file/{id}`: an attachment, for whoever may read the logbook it is in.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Deserialize;
use service_kit::Problem;

use crate::attachments::download::Downloads;
use crate::web::pages::Pages;

#[derive(Deserialize)]
pub struct ThumbnailQuery {
    thumbnail: Option<bool>,
}

pub async fn send_attachment(
    pages: web::Data<Pages>,
    downloads: web::Data<Downloads>,
    request: HttpRequest,
    id: web::Path<String>,
    query: web::Query<ThumbnailQuery>,
) -> Result<HttpResponse, Problem> {
    let caller = pages.require_visitor(&request).await?;
    let found = downloads.find(&id).await?;
    let attachment = downloads.require_read(&caller, found).await?;
    downloads.respond(&attachment, query.thumbnail.unwrap_or_default()).await
}
