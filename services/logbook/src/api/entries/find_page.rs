//! `GET /logbook/{sessionId}/event/page`: on which page of a list an entry stands, for links to it.

use actix_web::{HttpResponse, web};
use identity::Caller;
use serde::Serialize;
use service_kit::Problem;
use utoipa::ToSchema;

use crate::api::shared::{CommonFailures, Credential};
use crate::catalogue::permissions::Permissions;
use crate::domain::list_parameters::{EntryQuery, FilterQuery, ListParameters, ListQuery};
use crate::entries::lists::{EntryLists, PagePosition};
use crate::http::respond_json;

/// The page of a list that contains an entry.
#[derive(Serialize, ToSchema)]
pub struct Meta {
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    page: Option<PageOf>,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct PageOf {
    total: i64,
    total_pages: i64,
    current_page: i64,
}

#[utoipa::path(
    get, path = "/logbook/{credential}/event/page", operation_id = "find_page", tag = "entries",
    summary = "Find the page of an entry",
    params(Credential, FilterQuery, ListQuery, EntryQuery),
    security((), ("bearer" = []), ("api_key" = [])),
    responses(
        CommonFailures,
        (status = 200, description = "The number of the page, counted from 1; there is no `page` if the entry is not \
            in the list", body = Meta),
        (status = 403, description = "Not allowed to read this logbook", body = String, content_type = "text/plain"),
    ),
)]
pub async fn find_page(
    lists: web::Data<EntryLists>,
    permissions: web::Data<Permissions>,
    caller: Caller,
    query: web::Query<ListParameters>,
) -> Result<HttpResponse, Problem> {
    let logbook = permissions.require_read(&caller, &query.parse_logbook()?).await?;
    let found = lists.find_page(&logbook, &query).await?;
    let page =
        found.map(|PagePosition { total, total_pages, current_page }| PageOf { total, total_pages, current_page });
    Ok(respond_json(&Meta { page }))
}
