//! `GET /logbook/app/find?search=…`: words in all logbooks that somebody may read.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use minijinja::context;
use service_kit::Problem;
use service_kit::fulltext::FulltextQuery;

use crate::catalogue::users::short_user_name;
use crate::domain::filter::Filter;
use crate::domain::list_parameters::ListParameters;
use crate::domain::values::parse_number;
use crate::entries::search::{EntrySearch, SearchRequest};
use crate::markup::escape::percent_encode_segment;
use crate::web::entry_view::EntryView;
use crate::web::pages::Pages;
use crate::web::templates::render_page;

/// Entries of a page.
const PAGE_ENTRIES: i64 = 50;

pub async fn show_results(
    pages: web::Data<Pages>,
    search: web::Data<EntrySearch>,
    request: HttpRequest,
    query: web::Query<ListParameters>,
) -> Result<HttpResponse, Problem> {
    let caller = match pages.find_visitor(&request).await? {
        Ok(caller) => caller,
        Err(form) => return Ok(form),
    };
    let text = query.list.search.clone().unwrap_or_default();
    let filter = Filter { removed: Some(false), ..Filter::default() };
    let before = parse_number("before", query.before.as_deref())?;
    let (mut entries, mut more) = (Vec::<EntryView>::new(), None);
    if let Some(words) = FulltextQuery::parse(&text) {
        let search_request = SearchRequest { words, filter, before, limit: PAGE_ENTRIES };
        let (found, next, _) = search.find_entries(&caller, &query.parse_logbook()?, &search_request).await?;
        more = next.map(|seq| format!("search={}&before={seq}", percent_encode_segment(&text)));
        entries = pages.render_views(&found, Some(&search_request.words)).await?;
        for (view, entry) in entries.iter_mut().zip(&found) {
            let content = &entry.content;
            let name = content.investigation_name.clone().or_else(|| content.instrument_name.clone());
            view.book = Some(name.unwrap_or_else(|| "facility".to_owned()));
        }
    }
    let user = short_user_name(&caller.subject().icat_user_name);
    let values = context! { site => pages.site.as_str(), user, everywhere => text, entries, more };
    render_page(StatusCode::OK, "found.html", values)
}
