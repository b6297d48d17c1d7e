//! `GET /logbook/app/{level}/{id}/live`: the stream of a logbook for the page's script.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Deserialize;
use service_kit::Problem;

use crate::domain::filter::Filter;
use crate::stream::EntryStreams;
use crate::stream::listener::respond_with_stream;
use crate::web::pages::Pages;

#[derive(Deserialize)]
pub struct PositionQuery {
    /// As `Last-Event-ID`.
    after: Option<String>,
}

pub async fn stream_entries(
    pages: web::Data<Pages>,
    streams: web::Data<EntryStreams>,
    request: HttpRequest,
    path: web::Path<(String, String)>,
    position: web::Query<PositionQuery>,
) -> Result<HttpResponse, Problem> {
    let caller = pages.require_visitor(&request).await?;
    let (_, logbook) = pages.require_read(&caller, &path.0, &path.1).await?;
    let filter = Filter { removed: Some(false), ..Filter::default() };
    let after = position.after.as_deref();
    respond_with_stream(streams.into_inner(), caller, &logbook, filter, &request, after).await
}
