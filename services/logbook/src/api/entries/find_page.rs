//! `GET /logbook/{sessionId}/event/page`: on which page of a list an entry stands, for links to it.

use actix_web::{HttpResponse, web};
use identity::Caller;
use service_kit::Problem;

use crate::api::document::{Always, Credential, EntryQuery, FilterQuery, ListQuery, Meta, PageOf};
use crate::catalogue::permissions;
use crate::domain::filter::Parameters;
use crate::http::book_of;
use crate::state::State;
use crate::{entries, http, store};

#[utoipa::path(
    get, path = "/logbook/{credential}/event/page", operation_id = "find_page", tag = "entries",
    summary = "The page of an entry",
    params(Credential, FilterQuery, ListQuery, EntryQuery),
    security((), ("bearer" = []), ("api_key" = [])),
    responses(
        Always,
        (status = 200, description = "The page, counted from 1; without `page` if the entry is not in the list", body = Meta),
        (status = 403, description = "Not allowed to read this logbook", body = String, content_type = "text/plain"),
    ),
)]
pub async fn find_page(
    state: web::Data<State>,
    caller: Caller,
    query: web::Query<Parameters>,
) -> Result<HttpResponse, Problem> {
    let book = book_of(&query)?;
    permissions::read(&state, &caller, &book).await?;
    let filter = query.filter(&state.zone)?;
    let mut tx = state.db.read().await?;
    let scope = entries::scope(&mut tx, &book).await?;
    let page = query.page(state.config.page_default, state.config.page_limit)?;
    let limit = page.limit.unwrap_or(1).max(1);
    let total = store::entries::count(&mut tx, &scope, &filter).await?;
    let place = match query.id.as_deref() {
        Some(id) => store::entries::position(&mut tx, &scope, &filter, page, id).await?,
        None => Some(0),
    };
    let Some(place) = place else { return Ok(http::json(&Meta { page: None })) };
    let pages = (total + limit - 1) / limit;
    let page = PageOf { total, total_pages: pages, current_page: place / limit + 1 };
    Ok(http::json(&Meta { page: Some(page) }))
}
