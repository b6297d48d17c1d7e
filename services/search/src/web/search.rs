//! `GET /search/app`: the box, and what was found.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use futures_util::future::{join_all, join3, try_join, try_join_all};
use identity::Caller;
use identity::page_sessions::redirect_to;
use minijinja::context;
use minijinja::value::Serde;
use service_kit::{Code, Problem, http_status};

use super::PAGE_ADDRESS;
use super::facet_view::build_facet_body;
use super::folder_view::folder_limit;
use super::login;
use super::page_query::{PageQuery, Tab};
use super::pages::Pages;
use super::result_view::{Found, SearchView, TabTotal};
use super::templates::render_page;
use crate::error::report_timeout;
use crate::searches::find_directories::DirectoryTree;
use crate::searches::find_page::SearchPage;
use crate::searches::search_body::SearchBody;

/// `GET /search`: leads to the page.
pub async fn redirect_to_page() -> HttpResponse {
    redirect_to(PAGE_ADDRESS)
}

pub async fn show_search(pages: web::Data<Pages>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    let caller = match pages.find_visitor(&request).await? {
        Ok(caller) => caller,
        Err(form) => return Ok(form),
    };
    let query = PageQuery::from_request(&request)?;
    let (page, totals, tree) = join3(
        find_page(&pages, &caller, &query),
        count_other_tabs(&pages, &caller, &query),
        find_tree(&pages, &caller, &query),
    )
    .await;
    let (status, found) = match page {
        Ok(page) => (StatusCode::OK, Ok(Found { page, totals })),
        // The session has ended elsewhere, a moment ago.
        Err(problem) if problem.code == Code::Unauthenticated => return login::show_form(&pages, &request).await,
        Err(problem) if is_shown_at_the_box(&problem) => (http_status(problem.code), Err(problem.detail)),
        Err(problem) => return Err(problem),
    };
    let view = SearchView::new(&pages, &query, found, tree);
    let user = &caller.subject().icat_user_name;
    let values = context! {
        site => pages.site.as_str(),
        user => user.split_once('/').map_or(user.as_str(), |(_, name)| name),
        logbook => pages.logbook_page.as_deref(),
        can_download => pages.downloads.is_some() && query.tab != Tab::Investigations,
        ..Serde(view)
    };
    render_page(status, "search.html", values)
}

/// Mistakes in what was asked for, and searches that took too long: to be changed in the form.
fn is_shown_at_the_box(problem: &Problem) -> bool {
    matches!(problem.code, Code::BadRequest | Code::Validation | Code::Unavailable)
}

/// The rows with the values of their fields. The values of a field that has conditions are counted without these, so that a
/// second one can be chosen.
async fn find_page(pages: &Pages, caller: &Caller, query: &PageQuery) -> Result<SearchPage, Problem> {
    let (target, fields) = (query.tab.target(), query.tab.facet_fields());
    let (chosen, free): (Vec<&str>, Vec<&str>) =
        fields.iter().partition(|field| query.values.iter().any(|(of, _)| of == *field));
    let facets = free.iter().map(|field| build_facet_body(query, field)).collect();
    let body = SearchBody { facets, highlight: true, ..query.to_body() };
    let without = |field: &str| {
        let query = query.clone();
        let mut body = query.change_query(|query| query.values.retain(|(of, _)| of != field)).to_body();
        (body.facets, body.limit) = (vec![build_facet_body(&query, field)], Some(1));
        async move { pages.searches.find_page(caller, target, &body).await }
    };
    let find_first = async { pages.searches.find_page(caller, target, &body).await };
    let find_others = try_join_all(chosen.into_iter().map(without));
    let (page, others) = try_join(find_first, find_others).await.map_err(report_timeout)?;
    let mut facets = page.facets;
    facets.extend(others.into_iter().flat_map(|page| page.facets));
    facets.sort_by_key(|facet| fields.iter().position(|field| *field == facet.field));
    Ok(SearchPage { facets, ..page })
}

/// How many rows the other tabs have. A condition may not be possible there: then it is not known.
async fn count_other_tabs(pages: &Pages, caller: &Caller, query: &PageQuery) -> Vec<TabTotal> {
    let others = Tab::ALL.into_iter().filter(|tab| *tab != query.tab).map(async |tab| {
        let body = SearchBody { limit: Some(1), ..query.in_tab(tab).to_body() };
        let page = pages.searches.find_page(caller, tab.target(), &body).await;
        let page = page.inspect_err(|e| log_missing_part("the rows of a tab", e)).ok()?;
        Some(TabTotal { tab, total: page.total, is_lower_bound: page.is_total_lower_bound })
    });
    join_all(others).await.into_iter().flatten().collect()
}

/// The directories beside datafiles. Where they cannot be listed, the page has none.
async fn find_tree(pages: &Pages, caller: &Caller, query: &PageQuery) -> Option<DirectoryTree> {
    if query.tab != Tab::Datafiles {
        return None;
    }
    let tree = pages.searches.find_directory_tree(caller, query.directory.clone(), folder_limit(query)).await;
    tree.inspect_err(|e| log_missing_part("the directories beside the datafiles", e)).ok()
}

/// Says which kind of error it was; its text may contain what somebody searched for.
fn log_missing_part(part: &str, problem: &Problem) {
    tracing::info!(part, error = problem.slug, "a page of the search lacks a part");
}
