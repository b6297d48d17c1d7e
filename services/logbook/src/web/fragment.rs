//! `GET /logbook/app/{level}/{id}/entries?ids=…`: some entries, for the script that shows what is being written.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use minijinja::context;
use serde::Deserialize;
use service_kit::Problem;

use crate::domain::filter::Filter;
use crate::entries::lists::EntryLists;
use crate::web::pages::Pages;
use crate::web::templates::render_page;

/// As many as an event of the stream sends.
const MAX_ENTRIES: usize = 200;

#[derive(Deserialize)]
pub struct IdsQuery {
    ids: String,
}

pub async fn show_entries(
    pages: web::Data<Pages>,
    lists: web::Data<EntryLists>,
    request: HttpRequest,
    path: web::Path<(String, String)>,
    query: web::Query<IdsQuery>,
) -> Result<HttpResponse, Problem> {
    let caller = pages.require_visitor(&request).await?;
    let (path, logbook) = pages.require_read(&caller, &path.0, &path.1).await?;
    let ids: Vec<String> = query.ids.split(',').take(MAX_ENTRIES).map(str::to_owned).collect();
    let filter = Filter { removed: Some(false), ..Filter::default() };
    let found = lists.find_entries(&logbook, &ids, &filter).await?;
    let entries = pages.render_views(&found, None).await?;
    render_page(StatusCode::OK, "fragment.html", context! { entries, address => path.address() })
}
